/** Credentials that are checked, refused and refreshed, and the gates that spare API requests known to be in vain. */
import { setTimeout as sleep } from 'node:timers/promises';
import { OAUTH_CLIENT } from '../../sandbox';
import { createAircallClient } from '../../src/aircall/client';
import { ENDPOINTS } from '../../src/aircall/endpoints';
import { readRecord } from '../../src/aircall/replies';
import { tokenSchema } from '../../src/aircall/schemas';
import type { RequestRef } from '../../src/request/names';
import { type Connection, type Credential, renewalOf, resumed } from '../../src/vault/connections';
import { type RawServer, startRawServer } from '../aircall/support/raw-server';
import { askedFor } from '../support/asked';
import { attempt, failureOf, infoOf, type Steps, type StepsOptions, startSteps } from './support/steps';

const REDIRECT_URI = 'https://dsr.example.com/callback';
const cleanUp: (() => unknown)[] = [];
let steps: Steps;
async function start(options: StepsOptions = {}): Promise<void> {
  steps = await startSteps(options);
  cleanUp.push(steps.stop);
}
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

/** With the present credential. */
const ping = async (heartbeatDetails?: unknown) => {
  const failedVersion = (await steps.connections.get('acme'))?.value.credentialVersion ?? 0;
  return attempt(() => steps.api.ping({ connection: 'acme', failedVersion }), { heartbeatDetails });
};
const GOOD = { replaced: false, apiRequests: 1 };
const refresh = (failedVersion: number, heartbeatDetails?: unknown) =>
  attempt(() => steps.api.refreshToken({ connection: 'acme', failedVersion }), { heartbeatDetails });
const tokenRequests = () => steps.sandbox.requests().filter(({ path }) => path === '/v1/oauth/token');

const oauth = (accessToken: string, refreshToken: string): Credential => ({
  kind: 'oauth',
  accessToken,
  refresh: { refreshToken, clientId: OAUTH_CLIENT.id, clientSecret: OAUTH_CLIENT.secret },
});

async function askToken(body: Readonly<Record<string, string>>) {
  const client = createAircallClient();
  try {
    return readRecord(
      ENDPOINTS.token,
      tokenSchema,
      await client.send({
        endpoint: ENDPOINTS.token,
        baseUrl: steps.sandbox.baseUrl,
        body: { client_id: OAUTH_CLIENT.id, client_secret: OAUTH_CLIENT.secret, ...body },
      }),
    );
  } finally {
    client.close();
  }
}

/** Connects by OAuth with a token that can be refreshed, and answers it. */
async function connectByOauth(): Promise<{ readonly accessToken: string; readonly refreshToken: string }> {
  steps.company.behave({ refreshGrant: true });
  const code = steps.company.mintOauthCode(REDIRECT_URI);
  const token = await askToken({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI });
  const { access_token: accessToken, refresh_token: refreshToken = null } = token;
  if (refreshToken === null) throw new Error('the sandbox gave no refresh token');
  await steps.connect(oauth(accessToken, refreshToken));
  steps.sandbox.clearRequests();
  return { accessToken, refreshToken };
}

describe('a ping', () => {
  beforeEach(async () => start());

  test('says that the credential works', async () => {
    expect(await ping()).toEqual(GOOD);
  });

  test('does not take anything but a pong for one', async () => {
    steps.sandbox.setFaults({ rules: [{ action: 'wrong-shape' }] });
    expect(await failureOf(ping())).toMatchObject({ code: 'unexpected-reply', detail: { apiRequests: 1 } });
  });

  test('that is forbidden condemns the credential: it is not asked with again, a new one is', async () => {
    steps.company.revokeCredentials();
    const expected = { nonRetryable: true, detail: { apiRequests: 1, credentialVersion: 1 } };
    expect(await failureOf(ping())).toMatchObject({ code: 'forbidden', ...expected });
    expect(await failureOf(ping({ sent: 1, uncertain: false }))).toMatchObject({ code: 'unauthorized', ...expected });
    expect(steps.sandbox.requests()).toHaveLength(1);
    await steps.connect({ kind: 'api-key', ...steps.company.issueApiKey() });
    expect(await ping()).toEqual(GOOD);
  });

  test('of a connection that is gone asks nobody', async () => {
    await steps.connections.delete('acme');
    expect(await failureOf(ping())).toMatchObject({
      code: 'no-connection',
      nonRetryable: true,
      detail: { apiRequests: 0 },
    });
    expect(steps.sandbox.requests()).toHaveLength(0);
  });
});

test('a ping sends nothing where the credential that a step was refused with has been replaced since', async () => {
  await start();
  const { credentialVersion: failedVersion } = await steps.connection();
  await steps.connect();
  const end = await attempt(() => steps.api.ping({ connection: 'acme', failedVersion }));
  expect(end).toEqual({ replaced: true, apiRequests: 0 });
  expect(steps.sandbox.requests()).toHaveLength(0);
});

test('a ping sends nothing either if the credential is replaced while the ping is being prepared', async () => {
  await start();
  const { credentialVersion: failedVersion } = await steps.connection();
  const { get } = steps.connections;
  let reads = 0;
  steps.connections.get = async name => {
    const stored = await get(name);
    reads += 1;
    if (reads === 1) await steps.connect();
    return stored;
  };
  const end = failureOf(attempt(() => steps.api.ping({ connection: 'acme', failedVersion })));
  expect(await end).toMatchObject({ code: 'refresh-in-progress', nonRetryable: false, detail: { apiRequests: 0 } });
  expect(steps.sandbox.requests()).toHaveLength(0);
});

describe('after a 429', () => {
  test('the next attempt ends at once, without an API request, until the limit ends', async () => {
    await start({ random: () => 0.5 });
    steps.sandbox.setFaults({ rules: [{ action: 'status', status: 429, headers: { 'Retry-After': '40' }, times: 1 }] });
    const limited = { code: 'rate-limited', nonRetryable: false, detail: { apiRequests: 1, credentialVersion: 1 } };
    expect(await failureOf(ping())).toMatchObject({ ...limited, delayMs: 41_000 });

    const again = await failureOf(ping({ sent: 1, uncertain: false }));
    expect(again).toMatchObject(limited);
    expect(again.delayMs).toBeGreaterThan(1_000);
    expect(again.delayMs).toBeLessThanOrEqual(41_000);
    expect(steps.sandbox.requests()).toHaveLength(1);

    steps.advance(40_000);
    expect(await ping({ sent: 1, uncertain: false })).toEqual({ replaced: false, apiRequests: 2 });
  });

  test('nothing is sent until then even if the vault cannot note the attempt', async () => {
    await start();
    steps.sandbox.setFaults({ rules: [{ action: 'status', status: 429, times: 1 }] });
    let notes = 0; // the first one is written before the request is sent
    steps.cases.noteProgress = async () => {
      notes += 1;
      if (notes === 2) throw new Error('the disk is full');
    };
    const ofRequest = () =>
      failureOf(attempt(() => steps.api.ping({ connection: 'acme' }), infoOf(steps.request, 'run-0')));
    expect(await ofRequest()).toMatchObject({ code: 'local-failure', nonRetryable: false });
    expect(await ofRequest()).toMatchObject({ code: 'rate-limited' });
    expect(steps.sandbox.requests()).toHaveLength(1);
  });

  test('without a word about waiting it is a minute', async () => {
    await start();
    steps.sandbox.setFaults({ rules: [{ action: 'status', status: 429, times: 1 }] });
    expect(await failureOf(ping())).toMatchObject({ code: 'rate-limited', delayMs: 60_000 });
    steps.advance(55_000);
    const { delayMs } = await failureOf(ping());
    expect(delayMs).toBeLessThanOrEqual(5_000);
    expect(steps.sandbox.requests()).toHaveLength(1);
  });

  test('another company is asked as before', async () => {
    await start();
    steps.sandbox.setFaults({ rules: [{ action: 'status', status: 429, times: 1 }] });
    await failureOf(ping());
    const globex = steps.sandbox.company('globex');
    const { apiId, apiToken } = globex;
    const connection = { ...(await steps.connection()), name: 'globex' };
    await steps.connections.put({ ...connection, credential: { kind: 'api-key', apiId, apiToken } }, undefined);
    const request: RequestRef = { connection: 'globex', kind: 'access', requestId: 'r-1' };
    const startedAt = '2026-01-31T00:00:00.000Z';
    await steps.cases.open({ request, ...askedFor('of-nobody'), runId: 'run-0', startedAt, incarnation: 1 });
    expect(await attempt(() => steps.api.ping({ connection: 'globex' }), infoOf(request, 'run-0'))).toEqual(GOOD);
  });
});

test('after a 401 the same credential is not asked with again, a new one is', async () => {
  await start();
  steps.sandbox.setFaults({ rules: [{ action: 'status', status: 401, times: 1 }] });
  expect(await failureOf(ping())).toMatchObject({
    code: 'unauthorized',
    detail: { apiRequests: 1, credentialVersion: 1 },
  });
  expect(await failureOf(ping())).toMatchObject({
    code: 'unauthorized',
    detail: { apiRequests: 0, credentialVersion: 1 },
  });
  expect(steps.sandbox.requests()).toHaveLength(1);
  await steps.connect();
  expect(await ping()).toEqual(GOOD);
});

describe('refreshing a credential', () => {
  beforeEach(async () => start());

  test.each(['api-key', 'oauth'] as const)(
    'needs a person where it is of the kind %s and nothing to refresh with',
    async kind => {
      const { accessToken } = steps.company;
      const { credentialVersion } = await steps.connect(kind === 'oauth' ? { kind, accessToken } : undefined);
      const failure = await failureOf(refresh(credentialVersion));
      expect(failure).toMatchObject({ code: 'reconnect-needed', nonRetryable: true, detail: { apiRequests: 0 } });
      expect(steps.sandbox.requests()).toHaveLength(0);
    },
  );

  test('needs a person where the connection is gone', async () => {
    await steps.connections.delete('acme');
    expect(await failureOf(refresh(1))).toMatchObject({ code: 'reconnect-needed', detail: { apiRequests: 0 } });
  });

  test('stores the new token under a later version, and the old refresh token is spent', async () => {
    const old = await connectByOauth();
    const before = await steps.connection();
    expect(await refresh(before.credentialVersion)).toEqual({ apiRequests: 1 });
    const after = await steps.connection();
    expect(after.credentialVersion).toBeGreaterThan(before.credentialVersion);
    expect(after.refreshLease).toBeUndefined();
    const { credential } = after;
    if (credential.kind !== 'oauth') throw new Error('the credential changed its kind');
    expect(credential.accessToken).not.toBe(old.accessToken);
    expect(credential.refresh?.refreshToken).not.toBe(old.refreshToken);
    expect(await ping()).toEqual(GOOD);
    await expect(askToken({ grant_type: 'refresh_token', refresh_token: old.refreshToken })).rejects.toThrow('400');
  });

  test('asks nobody where the vault holds a newer credential already, and still counts what it sent before', async () => {
    await connectByOauth();
    expect(await refresh(1)).toEqual({ apiRequests: 0 });
    expect(await refresh(1, { sent: 2, uncertain: true })).toEqual({ apiRequests: 2 });
    expect(steps.sandbox.requests()).toHaveLength(0);
  });

  test('happens once where two steps want it: one asks, the other comes back later', async () => {
    await connectByOauth();
    const { credentialVersion } = await steps.connection();
    steps.sandbox.setFaults({ rules: [{ action: 'delay', delayMs: 500 }] });
    const ends = await Promise.allSettled([refresh(credentialVersion), refresh(credentialVersion)]);
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = ends.find(end => end.status === 'rejected');
    const failure = await failureOf(Promise.reject(lost?.reason));
    expect(failure).toMatchObject({
      code: 'refresh-in-progress',
      nonRetryable: false,
      delayMs: 2_000,
      detail: { apiRequests: 0, credentialVersion },
    });
    expect(tokenRequests()).toHaveLength(1);
    expect(await refresh(credentialVersion)).toEqual({ apiRequests: 0 });
    expect(tokenRequests()).toHaveLength(1);
  });

  test('is taken over from a process that died while it refreshed, after a minute', async () => {
    const { accessToken, refreshToken } = await connectByOauth();
    const refreshLease = 'of-the-dead';
    const { credentialVersion } = await steps.connect(oauth(accessToken, refreshToken), { refreshLease });
    expect((await failureOf(refresh(credentialVersion))).code).toBe('refresh-in-progress');
    steps.advance(60_001);
    expect(await refresh(credentialVersion)).toEqual({ apiRequests: 1 });
  });

  test.each([
    ['unavailable', { action: 'status', status: 500 }],
    ['rejected', { action: 'status', status: 400 }],
    ['unauthorized', { action: 'status', status: 401 }],
    ['rate-limited', { action: 'status', status: 429 }],
    ['unexpected-reply', { action: 'wrong-shape' }],
  ] as const)('that ends as %s gives its lease back, and keeps the credential', async (code, fault) => {
    await connectByOauth();
    const before = await steps.connection();
    steps.sandbox.setFaults({ rules: [fault] });
    const failure = await failureOf(refresh(before.credentialVersion));
    expect(failure).toMatchObject({ code, detail: { apiRequests: 1 } });
    const { renewalRefusedAt, ...after } = await steps.connection();
    expect(after).toEqual(before);
    expect(renewalRefusedAt !== undefined).toBe(failure.nonRetryable);
  });

  test('that Aircall refused is not tried again by anybody, until an operator resumes the connection', async () => {
    await connectByOauth();
    const { credentialVersion } = await steps.connection();
    steps.sandbox.setFaults({ rules: [{ path: '/oauth/token', action: 'status', status: 400 }] });
    expect((await failureOf(refresh(credentialVersion))).code).toBe('rejected');
    for (let nth = 0; nth < 3; nth += 1)
      expect(await failureOf(refresh(credentialVersion))).toMatchObject({
        code: 'reconnect-needed',
        detail: { apiRequests: 0 },
      });
    expect(tokenRequests()).toHaveLength(1);
    steps.sandbox.setFaults(undefined);
    const again = await steps.connections.change('acme', present => resumed(present, steps.now()));
    expect(await refresh(again?.credentialVersion ?? 0)).toEqual({ apiRequests: 1 });
    expect(await ping()).toEqual(GOOD);
  });

  test('asks nobody where the connection is refused', async () => {
    const { accessToken, refreshToken } = await connectByOauth();
    const refusedAt = '2026-01-31T12:00:00.000Z';
    const { credentialVersion } = await steps.connect(oauth(accessToken, refreshToken), { refusedAt });
    expect((await failureOf(refresh(credentialVersion))).code).toBe('reconnect-needed');
    expect(tokenRequests()).toHaveLength(0);
  });

  test.each([
    ['marked as refused', (present: Connection) => ({ ...present, refusedAt: '2026-01-31T12:00:00.000Z' })],
    ['resumed', (present: Connection) => resumed({ ...present, refusedAt: '2026-01-31T12:00:00.000Z' }, Date.now())],
  ])('stores the new token of a connection that is %s meanwhile, which is then good', async (_, change) => {
    const { refreshToken } = await connectByOauth();
    const { credentialVersion } = await steps.connection();
    steps.sandbox.setFaults({ rules: [{ action: 'delay', delayMs: 600 }] });
    const running = refresh(credentialVersion);
    while (tokenRequests().length === 0) await sleep(10);
    const between = await steps.connections.change('acme', change);
    expect(await running).toEqual({ apiRequests: 1 });
    const after = await steps.connection();
    expect(after.credential).not.toMatchObject({ refresh: { refreshToken } });
    expect(after.credentialVersion).toBeGreaterThan(between?.credentialVersion ?? 0);
    expect([after.refusedAt, after.refreshLease]).toEqual([undefined, undefined]);
    expect(await ping()).toEqual(GOOD);
  });

  test('leaves a credential that a person stored meanwhile', async () => {
    await connectByOauth();
    const { credentialVersion } = await steps.connection();
    steps.sandbox.setFaults({ rules: [{ action: 'delay', delayMs: 600 }] });
    const running = refresh(credentialVersion);
    while (tokenRequests().length === 0) await sleep(10);
    const stored = await steps.connect();
    expect(await running).toEqual({ apiRequests: 1 });
    expect(await steps.connection()).toEqual(stored);
  });
});

test('a token endpoint that answers 401 condemns the client, and not the token in use', async () => {
  await start();
  await connectByOauth();
  const { credentialVersion } = await steps.connection();
  steps.sandbox.setFaults({ rules: [{ path: '/oauth/token', action: 'status', status: 401 }] });
  expect((await failureOf(refresh(credentialVersion))).code).toBe('unauthorized');
  expect(await ping()).toEqual(GOOD);
});

describe('a token that is renewed before it expires', () => {
  const RENEW_AT = '2026-01-31T12:00:00.000Z';
  async function connectRenewable() {
    const { accessToken, refreshToken } = await connectByOauth();
    const { refresh } = { refresh: { refreshToken, clientId: OAUTH_CLIENT.id, clientSecret: OAUTH_CLIENT.secret } };
    return steps.connect({ kind: 'oauth', accessToken, renewAt: RENEW_AT, refresh });
  }
  beforeEach(async () => start());

  test('is due again before the new one does: five minutes, or a tenth of its life', async () => {
    const { credentialVersion } = await connectRenewable();
    steps.company.behave({ tokenSeconds: 1_000 });
    await refresh(credentialVersion);
    const { credential } = await steps.connection();
    if (credential.kind !== 'oauth') throw new Error('the credential changed its kind');
    const inSeconds = (Date.parse(credential.renewAt ?? '') - steps.now()) / 1_000;
    expect(inSeconds).toBeGreaterThan(890);
    expect(inSeconds).toBeLessThanOrEqual(900);
  });

  test('is no longer renewed ahead of time once that was refused, but still good until Aircall refuses it', async () => {
    const before = await connectRenewable();
    steps.sandbox.setFaults({ rules: [{ action: 'status', status: 400 }] });
    expect((await failureOf(refresh(before.credentialVersion))).code).toBe('rejected');
    const { renewalRefusedAt: _, ...after } = await steps.connection();
    expect(after).toEqual(before);
    expect([before, await steps.connection()].map(renewalOf)).toEqual([RENEW_AT, undefined]);
    steps.sandbox.setFaults(undefined);
    expect(await ping()).toEqual(GOOD);
  });

  test('keeps its time where Aircall only could not be reached', async () => {
    const before = await connectRenewable();
    steps.sandbox.setFaults({ rules: [{ action: 'drop' }] });
    expect((await failureOf(refresh(before.credentialVersion))).code).toBe('unreachable');
    expect(await steps.connection()).toEqual(before);
  });
});

test('a refresh token is never sent to another base URL than its own, also where that changes while it is leased', async () => {
  const other: RawServer = await startRawServer(response => response.writeHead(200).end('{}'));
  cleanUp.push(() => other.stop());
  await start();
  await connectByOauth();
  const { credentialVersion } = await steps.connection();
  // The moment between the lease and the request: somebody connects it elsewhere.
  const { putIfUnchanged } = steps.driver;
  Object.assign(steps.driver, {
    async putIfUnchanged(...args: Parameters<typeof putIfUnchanged>) {
      Object.assign(steps.driver, { putIfUnchanged });
      const leased = await putIfUnchanged.apply(steps.driver, args);
      await steps.connect(oauth('another', 'another'), {
        baseUrl: other.baseUrl,
        credentialVersion: Date.now() + 1_000,
      });
      return leased;
    },
  });
  expect(await failureOf(refresh(credentialVersion))).toMatchObject({
    code: 'refresh-in-progress',
    detail: { apiRequests: 0 },
  });
  expect(other.received).toHaveLength(0);
  expect(tokenRequests()).toHaveLength(0);
});

describe('a credential that nothing can renew', () => {
  const await_ = (failedVersion: number) =>
    failureOf(attempt(() => steps.local.awaitCredentials({ connection: 'acme', failedVersion })));
  beforeEach(async () => start());

  test('is marked and told once, and nobody asks with it again, also in another process', async () => {
    const { credentialVersion } = await steps.connection();
    for (let nth = 0; nth < 3; nth += 1) expect((await await_(credentialVersion)).code).toBe('credentials-awaited');
    expect(steps.refused).toEqual(['acme']);
    expect((await steps.connection()).refusedAt).toBeDefined();
    expect(await failureOf(ping())).toMatchObject({ code: 'unauthorized', detail: { apiRequests: 0 } });
    expect(steps.sandbox.requests()).toHaveLength(0);
  });

  test.each([
    ['', 5],
    [' by a machine whose clock is behind', -5],
  ])('is not marked where it has been replaced meanwhile%s, and the wait ends', async (_, difference) => {
    const failedVersion = 10;
    await steps.connect(undefined, { credentialVersion: failedVersion + difference });
    await attempt(() => steps.local.awaitCredentials({ connection: 'acme', failedVersion }));
    expect((await steps.connection()).refusedAt).toBeUndefined();
    expect(steps.refused).toEqual([]);
  });
});

describe('a paused connection', () => {
  const PAUSED_AT = '2026-01-31T12:00:00.000Z';
  beforeEach(async () => start());

  test('is asked nothing, and the wait for it ends when it is resumed, or gone', async () => {
    await steps.connect(undefined, { pausedAt: PAUSED_AT });
    expect(await failureOf(ping())).toMatchObject({ code: 'connection-paused', detail: { apiRequests: 0 } });
    const wait = () => attempt(() => steps.local.awaitResumption({ connection: 'acme' }));
    expect((await failureOf(wait())).code).toBe('resumption-awaited');
    await steps.connect();
    await wait();
    await steps.connections.delete('acme');
    await wait();
    expect(steps.sandbox.requests()).toHaveLength(0);
  });

  test('still renews its token', async () => {
    const { accessToken, refreshToken } = await connectByOauth();
    const { credentialVersion } = await steps.connect(oauth(accessToken, refreshToken), { pausedAt: PAUSED_AT });
    expect(await refresh(credentialVersion)).toEqual({ apiRequests: 1 });
    expect((await steps.connection()).pausedAt).toBe(PAUSED_AT);
  });
});

test('a refresh whose reply was lost is tried again with the same refresh token, without any Authorization header', async () => {
  const server: RawServer = await startRawServer((response, { number }) => {
    if (number === 1) response.destroy();
    else response.writeHead(200).end(JSON.stringify({ access_token: 'new', token_type: 'Bearer', created_at: 1 }));
  });
  cleanUp.push(() => server.stop());
  await start();
  const { credentialVersion } = await steps.connect(oauth('old', 'kept'), { baseUrl: server.baseUrl });
  expect(await failureOf(refresh(credentialVersion))).toMatchObject({ code: 'unreachable', nonRetryable: false });
  expect(await refresh(credentialVersion, { sent: 1, uncertain: true })).toEqual({ apiRequests: 2 });
  const body = JSON.stringify({
    grant_type: 'refresh_token',
    refresh_token: 'kept',
    client_id: OAUTH_CLIENT.id,
    client_secret: OAUTH_CLIENT.secret,
  });
  expect(server.received).toMatchObject([{ body }, { body }]);
  expect(server.received.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  // A reply without a refresh token leaves the one that worked.
  expect((await steps.connection()).credential).toEqual(oauth('new', 'kept'));
});

test('a refresh whose reply cannot be stored is tried again with the same refresh token', async () => {
  const server: RawServer = await startRawServer((response, { number }) =>
    response.writeHead(200).end(JSON.stringify({ access_token: `new-${number}`, token_type: 'Bearer', created_at: 1 })),
  );
  cleanUp.push(() => server.stop());
  await start();
  const { credentialVersion } = await steps.connect(oauth('old', 'kept'), { baseUrl: server.baseUrl });
  const { putIfUnchanged } = steps.driver;
  // The lease is written; from the reply on, nothing is.
  Object.assign(steps.driver, {
    async putIfUnchanged(...args: Parameters<typeof putIfUnchanged>) {
      if (server.received.length > 0) throw new Error('the disk is full');
      return putIfUnchanged.apply(steps.driver, args);
    },
  });
  expect(await failureOf(refresh(credentialVersion))).toMatchObject({
    code: 'local-failure',
    nonRetryable: false,
    detail: { apiRequests: 1 },
  });
  Object.assign(steps.driver, { putIfUnchanged });
  // The lease could not be given back either: it ends by itself.
  const handedOn = { sent: 1, uncertain: true };
  expect((await failureOf(refresh(credentialVersion, handedOn))).code).toBe('refresh-in-progress');
  steps.advance(60_001);
  expect(await refresh(credentialVersion, handedOn)).toEqual({ apiRequests: 2 });
  expect(server.received.map(({ body }) => JSON.parse(body).refresh_token)).toEqual(['kept', 'kept']);
  expect((await steps.connection()).credential).toEqual(oauth('new-2', 'kept'));
});

test.each([
  ['a moment', 500, { sent: 1, apiRequests: 1 }],
  ['longer than the budget allows for', 1_500, { code: 'budget-awaited', sent: 0, apiRequests: 0 }],
])(
  'a step whose progress takes the vault %s to store needs a permit of that time before it sends anything',
  async (_, tookMs, expected) => {
    await start();
    await steps.connect();
    const before = steps.company.requests().length;
    steps.cases.noteProgress = async () => {
      steps.advance(tookMs);
      steps.permit.nextMs = 5_000; // the permit of this request
    };
    const heartbeats: unknown[] = [];
    const info = { scheduledTimestampMs: Date.now() - 3_600_000, scheduleToCloseTimeoutMs: 3_600_000 + 30_000 };
    const outcome = await attempt(() => steps.api.ping({ connection: 'acme' }), info, heartbeats).catch(error =>
      failureOf(Promise.reject(error)).then(({ code, detail }) => ({ code, ...detail })),
    );
    const sent = steps.company.requests().length - before;
    expect({ ...outcome, sent }).toMatchObject(expected);
    expect(heartbeats.at(-1)).toMatchObject({ sent });
  },
);

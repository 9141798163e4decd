/** Connections that an operator holds or that Aircall refuses: requests wait and say so, and go on by themselves. */
import { createCompanySeed, OAUTH_CLIENT } from '../../sandbox';
import { ENDPOINTS } from '../../src/aircall/endpoints';
import { readTokens } from '../../src/aircall/oauth';
import { openRequests } from '../../src/retention/open-requests';
import { countWaiting, wakeWaiting } from '../../src/temporal/waiting';
import { type Credential, oauthCredential, resumed } from '../../src/vault/connections';
import { until } from '../support/patience';
import { detailsOf } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const NAMES = [
  'paused',
  'refused',
  'renewed',
  'asleep',
  'lost',
  'spent',
  'vain',
  'unbegun',
  'gone',
  'halted',
  'replaced',
  'another',
];
const NOW_MS = Date.now();
const REDIRECT_URI = 'https://dsr.example.com/oauth/callback';
const CLIENT = { clientId: OAUTH_CLIENT.id, clientSecret: OAUTH_CLIENT.secret };
/** Of a token that is to expire. */
const TOKEN_SECONDS = 60;
/** How far the sandbox's clock goes ahead. */
let aheadMs = 0;

let service: TestService;
beforeAll(async () => {
  const companies = NAMES.map((name, seed) => createCompanySeed({ name, seed, contacts: 20, calls: 170, now: NOW_MS }));
  service = await startTestService({
    shares: true,
    sandbox: { companies, now: () => Date.now() + aheadMs },
    company: 'paused',
  });
});
afterEach(() => service.sandbox.setFaults(undefined));
afterAll(async () => service.stop());

const company = (name: string) => service.sandbox.company(name);
const tokenRequests = () => service.sandbox.requests().filter(({ path }) => path === '/v1/oauth/token');

async function start(name: string, connection: string, requestId: string) {
  const subject = { email: company(name).truth.subjectEmail };
  return (await service.client.start('access', { requestId, connection, subject })).workflowId;
}

const untilWaiting = (workflowId: string, cause: string) =>
  until(`the request waits for ${cause}`, async () => {
    const { status, waitingFor } = await service.client.status(workflowId);
    return status === 'waiting' && waitingFor?.cause === cause;
  });

/** Visibility is some moments behind. */
const untilWaitingAre = (connection: string, count: number) =>
  until(
    `${count} wait`,
    async () => (await countWaiting(service.temporal, service.taskQueue, connection, new Date())) === count,
  );

/** A wait looks again by itself, ever more rarely; the signal cancels its step, and begins it anew. */
async function looksAgain(workflowId: string): Promise<boolean> {
  const { events } = await service.temporal.workflow.getHandle(workflowId).fetchHistory();
  return events?.some(({ activityTaskCancelRequestedEventAttributes: asked }) => asked) ?? false;
}

/**
 * Authorizes at the sandbox. The token lives as long as given and can be refreshed; later ones live for hours, so that no
 * renewal of theirs meets the faults of the tests that follow.
 */
async function authorize(name: string, tokenSeconds: number): Promise<Credential> {
  company(name).behave({ refreshGrant: true, tokenSeconds });
  const reply = await fetch(service.sandbox.baseUrl + ENDPOINTS.token.path, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: company(name).mintOauthCode(REDIRECT_URI),
      redirect_uri: REDIRECT_URI,
      client_id: OAUTH_CLIENT.id,
      client_secret: OAUTH_CLIENT.secret,
    }),
  });
  company(name).behave({ tokenSeconds: 7_200 });
  return oauthCredential(readTokens(await reply.json()), CLIENT, Date.now());
}

const untilRenewed = (connection: string, from: Credential) =>
  until('the token was renewed', async () => {
    const { credential } = (await service.connections.get(connection))?.value ?? {};
    return credential?.kind === 'oauth' && from.kind === 'oauth' && credential.accessToken !== from.accessToken;
  });

test('a paused connection sends nothing; its requests say so, can be cancelled, and go on when it is resumed', async () => {
  const connection = await service.connectCompany('paused');
  await service.connections.change(connection, present => ({ ...present, pausedAt: new Date().toISOString() }));
  const [one, two, left] = await Promise.all(['one', 'two', 'left'].map(id => start('paused', connection, id)));
  for (const id of [one, two, left]) await untilWaiting(id ?? '', 'paused');
  expect(company('paused').requests()).toHaveLength(0);
  expect(await detailsOf(service.temporal, one ?? '')).toContain(`aircall-dsr connections resume ${connection}`);
  await untilWaitingAre(connection, 3);
  expect(await countWaiting(service.temporal, `${service.taskQueue}-of-others`, connection, new Date())).toBe(0);
  await service.client.cancel(left ?? '');
  expect(await service.client.result(left ?? '')).toMatchObject({ status: 'cancelled', apiRequests: 0 });

  // Before there is news: after it the wait may have ended by itself.
  await wakeWaiting(service.temporal, service.taskQueue, connection);
  for (const id of [one, two]) {
    await until('the signal makes it look again', () => looksAgain(id ?? ''));
    await untilWaiting(id ?? '', 'paused');
  }
  await service.connections.change(connection, ({ pausedAt: _, ...present }) => present);
  await wakeWaiting(service.temporal, service.taskQueue, connection);
  for (const id of [one, two]) expect((await service.client.result(id ?? '')).status).toBe('completed');
  await until('none is open', async () => (await openRequests(service, connection)).length === 0);
});

test('a connection that is paused between a 403 and its check waits to be resumed, not for other credentials', async () => {
  const connection = await service.connectCompany('halted');
  service.sandbox.setFaults({ rules: [{ company: 'halted', path: '/contacts/search', action: 'hold', status: 403 }] });
  const id = await start('halted', connection, 'halted');
  await until('the search is under way', () => company('halted').requests().length > 0);
  await service.connections.change(connection, present => ({ ...present, pausedAt: new Date().toISOString() }));
  service.sandbox.setFaults(undefined);
  service.sandbox.release();
  await untilWaiting(id, 'paused');
  await service.connections.change(connection, present => resumed(present, Date.now()));
  await untilWaitingAre(connection, 1);
  await wakeWaiting(service.temporal, service.taskQueue, connection);
  const result = await service.client.result(id);
  expect(result).toMatchObject({ status: 'completed', apiRequests: company('halted').requests().length });
  expect(
    company('halted')
      .requests()
      .filter(({ path }) => path === '/v1/ping'),
  ).toEqual([]);
});

test('of a connection that Aircall refuses the vault knows, the log tells once, and other processes ask nothing', async () => {
  const connection = await service.connectCompany('refused');
  company('refused').revokeCredentials();
  const first = await start('refused', connection, 'first');
  await untilWaiting(first, 'credentials');
  await until('the vault says so', async () => {
    return (await service.connections.get(connection))?.value.refusedAt !== undefined;
  });
  expect(await detailsOf(service.temporal, first)).toContain(`aircall-dsr connect ${connection}`);
  const asked = company('refused').requests().length;

  const onAnotherWorker = async () => {
    const more = await Promise.all(['a', 'b', 'c'].map(id => start('refused', connection, id)));
    for (const id of more) await untilWaiting(id, 'credentials');
    expect(company('refused').requests()).toHaveLength(asked);
    expect(
      service.log.filter(line => line.includes(connection) && line.includes('refuses its credentials')),
    ).toHaveLength(1);

    await service.connectCompany('refused', { kind: 'api-key', ...company('refused').issueApiKey() });
    await untilWaitingAre(connection, 4);
    expect(await wakeWaiting(service.temporal, service.taskQueue, connection)).toBe(4);
    for (const id of [first, ...more]) expect((await service.client.result(id)).status).toBe('completed');
  };
  await service.withAnotherWorker(() => service.withoutWorker(onAnotherWorker));
});

test('a token that is about to expire is renewed before any step meets it, and nothing is repeated', async () => {
  const credential = await authorize('renewed', 3);
  const connection = await service.connectCompany('renewed', credential);
  await untilRenewed(connection, credential);
  const result = await service.client.result(await start('renewed', connection, 'renewed'));
  expect(result.status).toBe('completed');
  expect(
    company('renewed')
      .requests()
      .every(({ status }) => status === 200),
  ).toBe(true);
});

test('the token of a paused connection is kept alive', async () => {
  const credential = await authorize('asleep', 3);
  const connection = await service.connectCompany('asleep', credential);
  await service.connections.change(connection, present => ({ ...present, pausedAt: new Date().toISOString() }));
  await untilRenewed(connection, credential);
  expect(company('asleep').requests()).toHaveLength(0);
});

test('a refresh whose reply is lost is tried with the same refresh token; where that is spent, a person is asked', async () => {
  const credential = await authorize('spent', TOKEN_SECONDS);
  // Nobody renews it ahead of time: the step that is refused does.
  if (credential.kind !== 'oauth') throw new Error('the credential is of another kind');
  const { renewAt: _, ...reactive } = credential;
  const connection = await service.connectCompany('spent', reactive);
  const before = tokenRequests().length;
  service.sandbox.setFaults({ rules: [{ path: '/oauth/token', times: 1, action: 'drop-after' }] });
  aheadMs += TOKEN_SECONDS * 1_000;
  const workflowId = await start('spent', connection, 'spent');
  await untilWaiting(workflowId, 'credentials');
  // The sandbox had taken the refresh token the first time; Aircall may answer either way. Others are renewed besides.
  const answered = tokenRequests().slice(before);
  expect(answered.map(({ status }) => status).filter(status => status !== 200)).toEqual([null, 400]);
  await service.connectCompany('spent', await authorize('spent', 7_200));
  await wakeWaiting(service.temporal, service.taskQueue, connection);
  const result = await service.client.result(workflowId);
  expect(result.status).toBe('completed');
});

test('a refresh whose request is lost on its way is repeated, and nobody is asked', async () => {
  const credential = await authorize('lost', 2);
  const before = tokenRequests().length;
  service.sandbox.setFaults({ rules: [{ path: '/oauth/token', times: 1, action: 'drop' }] });
  const connection = await service.connectCompany('lost', credential);
  await untilRenewed(connection, credential);
  expect(tokenRequests().slice(before)).toMatchObject([{ fault: 'drop' }, { fault: null, status: 200 }]);
  expect((await service.connections.get(connection))?.value.refusedAt).toBeUndefined();
  expect((await service.client.result(await start('lost', connection, 'lost'))).status).toBe('completed');
});

test('of many requests whose token and refresh token are refused, one tries to refresh, once', async () => {
  const connection = await service.connectCompany('vain', await authorize('vain', 7_200));
  company('vain').revokeCredentials();
  const before = tokenRequests().length;
  const ids = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(id => start('vain', connection, id)));
  for (const id of ids) await untilWaiting(id, 'credentials');
  await untilWaitingAre(connection, ids.length);
  await wakeWaiting(service.temporal, service.taskQueue, connection);
  const late = await start('vain', connection, 'late');
  await untilWaiting(late, 'credentials');
  const tried = tokenRequests().slice(before);
  expect(tried.map(({ status }) => status).filter(status => status !== 200)).toEqual([400]); // others are renewed besides

  await service.connectCompany('vain', { kind: 'api-key', ...company('vain').issueApiKey() });
  await wakeWaiting(service.temporal, service.taskQueue, connection);
  for (const id of [...ids, late]) expect((await service.client.result(id)).status).toBe('completed');
});

test('a request that no worker has begun counts as open, also where another client than ours has started it', async () => {
  const connection = await service.connectCompany('unbegun');
  const count = async (name: string) => (await openRequests(service, name)).length;
  const workflowId = `dsr:${connection}:access:unbegun`;
  await service.withoutWorker(async () => {
    await service.temporal.workflow.start('accessRequest', {
      taskQueue: service.taskQueue,
      workflowId,
      args: [
        { kind: 'access', requestId: 'unbegun', connection, subject: { email: company('unbegun').truth.subjectEmail } },
      ],
    });
    await until('it is open', async () => (await count(connection)) === 1);
    // Names that only look alike are other connections.
    const similar = [connection.slice(0, -1), connection.replace('-', '_'), connection.replace('-', '.')];
    for (const name of similar) expect(await count(name)).toBe(0);
  });
  expect((await service.client.result(workflowId)).status).toBe('completed');
  await until('none is open', async () => (await count(connection)) === 0);
});

test('of a connection that was disconnected by force, requests that come meanwhile wait too, and say for what', async () => {
  const connection = await service.connectCompany('gone');
  const ids = await service.withoutWorker(async () => {
    const before = await start('gone', connection, 'before');
    await service.connections.delete(connection, { waitedFor: true });
    return [before, await start('gone', connection, 'after')];
  });
  for (const id of ids) await untilWaiting(id, 'credentials');
  await untilWaitingAre(connection, 2);
  expect(await service.client.list({ connection })).toMatchObject([{ status: 'waiting' }, { status: 'waiting' }]);
  expect(company('gone').requests()).toHaveLength(0);
  await service.connectCompany('gone');
  await wakeWaiting(service.temporal, service.taskQueue, connection);
  for (const id of ids) expect((await service.client.result(id)).status).toBe('completed');
});

test('a request whose connection belongs to another company since ends, and nothing of it is sent there', async () => {
  const connection = await service.connectCompany('replaced');
  company('replaced').revokeCredentials();
  const waits = await start('replaced', connection, 'waits');
  await untilWaiting(waits, 'credentials');
  const { apiId, apiToken } = company('another');
  await service.connections.change(connection, ({ refusedAt: _, ...present }) => ({
    ...present,
    credential: { kind: 'api-key', apiId, apiToken },
    credentialVersion: present.credentialVersion + 1,
    incarnation: present.incarnation + 1,
  }));
  await untilWaitingAre(connection, 1);
  await wakeWaiting(service.temporal, service.taskQueue, connection);
  expect(await service.client.result(waits)).toMatchObject({
    status: 'failed',
    failure: { code: 'connection-replaced' },
  });
  expect(company('another').requests()).toHaveLength(0);
  const begins = await start('another', connection, 'begins');
  expect((await service.client.result(begins)).status).toBe('completed');
});

/** Steps on machines whose clock is wrong: what they decide is what they would decide with the server's clock. */
import { OAUTH_CLIENT } from '../../sandbox';
import type { RequestRef } from '../../src/request/names';
import { rightNowMs, WRONG_CLOCKS, withClock } from '../support/clocks';
import { until } from '../support/patience';
import { attempt, failureOf, infoOf, type Steps, startSteps } from './support/steps';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const OPENED_AT = '2026-01-31T12:00:00.000Z';
const RECEIVED_AT = '2026-01-31T11:59:58.000Z';

let steps: Steps;
const cleanUp: (() => unknown)[] = [];
async function start(driver?: Steps['driver']): Promise<Steps> {
  const started = await startSteps(driver && { driver });
  cleanUp.push(started.stop);
  return started;
}
beforeEach(async () => {
  steps = await start();
});
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

/** A credential that the sandbox renews, for as long as given. */
async function connectByOauth(tokenSeconds: number): Promise<number> {
  const { company, sandbox } = steps;
  company.behave({ refreshGrant: true, tokenSeconds });
  const client = { client_id: OAUTH_CLIENT.id, client_secret: OAUTH_CLIENT.secret };
  const reply = await fetch(`${sandbox.baseUrl}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...client,
      grant_type: 'authorization_code',
      code: company.mintOauthCode(),
      redirect_uri: 'https://example.com/callback',
    }),
  });
  const { access_token: accessToken, refresh_token: refreshToken } = Object(await reply.json());
  const refresh = { refreshToken, clientId: OAUTH_CLIENT.id, clientSecret: OAUTH_CLIENT.secret };
  const { credentialVersion } = await steps.connect({ kind: 'oauth', accessToken, refresh });
  sandbox.clearRequests();
  return credentialVersion;
}

const tokenRequests = () => steps.sandbox.requests().filter(({ path }) => path === '/v1/oauth/token');

describe.each(Object.entries(WRONG_CLOCKS))('on a machine whose clock is at %s', (_, aheadMs) => {
  const refreshBy = ({ api }: Steps, failedVersion: number) =>
    withClock(aheadMs, () => attempt(() => api.refreshToken({ connection: 'acme', failedVersion })));

  test('a request gets its deadline, its last call and its times from the clock of its workflow', async () => {
    const request: RequestRef = { connection: 'acme', kind: 'access', requestId: 'opened' };
    const input = { ...request, subject: { email: 'zoe@example.com' }, regime: 'gdpr', deadlineDays: 2 };
    const opening = await withClock(aheadMs, () =>
      attempt(
        () => steps.local.openRequest({ input, receivedAt: RECEIVED_AT, openedAt: OPENED_AT, runId: 'run-1' }),
        infoOf(request, 'run-1'),
      ),
    );
    const openedMs = Date.parse(OPENED_AT);
    expect(opening).toMatchObject({
      opened: {
        deadlineMs: openedMs + 2 * DAY_MS,
        calls: { from: null, to: openedMs / 1000 },
        clock: { submittedAt: RECEIVED_AT, dueAt: '2026-02-28T11:59:58.000Z' },
      },
    });
    expect(await steps.cases.record(request)).toMatchObject({ startedAt: OPENED_AT });
  });

  test.each([
    ['from takes a time that has passed', { from: '2026-01-31T12:00:01Z' }, { from: '2026-01-31T12:00:00Z' }],
    [
      'submittedAt takes a time that has passed',
      { submittedAt: '2026-01-31T12:06:00Z' },
      { submittedAt: '2026-01-31T12:04:00Z' },
    ],
  ])('an input is refused for its times by that clock: %s', async (message, refused, taken) => {
    const request: RequestRef = { connection: 'acme', kind: 'access', requestId: 'timed' };
    const open = (times: object) =>
      withClock(aheadMs, () => {
        const input = { ...request, subject: { email: 'zoe@example.com' }, ...times };
        return attempt(
          () => steps.local.openRequest({ input, receivedAt: RECEIVED_AT, openedAt: OPENED_AT, runId: 'run-1' }),
          infoOf(request, 'run-1'),
        );
      });
    expect(await failureOf(open(refused))).toMatchObject({ code: 'invalid-input', message });
    expect(await open(taken)).toHaveProperty('opened');
  });

  test('a lease of another process is not stolen while that refreshes, and taken over a minute after it died', async () => {
    const wrong = await start(steps.driver);
    const version = await connectByOauth(7_200);
    await steps.connections.change('acme', present => ({ ...present, refreshLease: 'of-the-right-one' }));
    for (let nth = 0; nth < 3; nth += 1) {
      expect((await failureOf(refreshBy(wrong, version))).code).toBe('refresh-in-progress');
      wrong.advance(MINUTE_MS / 4);
    }
    expect(tokenRequests()).toHaveLength(0);
    // Another one, of a later step: its time begins anew.
    await steps.connections.change('acme', present => ({ ...present, refreshLease: 'of-a-later-one' }));
    wrong.advance(MINUTE_MS);
    expect((await failureOf(refreshBy(wrong, version))).code).toBe('refresh-in-progress');
    wrong.advance(MINUTE_MS + 1);
    expect(await refreshBy(wrong, version)).toEqual({ apiRequests: 1 });
    expect(tokenRequests()).toHaveLength(1);
  });

  test('its own lease is not stolen by a machine whose clock is right', async () => {
    const wrong = await start(steps.driver);
    const version = await connectByOauth(7_200);
    steps.sandbox.setFaults({ rules: [{ path: '/oauth/token', action: 'hold' }] });
    const refreshing = refreshBy(wrong, version);
    await until('it refreshes', () => tokenRequests().length === 1);
    const right = () => attempt(() => steps.api.refreshToken({ connection: 'acme', failedVersion: version }));
    for (let nth = 0; nth < 3; nth += 1) {
      expect((await failureOf(right())).code).toBe('refresh-in-progress');
      steps.advance(MINUTE_MS / 4);
    }
    steps.sandbox.setFaults(undefined);
    steps.sandbox.release();
    expect(await refreshing).toEqual({ apiRequests: 1 });
    expect(await right()).toEqual({ apiRequests: 0 });
    expect(tokenRequests()).toHaveLength(1);
  });

  test('a new token is to be renewed before it expires by the right time', async () => {
    await refreshBy(steps, await connectByOauth(7_200));
    const { credential } = await steps.connection();
    if (credential.kind !== 'oauth') throw new Error('the credential changed its kind');
    const leftMs = Date.parse(credential.renewAt ?? '') - rightNowMs();
    expect(leftMs).toBeGreaterThan(114 * MINUTE_MS);
    expect(leftMs).toBeLessThanOrEqual(115 * MINUTE_MS);
  });

  test.each([
    ['is stored in the vault if its deadline may overtake its reply', 30_000, 1],
    ['is not stored otherwise', 3_600_000, 0],
  ])('the progress of a step %s', async (_what, leftMs, notes) => {
    const noted: unknown[] = [];
    steps.cases.noteProgress = async (...note) => void noted.push(note);
    const scheduledTimestampMs = rightNowMs() - DAY_MS;
    const info = { scheduledTimestampMs, scheduleToCloseTimeoutMs: DAY_MS + leftMs };
    await withClock(aheadMs, () => attempt(() => steps.api.ping({ connection: 'acme' }), info));
    expect(noted).toHaveLength(notes);
  });
});

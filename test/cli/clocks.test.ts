/** A worker whose clock is wrong, alone and beside a right one, as processes: what people get is what right clocks give. */
import { join } from 'node:path';
import { Client, Connection as ServerConnection } from '@temporalio/client';
import { createCompanySeed, OAUTH_CLIENT, type Sandbox, startSandbox } from '../../sandbox';
import { readTokens } from '../../src/aircall/oauth';
import { createDataConverter } from '../../src/encryption/data-converter';
import { loadKeyring } from '../../src/encryption/keyring';
import { renewalId } from '../../src/request/names';
import { retentionScheduleId } from '../../src/retention/schedule';
import { serverNowMs } from '../../src/temporal/server-time';
import { type Connection, createConnections, oauthCredential, renewalOf } from '../../src/vault/connections';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { WRONG_CLOCKS } from '../support/clocks';
import { createOperator, type RunningCommand, type RunningProcess } from '../support/command-line';
import { resultSchema, statusSchema } from '../support/documents';
import { until } from '../support/patience';
import { environment } from '../support/service';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const TOKEN_SECONDS = 7_200;
const DEADLINE_DAYS = 2;
/** Less than an hour, so that a clock that is an hour ahead would destroy what has just ended. */
const RETENTION_DAYS = 0.03;
/** No other test's: all share one server. */
const NAME = 'clocked';

const operator = createOperator();
let sandbox: Sandbox;
let server: ServerConnection;
let temporal: Client;
/** How far the sandbox's clock has gone, so that tokens expire. */
let passedMs = 0;

beforeAll(async () => {
  const seed = { name: NAME, seed: 3, contacts: 20, calls: 170, now: Date.now() };
  sandbox = await startSandbox({ companies: [createCompanySeed(seed)], now: () => Date.now() + passedMs });
  server = await ServerConnection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
  temporal = new Client({ connection: server });
  await operator.run(['keys', 'generate']);
  const { apiId, apiToken } = company();
  const args = ['connect', NAME, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
  await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
  company().behave({ refreshGrant: true, tokenSeconds: TOKEN_SECONDS });
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
  await server.close();
});

const company = () => sandbox.company(NAME);
const tokenRequests = () => sandbox.requests().filter(({ path }) => path === '/v1/oauth/token');
const isHeld = ({ fault }: { readonly fault: string | null }) => fault === 'hold';

function vault() {
  const keyring = loadKeyring(join(operator.folder, 'keys.json'));
  return createVault(createFolderDriver(join(operator.folder, 'vault')), keyring);
}

const connections = () => createConnections(vault());

async function present(): Promise<Connection> {
  const stored = await connections().get(NAME);
  if (stored === undefined) throw new Error('there is no connection');
  return stored.value;
}

/** As `connect --oauth` does, by a right clock. */
async function connectByOauth(): Promise<void> {
  const reply = await fetch(`${sandbox.baseUrl}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: company().mintOauthCode(),
      redirect_uri: 'https://example.com/callback',
      client_id: OAUTH_CLIENT.id,
      client_secret: OAUTH_CLIENT.secret,
    }),
  });
  const client = { clientId: OAUTH_CLIENT.id, clientSecret: OAUTH_CLIENT.secret };
  const credential = oauthCredential(readTokens(await reply.json()), client, Date.now());
  await connections().change(NAME, ({ refusedAt: _, ...before }) => ({
    ...before,
    credential,
    credentialVersion: before.credentialVersion + 1,
  }));
}

const access = (requestId: string, ...more: string[]) => {
  const args = ['access', NAME, company().truth.subjectEmail, '--request-id', requestId];
  return operator.ask([...args, '--deadline', String(DEADLINE_DAYS), ...more]);
};

/** An access request to its end; every call of the subject must be delivered. */
async function delivered(requestId: string) {
  const { exit, document } = await access(requestId, '--wait');
  const result = resultSchema.parse(document);
  expect({ exit, status: result.status, calls: result.counts.calls }).toEqual({
    exit: 0,
    status: 'completed',
    calls: company().truth.callIds.length,
  });
  return result;
}

const handleOf = (requestId: string) => temporal.workflow.getHandle(`dsr:${NAME}:access:${requestId}`);

async function refreshAttempts(requestId: string): Promise<number> {
  const { raw } = await handleOf(requestId).describe();
  const step = raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'refreshToken');
  return step?.attempt ?? 0;
}

const msOf = (duration: { readonly seconds?: unknown } | null | undefined) => Number(duration?.seconds ?? 0) * 1000;

describe.each(Object.entries(WRONG_CLOCKS))('a worker whose clock is at %s', (label, aheadMs) => {
  const id = label.replace(/[^0-9a-z]/g, '');
  let wrong: RunningProcess;
  let right: RunningCommand | undefined;
  beforeAll(async () => {
    wrong = await operator.processes.startWorker({
      NODE_OPTIONS: `--require ${join(__dirname, '../fixtures/clock-ahead.js')}`,
      CLOCK_AHEAD_DAYS: String(aheadMs / DAY_MS),
      AIRCALL_DSR_RETENTION_DAYS: String(RETENTION_DAYS),
    });
  });
  afterAll(async () => {
    sandbox.setFaults(undefined);
    await wrong.end('SIGTERM');
    await right?.end('SIGTERM');
  });

  it('delivers all calls up to the moment when the request began, with its deadline from then, by the server', async () => {
    const result = await delivered(`alone-${id}`);
    const { startTime, closeTime } = await handleOf(`alone-${id}`).describe();
    const to = Date.parse(result.coverage.calls?.window.to ?? '');
    expect(to).toBeGreaterThanOrEqual(Math.floor(startTime.getTime() / 1000) * 1000);
    expect(to).toBeLessThanOrEqual(closeTime?.getTime() ?? 0);
    const { events } = await handleOf(`alone-${id}`).fetchHistory();
    const [step] = events?.filter(({ activityTaskScheduledEventAttributes: step }) => step) ?? [];
    const { scheduleToCloseTimeout, activityType } = step?.activityTaskScheduledEventAttributes ?? {};
    expect(activityType?.name).toBe('searchContacts');
    const deadlineMs = msOf(step?.eventTime) + msOf(scheduleToCloseTimeout);
    expect(Math.abs(deadlineMs - startTime.getTime() - DEADLINE_DAYS * DAY_MS)).toBeLessThan(MINUTE_MS);
  });

  it('destroys nothing early, and keeps evidence up to a time that has passed', async () => {
    const schedule = temporal.schedule.getHandle(retentionScheduleId(operator.taskQueue));
    const before = (await schedule.describe()).info.numActionsTaken;
    await schedule.trigger();
    await until('a sweep has begun', async () => (await schedule.describe()).info.numActionsTaken > before);
    const sweep = (await schedule.describe()).info.recentActions.at(-1)?.action.workflow.workflowId ?? '';
    const converter = createDataConverter(loadKeyring(join(operator.folder, 'keys.json')));
    const reader = new Client({ connection: server, dataConverter: converter });
    expect(await reader.workflow.getHandle(sweep).result()).toMatchObject({ unkept: 0, destroyed: 0, left: 0 });
    const { document } = await operator.ask(['status', `alone-${id}`]);
    expect(statusSchema.parse(document).status).toBe('completed');
    const upTo = Date.parse(String((await vault().get('evidence-looked/up-to'))?.value));
    expect(upTo).toBeGreaterThan(Date.now() - DAY_MS);
    expect(upTo).toBeLessThan(Date.now());
  });

  it('refreshes an expired token once, beside a right one: neither steals the lease of the other, and neither renews early', async () => {
    await connectByOauth();
    passedMs += (TOKEN_SECONDS + 1) * 1000;
    right = await operator.startWorker();
    sandbox.clearRequests();
    sandbox.setFaults({ rules: [{ path: '/oauth/token', action: 'hold' }] });
    await access(`first-${id}`);
    await until('one of the workers refreshes the token', () => tokenRequests().length === 1);
    await access(`second-${id}`);
    const both = [`first-${id}`, `second-${id}`];
    await until('both have met the lease', async () => {
      const attempts = await Promise.all(both.map(refreshAttempts));
      return attempts.reduce((one, other) => one + other, 0) >= 5;
    });
    expect(tokenRequests().map(isHeld)).toEqual([true]);
    sandbox.setFaults(undefined);
    sandbox.release();
    for (const requestId of both) await delivered(requestId);
    expect(tokenRequests().map(({ status }) => status)).toEqual([200]);

    // The next renewal is begun, and waits for its time, which is right.
    const connection = await present();
    const renewal = temporal.workflow.getHandle(renewalId(operator.taskQueue, NAME, connection.credentialVersion));
    const timers = async () => {
      const { events } = await renewal.fetchHistory().catch(() => ({ events: [] }));
      return events?.filter(({ timerStartedEventAttributes: timer }) => timer) ?? [];
    };
    await until('the next renewal waits', async () => (await timers()).length === 1);
    const [timer] = await timers();
    const firesMs = msOf(timer?.eventTime) + msOf(timer?.timerStartedEventAttributes?.startToFireTimeout);
    expect(Math.abs(firesMs - Date.parse(renewalOf(connection) ?? ''))).toBeLessThan(2_000);
    const leftMs = firesMs - (await serverNowMs(temporal, operator.taskQueue));
    expect(leftMs).toBeGreaterThan(100 * MINUTE_MS);
    expect(leftMs).toBeLessThanOrEqual(115 * MINUTE_MS);
    await delivered(`last-${id}`);
    expect(tokenRequests()).toHaveLength(1);
  });
});

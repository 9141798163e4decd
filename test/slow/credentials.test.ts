/**
 * Credentials at their worst: a company connected in a real browser, fifty refusals at once in two processes, and five
 * hundred requests that wait for one dead connection.
 */
import type { temporal as proto } from '@temporalio/proto';
import { figuresOf } from '../../bench/proc';
import { findFreePort } from '../../dev-server/free-port';
import { createCompanySeed, OAUTH_CLIENT, type Sandbox, startSandbox } from '../../sandbox';
import { connectTemporal, createDsrClient, type DsrClient, loadKeyring } from '../../src/client';
import { sideBySide } from '../../src/side-by-side';
import { countWaiting } from '../../src/temporal/waiting';
import { openBrowser } from '../support/browser';
import { createOperator, type RunningProcess } from '../support/command-line';
import { connectionsSchema, resultSchema } from '../support/documents';
import { until } from '../support/patience';

const TOKEN_SECONDS = 3_600;
const MANY = 500;
const AT_ONCE = 50;
const SEEN_WITHIN_MS = 30_000;
/** How far the sandbox's clock goes ahead: tokens expire while requests are in flight. */
let aheadMs = 0;

const operator = createOperator();
let sandbox: Sandbox;
let temporal: Awaited<ReturnType<typeof connectTemporal>>;
let client: DsrClient;
let workers: RunningProcess[];

beforeAll(async () => {
  const companies = ['browsed', 'expired', 'dead'].map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 10, calls: 60, now: Date.now() }),
  );
  sandbox = await startSandbox({ companies, now: () => Date.now() + aheadMs });
  operator.keepSecret(OAUTH_CLIENT.secret);
  await operator.run(['keys', 'generate']);
  const keyring = loadKeyring(operator.environment.AIRCALL_DSR_KEYS);
  process.env.TEMPORAL_ADDRESS = operator.environment.TEMPORAL_ADDRESS;
  temporal = await connectTemporal(keyring);
  client = createDsrClient({ temporal, keyring, taskQueue: operator.taskQueue });
  workers = await Promise.all([operator.processes.startWorker(), operator.processes.startWorker()]);
});
afterAll(async () => {
  await temporal?.connection.close();
  await operator.stop();
  await sandbox.close();
});

const baseUrl = () => ['--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
const tokenRequests = () => sandbox.requests().filter(({ path }) => path === '/v1/oauth/token');
const say = (line: string) => process.stderr.write(`${line}\n`);

/** Connects a company in the way that an admin does: in a browser, by its consent page. */
async function connectInBrowser(name: string): Promise<void> {
  const port = await findFreePort(0);
  const command = await operator.processes.serve(
    ['connect', name, '--oauth', '--listen', `127.0.0.1:${port}`, ...baseUrl()],
    /Waiting for the callback/,
    {
      AIRCALL_OAUTH_CLIENT_ID: OAUTH_CLIENT.id,
      AIRCALL_OAUTH_CLIENT_SECRET: OAUTH_CLIENT.secret,
      AIRCALL_OAUTH_REDIRECT_URI: `http://127.0.0.1:${port}/oauth/callback`,
    },
  );
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(/http\S+oauth\/authorize\?\S+/.exec(command.stderr())?.[0] ?? '');
    await page.getByRole('button', { name: `Authorize for ${name}` }).click();
    await page.waitForURL(`${sandbox.origin}/oauth/success`, { timeout: SEEN_WITHIN_MS });
    await page.getByText('Authorized').waitFor({ timeout: SEEN_WITHIN_MS });
  } finally {
    await browser.close();
  }
  const { exit, stdout } = await command.ended();
  expect(exit).toBe(0);
  expect(stdout).toContain(`“${name}”`);
}

async function startMany(connection: string, count: number): Promise<string[]> {
  const subject = { email: sandbox.company(connection).truth.subjectEmail };
  const numbers = Array.from({ length: count }, (_, index) => index);
  return sideBySide(numbers, 16, async number => {
    const { workflowId } = await client.start('access', { requestId: `r-${number}`, connection, subject });
    return workflowId;
  });
}

async function endedOf(ids: readonly string[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  await sideBySide(ids, 16, async id => {
    const { status } = await client.result(id);
    counts.set(status, (counts.get(status) ?? 0) + 1);
    return status;
  });
  return counts;
}

async function eventsOf(id: string): Promise<proto.api.history.v1.IHistoryEvent[]> {
  return (await temporal.workflow.getHandle(id).fetchHistory()).events ?? [];
}

test('a company is connected in a browser, from the printed address to a completed request', async () => {
  await connectInBrowser('browsed');
  const email = sandbox.company('browsed').truth.subjectEmail;
  const { exit, document } = await operator.ask(['access', 'browsed', email, '--wait']);
  expect(exit).toBe(0);
  expect(resultSchema.parse(document).status).toBe('completed');
});

test('fifty steps that are refused at once, in two processes, make one refresh', async () => {
  const company = sandbox.company('expired');
  company.behave({ refreshGrant: true, tokenSeconds: TOKEN_SECONDS, deadToken: 401 });
  await connectInBrowser('expired');
  const [asked, refreshed] = [company.requests().length, tokenRequests().length];
  sandbox.setFaults({
    rules: [{ company: 'expired', path: '/contacts/search', times: AT_ONCE, action: 'hold' }],
  });
  const ids = await startMany('expired', AT_ONCE);
  await until('all are in flight', () => company.requests().length - asked >= AT_ONCE);
  aheadMs += TOKEN_SECONDS * 1_000 + 1_000;
  sandbox.setFaults(undefined);
  sandbox.release();
  const ended = await endedOf(ids);
  expect(Object.fromEntries(ended)).toEqual({ completed: AT_ONCE });
  expect(
    tokenRequests()
      .slice(refreshed)
      .map(({ status }) => status),
  ).toEqual([200]);
  const refused = company
    .requests()
    .slice(asked)
    .filter(({ status }) => status === 401 || status === 403);
  expect(refused.length).toBeGreaterThanOrEqual(AT_ONCE - 1); // the sandbox knows the first token no more once it is refreshed
  const histories = await sideBySide(ids, 8, eventsOf);
  const processes = new Set(
    histories.flatMap(events => events.flatMap(event => event.activityTaskStartedEventAttributes?.identity ?? [])),
  );
  expect(processes.size).toBe(2);
  say(`${AT_ONCE} refusals at once in ${processes.size} processes: 1 refresh`);
});

test('five hundred requests wait for one dead connection, at next to no cost, and all go on when it is connected again', async () => {
  const company = sandbox.company('dead');
  const environment = { AIRCALL_API_ID: company.apiId, AIRCALL_API_TOKEN: company.apiToken };
  expect((await operator.run(['connect', 'dead', ...baseUrl()], environment)).exit).toBe(0);
  const memory = () => workers.map(({ pid }) => Math.round(figuresOf(pid).rssMb));
  const before = memory();
  company.revokeCredentials();
  const asked = company.requests().length;
  const ids = await startMany('dead', MANY);
  const waiting = async () => {
    const { connections } = connectionsSchema.parse((await operator.ask(['connections'])).document);
    return connections.find(({ connection }) => connection === 'dead')?.waitingRequests;
  };
  await until('all wait', async () => (await waiting()) === MANY);
  const lengths = async () => (await sideBySide(ids, 16, eventsOf)).map(({ length }) => length);
  const whileWaiting = await lengths();
  const memoryWaiting = memory();
  const askedBefore = company.requests().length - asked;
  expect(await lengths()).toEqual(whileWaiting);
  // How many were in flight until all processes knew depends on the machine; from then on there are none.
  expect(askedBefore).toBeLessThan(MANY / 2);
  expect(company.requests().length - asked).toBe(askedBefore);
  say(
    `${MANY} requests wait: ${askedBefore} API requests, ${Math.max(...whileWaiting)} events at most, workers ${before.join(' and ')} MB before, ${memoryWaiting.join(' and ')} MB when all wait`,
  );

  const key = company.issueApiKey();
  const startedMs = Date.now();
  const again = await operator.ask(['connect', 'dead'], {
    AIRCALL_API_ID: key.apiId,
    AIRCALL_API_TOKEN: key.apiToken,
  });
  expect(again).toMatchObject({ exit: 0, document: { requestsWoken: expect.any(Number) } });
  // Of a connection that is not held the command says that none waits.
  const counted = () => countWaiting(temporal, operator.taskQueue, 'dead', new Date());
  await until('none waits', async () => (await counted()) === 0);
  const allOnMs = Date.now() - startedMs;
  const ended = await endedOf(ids);
  expect(Object.fromEntries(ended)).toEqual({ completed: MANY });
  const completedAt = await sideBySide(ids, 16, async id => Date.parse((await client.result(id)).completedAt));
  say(
    `connected again: the last one went on after ${Math.round(allOnMs / 1000)} s at most, the last one completed after ${Math.round((Math.max(...completedAt) - startedMs) / 1000)} s`,
  );
});

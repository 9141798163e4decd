import { setTimeout as delay } from 'node:timers/promises';
import { createCompanySeed } from '../../sandbox';
import { type ConfiguredLimit, ratePerSecond } from '../../src/budget';
import { apiTaskQueue } from '../../src/request/names';
import { describeQueue, setQueueRate } from '../../src/temporal/queue-rate';
import { createBudgetKeeper } from '../../src/worker/budget-keeper';
import { until } from '../support/patience';
import { expectHonestCounts, runToEnd } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const NOW_MS = Date.now();
const SMALL = ['changed', 'lifted', 'lowered', 'raised', 'limited'];
const EMAIL = 'zoe.nunez@example.com';
const SHARE = 0.75;
/** Above the time between two requests of one process that do not see each other's answer. */
const UNDER_WAY_MS = 1_000;
/** That a 429 asks for. */
const PAUSE_MS = 7_000;

let service: TestService;
beforeAll(async () => {
  const companies = [
    ...SMALL.map((name, seed) => createCompanySeed({ name, seed, contacts: 20, calls: 170, now: NOW_MS })),
    createCompanySeed({ name: 'busy', seed: 9, contacts: 20, calls: 5_000, now: NOW_MS }),
  ];
  service = await startTestService({ sandbox: { companies }, company: 'busy' });
});
afterAll(async () => service.stop());

const queueOf = (connection: string) => ({
  connection: service.temporal.connection,
  namespace: 'default',
  taskQueue: apiTaskQueue(service.taskQueue, connection),
});
const rateOf = async (connection: string) => (await describeQueue(queueOf(connection))).rate;
const rateFor = (limitPerMinute: number) => Math.fround(ratePerSecond({ limitPerMinute, share: SHARE }, 1));

async function untilRateIs(connection: string, limitPerMinute: number): Promise<void> {
  const expected = rateFor(limitPerMinute);
  await until(
    `the queue has the rate of ${limitPerMinute} a minute`,
    async () => (await rateOf(connection)) === expected,
  );
}

async function setLimit(connection: string, limitPerMinute: ConfiguredLimit): Promise<void> {
  const stored = await service.connections.get(connection);
  if (stored === undefined) throw new Error('the connection is not in the vault');
  await service.connections.put({ ...stored.value, limitPerMinute }, stored.version);
}

const servingAt = (connection: string, limitPerMinute: number) => {
  const rate = ratePerSecond({ limitPerMinute, share: SHARE }, 1);
  return `connection ${connection}: serving at ${rate.toFixed(4)} API requests a second`;
};

describe('the rate of a queue', () => {
  it('is set on the server, and set again where the budget changes', async () => {
    const connection = await service.connectCompany('changed');
    await untilRateIs(connection, 10_000);
    await setLimit(connection, 60);
    await untilRateIs(connection, 60);
    await until('the worker asks for it too', () => service.log.includes(servingAt(connection, 60)));
    expect(service.log.filter(line => line.startsWith(`connection ${connection}: somebody`))).toEqual([]);
  });

  it('is set right and told where somebody else lifts it', async () => {
    const connection = await service.connectCompany('lifted');
    await untilRateIs(connection, 10_000);
    await setQueueRate(queueOf(connection), 1_000);
    await untilRateIs(connection, 10_000);
    await until('it is told', () =>
      service.log.some(line =>
        line.startsWith(`connection ${connection}: somebody set the limit of its queue to 1000.0000`),
      ),
    );
  });
});

describe('the keeper of budgets', () => {
  it('sets a budget that came while the one before it was being set, and one that comes later', async () => {
    const log: string[] = [];
    const keeper = createBudgetKeeper(({ message }) => log.push(message));
    const queue = queueOf('hurried');
    keeper.keep('hurried', queue, 1);
    keeper.keep('hurried', queue, 2);
    await until('the second is set', async () => (await rateOf('hurried')) === 2);
    keeper.keep('another', queueOf('another'), 4);
    await until('it is done with the first', async () => (await rateOf('another')) === 4);
    keeper.keep('hurried', queue, 3);
    await until('the third is set', async () => (await rateOf('hurried')) === 3);
    await keeper.stop();
    expect(log).toEqual([]);
  });

  it('sets none of a connection that it is to forget, and none once it has stopped', async () => {
    const keeper = createBudgetKeeper(() => {});
    for (const name of ['first', 'forgotten', 'last']) keeper.keep(name, queueOf(name), 1);
    keeper.forget('forgotten');
    await until('the last is set', async () => (await rateOf('last')) === 1);
    for (const name of ['under-way', 'not-begun']) keeper.keep(name, queueOf(name), 1);
    await keeper.stop();
    keeper.keep('too-late', queueOf('too-late'), 1);
    for (const name of ['forgotten', 'not-begun', 'too-late']) expect(await rateOf(name)).toBeUndefined();
  });
});

describe('a 429 that names another limit', () => {
  it.each<[string, ConfiguredLimit, number, number]>([
    ['lowered', 600, 120, 120],
    ['raised', 'auto', 240, 240],
  ])('has %s the budget at once: configured %p, named %d', async (name, configured, named, inForce) => {
    const connection = await service.connectCompany(name);
    await setLimit(connection, configured);
    await untilRateIs(connection, configured === 'auto' ? 60 : configured);
    const headers = { 'X-AircallApi-Limit': String(named), 'Retry-After': '1' };
    service.sandbox.setFaults({ rules: [{ company: name, requests: 1, action: 'status', status: 429, headers }] });
    const ended = await runToEnd(service, service.sandbox.company(name), () =>
      service.client.start('access', { requestId: name, connection, subject: { email: EMAIL } }),
    );
    expect(ended.result.status).toBe('completed');
    await expectHonestCounts(service, ended);
    expect(await service.connections.rateLimits(connection)).toMatchObject({ count: 1, namedPerMinute: named });
    await untilRateIs(connection, inForce);
    await until('the worker asks for it too', () => service.log.includes(servingAt(connection, inForce)));
  });
});

it('after a 429 no process asks more than once before the reset, and everything completes', async () => {
  const company = service.sandbox.company('limited');
  const connection = await service.connectCompany('limited');
  await setLimit(connection, 240);
  await untilRateIs(connection, 240);
  const headers = { 'Retry-After': String(PAUSE_MS / 1_000) };
  service.sandbox.setFaults({ rules: [{ company: 'limited', action: 'status', status: 429, headers }] });
  let first = 0;
  const results = await service.withAnotherWorker(async () => {
    const started = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        service.client.start('access', { requestId: `limited-${index}`, connection, subject: { email: EMAIL } }),
      ),
    );
    await until('the limit is hit', () => company.requests().length > 0);
    first = company.requests()[0]?.at ?? 0;
    await delay(first + PAUSE_MS - Date.now()); // the pause is real
    service.sandbox.setFaults(undefined);
    return Promise.all(started.map(({ workflowId }) => service.client.result(workflowId)));
  });
  expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['completed']));
  const early = company.requests().filter(({ at }) => at < first + PAUSE_MS);
  // What was under way when the first answer came is not counted; the other process may then ask once itself.
  expect(early.filter(({ at }) => at > first + UNDER_WAY_MS).length).toBeLessThanOrEqual(1);
  expect(results.reduce((sum, { apiRequests }) => sum + apiRequests, 0)).toBe(company.requests().length);
});

describe('beside a request that lists all calls of the company', () => {
  it.each([
    ['a small access request', 'access'],
    ['a deletion', 'deletion'],
  ] as const)('%s is not kept waiting', async (_, kind) => {
    const { client, company, connection } = service;
    await setLimit(connection, 400);
    await untilRateIs(connection, 400);
    const subject = { email: EMAIL };
    const other = { email: 'tomas.obriain@example.net' };
    const long = await client.start('access', {
      requestId: `long-${kind}`,
      connection,
      subject: other,
      calls: 'company',
    });
    const before = company.requests().length;
    await until('its pages fill the queue', () => company.requests().length > before + 4);
    const common = { requestId: `small-${kind}`, connection, subject };
    const small = await client.start(kind, kind === 'deletion' ? { ...common, settleSeconds: 0 } : common);
    expect((await client.result(small.workflowId)).status).toBe('completed');
    await client.cancel(long.workflowId);
    await client.result(long.workflowId);
    // Sixteen pages wait at any time; while a step of the small request waits, hardly one of them passes.
    const pages = company.requests().filter(({ path }) => path === '/v1/calls');
    const passed = (await waitsOf(small.workflowId)).map(
      ({ fromMs, toMs }) => pages.filter(({ at }) => at > fromMs && at < toMs).length,
    );
    expect(passed.length).toBeGreaterThan(2);
    expect(Math.max(...passed)).toBeLessThanOrEqual(3);
  });
});

describe('beside a batch', () => {
  /** More than a worker polls for at once. */
  const BATCH = 20;
  const people = Array.from({ length: BATCH }, (_, index) => ({ email: `batch-${index}@example.org` }));
  const startBatch = (connection: string, prefix: string) =>
    Promise.all(
      people.map((subject, index) =>
        service.client.start('access', { requestId: `${prefix}-${index}`, connection, subject, priority: 'batch' }),
      ),
    );

  it('a small access request and a deletion go first, though all of the batch waits before them', async () => {
    const { client, company, connection } = service;
    await setLimit(connection, 120);
    await untilRateIs(connection, 120);
    const before = company.requests().length;
    const all = await startBatch(connection, 'behind');
    await until('its steps fill the queue', () => company.requests().length > before + 2);
    const common = { requestId: 'before', connection };
    const singles = [
      await client.start('access', { ...common, subject: { email: 'tomas.obriain@example.net' } }),
      await client.start('deletion', { ...common, subject: { email: 'nobody@example.org' }, settleSeconds: 0 }),
    ];
    for (const { workflowId } of singles) await client.result(workflowId);
    await setLimit(connection, 10_000);
    const results = await Promise.all(all.map(({ workflowId }) => client.result(workflowId)));
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['no-match']));
    const searched = company.requests().filter(({ query }) => query.email?.startsWith('batch-'));
    for (const { workflowId } of singles) {
      const waits = await waitsOf(workflowId);
      const passed = waits.map(({ fromMs, toMs }) => searched.filter(({ at }) => at > fromMs && at < toMs).length);
      expect(passed.length).toBeGreaterThan(0);
      expect(Math.max(...passed)).toBeLessThanOrEqual(2);
      const lastMs = Math.max(...waits.map(({ toMs }) => toMs));
      expect(searched.filter(({ at }) => at > lastMs).length).toBeGreaterThan(0); // it never waited alone
    }
  });

  it('a single request is taken up first, though it came last, where no worker was there', async () => {
    const { client, connection } = service;
    await setLimit(connection, 10_000);
    await untilRateIs(connection, 10_000);
    const [all, single] = await service.withoutWorker(
      async () =>
        [
          await startBatch(connection, 'waiting'),
          await client.start('access', { requestId: 'single', connection, subject: { email: EMAIL } }),
        ] as const,
    );
    await Promise.all([...all, single].map(({ workflowId }) => client.result(workflowId)));
    const singleMs = await takenUpMs(single.workflowId);
    const batchMs = await Promise.all(all.map(({ workflowId }) => takenUpMs(workflowId)));
    // Each poll of the worker may have taken one up at the same moment.
    expect(batchMs.filter(atMs => atMs < singleMs).length).toBeLessThanOrEqual(10);
  });
});

/** When a worker took up a run, on the server's clock. */
async function takenUpMs(workflowId: string): Promise<number> {
  const { events } = await service.temporal.workflow.getHandle(workflowId).fetchHistory();
  const first = events?.find(event => event.workflowTaskStartedEventAttributes);
  return Number(first?.eventTime?.seconds ?? 0) * 1_000 + (first?.eventTime?.nanos ?? 0) / 1e6;
}

/** How long each API step of a request waited in its queue. */
async function waitsOf(workflowId: string): Promise<{ readonly fromMs: number; readonly toMs: number }[]> {
  const { events } = await service.temporal.workflow.getHandle(workflowId).fetchHistory();
  const scheduledMs = new Map<string, number>();
  return (events ?? []).flatMap(event => {
    const atMs = Number(event.eventTime?.seconds ?? 0) * 1_000 + (event.eventTime?.nanos ?? 0) / 1e6;
    const queue = event.activityTaskScheduledEventAttributes?.taskQueue?.name;
    if (queue?.includes('/')) scheduledMs.set(String(event.eventId), atMs);
    const fromMs = scheduledMs.get(String(event.activityTaskStartedEventAttributes?.scheduledEventId));
    return fromMs === undefined ? [] : [{ fromMs, toMs: atMs }];
  });
}

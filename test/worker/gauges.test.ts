/** The gauges of connections: which cause holds one, and zeros of one that is gone. */
import type { Connection } from '../../src/vault/connections';
import { createConnectionWorkers } from '../../src/worker/connection-workers';
import { createGauges } from '../../src/worker/gauges';

const CONNECTION: Connection = {
  name: 'acme',
  baseUrl: 'https://api.aircall.io/v1',
  limitPerMinute: 60,
  share: 0.75,
  credential: { kind: 'api-key', apiId: 'id', apiToken: 'token' },
  credentialVersion: 1,
  connectedAt: '2026-01-31T12:00:00.000Z',
  incarnation: 1,
};
const SINCE = '2026-01-31T12:00:00.000Z';

const NONE = { running: 0, waiting: 0, dueSoon: 0, overdue: 0 };

function gaugesWithValues(waiting = 0, countOpen = async () => NONE) {
  const values = new Map<string, number>();
  const metrics = {
    add() {},
    set: (name: string, labels: Readonly<Record<string, string>>, value: number) =>
      void values.set([name, ...Object.values(labels)].join(' '), value),
  };
  const gauges = createGauges({
    metrics,
    countWaiting: async () => waiting,
    countOpen,
    countWorkers: async () => 1,
    now: Date.now,
    random: () => 0.5,
  });
  return { gauges, value: (...name: string[]) => values.get(name.join(' ')) };
}

test('a connection that is paused and whose credentials are refused is held by its credentials, with its requests', async () => {
  const { gauges, value } = gaugesWithValues(7);
  gauges.seen('acme', { ...CONNECTION, pausedAt: SINCE, refusedAt: SINCE });
  await gauges.count();
  const of = (metric: string) => ['credentials', 'paused'].map(cause => value(metric, 'acme', cause));
  expect(of('aircall_dsr_connection_held')).toEqual([1, 0]);
  expect(of('aircall_dsr_requests_waiting')).toEqual([7, 0]);
  gauges.seen('acme', { ...CONNECTION, pausedAt: SINCE });
  await gauges.count();
  expect(of('aircall_dsr_connection_held')).toEqual([0, 1]);
  expect(of('aircall_dsr_requests_waiting')).toEqual([0, 7]);
});

test('a connection that is deleted has neither budget, backlog nor waiting requests', async () => {
  const { gauges, value } = gaugesWithValues(7);
  const shown = [
    'aircall_dsr_budget_configured_per_minute',
    'aircall_dsr_budget_effective_per_minute',
    'aircall_dsr_backlog_steps',
    'aircall_dsr_backlog_age_seconds',
  ];
  gauges.seen('acme', { ...CONNECTION, pausedAt: SINCE });
  gauges.budget('acme', { ratePerSecond: 0.75, queueRate: 0.75 });
  gauges.queue('acme', { rate: 0.75, backlog: 12, oldestSeconds: 34, served: true });
  await gauges.count();
  expect(shown.map(name => value(name, 'acme'))).toEqual([45, 45, 12, 34]);
  gauges.seen('acme', undefined);
  await gauges.count();
  expect(shown.map(name => value(name, 'acme'))).toEqual([0, 0, 0, 0]);
  expect(value('aircall_dsr_connection_held', 'acme', 'paused')).toBe(0);
  expect(value('aircall_dsr_requests_waiting', 'acme', 'paused')).toBe(0);
});

test.each(['get', 'rateLimits'])('a connection that is deleted while %s reads it gets no gauges again', async held => {
  const { gauges, value } = gaugesWithValues();
  const readOf = async <T>(name: string, found: T) => {
    if (name === held) await workers.poll(); // finds it deleted
    return found;
  };
  const connections = {
    get: () => readOf('get', { value: CONNECTION, version: '1' }),
    rateLimits: () => readOf('rateLimits', undefined),
    names: async () => [],
    keptNames: async () => [],
  };
  const workflowService = { listTaskQueuePartitions: async () => ({}) };
  const server = { workflowService, withDeadline: async <T>(_: number, work: () => Promise<T>) => work() };
  const workers = createConnectionWorkers({
    connections: connections as never,
    server: server as never,
    namespace: 'default',
    taskQueue: 'queue',
    workerOptions: {},
    permits: { learn() {}, forget() {} },
    watch: gauges,
    renew: async () => {},
    wake: async () => {},
    log() {},
  });
  await workers.checkNow('acme');
  await workers.stop();
  expect(value('aircall_dsr_budget_configured_per_minute', 'acme') ?? 0).toBe(0);
});

test('open requests whose count failed are counted again at the next poll', async () => {
  let counts = 0;
  const { gauges, value } = gaugesWithValues(0, async () => {
    counts += 1;
    if (counts === 1) throw new Error('the server is busy');
    return { ...NONE, running: 3 };
  });
  await expect(gauges.count()).rejects.toThrow('busy');
  await gauges.count();
  expect(value('aircall_dsr_requests_open', 'access', 'running')).toBe(3);
});

/** Numbers that look like chance and are the same in each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

const POLL_MS = 5_000;
const MINUTE_MS = 60_000;
const HELD = 30;

test.each([1, 2, 10, 100])('%i workers together make at most 28 counts in 15 seconds', async workers => {
  let nowMs = 0;
  let isBusy = false;
  const countedAt: number[] = [];
  const counts = async <T>(result: T, calls: number) => {
    countedAt.push(...Array.from({ length: calls }, () => nowMs));
    if (isBusy) throw new Error('the server is busy');
    return result;
  };
  const all = Array.from({ length: workers }, (_, index) => {
    const gauges = createGauges({
      metrics: { add() {}, set() {} },
      countWaiting: () => counts(1, 1),
      countOpen: () => counts(NONE, 4),
      countWorkers: async () => workers,
      now: () => nowMs,
      random: seeded(index * 7_919 + 1),
    });
    for (let held = 0; held < HELD; held += 1)
      gauges.seen(`held-${held}`, { ...CONNECTION, name: `held-${held}`, pausedAt: SINCE });
    return gauges;
  });
  const minutes = 4 * workers;
  for (; nowMs < minutes * MINUTE_MS; nowMs += POLL_MS) {
    isBusy = nowMs > (minutes / 2) * MINUTE_MS;
    for (const gauges of all) await gauges.count().catch(() => {});
  }
  const perMinute = 28 * 4;
  // Each worker may be at the beginning of a round.
  expect(countedAt.length).toBeLessThanOrEqual(perMinute * minutes + 28 * workers);
  expect(countedAt.length).toBeGreaterThan((perMinute * minutes) / 2);
  const first = countedAt.filter(atMs => atMs < MINUTE_MS).length;
  expect(first).toBeLessThanOrEqual(2 * perMinute);
});

/** The gauges of connections: which cause holds one, and zeros of one that is gone. */
import type { Connection } from '../../src/vault/connections';
import { createGauges } from '../../src/worker/gauges';

const CONNECTION: Connection = {
  name: 'acme',
  baseUrl: 'https://api.aircall.io/v1',
  limitPerMinute: 60,
  share: 0.75,
  credential: { kind: 'api-key', apiId: 'id', apiToken: 'token' },
  credentialVersion: 1,
  connectedAt: '2026-01-31T12:00:00.000Z',
};
const SINCE = '2026-01-31T12:00:00.000Z';

function gaugesWithValues(waiting = 0) {
  const values = new Map<string, number>();
  const metrics = {
    add() {},
    set: (name: string, labels: Readonly<Record<string, string>>, value: number) =>
      void values.set([name, ...Object.values(labels)].join(' '), value),
  };
  const none = { running: 0, waiting: 0, dueSoon: 0, overdue: 0 };
  const gauges = createGauges({ metrics, countWaiting: async () => waiting, countOpen: async () => none });
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
  gauges.budget('acme', 0.75);
  gauges.queue('acme', { rate: 0.75, backlog: 12, oldestSeconds: 34, served: true });
  await gauges.count();
  expect(shown.map(name => value(name, 'acme'))).toEqual([45, 45, 12, 34]);
  gauges.seen('acme', undefined);
  await gauges.count();
  expect(shown.map(name => value(name, 'acme'))).toEqual([0, 0, 0, 0]);
  expect(value('aircall_dsr_connection_held', 'acme', 'paused')).toBe(0);
  expect(value('aircall_dsr_requests_waiting', 'acme', 'paused')).toBe(0);
});

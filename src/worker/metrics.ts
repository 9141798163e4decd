/**
 * The metrics of a worker for Prometheus: the one place for the names, labels and help texts of our metrics. A label is the name of
 * a connection or one of a closed list; nothing of a person, and no id of a request, is ever one.
 */
import type { MetricMeter } from '@temporalio/common';
import type { Answer } from '../activities/api-step';
import { ALARMS } from '../request/clock';
import { ENDED_STATUSES } from '../request/endings';
import { KINDS } from '../request/names';

/** A label that has one value for each connection of the vault. */
export const CONNECTION = 'connection';
/** Why a connection is held: Aircall refuses its credentials, or an operator paused it. */
export const CAUSES = ['credentials', 'paused'] as const;
const ANSWERS = [
  ...['ok', 'rate-limited', 'unauthorized', 'forbidden', 'not-found', 'rejected', 'redirected'],
  ...['unavailable', 'unreachable', 'timed-out', 'unexpected-reply', 'reply-too-large'],
] as const satisfies readonly Answer[];

/** The value of the service is the sum over its workers. */
const OWN = 'Of this worker: sum over workers.';
/** Read from the server or the vault, which all workers share. */
const SHARED = 'The same from each worker: max over workers.';

export const METRICS = {
  aircall_dsr_api_requests_total: {
    kind: 'counter',
    labels: { connection: CONNECTION, answer: ANSWERS },
    help: `API requests sent to Aircall, by answer: ok, or a code of docs/errors.md (rate-limited is a 429). ${OWN}`,
  },
  aircall_dsr_requests_ended_total: {
    kind: 'counter',
    labels: { kind: KINDS, status: ENDED_STATUSES },
    help: `Requests that ended with their last step, by status; not those that were terminated or refused at once. ${OWN}`,
  },
  aircall_dsr_deletions_residual_total: {
    kind: 'counter',
    labels: { connection: CONNECTION },
    help: `Deletions that ended although the verifying search still found something. ${OWN}`,
  },
  aircall_dsr_alarms_total: {
    kind: 'counter',
    labels: { kind: KINDS, alarm: ALARMS },
    help: `Due dates of open requests that came near (due-soon) or passed (overdue). ${OWN}`,
  },
  aircall_dsr_retention_left_total: {
    kind: 'counter',
    labels: {},
    help: `Items that a retention sweep could not do: requests without evidence, data that was not destroyed. ${OWN}`,
  },
  aircall_dsr_budget_configured_per_minute: {
    kind: 'gauge',
    labels: { connection: CONNECTION },
    help: `API requests a minute that limit and share allow. ${SHARED}`,
  },
  aircall_dsr_budget_effective_per_minute: {
    kind: 'gauge',
    labels: { connection: CONNECTION },
    help: `API requests a minute that the Temporal server dispatches at most, at the last check. ${SHARED}`,
  },
  aircall_dsr_backlog_steps: {
    kind: 'gauge',
    labels: { connection: CONNECTION },
    help: `Steps that wait for the budget of their connection, approximately. ${SHARED}`,
  },
  aircall_dsr_backlog_age_seconds: {
    kind: 'gauge',
    labels: { connection: CONNECTION },
    help: `How long the oldest of these steps has waited. ${SHARED}`,
  },
  aircall_dsr_connection_held: {
    kind: 'gauge',
    labels: { connection: CONNECTION, cause: CAUSES },
    help: `1 while a connection sends nothing: Aircall refuses its credentials, or it is paused. ${SHARED}`,
  },
  aircall_dsr_requests_waiting: {
    kind: 'gauge',
    labels: { connection: CONNECTION, cause: CAUSES },
    help: `Requests that wait until their connection is connected again (credentials) or resumed (paused). ${SHARED}`,
  },
  aircall_dsr_requests_open: {
    kind: 'gauge',
    labels: { kind: KINDS, status: ['running', 'waiting'] },
    help: `Requests that are open, by status. ${SHARED}`,
  },
  aircall_dsr_requests_due_soon: {
    kind: 'gauge',
    labels: { kind: KINDS },
    help: `Open requests whose legal due date is within 7 days. ${SHARED}`,
  },
  aircall_dsr_requests_overdue: {
    kind: 'gauge',
    labels: { kind: KINDS },
    help: `Open requests whose legal due date has passed. ${SHARED}`,
  },
  aircall_dsr_worker_ready: {
    kind: 'gauge',
    labels: {},
    help: 'Whether this worker works: 1, or 0 if /readyz names a problem.',
  },
} as const satisfies Record<string, Metric>;

interface Metric {
  readonly kind: 'counter' | 'gauge';
  readonly labels: Readonly<Record<string, typeof CONNECTION | readonly string[]>>;
  readonly help: string;
}

type Name = keyof typeof METRICS;
type NameOf<K extends Metric['kind']> = { [N in Name]: (typeof METRICS)[N]['kind'] extends K ? N : never }[Name];
type ValueOf<L> = L extends readonly (infer V extends string)[] ? V : string;
type Labels<N extends Name> = {
  readonly [L in keyof (typeof METRICS)[N]['labels']]: ValueOf<(typeof METRICS)[N]['labels'][L]>;
};

export interface Metrics {
  /** With 0, so that Prometheus sees the next value as an increase and not as a first sample. */
  add<N extends NameOf<'counter'>>(name: N, labels: Labels<N>, by: number): void;
  set<N extends NameOf<'gauge'>>(name: N, labels: Labels<N>, value: number): void;
}

/** Create once for a meter. Counters of closed labels begin at 0. */
export function createMetrics(meter: MetricMeter): Metrics {
  const counters = new Map<string, ReturnType<MetricMeter['createCounter']>>();
  const gauges = new Map<string, ReturnType<MetricMeter['createGauge']>>();
  for (const [name, { kind, help }] of Object.entries(METRICS)) {
    // The exporter adds the ending of counters.
    if (kind === 'counter') counters.set(name, meter.createCounter(name.replace(/_total$/, ''), undefined, help));
    else gauges.set(name, meter.createGauge(name, 'float', undefined, help));
  }
  const metrics: Metrics = {
    add: (name, labels, by) => counters.get(name)?.add(by, labels),
    set: (name, labels, value) => gauges.get(name)?.set(value, labels),
  };
  metrics.add('aircall_dsr_retention_left_total', {}, 0);
  for (const kind of KINDS) {
    for (const status of ENDED_STATUSES) metrics.add('aircall_dsr_requests_ended_total', { kind, status }, 0);
    for (const alarm of ALARMS) metrics.add('aircall_dsr_alarms_total', { kind, alarm }, 0);
  }
  return metrics;
}

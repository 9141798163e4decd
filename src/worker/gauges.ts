/**
 * The metrics of a worker about connections and open requests. Budgets and queues are counted when the worker reads
 * them anyway; requests are counted by the server, at most 28 counts in 15 seconds, however many connections and requests
 * there are. A connection that is deleted, or no longer held, counts as 0.
 */
import { perMinute } from '../budget';
import { SOON_MS } from '../request/clock';
import { KINDS, type Kind } from '../request/names';
import type { OpenCounts } from '../temporal/open-requests';
import type { QueueState } from '../temporal/queue-rate';
import type { Connection } from '../vault/connections';
import { CAUSES, type Metrics } from './metrics';

type Cause = (typeof CAUSES)[number];

const COUNT_EVERY_MS = 15_000;
/** Held connections whose requests one poll counts, least recently counted first. */
const WAITING_COUNTED_MAX = 20;

/** Receives each connection that is checked. */
export interface ConnectionWatch {
  /** Undefined: it is deleted. */
  seen(name: string, connection: Connection | undefined): void;
  /** The budget by its limit and share, requests a second. */
  budget(name: string, rate: number): void;
  /** The state of its queue on the server. */
  queue(name: string, state: QueueState): void;
}

export interface Gauges extends ConnectionWatch {
  ready(isReady: boolean): void;
  /** Counts if it is time to. */
  count(): Promise<void>;
}

export interface GaugesOptions {
  readonly metrics: Metrics;
  /** Requests of a connection that wait. */
  readonly countWaiting: (connection: string) => Promise<number>;
  readonly countOpen: (kind: Kind, now: Date, soon: Date) => Promise<OpenCounts>;
}

export function createGauges({ metrics, countWaiting, countOpen }: GaugesOptions): Gauges {
  /** All connections that exist, each with the cause that holds it. */
  const known = new Map<string, Cause | undefined>();
  /** When the requests of each held (or just released) connection were last counted; least recently counted first. */
  const counted = new Map<string, number>();
  let openCountedMs = Number.NEGATIVE_INFINITY;

  function setHeld(connection: string, present: Cause | undefined): void {
    for (const cause of CAUSES)
      metrics.set('aircall_dsr_connection_held', { connection, cause }, cause === present ? 1 : 0);
  }

  async function setWaiting(connection: string): Promise<void> {
    const present = known.get(connection);
    const count = present === undefined ? 0 : await countWaiting(connection);
    for (const cause of CAUSES)
      metrics.set('aircall_dsr_requests_waiting', { connection, cause }, cause === present ? count : 0);
    counted.delete(connection);
    if (present !== undefined) counted.set(connection, Date.now());
  }

  async function setOpen(kind: Kind): Promise<void> {
    const now = new Date();
    const { running, waiting, dueSoon, overdue } = await countOpen(kind, now, new Date(now.getTime() + SOON_MS));
    metrics.set('aircall_dsr_requests_open', { kind, status: 'running' }, running);
    metrics.set('aircall_dsr_requests_open', { kind, status: 'waiting' }, waiting);
    metrics.set('aircall_dsr_requests_due_soon', { kind }, dueSoon);
    metrics.set('aircall_dsr_requests_overdue', { kind }, overdue);
  }

  return {
    seen(name, connection) {
      if (connection === undefined && !known.has(name)) return;
      const cause = causeOf(connection);
      if (!known.has(name)) {
        metrics.add('aircall_dsr_api_requests_total', { connection: name, answer: 'rate-limited' }, 0);
        metrics.add('aircall_dsr_deletions_residual_total', { connection: name }, 0);
      }
      if (!known.has(name) || known.get(name) !== cause) {
        setHeld(name, cause);
        counted.set(name, Number.NEGATIVE_INFINITY); // what changed is counted soon
      }
      known.set(name, cause);
      if (connection !== undefined) return;
      known.delete(name);
      metrics.set('aircall_dsr_budget_configured_per_minute', { connection: name }, 0);
      metrics.set('aircall_dsr_budget_effective_per_minute', { connection: name }, 0);
      metrics.set('aircall_dsr_backlog_steps', { connection: name }, 0);
      metrics.set('aircall_dsr_backlog_age_seconds', { connection: name }, 0);
    },
    budget(name, rate) {
      metrics.set('aircall_dsr_budget_configured_per_minute', { connection: name }, perMinute(rate));
    },
    queue(name, { rate, backlog, oldestSeconds }) {
      if (rate !== undefined)
        metrics.set('aircall_dsr_budget_effective_per_minute', { connection: name }, perMinute(rate));
      metrics.set('aircall_dsr_backlog_steps', { connection: name }, backlog);
      metrics.set('aircall_dsr_backlog_age_seconds', { connection: name }, oldestSeconds);
    },
    ready(isReady) {
      metrics.set('aircall_dsr_worker_ready', {}, isReady ? 1 : 0);
    },
    async count() {
      const dueBefore = Date.now() - COUNT_EVERY_MS;
      const due = [...counted].filter(([, countedMs]) => countedMs < dueBefore).sort(([, a], [, b]) => a - b);
      for (const [name] of due.slice(0, WAITING_COUNTED_MAX)) await setWaiting(name);
      if (Date.now() - openCountedMs < COUNT_EVERY_MS) return;
      for (const kind of KINDS) await setOpen(kind);
      openCountedMs = Date.now();
    },
  };
}

function causeOf(connection: Connection | undefined): Cause | undefined {
  if (connection?.refusedAt !== undefined) return 'credentials';
  return connection?.pausedAt === undefined ? undefined : 'paused';
}

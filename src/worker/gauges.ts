/**
 * The metrics of a worker about connections and open requests. Budgets and queues are counted when the worker reads
 * them anyway; requests are counted by the server, at most 28 counts in 15 seconds of all workers together, however many
 * workers, connections and requests there are. A connection that is deleted, or no longer held, counts as 0.
 */
import { inForce, type Pace, perMinute } from '../budget';
import { SOON_MS } from '../request/clock';
import { KINDS, type Kind } from '../request/names';
import type { OpenCounts } from '../temporal/open-requests';
import type { QueueState } from '../temporal/queue-rate';
import type { Connection } from '../vault/connections';
import { CAUSES, type Metrics } from './metrics';

type Cause = (typeof CAUSES)[number];

/** The time of a round of counts. Of several workers each makes its rounds so many times more rarely. */
const COUNT_EVERY_MS = 15_000;
const COUNTS_PER_ROUND = 28;
/** Of the open requests of a kind. The rest of a round is for connections that are held, least recently counted first. */
const COUNTS_PER_KIND = 4;

/** Receives each connection that is checked. */
export interface ConnectionWatch {
  /** Undefined: it is deleted. */
  seen(name: string, connection: Connection | undefined): void;
  /** The budget by its limit, share and partitions. */
  budget(name: string, pace: Pace): void;
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
  /** All workers of the service, this one too. */
  readonly countWorkers: () => Promise<number>;
  /** UNIX ms. */
  readonly now: () => number;
  /** 0 to 1: workers that start together do not count together. */
  readonly random: () => number;
}

export function createGauges(options: GaugesOptions): Gauges {
  const { metrics, countWaiting, countOpen, countWorkers, now, random } = options;
  /** All connections that exist, each with the cause that holds it. */
  const known = new Map<string, Cause | undefined>();
  const paces = new Map<string, Pace>();
  /** When the requests of each held (or just released) connection were last counted; least recently counted first. */
  const counted = new Map<string, number>();
  let nextRoundMs: number | undefined;
  let roundMs = COUNT_EVERY_MS;
  /** Counts that are left of the round. */
  let left = 0;
  /** Kinds whose open requests are to be counted in this round. */
  let uncounted: readonly Kind[] = [];

  function setHeld(connection: string, present: Cause | undefined): void {
    for (const cause of CAUSES)
      metrics.set('aircall_dsr_connection_held', { connection, cause }, cause === present ? 1 : 0);
  }

  async function setWaiting(connection: string): Promise<void> {
    const present = known.get(connection);
    if (present !== undefined) left -= 1;
    const count = present === undefined ? 0 : await countWaiting(connection);
    for (const cause of CAUSES)
      metrics.set('aircall_dsr_requests_waiting', { connection, cause }, cause === present ? count : 0);
    counted.delete(connection);
    if (present !== undefined) counted.set(connection, now());
  }

  async function beginRound(): Promise<void> {
    if (nextRoundMs !== undefined && now() < nextRoundMs) return;
    roundMs = COUNT_EVERY_MS * (await countWorkers());
    // The first round comes at any time within one: with a single worker at once.
    nextRoundMs ??= now() + random() * (roundMs - COUNT_EVERY_MS);
    if (now() < nextRoundMs) return;
    nextRoundMs = now() + roundMs;
    left = COUNTS_PER_ROUND;
    uncounted = KINDS;
  }

  async function setOpen(kind: Kind): Promise<void> {
    left -= COUNTS_PER_KIND;
    const { running, waiting, dueSoon, overdue } = await countOpen(kind, new Date(now()), new Date(now() + SOON_MS));
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
      paces.delete(name);
      metrics.set('aircall_dsr_budget_configured_per_minute', { connection: name }, 0);
      metrics.set('aircall_dsr_budget_effective_per_minute', { connection: name }, 0);
      metrics.set('aircall_dsr_backlog_steps', { connection: name }, 0);
      metrics.set('aircall_dsr_backlog_age_seconds', { connection: name }, 0);
    },
    budget(name, pace) {
      paces.set(name, pace);
      metrics.set('aircall_dsr_budget_configured_per_minute', { connection: name }, perMinute(pace.ratePerSecond));
    },
    queue(name, { rate, backlog, oldestSeconds }) {
      if (rate !== undefined)
        metrics.set(
          'aircall_dsr_budget_effective_per_minute',
          { connection: name },
          perMinute(inForce(rate, paces.get(name))),
        );
      metrics.set('aircall_dsr_backlog_steps', { connection: name }, backlog);
      metrics.set('aircall_dsr_backlog_age_seconds', { connection: name }, oldestSeconds);
    },
    ready(isReady) {
      metrics.set('aircall_dsr_worker_ready', {}, isReady ? 1 : 0);
    },
    async count() {
      await beginRound();
      while (uncounted[0] !== undefined && left >= COUNTS_PER_KIND) {
        await setOpen(uncounted[0]);
        uncounted = uncounted.slice(1);
      }
      const dueBefore = now() - roundMs;
      const due = [...counted].filter(([, countedMs]) => countedMs < dueBefore).sort(([, a], [, b]) => a - b);
      for (const [name] of due) if (left > 0 || known.get(name) === undefined) await setWaiting(name);
    },
  };
}

function causeOf(connection: Connection | undefined): Cause | undefined {
  if (connection?.refusedAt !== undefined) return 'credentials';
  return connection?.pausedAt === undefined ? undefined : 'paused';
}

/**
 * A company's API budget: how many requests a second its task queue may dispatch. The one place where limit, share and
 * partitions become a rate; it must never let any 60 seconds hold more than 80 % of the limit.
 * Facts: docs/temporal.md 1 (one second of burst per partition); docs/aircall.md 3 (only a 429 names the limit). Pure.
 */

const BURST_SECONDS = 1;
/** Jitter: two requests may arrive closer together than they were dispatched, by so much. Without it a limit of 8 was exceeded. */
const JITTER_SECONDS = 1;
/** Steps that each partition may dispatch for each permit, so that one is there when a permit is. With one, a third of them was lost. */
const ATTEMPTS_PER_PERMIT = 4;
const WORST_MINUTE_SECONDS = 60 + BURST_SECONDS + JITTER_SECONDS;

export const LIMIT_PER_MINUTE_DEFAULT = 60;
export const LIMIT_PER_MINUTE_MAX = 10_000;
export const SHARE_DEFAULT = 0.75;
export const SHARE_MAX = 0.8;

/** `auto`: the limit that the last 429 of the company named. */
export type ConfiguredLimit = number | 'auto';

export interface Budget {
  /** Requests a minute that the company allows; 1 to 10,000. */
  readonly limitPerMinute: number;
  /** The part of it that we may use; above 0, at most 0.8. */
  readonly share: number;
}

/** The limit in force: the configured one, or a lower one that Aircall `named`. Bounded in any case. */
export function limitInForce(configured: ConfiguredLimit, named: number | undefined): number {
  const ceiling = configured === 'auto' ? LIMIT_PER_MINUTE_MAX : configured;
  if (named === undefined) return configured === 'auto' ? LIMIT_PER_MINUTE_DEFAULT : configured;
  return Math.min(Math.max(1, Math.floor(named)), ceiling);
}

/** A rate for display: requests a minute, rounded to hundredths. */
export function perMinute(ratePerSecond: number): number {
  return Math.round(ratePerSecond * 6000) / 100;
}

/** The most requests of a queue of `partitions` at `ratePerSecond` that arrive in any 60 seconds. */
export function mostPerMinute(ratePerSecond: number, partitions: number): number {
  return partitions * (Math.floor((WORST_MINUTE_SECONDS * ratePerSecond) / partitions) + 1);
}

/** The same of requests that leave at least `everySeconds` after each other, whatever the queue does. */
export function mostSpacedPerMinute(everySeconds: number): number {
  return Math.floor((60 + JITTER_SECONDS) / everySeconds) + 1;
}

/** How the queue of a connection keeps a budget. */
export interface Pace {
  /** API requests a second, on average at most. */
  readonly ratePerSecond: number;
  /** Steps a second that the queue may dispatch. */
  readonly queueRate: number;
  /**
   * Each API request also needs a permit, of which there is one in so many seconds: each partition alone dispatches a first
   * step at any time, and together they could exceed the limit. Undefined: the queue alone keeps the budget.
   */
  readonly permitEverySeconds?: number;
}

/**
 * The fastest way to keep the worst minute within 80 % of the limit, and the average within the share. Where a minute has fewer
 * than two requests for each partition, permits lose nothing and the queue alone would lose much, or would keep no limit at all.
 */
export function paceOf(budget: Budget, partitions: number): Pace {
  const alone = queueRate(budget, partitions);
  const spaced = queueRate(budget, 1);
  if (alone === spaced || worstMinuteMax(budget) >= 2 * partitions) return { ratePerSecond: alone, queueRate: alone };
  const queueRateWithPermits = spaced * partitions * ATTEMPTS_PER_PERMIT;
  return { ratePerSecond: spaced, queueRate: queueRateWithPermits, permitEverySeconds: 1 / spaced };
}

/** API requests a second that a queue with this rate on the server can bring. */
export function inForce(queueRate: number, pace: Pace | undefined): number {
  return pace?.permitEverySeconds === undefined ? queueRate : Math.min(queueRate, pace.ratePerSecond);
}

/** API requests a second, on average at most. */
export function ratePerSecond(budget: Budget, partitions: number): number {
  return paceOf(budget, partitions).ratePerSecond;
}

/** API requests an hour of a queue of one partition, on average at most: those of all requests of the company together. */
export function requestsPerHour(budget: Budget): number {
  return ratePerSecond(budget, 1) * 3_600;
}

/** The largest rate at which the queue alone keeps both bounds; 0 if there is none. */
function queueRate(budget: Budget, partitions: number): number {
  const perPartition = Math.floor(worstMinuteMax(budget) / partitions);
  // Strictly below the rate at which a partition would fit one more; float32 on the wire, hence the margin.
  const burstBound = ((perPartition * partitions) / WORST_MINUTE_SECONDS) * (1 - 1e-6);
  return Math.min((budget.limitPerMinute * budget.share) / 60, burstBound);
}

function worstMinuteMax({ limitPerMinute }: Budget): number {
  return Math.max(1, Math.floor(0.8 * limitPerMinute));
}

/**
 * A company's API budget: how many requests a second its task queue may dispatch. The one place where limit, share and
 * partitions become a rate; it must never let any 60 seconds hold more than 80 % of the limit.
 * Facts: docs/temporal.md 1 (one second of burst per partition); docs/aircall.md 3 (only a 429 names the limit). Pure.
 */

const BURST_SECONDS = 1;
/** Jitter: two requests may arrive closer together than they were dispatched, by so much. Without it a limit of 8 was exceeded. */
const JITTER_SECONDS = 1;
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

export class LimitTooLow extends RangeError {
  override readonly name = 'LimitTooLow';
}

/**
 * The largest rate within the share whose worst minute stays within 80 % of the limit.
 * @throws {LimitTooLow} if no rate can: more partitions than requests in the worst minute.
 */
export function ratePerSecond({ limitPerMinute, share }: Budget, partitions: number): number {
  const worstMinuteMax = Math.max(1, Math.floor(0.8 * limitPerMinute));
  const perPartition = Math.floor(worstMinuteMax / partitions);
  if (perPartition < 1) {
    throw new LimitTooLow(
      `a limit of ${limitPerMinute} a minute cannot be kept by a queue of ${partitions} partitions`,
    );
  }
  // Strictly below the rate at which a partition would fit one more; float32 on the wire, hence the margin.
  const burstBound = ((perPartition * partitions) / WORST_MINUTE_SECONDS) * (1 - 1e-6);
  return Math.min((limitPerMinute * share) / 60, burstBound);
}

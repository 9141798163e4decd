/**
 * How often a request may read contacts again before it deletes them, and after which pauses: a contact that Aircall does not let go for
 * weeks must fill neither the queue of its company nor the history of its request. Pure; Workflow-safe.
 */

/** A reading with its deletion takes 15 events, and the server ends a run at 51,200. */
const REREADINGS_MAX = 1_000;
/** Readings that follow at once. */
const AT_ONCE_MAX = 3;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export interface Rereadings {
  /** Whether there was one more. */
  take(): boolean;
}

export function countRereadings(): Rereadings {
  let left = REREADINGS_MAX;
  return {
    take() {
      left -= 1;
      return left >= 0;
    },
  };
}

/** The pause before a contact is read for the n-th time: none at first, then from a minute to a day. */
export function pauseBefore(reading: number): number {
  return reading <= AT_ONCE_MAX ? 0 : Math.min(MINUTE_MS * 2 ** (reading - AT_ONCE_MAX - 1), DAY_MS);
}

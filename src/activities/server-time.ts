/**
 * What this process knows of the server's time, whatever its own clock says: the latest time that the server has put on a
 * step, and what has passed since then. It is never ahead of the server, and behind it by the shortest wait of a step.
 */

export interface ServerTime {
  /** @param atMs a time that the server has put on something, UNIX ms */
  seen(atMs: number): void;
  /** UNIX ms; before anything was seen, minus infinity. */
  atLeastMs(): number;
}

/** @param elapsedMs a clock that nobody sets: it counts from any moment of this process */
export function createServerTime(elapsedMs: () => number): ServerTime {
  let aheadMs = Number.NEGATIVE_INFINITY;
  return {
    seen(atMs) {
      aheadMs = Math.max(aheadMs, atMs - elapsedMs());
    },
    atLeastMs: () => elapsedMs() + aheadMs,
  };
}

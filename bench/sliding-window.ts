/** How crowded a series of moments gets. Pure. */

/** The most of `timesMs`, in any order, that any half-open window of `windowMs` holds. */
export function mostInAnyWindow(timesMs: readonly number[], windowMs: number): number {
  const sorted = timesMs.toSorted((a, b) => a - b);
  let most = 0;
  let from = 0;
  for (const [index, time] of sorted.entries()) {
    while (time - (sorted[from] ?? time) >= windowMs) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

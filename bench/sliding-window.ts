/** How crowded a series of moments gets. Pure. */

/** The most of `timesMs`, in any order, that any half-open window of `windowMs` holds. */
export function mostInAnyWindow(timesMs: readonly number[], windowMs: number): number {
  return windowsEndingAt(timesMs, windowMs).reduce((most, { count }) => Math.max(most, count), 0);
}

/** For each of `timesMs`, in order, how many lie in the window of `windowMs` that ends with it. */
export function windowsEndingAt(
  timesMs: readonly number[],
  windowMs: number,
): readonly { readonly timeMs: number; readonly count: number }[] {
  const sorted = timesMs.toSorted((a, b) => a - b);
  let from = 0;
  return sorted.map((timeMs, index) => {
    while (timeMs - (sorted[from] ?? timeMs) >= windowMs) from += 1;
    return { timeMs, count: index - from + 1 };
  });
}

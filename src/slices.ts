/**
 * Long computations in slices, because a process that serves all companies must not stand still while it makes the package of one. What
 * computes stays pure: it yields where it may pause, and its caller decides whether it does. A slice must take milliseconds.
 */

/** A computation that may pause at each yield. */
export type InSlices<T> = Generator<void, T>;

/** The result, without a pause. */
export function atOnce<T>(slices: InSlices<T>): T {
  for (;;) {
    const slice = slices.next();
    if (slice.done === true) return slice.value;
  }
}

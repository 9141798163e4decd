/** Work on many items, some at a time. Pure; Workflow-safe. */

/** Does `work` for all items, at most `atOnce` side by side, and waits for all started work before it throws. */
export async function sideBySide<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Map<number, R>();
  const errors: unknown[] = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [index, item] of queue) {
      if (errors.length > 0) return;
      try {
        results.set(index, await work(item));
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  if (errors.length > 0) throw errors[0];
  return items.flatMap((_, index) => {
    const result = results.get(index);
    return result === undefined ? [] : [result];
  });
}

/** Does at most so many pieces of work at once; each waits for its turn. */
export function atMost(atOnce: number): <R>(work: () => Promise<R>) => Promise<R> {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  return async work => {
    if (free > 0) free -= 1;
    else await new Promise<void>(resolve => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

/** Yields each item with its result, in order, while the work for at most `atOnce` more items is in progress. */
export async function* ahead<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  atOnce: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<readonly [T, R]> {
  const underWay: Promise<readonly [T, R]>[] = [];
  for await (const item of items) {
    const done = work(item).then(result => [item, result] as const);
    done.catch(() => {}); // thrown when its turn comes
    underWay.push(done);
    const [first] = underWay;
    if (first === undefined || underWay.length <= atOnce) continue;
    underWay.shift();
    yield await first;
  }
  for (const done of underWay) yield await done;
}

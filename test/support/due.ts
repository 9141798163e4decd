/** What is due, as a sweep finds it: by the entries of the vault, the server's list, and the names of all requests. */
import { workflowIdOf } from '../../src/request/names';
import type { Due, RetentionPolicy } from '../../src/retention/retention';
import { createSweep, type Item, type Sweep, type SweepDependencies } from '../../src/retention/sweep';

type Parts = Omit<SweepDependencies, 'policy' | 'log'>;

export interface DueItem {
  readonly item: Item;
  /** `run`: of no request. */
  readonly due: Due | 'unjudged' | 'run';
}

/** The workflow ids of all that is due. @param nowMs the time of the sweep */
export async function idsDue(parts: Parts, policy: RetentionPolicy, nowMs = Date.now()): Promise<string[]> {
  return (await allDue(parts, policy, nowMs)).map(({ item }) => idOf(item));
}

export function idOf(item: Item): string {
  return 'run' in item ? item.run.workflowId : workflowIdOf(item.request);
}

export async function allDue(parts: Parts, policy: RetentionPolicy, nowMs = Date.now()): Promise<DueItem[]> {
  const due = new Map<string, DueItem>();
  const sweep = createSweep({ ...parts, policy, log() {} });
  for (const way of ['ended', 'emptied', 'runs', 'missed'] as const) {
    for await (const item of itemsOf(sweep, way, nowMs)) {
      if (due.has(idOf(item))) continue;
      if ('run' in item) due.set(idOf(item), { item, due: 'run' });
      else {
        const judge = () => parts.retention.judge(policy, nowMs, item.request);
        const what = await judge().then(
          judged => judged.due,
          () => 'unjudged' as const,
        );
        if (what !== undefined) due.set(idOf(item), { item, due: what });
      }
    }
  }
  return [...due.values()];
}

async function* itemsOf(sweep: Sweep, way: Parameters<Sweep['find']>[0], nowMs: number): AsyncIterable<Item> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const { items, next }: Awaited<ReturnType<Sweep['find']>> = await sweep.find(way, nowMs, after);
    yield* items;
    // Nothing notes here how far the walk over all names has come: its first page is enough for these tests.
    after = way === 'missed' ? undefined : next;
  }
}

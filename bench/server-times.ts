/** When runs started and ended, as the server says. */
import type { Client } from '@temporalio/client';

export interface Span {
  /** ms epoch */
  readonly firstStart: number;
  readonly lastEnd: number;
  readonly seconds: number;
}

const DESCRIBED_AT_ONCE = 50;

/** Of runs that have all ended. */
export async function spanOf({ workflow }: Client, workflowIds: readonly string[]): Promise<Span> {
  const starts: number[] = [];
  const ends: number[] = [];
  for (let from = 0; from < workflowIds.length; from += DESCRIBED_AT_ONCE) {
    const some = workflowIds.slice(from, from + DESCRIBED_AT_ONCE);
    for (const { startTime, closeTime } of await Promise.all(some.map(id => workflow.getHandle(id).describe()))) {
      starts.push(startTime.getTime());
      ends.push(closeTime?.getTime() ?? Number.NaN);
    }
  }
  const firstStart = Math.min(...starts);
  const lastEnd = Math.max(...ends);
  return { firstStart, lastEnd, seconds: (lastEnd - firstStart) / 1000 };
}

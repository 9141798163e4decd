/** What is due, in pages as the sweep finds it. */
import { workflowIdOf } from '../../src/request/names';
import type { Due, DueFrom, Retention, RetentionPolicy } from '../../src/retention/retention';

/** The workflow ids of all that is due. @param nowMs the time of the sweep */
export async function idsDue(retention: Retention, policy: RetentionPolicy, nowMs = Date.now()): Promise<string[]> {
  return (await allDue(retention, policy, nowMs)).map(idOf);
}

export function idOf(due: Due): string {
  return due.what === 'run' ? due.run.workflowId : workflowIdOf(due.request);
}

export async function allDue(retention: Retention, policy: RetentionPolicy, nowMs = Date.now()): Promise<Due[]> {
  const due: Due[] = [];
  for (let from: DueFrom | undefined; ; ) {
    const page = await retention.due(policy, nowMs, from);
    due.push(...page.due);
    if (page.next === undefined) return due;
    from = page.next;
  }
}

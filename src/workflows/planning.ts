/**
 * What a request is about to do, once all records are known: its plan, and what the rows come to when people have decided, or nobody
 * was asked. Nothing is delivered or deleted that the plan does not take. Decisions D15, D16.
 */
import type { CaseRef, Decided, MadePlan, People } from '../request/contracts';
import { audioKinds } from '../request/sources';
import type { ListedSource } from './listing';
import type { RequestRun } from './run';

/** Above it, a step over all calls takes longer than a workflow task should. */
const CALLS_QUICK_MAX = 1_000;

/** A plan, and what people decided about it. */
export interface Planned {
  readonly plan: CaseRef;
  readonly approval?: CaseRef;
}

/** Steps that go through all calls of the subject. */
export function stepsFor(run: RequestRun, calls: number) {
  return calls <= CALLS_QUICK_MAX ? run.local : run.bulk;
}

/** Seals the plan, and names it in status and result. Without calls it is about contacts only. */
export async function makePlan(run: RequestRun, { people }: People, calls?: ListedSource): Promise<MadePlan> {
  const { request, include } = run.opened;
  const made = await stepsFor(run, calls?.records ?? 0).makePlan({
    request,
    people,
    ...(calls && { calls: calls.object }),
    audio: audioKinds(include),
  });
  run.findings.planDigest = made.planDigest;
  run.findings.notePlanned(made.doubts);
  return made;
}

/** The rows as they are decided. Those that are kept are in the result from now on. */
export async function decidePlan(run: RequestRun, planned: Planned, rows: number): Promise<Decided> {
  const decided = await stepsFor(run, rows).decidePlan({ request: run.opened.request, ...planned });
  run.findings.noteExceptions(decided.exceptions, { isDone: !run.opened.dryRun });
  return decided;
}

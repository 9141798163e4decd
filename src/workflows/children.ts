/** Parts of a request that run in its own history if they are short, and in a child workflow if they are long. Decision D14. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, uuid4, workflowInfo } from '@temporalio/workflow';
import { type ChildWorkflow, childId } from '../request/names';
import type { Shape } from '../request/shapes';
import { isFrom, unusableResult } from './received';
import type { RequestRun } from './run';
import { ChildBroken, type StepFailure } from './steps';
import type { Fetched } from './workload';

interface Counted {
  readonly apiRequests: number;
  readonly fetched: Fetched;
  readonly broken: StepFailure | undefined;
}

/** Fills a report in the history of the request. Its API requests are counted however that ends, what it fetches at once. */
export async function inRequest<R extends Counted>(
  run: RequestRun,
  report: R,
  fill: (report: R) => Promise<void>,
): Promise<R> {
  try {
    await run.workload.following(report, () => fill(report));
  } finally {
    run.requests.add(report.apiRequests);
  }
  return report;
}

interface Child<R> {
  readonly summary: string;
  readonly reports: Shape<R>;
}

/** The same in a child workflow. @throws {ChildBroken} */
export async function inChild<R extends Counted>(
  run: RequestRun,
  type: ChildWorkflow,
  input: object,
  child: Child<R>,
): Promise<R> {
  const report = await reportOf(String(run.nextChild()), type, input, child);
  run.requests.add(report.apiRequests);
  run.workload.add(report.fetched);
  if (report.broken !== undefined) throw new ChildBroken(report.broken);
  return report;
}

/** The child has another id if one that a reset left running has this one, or a stranger. @param place among the children of the run */
async function reportOf<R>(place: string, type: ChildWorkflow, input: object, child: Child<R>): Promise<R> {
  const workflowId = childId(workflowInfo().workflowId, type, place);
  try {
    const report: unknown = await executeChild(type, {
      args: [{ workflowId, ...input }],
      workflowId,
      staticSummary: child.summary,
    });
    if (!isFrom(workflowId, report) || !child.reports(report)) throw unusableResult(report);
    return report;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError)
      return reportOf(`${place}-${uuid4()}`, type, input, child);
    throw error;
  }
}

/** Starts children of a request. Decision D14. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, uuid4, workflowInfo } from '@temporalio/workflow';
import { type ChildWorkflow, childId } from '../request/names';
import type { Shape } from '../request/shapes';
import { isFrom, unusableResult } from './received';

/**
 * What a child of the present run reports. The child has another id if one that a reset left running has this one, or a stranger.
 * @param place of the child among those of the run
 */
export async function inChild<R>(
  type: ChildWorkflow,
  input: object,
  { place, summary, reports }: { readonly place: string; readonly summary: string; readonly reports: Shape<R> },
): Promise<R> {
  const workflowId = childId(workflowInfo().workflowId, type, place);
  try {
    const report: unknown = await executeChild(type, {
      args: [{ workflowId, ...input }],
      workflowId,
      staticSummary: summary,
    });
    if (!isFrom(workflowId, report) || !reports(report)) throw unusableResult(report);
    return report;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError)
      return inChild(type, input, { place: `${place}-${uuid4()}`, summary, reports });
    throw error;
  }
}

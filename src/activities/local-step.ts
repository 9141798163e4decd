/** Shared by steps: the run and the request that they work for, and the failures of those that use only the vault. */
import { activityInfo } from '@temporalio/activity';
import { KINDS, type Kind, type RequestRef, requestBehind, WORKFLOW_TYPES } from '../request/names';

/** Detail of a failure of a step that sends nothing to Aircall. */
export const NOTHING_SENT = { apiRequests: 0, credentialVersion: 0 } as const;

export function thisRun(): { kind: Kind; workflowId: string } {
  const { workflowExecution, workflowType } = activityInfo();
  const kind = KINDS.find(candidate => WORKFLOW_TYPES[candidate] === workflowType);
  if (workflowExecution === undefined || kind === undefined) throw new RangeError('this step belongs to a request');
  return { kind, workflowId: workflowExecution.workflowId };
}

/** The request that the run of this step works for; undefined if it belongs to none. */
export function requestOfStep(): RequestRef | undefined {
  return requestBehind(activityInfo().workflowExecution?.workflowId ?? '');
}

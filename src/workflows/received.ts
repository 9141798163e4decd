/**
 * What a run receives from outside, and whether it may use it. A payload that anybody with the key may send names in its content the
 * run that it is for or from, so that a copy of it is refused everywhere else. Decision D8.
 */
import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import { requestBehind, workflowIdOf } from '../request/names';

/** The result of a step or child that is not its own, or that nobody can read. */
export class PayloadUnusable extends ApplicationFailure {
  constructor() {
    super('the result of a step was not made by that step, or cannot be read', 'payload-unusable', true);
  }
}

/** Whether a value says that it is for, or from, the run with this id. */
export function isFrom(workflowId: string, value: unknown): value is { readonly workflowId: string } {
  return typeof value === 'object' && value !== null && 'workflowId' in value && value.workflowId === workflowId;
}

/** Ends a run whose input was not made for it, or that its request did not start. Resets of the request are the same request. @throws {ApplicationFailure} `invalid-input` */
export function refuseOrphan(input: unknown): void {
  refuseForeign(input);
  const { workflowId, parent } = workflowInfo();
  const request = requestBehind(workflowId);
  if (request === undefined || parent?.workflowId !== workflowIdOf(request))
    throw ApplicationFailure.nonRetryable('no request started this run', 'invalid-input');
}

/** Ends a run whose input was not made for it. @throws {ApplicationFailure} `invalid-input` */
export function refuseForeign(input: unknown): void {
  if (!isFrom(workflowInfo().workflowId, input))
    throw ApplicationFailure.nonRetryable('the input was not made for this run', 'invalid-input');
}

/**
 * What a run receives from outside, and whether it may use it. A payload that anybody with the key may send names in its content the
 * run that it is for or from, so that a copy of it is refused everywhere else. Decision D8.
 */
import { ApplicationFailure, proxySinks, workflowInfo } from '@temporalio/workflow';
import { UNKNOWN_KEY } from '../request/handling';
import { requestBehind, workflowIdOf } from '../request/names';
import type { Shape } from '../request/shapes';
import { missingKeyOf } from '../unusable';

/** What a worker does for its runs. */
export type RunSinks = {
  readonly keys: {
    /** Reports a key that a request waits for. */
    readonly awaited: (keyId: string) => void;
  };
};

const { keys } = proxySinks<RunSinks>();

/** For so long a run that the vault does not know waits for a key: a key file may be late somewhere. */
const KEY_WITHIN_MS = 900_000;

/** The result of a step or child that is not its own, or that nobody can read. */
export class PayloadUnusable extends ApplicationFailure {
  constructor() {
    super('the result of a step was not made by that step, or cannot be read', 'payload-unusable', true);
  }
}

/** A key is missing here and may come. It is no failure of Temporal's, so the server repeats the task and nothing is recorded. */
export class KeyMissing extends Error {
  override readonly name = 'KeyMissing';
}

/** Repeats the task if a value was encrypted with a key that this worker does not have. @throws {KeyMissing} */
export function awaitKeyOf(value: unknown): void {
  const missing = missingKeyOf(value);
  if (missing === undefined) return;
  if (missing.isAwaited) keys.awaited(missing.keyId);
  throw new KeyMissing('this worker does not have the key of a payload; the task is repeated');
}

/**
 * The first thing that a run does with its input. Its age is the time from its first event to this attempt of the task, both the
 * server's. Not `runStartTime`: for a task that is repeated, the SDK takes the time of that attempt.
 * @throws {KeyMissing} @throws {ApplicationFailure} `unknown-key`: no worker had the key in time, and the vault knows of no
 * such request
 */
export function refuseUnknownKey(input: unknown): void {
  const ageMs = Date.now() - workflowInfo().startTime.getTime();
  if (missingKeyOf(input)?.isAwaited === false && ageMs >= KEY_WITHIN_MS)
    throw ApplicationFailure.nonRetryable(
      'the input was encrypted with a key that is not in the key file of the workers',
      UNKNOWN_KEY,
    );
  awaitKeyOf(input);
}

/** Why the result of a step or child is not used. @throws {KeyMissing} if its key may come */
export function unusableResult(value: unknown): PayloadUnusable {
  awaitKeyOf(value);
  return new PayloadUnusable();
}

/** Whether a value says that it is for, or from, the run with this id. */
export function isFrom(workflowId: string, value: unknown): value is { readonly workflowId: string } {
  return typeof value === 'object' && value !== null && 'workflowId' in value && value.workflowId === workflowId;
}

/** Likewise, or that its request did not start; resets of it are the same request. @throws as `refuseForeign` */
export function refuseOrphan(input: unknown, shape: Shape<unknown>): void {
  refuseForeign(input, shape);
  const { workflowId, parent } = workflowInfo();
  const request = requestBehind(workflowId);
  if (request === undefined || parent?.workflowId !== workflowIdOf(request))
    throw ApplicationFailure.nonRetryable('no request started this run', 'invalid-input');
}

/** Ends a run whose input was not made for it, or has another shape. @throws {ApplicationFailure} `invalid-input`; what `refuseUnknownKey` throws */
export function refuseForeign(input: unknown, shape: Shape<unknown>): void {
  refuseUnknownKey(input);
  if (!isFrom(workflowInfo().workflowId, input) || !shape(input))
    throw ApplicationFailure.nonRetryable('the input was not made for this run', 'invalid-input');
}

/** Runs of a type that this service does not have: each ends at once, instead of having its task repeated for ever. */
import { ApplicationFailure } from '@temporalio/workflow';

/** @throws {ApplicationFailure} `invalid-input` */
export async function unknownType(): Promise<never> {
  throw ApplicationFailure.nonRetryable('this service has no such workflow type', 'invalid-input');
}

/** Refusals of the client, and of the server. */
import { isGrpcServiceError, ServiceError } from '@temporalio/client';

export class DsrError extends Error {
  override readonly name = 'DsrError';
  constructor(
    /** `not-found`, `request-conflict`, `request-failed`, `extension-refused`, `no-worker`, or the code a run ended with. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export function notFound(workflowId: string): DsrError {
  return new DsrError('not-found', `There is no request ${workflowId}. Run \`aircall-dsr list\`.`);
}

export function isNotFound(error: unknown): boolean {
  return error instanceof DsrError && error.code === 'not-found';
}

/** gRPC status codes. */
export const INVALID_ARGUMENT = 3;
export const NOT_FOUND = 5;

/** The server's error: the Temporal client wraps it in an error of its own. */
export function grpcErrorOf(error: unknown) {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) ? cause : undefined;
}

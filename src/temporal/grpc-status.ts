/** The gRPC statuses that we distinguish, and the server's error that has one. */
import { isGrpcServiceError, ServiceError } from '@temporalio/client';

export const INVALID_ARGUMENT = 3;
export const DEADLINE_EXCEEDED = 4;
export const NOT_FOUND = 5;
export const PERMISSION_DENIED = 7;
export const RESOURCE_EXHAUSTED = 8;
export const UNIMPLEMENTED = 12;
export const UNAVAILABLE = 14;
export const UNAUTHENTICATED = 16;

/** The server's error: most methods of the Temporal client wrap it in an error of their own. */
export function grpcErrorOf(error: unknown) {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) ? cause : undefined;
}

/** The server is too old for the call. */
export function isUnimplemented(error: unknown): boolean {
  return grpcErrorOf(error)?.code === UNIMPLEMENTED;
}

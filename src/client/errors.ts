/** Refusals of the client. */

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

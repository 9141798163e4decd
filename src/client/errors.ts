/** Refusals of the client. */
import { type RequestRef, workflowIdOf } from '../request/names';

export class DsrError extends Error {
  override readonly name = 'DsrError';
  constructor(
    /**
     * `not-found`, `request-conflict`, `request-failed`, `payload-unusable`, `unknown-key`, `extension-refused`, `approval-refused`,
     * `no-worker`, or the code a run ended with.
     */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export function notFound(workflowId: string): DsrError {
  return new DsrError('not-found', `There is no request ${workflowId}. Run \`aircall-dsr list\`.`);
}

/** Of an id that only runs of others have. */
export function foreign(workflowId: string): DsrError {
  return new DsrError(
    'not-found',
    `There is no request ${workflowId}: a run on the Temporal server has that id, but its type, queue or input is not that of the request.`,
  );
}

export function unusable(request: RequestRef, what: string): DsrError {
  return new DsrError(
    'payload-unusable',
    `${what} of ${workflowIdOf(request)} on the Temporal server is not one of this request: somebody changed it. Find out who writes to the namespace.`,
  );
}

/** Refusal because a request is open. */
export class RequestOpen extends Error {
  readonly code = 'request-open' as const;
  override readonly name = 'RequestOpen';
}

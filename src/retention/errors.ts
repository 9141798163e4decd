/** Refusal because a request is open. */
export class RequestOpen extends Error {
  readonly code = 'request-open' as const;
  override readonly name = 'RequestOpen';
}

/** Nobody knows when a request ended, so its age cannot be judged. */
export class EndUnknown extends Error {
  readonly code = 'record-missing' as const;
  override readonly name = 'EndUnknown';
}

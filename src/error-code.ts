/** The code of an error, if it is ours, from Node's own modules (`EEXIST`), or from a library. */

/** No `instanceof`: errors of Node's own modules come from another realm if code runs in a context of its own (Jest). */
export function errorCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** For logs: the code of an error, else its class. Its message may hold values. */
export function codeOrName(error: unknown): string {
  return errorCode(error) ?? (error instanceof Error ? error.name : 'unknown');
}

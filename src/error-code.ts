/** The code of an error, if it is ours, from Node's own modules (`EEXIST`), or from a library. */

/** No `instanceof`: errors of Node's own modules come from another realm if code runs in a context of its own (Jest). */
export function errorCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** The code of an error of Node or OpenSSL, if it is one that a message may hold: no text of a library is. */
export function shortCode(error: unknown): string {
  const code = errorCode(error);
  return code !== undefined && /^[A-Z0-9_]{1,40}$/.test(code) ? code : 'no code';
}

/** The codes of Node and OpenSSL for an invalid certificate, or a server without TLS: nothing was sent. */
const TLS_CODE =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_TLS_|ERR_SSL_|EPROTO$|INVALID_CA|INVALID_PURPOSE)/;

export function isTlsCode(code: string): boolean {
  return TLS_CODE.test(code);
}

/** For logs: the code of an error, else its class. Its message may hold values. */
export function codeOrName(error: unknown): string {
  return errorCode(error) ?? (error instanceof Error ? error.name : 'unknown');
}

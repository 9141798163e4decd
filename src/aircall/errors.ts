/**
 * The errors of an API request, and the meaning of a reply's status and headers; src/request/handling.ts decides the
 * handling of each. Messages name the endpoint and the status, never a value, a URL or a body: those hold personal data.
 * Facts: docs/aircall.md 3 and 4.
 */

export type AircallErrorCode =
  | 'rate-limited'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'rejected'
  | 'redirected'
  | 'unavailable'
  | 'unreachable'
  | 'not-trusted'
  | 'timed-out'
  | 'unexpected-reply'
  | 'reply-too-large';

export class AircallError extends Error {
  override readonly name = 'AircallError';
  constructor(
    readonly code: AircallErrorCode,
    message: string,
    /** Only with `rate-limited`: the limits of the reply's headers. */
    readonly limit: RateLimit = {},
  ) {
    super(message);
  }
}

export interface RateLimit {
  /** Milliseconds from the reply until requests are served again. */
  readonly delayMs?: number;
  /** Requests a minute that the company is allowed. */
  readonly limitPerMinute?: number;
}

/** The code for a status that is no success. */
export function codeOfStatus(status: number): AircallErrorCode {
  if (status === 429) return 'rate-limited';
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not-found';
  if (status === 408 || status >= 500) return 'unavailable';
  if (status >= 300 && status < 400) return 'redirected';
  return 'rejected';
}

const DELAY_MS_MIN = 1_000;
const DELAY_MS_MAX = 300_000;

/**
 * The wait that the server requires: `X-AircallApi-Reset` (UNIX time in seconds; above 1e11, milliseconds), else
 * `Retry-After` in seconds. Past and absurd values are bounded to 1 to 300 seconds; an unreadable one counts as absent.
 */
export function readRateLimit(header: (name: string) => string | null, nowMs: number): RateLimit {
  const reset = positive(header('x-aircallapi-reset'));
  const retryAfter = positive(header('retry-after'));
  const limit = positive(header('x-aircallapi-limit'));
  const delayMs =
    reset !== undefined
      ? (reset > 1e11 ? reset : reset * 1000) - nowMs
      : retryAfter !== undefined
        ? retryAfter * 1000
        : undefined;
  return {
    ...(delayMs === undefined ? {} : { delayMs: Math.min(Math.max(delayMs, DELAY_MS_MIN), DELAY_MS_MAX) }),
    ...(limit === undefined ? {} : { limitPerMinute: limit }),
  };
}

function positive(text: string | null): number | undefined {
  const value = text === null || text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

/**
 * The rate limit of one company, in three readings of Aircall's documentation, and its 429.
 * It must never show a rate header on any other answer: nobody has seen one there. Facts: docs/aircall.md 3.
 * Unverified: the body, the window and the unit of the reset; hence the switches.
 */
import type { Behaviour, RateLimit } from './behaviour';
import type { Reply } from './wire';

const MINUTE_MS = 60_000;

export interface Limiter {
  /** Counts one request. If it is refused, returns when the limit ends (ms epoch). */
  take(limit: RateLimit): number | undefined;
}

export function createLimiter(now: () => number): Limiter {
  let level = 0;
  let drainedAt = now();
  let minute = 0;
  let used = 0;
  let blockedUntil = 0;

  const leaky = (at: number, perMinute: number) => {
    const drainPerMs = perMinute / MINUTE_MS;
    level = Math.max(0, level - (at - drainedAt) * drainPerMs);
    drainedAt = at;
    if (level + 1 > perMinute) return at + Math.ceil((level + 1 - perMinute) / drainPerMs);
    level += 1;
    return undefined;
  };

  const fixed = (at: number, perMinute: number) => {
    const current = Math.floor(at / MINUTE_MS);
    if (current !== minute) used = 0;
    minute = current;
    if (used >= perMinute) return (current + 1) * MINUTE_MS;
    used += 1;
    return undefined;
  };

  const block = (at: number, perMinute: number) => {
    if (at < blockedUntil) return blockedUntil;
    if (fixed(at, perMinute) === undefined) return undefined;
    used = 0;
    blockedUntil = at + MINUTE_MS;
    return blockedUntil;
  };

  return {
    take({ mode, perMinute }) {
      const at = now();
      if (mode === 'leaky') return leaky(at, perMinute);
      if (mode === 'fixed') return fixed(at, perMinute);
      return mode === 'block' ? block(at, perMinute) : undefined;
    },
  };
}

export function refuseAsLimited(behaviour: Behaviour, resetAt: number, at: number): Reply {
  return { status: 429, ...bodyOf(behaviour.limitedBody), headers: headersOf(behaviour, resetAt, at) };
}

function bodyOf(variant: Behaviour['limitedBody']): Pick<Reply, 'json' | 'text'> {
  if (variant === 'html') return { text: '<html><body><h1>429 Too Many Requests</h1></body></html>' };
  return variant === 'json' ? { json: { error: 'Too Many Requests', troubleshoot: 'TOO_MANY_REQUESTS' } } : {};
}

function headersOf({ limitedHeaders, rateLimit }: Behaviour, resetAt: number, at: number): Record<string, string> {
  if (limitedHeaders === 'none') return {};
  if (limitedHeaders === 'retry-after') return { 'Retry-After': String(Math.ceil((resetAt - at) / 1_000)) };
  return {
    'X-AircallApi-Limit': String(rateLimit.perMinute),
    'X-AircallApi-Remaining': '0',
    'X-AircallApi-Reset': String(limitedHeaders === 'seconds' ? Math.ceil(resetAt / 1_000) : resetAt),
  };
}

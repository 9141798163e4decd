/** The server's word about waiting: whatever its headers hold, it becomes a sane delay or none. */
import fc from 'fast-check';
import { codeOfStatus, readRateLimit } from '../../src/aircall/errors';

const NAMES = ['x-aircallapi-reset', 'retry-after', 'x-aircallapi-limit'] as const;
const value = fc.oneof(
  fc.constant(null),
  fc.string(),
  fc.double().map(String),
  fc.integer().map(String),
  fc.bigInt().map(String),
  fc.constantFrom('', ' ', 'NaN', 'Infinity', '-0', '1e999', '1e308', '0x10', 'soon', 'Wed, 21 Oct 2026 07:28:00 GMT'),
);
const nowMs = fc.integer({ min: 0, max: 4_102_444_800_000 });
const SEEDED = { seed: 20_261_123, numRuns: 2_000 };

const read = (headers: Readonly<Record<string, string | null>>, now: number) =>
  readRateLimit(name => headers[name] ?? null, now);

test('a delay is 1 to 300 seconds or absent, and a limit a positive number or absent, whatever the headers hold', () => {
  let delays = 0;
  fc.assert(
    fc.property(fc.tuple(value, value, value), nowMs, (values, now) => {
      const headers = Object.fromEntries(NAMES.map((name, index) => [name, values[index] ?? null]));
      const { delayMs, limitPerMinute } = read(headers, now);
      if (delayMs !== undefined) {
        delays += 1;
        expect(delayMs).toBeGreaterThanOrEqual(1_000);
        expect(delayMs).toBeLessThanOrEqual(300_000);
      }
      if (limitPerMinute !== undefined) {
        expect(limitPerMinute).toBeGreaterThan(0);
        expect(Number.isFinite(limitPerMinute)).toBe(true);
      }
    }),
    SEEDED,
  );
  expect(delays).toBeGreaterThan(100);
});

test('a reset names the same instant in seconds and in milliseconds', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_600_000_000, max: 4_102_444_800 }),
      fc.integer({ min: 1, max: 300 }),
      (reset, s) => {
        const now = (reset - s) * 1_000;
        expect(read({ 'x-aircallapi-reset': String(reset) }, now)).toEqual({ delayMs: s * 1_000 });
        expect(read({ 'x-aircallapi-reset': String(reset * 1_000) }, now)).toEqual({ delayMs: s * 1_000 });
      },
    ),
    SEEDED,
  );
});

test('the reset goes before Retry-After, which is heeded where the reset is unreadable', () => {
  const reset = { 'x-aircallapi-reset': '2000000030', 'retry-after': '7' };
  expect(read(reset, 2_000_000_000_000)).toEqual({ delayMs: 30_000 });
  expect(read({ ...reset, 'x-aircallapi-reset': 'soon' }, 2_000_000_000_000)).toEqual({ delayMs: 7_000 });
  expect(read({}, 2_000_000_000_000)).toEqual({});
});

test('every status that is no success has a code, and only those of the server itself are retried as unavailable', () => {
  const named = { 401: 'unauthorized', 403: 'forbidden', 404: 'not-found', 408: 'unavailable', 429: 'rate-limited' };
  const special = new Map(Object.entries(named));
  for (let status = 300; status <= 599; status += 1) {
    const group = status >= 500 ? 'unavailable' : status >= 400 ? 'rejected' : 'redirected';
    expect(`${status} ${codeOfStatus(status)}`).toBe(`${status} ${special.get(String(status)) ?? group}`);
  }
});

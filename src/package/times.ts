/**
 * UNIX times of Aircall's records in ISO 8601, beside them. Aircall names a time `..._at`, and writes most in seconds since
 * 1970, some in milliseconds (docs/aircall.md). Pure.
 */

/** Above it a number is read as milliseconds: as seconds it would be the year 5138. */
const SECONDS_MAX = 100_000_000_000;
/** The last millisecond of the year 9999. */
const MILLISECONDS_MAX = 253_402_300_799_999;
/** Deeper members stay as they are. */
const DEPTH_MAX = 32;

const TIME = /_at$/;

/** ISO 8601, UTC; undefined for what is no UNIX time between 1970 and 9999. */
export function isoOf(time: unknown): string | undefined {
  if (typeof time !== 'number' || !Number.isSafeInteger(time) || time < 0 || time > MILLISECONDS_MAX) return undefined;
  return new Date(time > SECONDS_MAX ? time : time * 1_000).toISOString();
}

/**
 * The record, in which each object that has UNIX times gets a member `iso` with the same times: `{ started_at: '...Z' }`. No
 * member of Aircall's is changed: an object that has an `iso` of its own gets none.
 */
export function withIso<T extends object>(record: T): T {
  return { ...record, ...isoMembers(record, 0) };
}

/** The members that differ: those that hold times, and `iso`. */
function isoMembers(record: object, depth: number): Readonly<Record<string, unknown>> {
  const members = Object.entries(record);
  const times = members.flatMap(([name, value]) => {
    const time = TIME.test(name) ? isoOf(value) : undefined;
    return time === undefined ? [] : [[name, time] as const];
  });
  const inner = members.flatMap(([name, value]) =>
    typeof value === 'object' && value !== null ? [[name, isoWithin(value, depth + 1)] as const] : [],
  );
  const hasTimes = times.length > 0 && !Object.hasOwn(record, 'iso');
  return Object.fromEntries([...inner, ...(hasTimes ? [['iso', Object.fromEntries(times)] as const] : [])]);
}

function isoWithin(value: object, depth: number): unknown {
  if (depth > DEPTH_MAX) return value;
  if (!Array.isArray(value)) return { ...value, ...isoMembers(value, depth) };
  return value.map((item: unknown) => (typeof item === 'object' && item !== null ? isoWithin(item, depth + 1) : item));
}

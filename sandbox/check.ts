/**
 * Hand-written checks of JSON from outside (fault plans, switches, bodies): a check returns the typed value or throws.
 * It must never let an unknown key pass: with an ignored misspelt fault a test would test nothing.
 */

/** Unusable input; the message names the place and the expected value. */
export class SandboxInputError extends Error {
  override readonly name = 'SandboxInputError';
  readonly code = 'usage' as const;
}

export type Check<T> = (value: unknown, at: string) => T;

function refuse(at: string, expected: string): never {
  throw new SandboxInputError(`${at}: expected ${expected}`);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const record: Check<Record<string, unknown>> = (value, at) =>
  isRecord(value) ? value : refuse(at, 'an object');

export const text: Check<string> = (value, at) =>
  typeof value === 'string' && value !== '' ? value : refuse(at, 'a text that is not empty');

export const flag: Check<boolean> = (value, at) => (typeof value === 'boolean' ? value : refuse(at, 'true or false'));

export function integer(min: number, max: number): Check<number> {
  return (value, at) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      ? value
      : refuse(at, `an integer of ${min} to ${max}`);
}

export function oneOf<const T extends readonly (string | number)[]>(...allowed: T): Check<T[number]> {
  return (value, at) => {
    const found = allowed.find(each => each === value);
    return found === undefined ? refuse(at, `one of ${allowed.join(', ')}`) : found;
  };
}

export function listOf<T>(item: Check<T>): Check<readonly T[]> {
  return (value, at) =>
    Array.isArray(value) ? value.map((each: unknown, index) => item(each, `${at}[${index}]`)) : refuse(at, 'a list');
}

export function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, at) => (value === undefined ? undefined : check(value, at));
}

export function onlyKeys(value: Record<string, unknown>, at: string, keys: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) throw new SandboxInputError(`${at}: unknown key "${key}" (known: ${keys.join(', ')})`);
  }
}

/** The JSON of a text. */
export function parseJson(source: string, at: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return refuse(at, 'valid JSON');
  }
}

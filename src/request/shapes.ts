/**
 * Checks of what crosses between a workflow and its steps or children. A type is made from its check, so that both say the
 * same. Members that a check does not name are ignored: a newer version may add some. Small on purpose: the SDK loads the
 * modules of a workflow once for each run. Workflow-safe: no imports.
 */

export type Shape<T> = (value: unknown) => value is T;

/** The type that a check makes sure of. */
export type Shaped<S> = S extends Shape<infer T> ? T : never;

export interface Optional<T> extends Shape<T> {
  readonly optional: true;
}

export type Fields = Readonly<Record<string, Shape<unknown>>>;

type OptionalIn<F extends Fields> = { [K in keyof F]: F[K] extends Optional<unknown> ? K : never }[keyof F];
type Flat<T> = { [K in keyof T]: T[K] };
export type ObjectOf<F extends Fields> = Flat<
  { readonly [K in Exclude<keyof F, OptionalIn<F>>]: Shaped<F[K]> } & { readonly [K in OptionalIn<F>]?: Shaped<F[K]> }
>;

/** What is checked inside. */
export const anything: Shape<unknown> = (_): _ is unknown => true;
export const nothing: Shape<void> = (value): value is undefined => value === undefined;
export const text: Shape<string> = value => typeof value === 'string';
export const flag: Shape<boolean> = value => typeof value === 'boolean';
export const number: Shape<number> = (value): value is number => Number.isFinite(value);
/** A count, a place, a version: 0 or more. */
export const whole: Shape<number> = (value): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

export function matching(pattern: RegExp): Shape<string> {
  return (value): value is string => typeof value === 'string' && pattern.test(value);
}

const INSTANT = matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/);
/** ISO 8601, UTC, and a time that exists. */
export const instant: Shape<string> = (value): value is string => INSTANT(value) && !Number.isNaN(Date.parse(value));

export function oneOf<const T extends string | boolean | null | undefined>(...values: readonly T[]): Shape<T> {
  return (value): value is T => values.some(one => one === value);
}

export function keyOf<T extends object>(table: T): Shape<keyof T & string> {
  return (value): value is keyof T & string => typeof value === 'string' && Object.hasOwn(table, value);
}

export function listOf<T>(item: Shape<T>): Shape<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(item);
}

export function either<T, U>(one: Shape<T>, other: Shape<U>): Shape<T | U> {
  return (value): value is T | U => one(value) || other(value);
}

/** A member that may be absent. */
export function optional<T>(shape: Shape<T>): Optional<T> {
  const isShape = (value: unknown): value is T => value === undefined || shape(value);
  return Object.assign(isShape, { optional: true } as const);
}

export function allOptional<F extends Fields>(fields: F): { readonly [K in keyof F]: Optional<Shaped<F[K]>> };
export function allOptional(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, shape]) => [name, optional(shape)]));
}

/** An optional member for each row of a table. */
export function eachOf<T extends object, U>(table: T, shape: Shape<U>): { readonly [K in keyof T]: Optional<U> };
export function eachOf(table: object, shape: Shape<unknown>): Fields {
  return Object.fromEntries(Object.keys(table).map(name => [name, optional(shape)]));
}

export function object<F extends Fields>(fields: F): Shape<ObjectOf<F>> {
  const entries = Object.entries(fields);
  return (value): value is ObjectOf<F> =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    entries.every(([name, shape]) => shape(Reflect.get(value, name)));
}

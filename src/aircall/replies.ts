/**
 * Turns parsed JSON into a page of a list, one record, or a token. An envelope of another shape is an
 * `unexpected-reply`, and so is a page with more rows than a page has; a row of another shape is counted and the others are
 * delivered.
 */
import type { z } from 'zod';
import { PER_PAGE } from '../request/paging';
import type { Endpoint } from './endpoints';
import { AircallError } from './errors';
import { listMetaSchema, rowId } from './schemas';

export interface Page<T> {
  readonly records: readonly T[];
  /** Ids of all rows that have one, whether or not they fit. */
  readonly ids: number[];
  /** Ids of the rows that did not fit. */
  readonly unreadable: number[];
  /** Rows without even an id. */
  readonly unnamed: number;
  readonly rows: number;
  /** Aircall's count of the whole list. */
  readonly total: number;
}

/** @throws {AircallError} `unexpected-reply` */
export function readPage<T>(endpoint: Endpoint, schema: z.ZodType<T>, body: unknown): Page<T> {
  const rows = member(body, endpoint.records);
  const meta = listMetaSchema.safeParse(member(body, 'meta'));
  if (!Array.isArray(rows) || rows.length > PER_PAGE || !meta.success) throw unexpected(endpoint);
  const judged = rows.map(row => ({ id: rowId(row), parsed: schema.safeParse(row) }));
  const ids = judged.flatMap(({ id }) => id ?? []);
  return {
    records: judged.flatMap(({ parsed }) => (parsed.success ? [parsed.data] : [])),
    ids,
    unreadable: judged.flatMap(({ id, parsed }) => (parsed.success || id === undefined ? [] : [id])),
    unnamed: rows.length - ids.length,
    rows: rows.length,
    total: meta.data.total,
  };
}

/** @throws {AircallError} `unexpected-reply` */
export function readRecord<T>(endpoint: Endpoint, schema: z.ZodType<T>, body: unknown): T {
  const record = 'records' in endpoint && endpoint.records !== undefined ? member(body, endpoint.records) : body;
  const parsed = schema.safeParse(record);
  if (!parsed.success) throw unexpected(endpoint);
  return parsed.data;
}

/** A member of an object, or undefined. */
export function member(body: unknown, key: string | undefined): unknown {
  if (typeof body !== 'object' || body === null || key === undefined) return undefined;
  return Object.hasOwn(body, key) ? Reflect.get(body, key) : undefined;
}

function unexpected(endpoint: Endpoint): AircallError {
  return new AircallError('unexpected-reply', `${endpoint.name}: the reply does not have the expected shape`);
}

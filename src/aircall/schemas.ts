/**
 * What we read of Aircall's JSON: known fields typed, nullable if null was seen, unknown fields kept because they belong to
 * the subject. A record that does not fit is named, never dropped silently. Facts: docs/aircall.md 6 and 7.
 */
import { z } from 'zod';
import { TOTAL_MAX } from '../request/paging';

const id = z.number().int().positive();

/** Values of one kind that a contact may have: five times what Aircall accepts. Each is compared, each number is a list. */
const VALUES_MAX = 100;

const value = z.looseObject({ value: z.string().nullish() });

/** A longer list is refused before any of its items is looked at. */
function atMost<T extends z.ZodType>(max: number, item: T) {
  return z.custom<z.input<T>[]>(items => Array.isArray(items) && items.length <= max).pipe(z.array(item));
}

export const contactSchema = z.looseObject({
  id,
  first_name: z.string().nullish(),
  last_name: z.string().nullish(),
  emails: atMost(VALUES_MAX, value).nullish(),
  phone_numbers: atMost(VALUES_MAX, value).nullish(),
});

export const callSchema = z.looseObject({
  id,
  started_at: z.number().int().nullish(),
  answered_at: z.unknown().optional(),
  ended_at: z.unknown().optional(),
  raw_digits: z.string().nullish(),
  contact: z.looseObject({ id }).nullish(),
  conference_participants: atMost(VALUES_MAX, z.looseObject({ phone_number: z.string().nullish() })).nullish(),
});

/** The envelope of a list; its rows are judged one by one. */
export const listMetaSchema = z.object({ total: z.number().int().nonnegative().max(TOTAL_MAX) });

/** Named but null counts as not given. */
const given = <T>(part: z.ZodType<T>) => part.nullish().transform(value => value ?? undefined);

export const tokenSchema = z.looseObject({
  access_token: z.string().min(1),
  refresh_token: given(z.string().min(1)),
  expires_in: given(z.number().positive()),
});

export const companySchema = z.looseObject({ name: z.string().min(1) });

export const pongSchema = z.looseObject({ ping: z.literal('pong') });

/** A record of which only its existence matters. */
export const rowIdSchema = z.looseObject({ id });

/** The id of a row that may fit nothing else. */
export function rowId(row: unknown): number | undefined {
  const parsed = rowIdSchema.safeParse(row);
  return parsed.success ? parsed.data.id : undefined;
}

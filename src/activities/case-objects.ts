/**
 * The objects of a case file, as activities write and read them. They live in the sealed vault only; a
 * history holds only their reference and counts.
 */
import { z } from 'zod';
import { callSchema, contactSchema } from '../aircall/schemas';
import type { RequestRef } from '../request/names';
import { CaseFileBroken, type CaseRef, type Cases } from '../vault/cases';

/** The subject of the request. */
export const subjectSchema = z.strictObject({ email: z.string(), phoneNumbers: z.array(z.string()) });

/** A page of a list, or several merged: the subject's records in full, only the ids of all others. */
const listingOf = <T extends z.ZodType>(record: T) =>
  z.strictObject({
    ids: z.array(z.number()),
    records: z.array(record),
    /** Ids of records that match but may be somebody else's. */
    withheld: z.array(z.number()),
    /** Ids of rows that do not have the shape of a record. */
    unreadable: z.array(z.number()),
    /** Rows without even an id. */
    unnamed: z.number(),
  });
export const contactListing = listingOf(contactSchema);
export const callListing = listingOf(callSchema);
/** For code that treats both alike. */
export const anyListing = listingOf(z.looseObject({ id: z.number() }));
export type ListObject = z.infer<typeof anyListing>;

/** The subject's contacts and numbers, in a fixed order: `contact 1` is the first. */
export const peopleSchema = z.strictObject({
  contacts: z.array(contactSchema),
  numbers: z.array(z.strictObject({ digits: z.string(), query: z.string() })),
});

/**
 * Reads an object of the case file in the shape in which it was written.
 * @throws {CaseFileBroken} if it is missing, another object, or of another shape
 */
export async function readObject<T>(cases: Cases, request: RequestRef, ref: CaseRef, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await cases.read(request, ref));
  if (parsed.success) return parsed.data;
  throw new CaseFileBroken(
    'case-file-broken',
    'An object of the case file does not have the shape in which it was written.',
  );
}

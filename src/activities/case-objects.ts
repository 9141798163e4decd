/**
 * The objects of a case file, as activities write and read them. They live in the sealed vault only; a
 * history holds only their reference and counts. Each says what it is, so that no other object of the same request, however
 * alike, is read for it: a list of calls would otherwise do for contacts that are to be deleted.
 */
import { z } from 'zod';
import { callSchema, contactSchema } from '../aircall/schemas';
import type { RequestRef } from '../request/names';
import type { SourceName } from '../request/sources';
import { CaseFileBroken, type CaseRef, type Cases } from '../vault/cases';

const objectOf = <W extends string, T extends z.ZodType>(what: W, content: T) =>
  z.strictObject({ what: z.literal(what), content });

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
const anyListing = listingOf(z.looseObject({ id: z.number() }));
/** A list of either source. */
export type Listing = z.infer<typeof anyListing>;

const OBJECTS = {
  /** The subject of the request. */
  subject: objectOf('subject', z.strictObject({ email: z.string(), phoneNumbers: z.array(z.string()) })),
  contacts: objectOf('contacts', listingOf(contactSchema)),
  calls: objectOf('calls', listingOf(callSchema)),
  /** The subject's contacts and numbers, in a fixed order: `contact 1` is the first. */
  people: objectOf(
    'people',
    z.strictObject({
      contacts: z.array(contactSchema),
      numbers: z.array(z.strictObject({ digits: z.string(), query: z.string() })),
    }),
  ),
} satisfies Record<SourceName | 'subject' | 'people', z.ZodType>;
/** Lists whose records are only told apart. */
const LISTINGS = { contacts: objectOf('contacts', anyListing), calls: objectOf('calls', anyListing) };

/** The content of each, as it is read. */
export type Read = { readonly [W in keyof typeof OBJECTS]: z.infer<(typeof OBJECTS)[W]>['content'] };
/** As it is written. */
export type Written = { readonly [W in keyof Read]: W extends SourceName ? Listing : Read[W] };

export function writeObject<W extends keyof Written>(
  cases: Cases,
  request: RequestRef,
  what: W,
  content: Written[W],
): Promise<CaseRef> {
  return cases.write(request, { what, content });
}

/**
 * Reads an object of the case file in the shape in which it was written.
 * @throws {CaseFileBroken} if it is missing, another object, or of another shape
 */
export function readObject<W extends keyof Read>(
  cases: Cases,
  request: RequestRef,
  ref: CaseRef,
  what: W,
): Promise<Read[W]> {
  const schemas: { readonly [W in keyof Read]: z.ZodType<{ readonly content: Read[W] }> } = OBJECTS;
  return readAs(cases, request, ref, schemas[what]);
}

/** Likewise. */
export function readListing(cases: Cases, request: RequestRef, ref: CaseRef, of: SourceName): Promise<Listing> {
  return readAs(cases, request, ref, LISTINGS[of]);
}

async function readAs<T>(
  cases: Cases,
  request: RequestRef,
  ref: CaseRef,
  schema: z.ZodType<{ readonly content: T }>,
): Promise<T> {
  const parsed = schema.safeParse(await cases.read(request, ref));
  if (parsed.success) return parsed.data.content;
  throw new CaseFileBroken(
    'case-file-broken',
    'An object of the case file does not have the shape in which it was written.',
  );
}

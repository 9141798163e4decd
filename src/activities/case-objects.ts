/**
 * The objects of a case file, as activities write and read them. They live in the sealed vault only; a
 * history holds only their reference and counts. Each says what it is, so that no other object of the same request, however
 * alike, is read for it: a list of calls would otherwise do for contacts that are to be deleted.
 */
import { z } from 'zod';
import { MEDIA_KINDS } from '../aircall/links';
import { callSchema, contactSchema } from '../aircall/schemas';
import { DOUBTS } from '../judgement/doubts';
import { AUDIO_TYPES } from '../media/audio';
import { INSIGHTS } from '../request/insights';
import type { RequestRef } from '../request/names';
import { LANGUAGES } from '../request/options';
import { approvalContent, objectOf, planContent } from '../request/plan-content';
import { keyOf } from '../request/shapes';
import type { ListName } from '../request/sources';
import { ahead } from '../side-by-side';
import { CaseFileBroken, type CaseRef, type Cases, type Objects } from '../vault/cases';
import { giveWay } from './stopping';

/** A page of a list, or several merged: the subject's records in full, only the ids of all others. */
const listingOf = <T extends z.ZodType>(record: T) =>
  z.strictObject({
    ids: z.array(z.number()),
    /** That are, or may be, the subject's. */
    records: z.array(record),
    /** Ids of rows that do not have the shape of a record. */
    unreadable: z.array(z.number()),
    /** Rows without even an id. */
    unnamed: z.number(),
    /** When the first of its pages was read, by the server's time or earlier; UNIX ms. */
    readMs: z.number(),
  });
const anyListing = listingOf(z.looseObject({ id: z.number() }));
/** A list of either source. */
export type Listing = z.infer<typeof anyListing>;

const doubt = z.enum(Object.keys(DOUBTS).filter(keyOf(DOUBTS)));
const because = z
  .array(
    z.strictObject({
      identity: z.string(),
      field: z.enum(['emails', 'phone_numbers', 'contact', 'raw_digits', 'conference_participants']),
    }),
  )
  .readonly();
const number = z.strictObject({
  digits: z.string(),
  spellings: z.array(z.string()).readonly(),
  doubt: doubt.extract(['shared-number', 'shared-address']).optional(),
});
/** As it was when the numbers were looked for first: a request judges by one country, whatever `connect` changes. */
const country = z.string().optional();
const known = {
  numbers: z.array(number).readonly(),
  ignored: z.number(),
  withoutCountry: z.number(),
  beyond: z.number(),
};

type OtherObject =
  | ('subject' | 'notice' | 'numbers' | 'people' | 'plan' | 'approval' | 'reading')
  | ('links' | 'media' | 'spoken' | 'transcript' | 'insight' | 'intelligence');

const file = { call: z.number(), kind: z.enum(MEDIA_KINDS) };
const caseRef = z.strictObject({ ref: z.string(), digest: z.string(), sizeBytes: z.number() });
export const audioFiles = z.array(
  z.strictObject({
    ...file,
    file: caseRef.optional(),
    sizeBytes: z.number().optional(),
    /** Hexadecimal. */
    sha256: z.string().optional(),
    type: z.enum(AUDIO_TYPES).optional(),
    code: z.string().optional(),
    /** Others may be heard in it, and people decided that it is handed over. */
    decided: z.literal(true).optional(),
  }),
);
/** A recording or voicemail: in the vault, or the code of why not. */
export type AudioFile = z.infer<typeof audioFiles>[number];
/** Which file it is. */
export type FileOf = Pick<AudioFile, 'call' | 'kind'>;

export function fileName({ call, kind }: FileOf): string {
  return `${kind} ${call}`;
}

/** What Aircall made of a call: in a known envelope, or the whole body as it came. */
const madeOf = <T extends z.ZodRawShape>(fields: T) =>
  z.union([z.strictObject({ ...fields, content: z.unknown() }), z.strictObject({ ...fields, raw: z.unknown() })]);

const transcript = madeOf({ call: z.number() });
const insight = madeOf({ call: z.number(), kind: z.enum(INSIGHTS) });

const OBJECTS = {
  /** The subject of the request. */
  subject: objectOf('subject', z.strictObject({ emails: z.array(z.string()), phoneNumbers: z.array(z.string()) })),
  /** What the company tells people of its processing, as it was when the request began; Markdown. */
  notice: objectOf('notice', z.strictObject({ language: z.enum(LANGUAGES), text: z.string() })),
  contacts: objectOf('contacts', listingOf(contactSchema)),
  calls: objectOf('calls', listingOf(callSchema)),
  /** The subject's numbers as far as they are known. */
  numbers: objectOf('numbers', z.strictObject({ country, ...known })),
  /** The judged contacts and numbers, in a fixed order: `contact 1` is the first. */
  people: objectOf(
    'people',
    z.strictObject({
      country,
      ...known,
      contacts: z.array(
        z.strictObject({
          card: contactSchema,
          because,
          doubt: doubt.extract(['shared-address', 'number-only']).optional(),
          /** When it was read, as in a list. */
          readMs: z.number(),
        }),
      ),
      /** Canonical digits on cards of somebody else. */
      otherNumbers: z.array(z.string()).readonly(),
    }),
  ),
  /** What the request is about to deliver or delete. Contacts come first, each in the place that it has among the people. */
  plan: objectOf('plan', planContent),
  /** Who approved a plan, and what they decided about its rows. */
  approval: objectOf('approval', approvalContent),
  /** A contact that was read once more, before it is deleted. */
  reading: objectOf(
    'reading',
    z.strictObject({
      id: z.number(),
      /** By the server's time or earlier; UNIX ms. */
      readMs: z.number(),
      /** Whether it would be judged as it was. */
      asJudged: z.boolean(),
    }),
  ),
  /** Links that live, each once. They are keys: whoever used the object destroys it, and the end of the request the others. */
  links: objectOf('links', z.array(z.strictObject({ ...file, url: z.string() }))),
  /** Files of calls: each was downloaded into the vault, or says by a code why not. */
  media: objectOf('media', audioFiles),
  /** Ids of calls of which there may be a transcript. */
  spoken: objectOf('spoken', z.array(z.number())),
  transcript: objectOf('transcript', transcript),
  insight: objectOf('insight', insight),
  /** The objects of many of both. */
  intelligence: objectOf('intelligence', z.array(caseRef)),
} satisfies Record<ListName | OtherObject, z.ZodType>;
/** Lists whose records are only told apart. */
const LISTINGS = { contacts: objectOf('contacts', anyListing), calls: objectOf('calls', anyListing) };

/** The content of each, as it is read. */
export type Read = { readonly [W in keyof typeof OBJECTS]: z.infer<(typeof OBJECTS)[W]>['content'] };
/** As it is written. */
export type Written = { readonly [W in keyof Read]: W extends ListName ? Listing : Read[W] };

export function writeObject<W extends keyof Written>(
  cases: Cases,
  request: RequestRef,
  what: W,
  content: Written[W],
): Promise<CaseRef> {
  return placeOf(cases, what).write(request, { what, content });
}

function placeOf(cases: Cases, what: keyof Read): Objects {
  return what === 'links' ? cases.links : cases;
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
  return readAs(placeOf(cases, what), request, ref, schemas[what]);
}

/** Likewise. */
export function readListing(cases: Cases, request: RequestRef, ref: CaseRef, of: ListName): Promise<Listing> {
  return readAs(cases, request, ref, LISTINGS[of]);
}

const MADE = z.union([OBJECTS.transcript, OBJECTS.insight, OBJECTS.intelligence]);
const READ_AT_ONCE = 8;

/** Transcripts and insights one by one, in the order of their objects, also those that others name. @throws as `readObject` */
export async function* readIntelligence(
  cases: Cases,
  request: RequestRef,
  objects: readonly CaseRef[],
): AsyncGenerator<Read['transcript' | 'insight']> {
  const read = (object: CaseRef) =>
    readAs<Read['transcript' | 'insight' | 'intelligence']>(cases, request, object, MADE);
  for await (const [, one] of ahead(objects, READ_AT_ONCE, read)) {
    if (Array.isArray(one)) yield* readIntelligence(cases, request, one);
    else yield one;
  }
}

async function readAs<T>(
  objects: Objects,
  request: RequestRef,
  ref: CaseRef,
  schema: z.ZodType<{ readonly content: T }>,
): Promise<T> {
  const value = await objects.read(request, ref);
  await giveWay(); // to read the calls of a large company takes a while, and to check them as long again
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data.content;
  throw new CaseFileBroken(
    'case-file-broken',
    'An object of the case file does not have the shape in which it was written.',
  );
}

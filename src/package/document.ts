/**
 * The document of an access package, which the person receives: everything that was found, what was left out, and how much was
 * searched. Its shape is a published JSON schema, made from the definition here, so that document and schema cannot differ.
 */
import { z } from 'zod';
import { AUDIO_TYPES, type AudioType } from '../media/audio';
import type { List } from '../packed';
import { CODE_PATTERN } from '../receipt/model';
import type { CallContent, Insight as MadeInsight } from '../redaction/findings';
import type { Redaction } from '../redaction/reasons';
import { INSIGHTS, type Insight } from '../request/insights';
import { LANGUAGES } from '../request/options';
import { REASONS } from '../request/redactions';
import { SOURCE_NAMES } from '../request/sources';
import type { InSlices } from '../slices';
import { withIso } from './times';

export const PACKAGE_FORMAT = 'aircall-dsr/access-package/1';

export type MediaKind = 'recording' | 'voicemail';

const FILE_ENDINGS = {
  'audio/mpeg': 'mp3',
  'audio/wav': 'wav',
  'audio/ogg': 'ogg',
  'audio/mp4': 'm4a',
} as const satisfies Record<AudioType, string>;

const callId = z.number().int().positive().describe("Aircall's id of the call.");
const count = z.number().int().min(0);
const code = z.string().regex(CODE_PATTERN);
const iso = z
  .unknown()
  .optional()
  .describe("The record's UNIX times as ISO 8601; not there if it has no such time, or a member `iso` of its own.");

/** Its fields are Aircall's own, but for those that were left out. */
const record = z.looseObject({ id: z.number().int().positive(), iso });

/** Audio that is in the package, or the reason why it is not. */
const media = z.union([
  z.strictObject({
    call: callId,
    file: z
      .string()
      .regex(/^media\/call-\d{4,}(-voicemail)?\.(mp3|wav|ogg|m4a)$/)
      .describe('Its path in the package.'),
    sizeBytes: count,
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    type: z.enum(AUDIO_TYPES),
  }),
  z.strictObject({ call: callId, code: code.describe('Why it is not in the package.') }),
]);

/** The records of each source. */
const RECORDS = {
  contacts: z
    .array(record)
    .describe('Contacts of the person, as Aircall returns them, but for what `redactions` lists.'),
  calls: z
    .array(record)
    .describe(
      'Calls of the person, newest first, as Aircall returns them, but for what `redactions` lists: `true` stands where Aircall gave a link to a recording, voicemail or page. Times are UNIX seconds, and ISO in `iso`.',
    ),
  recordings: z.array(media),
  voicemails: z.array(media),
  transcripts: z
    .array(z.strictObject({ call: callId, content: z.unknown() }))
    .describe('As Aircall returns them, but for what `redactions` lists.'),
  insights: z
    .array(z.strictObject({ call: callId, kind: z.enum(INSIGHTS), content: z.unknown() }))
    .describe('What Aircall derived from calls, as it returns it.'),
} as const;

export type PackageSource = keyof typeof RECORDS;

const searched = {
  state: z
    .enum(['complete', 'partial', 'failed', 'skipped', 'not-asked', 'not-entitled'])
    .describe(
      '`skipped`: there was nothing to search for; `not-asked`: the request did not include it; `not-entitled`: the company may not read it from Aircall.',
    ),
  gaps: z.array(z.strictObject({ code, count: count.optional() })).describe('What was not covered.'),
};

/** How much of each source was searched. */
const COVERAGE = {
  contacts: z.strictObject(searched),
  calls: z.strictObject({
    ...searched,
    by: z
      .enum(['number', 'company'])
      .optional()
      .describe('How they were found: by the numbers of the person, or among all calls of the company.'),
    window: z.strictObject({ from: z.iso.datetime().nullable(), to: z.iso.datetime() }),
    ambiguous: count.describe('Calls that may be those of somebody else: withheld.'),
    ignoredNumbers: count.describe('Numbers that are too short or name nobody: not searched.'),
  }),
  recordings: z.strictObject(searched),
  voicemails: z.strictObject(searched),
  transcripts: z.strictObject(searched),
  insights: z.strictObject(searched),
} as const satisfies Record<PackageSource, z.ZodType>;

export const accessPackageSchema = z
  .strictObject({
    format: z.literal(PACKAGE_FORMAT),
    requestId: z.string().describe('The id under which the request was made.'),
    connection: z.string().describe('The configured Aircall company.'),
    createdAt: z.iso.datetime().describe('When the request started; the package holds records found from then on.'),
    language: z.enum(LANGUAGES).describe('Of the pages and of README.txt.'),
    timezone: z.string().describe('IANA name; of the times in the pages and in README.txt.'),
    subject: z
      .strictObject({ emails: z.array(z.string()), phoneNumbers: z.array(z.string()) })
      .describe('Who the request is about, as given.'),
    ...RECORDS,
    withheld: z
      .array(z.strictObject({ source: z.enum(SOURCE_NAMES), code, count }))
      .describe("Records that may be somebody else's, and are not in the package, counted by reason."),
    redactions: z
      .array(
        z.strictObject({
          path: z.string().describe('A JSON pointer into this document, for instance `/calls/3/user`.'),
          reason: z.enum(REASONS),
        }),
      )
      .describe('Each place of this document at which something was left out, or replaced.'),
    coverage: z
      .strictObject({
        ...COVERAGE,
        notice: z
          .strictObject({
            state: z
              .enum(['complete', 'not-asked', 'skipped'])
              .describe(
                '`complete`: it is in the package; `not-asked`: the company gives it in another way; `skipped`: the company has provided none.',
              ),
            gaps: searched.gaps,
          })
          .describe('The information about the processing (Art. 15(1) GDPR), as notice.html.'),
        outOfReach: z.array(z.string()).describe("What Aircall's API cannot list."),
      })
      .describe('Which sources were searched, and which gaps remain.'),
  })
  .describe('Access package of a data subject request against Aircall.');

/** As a person receives it. */
export type AccessPackage = z.infer<typeof accessPackageSchema>;

/** As it is made: what grows with what was said is packed. */
export type PackageDocument = Omit<AccessPackage, 'transcripts' | 'insights' | 'redactions'> & {
  readonly transcripts: readonly CallContent[];
  readonly insights: readonly MadeInsight<Insight>[];
  readonly redactions: List<Redaction>;
};

/** The document of what was found. Contacts and calls get their UNIX times in ISO form too; a slice is one of them. */
export function* accessPackage(found: Omit<PackageDocument, 'format'>): InSlices<PackageDocument> {
  return {
    format: PACKAGE_FORMAT,
    ...found,
    contacts: yield* allWithIso(found.contacts),
    calls: yield* allWithIso(found.calls),
  };
}

function* allWithIso<T extends object>(records: readonly T[]): InSlices<T[]> {
  const all: T[] = [];
  for (const record of records) {
    all.push(withIso(record));
    yield;
  }
  return all;
}

export function accessPackageJsonSchema(): unknown {
  return z.toJSONSchema(accessPackageSchema, { target: 'draft-2020-12' });
}

/**
 * The path of a call's audio in its package. It says nothing of the call.
 * @param place of the call in `calls`; the first is 1
 */
export function mediaPath({ place, kind, type }: { place: number; kind: MediaKind; type: AudioType }): string {
  const name = `call-${String(place).padStart(4, '0')}${kind === 'voicemail' ? '-voicemail' : ''}`;
  return `media/${name}.${FILE_ENDINGS[type]}`;
}

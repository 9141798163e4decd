/**
 * The access package's document, which the subject receives. Its shape is a published JSON schema, generated from the
 * definition here, so that document and schema cannot differ. Records are Aircall's own, every field kept.
 */
import { z } from 'zod';
import { callSchema, contactSchema } from '../aircall/schemas';
import type { SourceName } from '../request/sources';

export const PACKAGE_FORMAT = 'aircall-dsr/access-package/1';

const gaps = z.array(z.strictObject({ code: z.string(), count: z.number().int().optional() }));
const source = {
  state: z.enum(['complete', 'partial', 'failed', 'skipped']),
  gaps,
  by: z
    .enum(['number', 'company'])
    .optional()
    .describe(
      'How they were found: by numbers of the subject, or in the list of all of the company; absent: by a search.',
    ),
};

const searchedByNumber = {
  ...source,
  window: z.strictObject({ from: z.string().nullable(), to: z.string() }),
  ambiguous: z.number().int().describe('Calls that may be those of somebody else: withheld.'),
  ignoredNumbers: z.number().int().describe('Numbers that are too short or name nobody: not searched.'),
};

/** The records of each source. */
const RECORDS = {
  contacts: z.array(contactSchema).describe('Contacts of the subject, as Aircall returns them.'),
  calls: z
    .array(callSchema)
    .describe('Calls of the subject, newest first, as Aircall returns them. Times are UNIX seconds.'),
} as const satisfies Record<SourceName, z.ZodType>;

/** How much of each source was searched. */
const COVERAGE = {
  contacts: z.strictObject(source),
  calls: z.strictObject(searchedByNumber),
} as const satisfies Record<SourceName, z.ZodType>;

export const packageSchema = z
  .strictObject({
    format: z.literal(PACKAGE_FORMAT),
    requestId: z.string().describe('The id under which the request was made.'),
    connection: z.string().describe('The configured Aircall company.'),
    createdAt: z.iso.datetime().describe('When the request started; the package holds records found from then on.'),
    subject: z
      .strictObject({ emails: z.array(z.string()), phoneNumbers: z.array(z.string()) })
      .describe('Who the request is about, as given.'),
    ...RECORDS,
    coverage: z
      .strictObject({
        ...COVERAGE,
        outOfReach: z.array(z.string()).describe("What Aircall's API cannot list."),
      })
      .describe('Which sources were searched, and which gaps remain.'),
  })
  .describe('Access package of a data subject request against Aircall.');

export type AccessPackage = z.infer<typeof packageSchema>;

export function packageJsonSchema(): unknown {
  return z.toJSONSchema(packageSchema, { target: 'draft-2020-12' });
}

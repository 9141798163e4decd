/**
 * What a chain holds. The receipt: the request, its times, budget and version, and the outcome of every record, in counts and
 * codes; it holds no personal data: the subject is a keyed hash. And statements about the chain itself: a key that signs from
 * now on, a key that must not be trusted, an entry that nobody can read. docs/receipt.schema.json is made from the definitions here.
 */
import { z } from 'zod';
import { ENDED_STATUSES } from '../request/endings';
import { OUTCOMES, SOURCE_STATES } from '../request/model';
import { NAME_PATTERN } from '../request/names';

export const RECEIPT_FORMAT = 'aircall-dsr/receipt@1';

const name = z.string().regex(NAME_PATTERN);
const instant = z.iso.datetime();
const count = z.number().int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const DIGEST_PATTERN = /^[0-9a-f]{32}$/;
const keyedHash = z.string().regex(DIGEST_PATTERN);
export const CODE_PATTERN = /^[a-z][a-z0-9-]{0,63}$/;
const code = z.string().regex(CODE_PATTERN).describe('A code of docs/errors.md.');
const outcome = z.enum(OUTCOMES);
export const OUT_OF_REACH_PATTERN = /^[a-z]+(?: [a-z]+){0,9}$/;

const source = z.strictObject({
  source: z
    .string()
    .regex(/^[a-z]{1,32}$/)
    .describe('Which records: `contacts`, `calls`, `recordings`.'),
  state: z
    .enum(SOURCE_STATES)
    .describe(
      'How much of it was searched; `skipped`: not reached, or nothing to search for (see `gaps`); `not-asked`: the request leaves it out; `not-entitled`: the company may not read it from Aircall.',
    ),
  by: z
    .enum(['number', 'company'])
    .nullable()
    .describe(
      'How records were found: by numbers of the subject, or in the list of all; null: by a search, or not at all.',
    ),
  found: count.describe('Records of the subject: unchanged + deleted + absent + retained + refused + failed.'),
  unchanged: count.describe('Not changed in Aircall: the request was to read only, or ended before.'),
  deleted: count,
  absent: count.describe('Were already deleted before this request tried to delete them.'),
  retained: count.describe("Were left: they may be somebody else's, or changed since the plan was made."),
  refused: count,
  failed: count,
  unreadable: count.describe('Rows that could not be read, so that their owner is unknown.'),
  withheld: count.describe(
    "Records that may be somebody else's, and were not handed over: `doubts` states why, and what was decided.",
  ),
  reasons: z
    .array(z.strictObject({ outcome, code, count }))
    .describe('The reason, if the outcome is not the requested one.'),
  gaps: z
    .array(z.strictObject({ code, count: count.nullable() }))
    .describe('Parts of the source that were not covered.'),
  window: z
    .strictObject({ from: instant.nullable(), to: instant })
    .nullable()
    .describe('The time that was searched; `from` null: all that Aircall serves.'),
});

const keyId = z.string().regex(/^s-[0-9a-f]{16}$/);
const publicKey = z.base64().describe('Ed25519, SPKI (DER).');
const signer = z.strictObject({ keyId, publicKey });
const chain = z.strictObject({
  sequence: z.number().int().min(1).describe('Its place in the chain of the connection; the first is 1.'),
  previous: sha256
    .nullable()
    .describe(
      'SHA-256 of the entry before it, as canonical JSON; null: it is the first, or nobody can read the one before it.',
    ),
});
const signature = z.base64().describe('Ed25519 over the canonical JSON (RFC 8785) of all other members.');

/** What a person decided of a plan. */
const decided = {
  keyId: name.nullable().describe('The key of the approver; null: none was registered.'),
  at: instant,
  signed: z.boolean().describe('Whether the signature of that key was verified.'),
};

const body = z.strictObject({
  format: z.literal(RECEIPT_FORMAT),
  request: z.strictObject({
    connection: name.describe('The configured Aircall company.'),
    kind: z.enum(['access', 'deletion']),
    requestId: name,
    runId: name.describe('The run on the Temporal server that worked on it.'),
    dryRun: z.boolean().describe('It searched only: it was to hand over or delete nothing.'),
    regime: code.nullable().describe('The law that applies: `gdpr`, `ccpa`; null: not given.'),
    extension: z
      .strictObject({ at: instant, reason: code, dueBefore: instant })
      .optional()
      .describe('When and why the due date was extended, and the date before; absent: it was not extended.'),
  }),
  subject: keyedHash.nullable().describe('Keyed hash of the e-mail address; null: it was never known.'),
  status: z.enum(ENDED_STATUSES),
  failure: code.nullable().describe('Why the status is `failed`.'),
  times: z
    .strictObject({
      submitted: instant
        .nullable()
        .describe(
          'When the person made the request: as given, else as received; null: not given, and no law needs it.',
        ),
      received: instant.nullable().describe('When the request reached this service.'),
      started: instant.nullable().describe('When its first step began.'),
      searched: instant.nullable().describe('When the search was finished.'),
      deleted: instant.nullable().describe('When every deletion had its answer, and the verification began.'),
      verified: instant.nullable().describe('When the last verifying search was made.'),
      ended: instant.nullable(),
      due: instant.nullable().describe('When the law requires the answer, after an extension; null: no law was given.'),
    })
    .describe('Null: not reached, not finished, or not known.'),
  sources: z.array(source).describe('Empty if the request ended without a report of what it had done.'),
  ignoredNumbers: count.describe('Numbers that are too short or name nobody: not searched.'),
  outOfReach: z.array(z.string().regex(OUT_OF_REACH_PATTERN)).describe("What Aircall's API cannot list or delete."),
  verification: z.enum(['verified', 'residual', 'skipped']).nullable().describe('Null: no deletion, or not known.'),
  planDigest: keyedHash
    .nullable()
    .describe(
      'Names the plan as it was made: what was, or in a dry run would be, handed over or deleted, without contacts that a verification found and deleted; null: it came to none.',
    ),
  plan: z
    .strictObject({
      contacts: count,
      numbers: count.nullable().describe('By which calls would be searched for; null: a deletion.'),
      calls: count.nullable().describe("Of these numbers, by Aircall's count; null: not counted."),
    })
    .nullable()
    .describe(
      'Of a dry run: the contacts that would be handed over or deleted, and the calls that would be looked through. Null: no dry run, it came to no plan, or not known.',
    ),
  doubts: z
    .array(z.strictObject({ code, records: count, taken: count, kept: count }))
    .describe(
      "Records that may be somebody else's, by reason: `taken`: somebody decided that they are the subject's; `kept`: not handed over, or left; of a dry run: as its plan would do.",
    ),
  approvals: z.array(z.strictObject(decided)).describe('Approvals of the plan by persons; empty: there was none.'),
  rejection: z
    .strictObject({ ...decided, reason: z.string().regex(CODE_PATTERN) })
    .nullable()
    .describe('Of the plan, by a person; null: there was none.'),
  package: z
    .strictObject({ sha256, sizeBytes: count })
    .nullable()
    .describe('The package that was handed over, as decrypted.'),
  redactions: z
    .array(z.strictObject({ reason: z.string().regex(CODE_PATTERN), count }))
    .describe(
      'Places of the package at which something was left out or replaced, by a reason of docs/redaction.md; empty: there was none, or no package.',
    ),
  apiRequests: count.nullable().describe('HTTP requests to Aircall, retries included; null: not known.'),
  budget: z
    .strictObject({
      limitPerMinute: count.describe('API requests a minute that the company allowed when the request ended.'),
      sharePerMille: count.describe('The part of it that this service may use.'),
      requestsPerHour: count.describe('The most that both allow.'),
    })
    .nullable()
    .describe('Null: not known.'),
  service: z.strictObject({
    version: z.string().regex(/^[0-9A-Za-z.+-]{1,64}$/),
    workflows: sha256.nullable().describe('Digest of the bundle of workflows of the worker that ended the request.'),
  }),
  issued: z.strictObject({
    at: instant,
    how: z
      .enum(['at-end', 'afterwards'])
      .describe('`afterwards`: the request ended without its last step, or before there were receipts.'),
  }),
  chain,
  signer,
});

export const receiptSchema = body.extend({ signature }).describe('Receipt of a data subject request against Aircall.');

export type Receipt = z.infer<typeof receiptSchema>;
/** The signed members. */
export type ReceiptBody = z.infer<typeof body>;
/** The statements about the request; place, time and signer are added when the receipt is issued. */
export type ReceiptContent = Omit<ReceiptBody, 'chain' | 'issued' | 'signer'>;

export const receiptBodySchema = body;
export const receiptContentSchema = body.omit({ chain: true, issued: true, signer: true });

const keyStatementBody = z.strictObject({
  format: z.literal('aircall-dsr/key-statement@1'),
  says: z.discriminatedUnion('does', [
    z
      .strictObject({ does: z.literal('introduce'), keyId, publicKey })
      .describe('This key signs for the same service from now on.'),
    z
      .strictObject({ does: z.literal('revoke'), keyId, from: instant })
      .describe('Do not trust what this key signed from that time on.'),
  ]),
  issued: z.strictObject({ at: instant }),
  signer,
});
export const keyStatementBodySchema = keyStatementBody;
export const keyStatementSchema = keyStatementBody
  .extend({ signature })
  .describe('What one key that signs says of another one. It names no connection: it holds for every chain.');
export type KeyStatement = z.infer<typeof keyStatementSchema>;

/** `missing`: nothing is stored. `unopened`: its seal does not open. `malformed`: it opens, and is no entry of a chain. */
export const FAULTS = ['missing', 'unopened', 'malformed'] as const;

const chainStatementBody = z.strictObject({
  format: z.literal('aircall-dsr/chain-statement@1'),
  connection: name,
  states: z.discriminatedUnion('about', [
    z
      .strictObject({
        about: z.literal('unreadable'),
        sequence: z.number().int().min(1).describe('The place of the entry that nobody can read.'),
        fault: z
          .enum(FAULTS)
          .describe(
            '`missing`: nothing is stored; `unopened`: its seal does not open; `malformed`: it is no entry of a chain.',
          ),
        sha256: sha256
          .nullable()
          .describe('Of its content; `unopened`: of what is stored, which is encrypted; null: nothing is stored.'),
      })
      .describe(
        'An entry before this one cannot be read: a request lost its receipt, and may have a new one behind this.',
      ),
    z.strictObject({ about: z.literal('key'), statement: keyStatementSchema }),
  ]),
  issued: z.strictObject({ at: instant }),
  chain,
  signer,
});
export const chainStatementBodySchema = chainStatementBody;
export const chainStatementSchema = chainStatementBody
  .extend({ signature })
  .describe('Statement about the chain itself, at a place of its own.');
export type ChainStatement = z.infer<typeof chainStatementSchema>;
/** What a statement states. */
export type Stated = ChainStatement['states'];
export type Unreadable = Omit<Extract<Stated, { about: 'unreadable' }>, 'about'>;

export const entrySchema = z.discriminatedUnion('format', [receiptSchema, chainStatementSchema]);
export type Entry = z.infer<typeof entrySchema>;

export function isReceipt(entry: Entry): entry is Receipt {
  return entry.format === RECEIPT_FORMAT;
}

/** The connection to whose chain an entry belongs. */
export function connectionOf(entry: Entry): string {
  return isReceipt(entry) ? entry.request.connection : entry.connection;
}

export function receiptJsonSchema(): unknown {
  return z.toJSONSchema(entrySchema, { target: 'draft-2020-12' });
}

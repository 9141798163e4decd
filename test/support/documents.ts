/** What commands print with --json; unknown fields fail, so that the contract's shape is the whole shape. */
import { z } from 'zod';

const errorSchema = z.strictObject({
  error: z.strictObject({ code: z.string().regex(/^[a-z-]+$/), message: z.string().min(10) }),
});

export const errorOf = (document: unknown) => errorSchema.parse(document).error;

const gaps = z.array(z.strictObject({ code: z.string(), count: z.number().int().optional() }));
const state = z.enum(['complete', 'partial', 'failed', 'skipped', 'not-asked', 'not-entitled']);
const part = z.strictObject({ state, gaps }).optional();
const counts = z.strictObject({
  contacts: z.number().int(),
  calls: z.number().int().optional(),
  recordings: z.number().int().optional(),
  voicemails: z.number().int().optional(),
  transcripts: z.number().int().optional(),
  insights: z.number().int().optional(),
  deleted: z.number().int().optional(),
  alreadyAbsent: z.number().int().optional(),
  retained: z.number().int().optional(),
  refused: z.number().int(),
  failed: z.number().int(),
});
const kind = z.enum(['access', 'deletion']);
const finalStatus = z.enum(['completed', 'partial', 'no-match', 'planned', 'denied', 'cancelled', 'failed', 'purged']);
const outcome = z.enum(['deleted', 'already-absent', 'retained', 'withheld', 'refused', 'failed']);
const whole = z.number().int();
const decided = { keyId: z.string().optional(), at: z.iso.datetime(), signed: z.boolean() };
const doubts = z.array(z.strictObject({ code: z.string(), records: whole, taken: whole, kept: whole }));
const packageRef = z.strictObject({
  uri: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().positive(),
});

export const resultSchema = z.strictObject({
  requestId: z.string(),
  connection: z.string(),
  kind,
  status: finalStatus,
  dryRun: z.literal(true).optional(),
  counts,
  outcomes: z.array(
    z.strictObject({
      record: z.string().regex(/^(unreadable )?(contact|call|recording|voicemail|transcript|insight) \d+$/),
      outcome,
      code: z.string().optional(),
    }),
  ),
  unlisted: z
    .array(
      z.strictObject({
        source: z.string(),
        unreadable: z.boolean(),
        outcome,
        code: z.string().optional(),
        count: z.number().int().positive(),
      }),
    )
    .optional(),
  coverage: z.strictObject({
    contacts: z.strictObject({ state, gaps, by: z.enum(['number', 'company']).optional() }),
    calls: z
      .strictObject({
        state,
        gaps,
        by: z.enum(['number', 'company']).optional(),
        window: z.strictObject({ from: z.iso.datetime().nullable(), to: z.iso.datetime() }),
        ambiguous: z.number().int(),
        ignoredNumbers: z.number().int(),
      })
      .optional(),
    ...{ recordings: part, voicemails: part, transcripts: part, insights: part },
    notice: z.strictObject({ state: z.enum(['complete', 'not-asked', 'skipped']), gaps }).optional(),
    outOfReach: z.array(z.string()).min(1),
  }),
  apiRequests: z.number().int(),
  startedAt: z.iso.datetime(),
  completedAt: z.iso.datetime(),
  package: packageRef.optional(),
  redactions: z.array(z.strictObject({ reason: z.string(), count: whole.positive() })).optional(),
  verification: z
    .strictObject({ state: z.enum(['verified', 'residual', 'skipped']), checkedAt: z.iso.datetime().nullable() })
    .optional(),
  planDigest: z.string().optional(),
  plan: z
    .strictObject({
      counts: z.strictObject({ contacts: whole, numbers: whole.optional(), calls: whole.optional() }),
      cost: z.strictObject({ apiRequests: whole, pages: whole, hours: z.number().min(0).optional() }).optional(),
    })
    .optional(),
  doubts,
  approvals: z.array(z.strictObject(decided)),
  rejection: z.strictObject({ ...decided, reason: z.string() }).optional(),
  purged: z.strictObject({ at: z.iso.datetime(), status: finalStatus }).optional(),
  failure: z.strictObject({ code: z.string(), message: z.string() }).optional(),
});

export const startedSchema = z.strictObject({
  requestId: z.string(),
  workflowId: z.string().regex(/^dsr:/),
  runId: z.uuid(),
});

export const statusSchema = z.strictObject({
  requestId: z.string(),
  connection: z.string(),
  workflowId: z.string(),
  kind,
  status: z.union([z.enum(['running', 'waiting']), finalStatus]),
  dryRun: z.literal(true).optional(),
  phase: z.string(),
  counts,
  apiRequests: z.number().int().optional(),
  progress: z
    .strictObject({
      files: whole,
      sizeBytes: whole,
      apiRequestsLeft: whole.optional(),
      hoursLeft: z.number().min(0).optional(),
    })
    .optional(),
  waitingFor: z.strictObject({ cause: z.string(), until: z.iso.datetime().optional() }).optional(),
  planDigest: z.string().optional(),
  doubts: doubts.optional(),
  retrying: z
    .array(
      z.strictObject({
        step: z.string(),
        code: z.string(),
        attempts: z.number().int().positive(),
        nextAt: z.iso.datetime().optional(),
      }),
    )
    .optional(),
  result: resultSchema.optional(),
});

export const listSchema = z.strictObject({
  requests: z.array(
    z.strictObject({
      requestId: z.string(),
      workflowId: z.string(),
      connection: z.string(),
      kind,
      status: z.string(),
      dryRun: z.literal(true).optional(),
      startedAt: z.iso.datetime(),
    }),
  ),
});

export const savedSchema = packageRef.extend({ out: z.string() });

export const connectionsSchema = z.strictObject({
  broken: z.array(z.strictObject({ connection: z.string(), message: z.string() })),
  disconnected: z.array(
    z.strictObject({
      connection: z.string(),
      company: z.string().nullable(),
      waitingRequests: z.number().int().nullable(),
    }),
  ),
  connections: z.array(
    z.strictObject({
      connection: z.string(),
      company: z.string().nullable(),
      state: z.enum(['served', 'no-worker', 'unknown', 'paused', 'credentials-refused']),
      baseUrl: z.url(),
      credential: z.enum(['api-key', 'oauth']),
      connectedAt: z.iso.datetime(),
      country: z
        .string()
        .regex(/^[A-Z]{2}$/)
        .nullable(),
      language: z.string().length(2),
      notice: z.union([z.literal('none'), z.array(z.string().length(2)).nonempty()]).nullable(),
      approvals: z.number().int(),
      deletionsPerDay: z.number().int().nullable(),
      pausedAt: z.iso.datetime().nullable(),
      refusedAt: z.iso.datetime().nullable(),
      waitingRequests: z.number().int().nullable(),
      budget: z.strictObject({
        limitPerMinute: z.union([z.number(), z.literal('auto')]),
        share: z.number(),
        observedLimitPerMinute: z.number().nullable(),
        configuredPerMinute: z.number(),
        effectivePerMinute: z.number().nullable(),
        partitions: z.number().int().nullable(),
        onePartitionPerMinute: z.number(),
        permitEverySeconds: z.number().nullable(),
      }),
      backlog: z.strictObject({ steps: z.number().int(), oldestSeconds: z.number() }).nullable(),
      rateLimited: z.strictObject({ count: z.number().int(), lastAt: z.iso.datetime().nullable() }),
    }),
  ),
});

/** What the vault holds of a plan and of its approval: steps write and read it, and the command that opens a plan reads it. */
import { z } from 'zod';
import { DOUBTS, type DoubtCode } from '../judgement/doubts';
import type { PlanRow } from '../judgement/plan';
import { keyOf } from './shapes';

const row: z.ZodType<PlanRow> = z.strictObject({
  ref: z.string(),
  record: z.enum(['contact', 'call', 'recording']),
  id: z.number(),
  verb: z.enum(['deliver', 'delete']),
  because: z.array(
    z.strictObject({
      identity: z.string(),
      field: z.enum(['emails', 'phone_numbers', 'contact', 'raw_digits', 'conference_participants']),
    }),
  ),
  doubt: z.custom<DoubtCode>(keyOf(DOUBTS)).optional(),
  of: z.string().optional(),
});

export const planContent = z.strictObject({ rows: z.array(row) });

export const approvalContent = z.strictObject({
  planDigest: z.string(),
  decisions: z.record(z.string(), z.enum(['take', 'keep'])),
  approvals: z.array(
    z.strictObject({
      keyId: z.string().optional(),
      by: z.string().optional(),
      at: z.string(),
      signature: z.string().optional(),
    }),
  ),
});

/** An object of a case file that says what it is. */
export const objectOf = <W extends string, T extends z.ZodType>(what: W, content: T) =>
  z.strictObject({ what: z.literal(what), content });

/**
 * The approval of a plan by people: what they send, when it is needed, and what may count. Whether a signature is good is judged by a
 * step, never by a workflow. Decision D16. Workflow-safe, pure.
 */
import type { Decision, Decisions, PlanRow } from '../judgement/plan';
import { REASON_RULE, reasonShape } from './clock';
import { type Kind, nameShape, requestRefFields } from './names';
import {
  flag,
  instant,
  listOf,
  matching,
  object,
  oneOf,
  optional,
  type Shape,
  type Shaped,
  text,
  whole,
} from './shapes';

/** The keys of approvers that a connection may require at most. */
export const APPROVALS_MAX = 2;

/** As plans name their rows: `contact 1`. Nothing else is ever repeated in a message. */
const REF = /^(?:contact|call|recording) [1-9]\d{0,8}$/;
const DECISIONS_MAX = 20_000;

export const digestShape = matching(/^[0-9a-f]{32}$/);
const decisionShape: Shape<Decision> = oneOf('take', 'keep');
export const decisionsShape: Shape<Decisions> = (value): value is Decisions => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= DECISIONS_MAX && entries.every(([ref, decided]) => REF.test(ref) && decisionShape(decided));
};

const signedFields = {
  planDigest: digestShape,
  /** The name under which the key of the approver is registered; without approvers, whatever name was given. */
  by: optional(nameShape),
  at: instant,
  /** Ed25519, base64; absent: not signed. */
  signature: optional(matching(/^[A-Za-z0-9+/]{86}==$/)),
};
export const approvalInputShape = object({ ...signedFields, decisions: decisionsShape });
/** That a person approves a plan, with the decisions for its rows. */
export type ApprovalInput = Shaped<typeof approvalInputShape>;

export const rejectionInputShape = object({ ...signedFields, reason: reasonShape });
/** That a person rejects a plan; the reason is words joined by hyphens, as that of an extension. */
export type RejectionInput = Shaped<typeof rejectionInputShape>;

export const approvedByShape = object({ keyId: optional(text), at: instant, signed: flag });
/** Who approved or rejected: the id of the key, no name. */
export type ApprovedBy = Shaped<typeof approvedByShape>;

/** The answer to an approval. */
export const approvedShape = object({
  ...requestRefFields,
  planDigest: digestShape,
  approvals: listOf(approvedByShape),
  /** How many more approvals the plan needs, each with another key. */
  missing: whole,
});
export type Approved = Shaped<typeof approvedShape>;

/** What the result of a request states of the rejection of its plan. */
export const rejectedShape = object({ keyId: optional(text), at: instant, signed: flag, reason: reasonShape });
export type Rejected = Shaped<typeof rejectedShape>;

/** The answer to a rejection. */
export const rejectionAnswerShape = object({ ...requestRefFields, planDigest: digestShape, rejection: rejectedShape });
export type RejectionAnswer = Shaped<typeof rejectionAnswerShape>;

export class ApprovalRefused extends Error {
  readonly code = 'approval-refused' as const;
  override readonly name = 'ApprovalRefused';
}

/** The plan was not approved as it must be: nothing of it is executed. */
export class NotApproved extends Error {
  readonly code = 'not-approved' as const;
  override readonly name = 'NotApproved';
}

/** What a request itself says of the approval of its plan; its record keeps it. */
export interface Need {
  readonly requireApproval: boolean;
  /** So many contacts are deleted without a person. */
  readonly matchesMax: number;
  /** The digest of the only plan that may be executed: somebody has seen that one. */
  readonly plan?: string;
}

/** What decides about a plan before anybody approves it. */
export interface Policy extends Need {
  /** Approvals that the connection requires; no request lowers it. */
  readonly minimum: number;
}

interface Proposed {
  readonly kind: Kind;
  readonly rows: readonly PlanRow[];
  readonly planDigest: string;
}

/** How many people must approve a plan: the one rule, by which requests wait and steps refuse. */
export function approvalsNeeded({ kind, rows, planDigest }: Proposed, policy: Policy): number {
  if (rows.length === 0) return 0;
  const asked = policy.requireApproval ? 1 : 0;
  if (kind === 'access') return asked;
  const contacts = rows.filter(({ record, doubt }) => record === 'contact' && doubt === undefined).length;
  const capped = contacts > policy.matchesMax && policy.plan !== planDigest ? 1 : 0;
  return Math.max(policy.minimum, asked, capped);
}

/** Whether a request may not execute a plan because it names another one. */
export function isOtherPlan({ plan }: Pick<Need, 'plan'>, planDigest: string | undefined): boolean {
  return plan !== undefined && plan !== planDigest;
}

/** @throws {ApprovalRefused} */
export function approvalIn(input: unknown): ApprovalInput {
  if (approvalInputShape(input)) {
    const { planDigest, decisions, by, at, signature } = input;
    return {
      planDigest,
      decisions,
      at,
      ...(by !== undefined && { by }),
      ...(signature !== undefined && { signature }),
    };
  }
  throw new ApprovalRefused(
    'an approval takes planDigest, decisions (of each row `take` or `keep`), at, and, if it is signed, by and signature',
  );
}

/** @throws {ApprovalRefused} */
export function rejectionIn(input: unknown): RejectionInput {
  if (rejectionInputShape(input)) {
    const { planDigest, reason, by, at, signature } = input;
    return { planDigest, reason, at, ...(by !== undefined && { by }), ...(signature !== undefined && { signature }) };
  }
  throw new ApprovalRefused(
    `a rejection takes planDigest, reason, at, and, if it is signed, by and signature; the reason ${REASON_RULE}`,
  );
}

/** Refs that are decided and are none of the plan's. */
export function unknownRefs(rows: readonly PlanRow[], decisions: Decisions): string[] {
  const known = new Set(rows.map(({ ref }) => ref));
  return Object.keys(decisions).filter(ref => !known.has(ref));
}

/** Whether both decide the same for each row of their own. */
export function isSameDecisions(one: Decisions, other: Decisions): boolean {
  const [names, others] = [Object.keys(one), Object.keys(other)];
  return names.length === others.length && names.every(ref => one[ref] === other[ref]);
}

/**
 * Whether people have approved a plan: the one check, made when an approval arrives and again by each step that acts on the plan. It
 * believes no workflow: the plan, its digest, the approvers and the connection's minimum are those of the vault. Decision D16.
 */
import { type Decisions, type PlanRow, planText } from '../judgement/plan';
import { isSigned } from '../receipt/approval';
import { type ApprovedBy, NotApproved, unknownRefs } from '../request/approval';
import { type RequestRef, workflowIdOf } from '../request/names';
import { count } from '../request/words';
import type { Approver, Approvers } from '../vault/approvers';
import type { CaseRef, Cases } from '../vault/cases';
import type { Connections } from '../vault/connections';
import { readObject } from './case-objects';

export interface ApprovedDependencies {
  readonly cases: Cases;
  readonly connections: Connections;
  readonly approvers: Approvers;
  /** Keyed hash, see the keyring. */
  readonly hash: (value: string) => string;
}

/** Names a plan: the same for equal plans of all requests. */
export function planDigestOf(hash: ApprovedDependencies['hash'], rows: readonly PlanRow[]): string {
  return hash(`plan ${planText(rows)}`);
}

/** The approvals that no request of a kind can do without. */
export async function minimumOf(connections: Connections, { connection, kind }: RequestRef): Promise<number> {
  if (kind === 'access') return 0;
  // A connection that was disconnected while requests wait for it keeps what it required.
  const policy = (await connections.get(connection))?.value ?? (await connections.kept(connection));
  return policy?.approvals ?? 0;
}

/** Those who said the same of a plan, at different times. */
export interface Said {
  readonly approvals: readonly {
    readonly by?: string | undefined;
    readonly at: string;
    readonly signature?: string | undefined;
  }[];
  readonly decisions: Decisions;
  readonly planDigest: string;
}

/**
 * The approvals that count: signed by a registered approver, one for each key; unsigned ones only if nobody is registered and the
 * connection requires none. Pure.
 */
export function countingApprovals(
  request: RequestRef,
  { approvals, decisions, planDigest }: Said,
  { approvers, minimum }: { readonly approvers: readonly Approver[]; readonly minimum: number },
): (Said['approvals'][number] & { readonly keyId?: string })[] {
  const workflowId = workflowIdOf(request);
  const counting = new Map<string, Said['approvals'][number] & { readonly keyId?: string }>();
  for (const approval of approvals) {
    const { by, at, signature } = approval;
    const approver = approvers.find(({ name }) => name === by);
    if (by !== undefined && signature !== undefined && approver !== undefined) {
      const isGood = isSigned({ workflowId, planDigest, decisions, by, at }, signature, approver.publicKey);
      if (isGood && !counting.has(approver.keyId)) counting.set(approver.keyId, { ...approval, keyId: approver.keyId });
    } else if (signature === undefined && approvers.length === 0 && minimum === 0) counting.set('', approval);
  }
  return [...counting.values()];
}

/** Who they are, for a result: ids of keys, no names. */
export function approvedBy({ keyId, at }: { readonly keyId?: string | undefined; readonly at: string }): ApprovedBy {
  return { ...(keyId !== undefined && { keyId }), at, signed: keyId !== undefined };
}

/** Of a plan that nobody has approved. */
const NONE: Decisions = {};

/**
 * What people decided about the rows of a plan.
 * @param approval absent: nobody was asked
 * @param acts whether the step delivers or deletes rows, or only counts them
 * @throws {NotApproved} also if an approver was removed, or the connection requires more approvals since
 */
export async function approvedDecisions(
  { cases, connections, approvers, hash }: ApprovedDependencies,
  request: RequestRef,
  { rows, approval }: { readonly rows: readonly PlanRow[]; readonly approval?: CaseRef | undefined },
  acts: boolean,
): Promise<Decisions> {
  const minimum = acts || approval !== undefined ? await minimumOf(connections, request) : 0;
  if (approval === undefined) {
    if (minimum === 0) return NONE;
    throw new NotApproved(`the connection requires ${count(minimum, 'approval')} of each deletion`);
  }
  const said = await readObject(cases, request, approval, 'approval');
  if (said.planDigest !== planDigestOf(hash, rows)) throw new NotApproved('another plan was approved');
  if (unknownRefs(rows, said.decisions).length > 0)
    throw new NotApproved('the approval decides rows that the plan does not have');
  const counting = countingApprovals(request, said, { approvers: await approvers.list(), minimum });
  if (counting.length < Math.max(minimum, 1))
    throw new NotApproved('an approval does not count any more: its approver was removed, or more are required');
  return said.decisions;
}

/**
 * Whether people have approved a plan: the one check, made when an approval arrives and again by each step that acts on the plan. It
 * believes no workflow: the plan, its digest, what the request asked for, the approvers and the connection's minimum are those of the
 * vault. Decision D16.
 */
import { type Decisions, type PlanRow, planText } from '../judgement/plan';
import { type ApprovalStatement, isSigned, type RejectionStatement } from '../receipt/approval';
import {
  type ApprovedBy,
  approvalsNeeded,
  isOtherPlan,
  NotApproved,
  type Policy,
  unknownRefs,
} from '../request/approval';
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

/** What decides about the plans of a request: what its record says, and what its connection requires at this moment. */
export async function policyOf(
  { cases, connections }: Pick<ApprovedDependencies, 'cases' | 'connections'>,
  request: RequestRef,
): Promise<Policy> {
  const { need } = await cases.standing(request, 'a-minute-ago');
  return { ...need, minimum: await minimumOf(connections, request) };
}

/** The approvals that no request of a kind can do without. */
async function minimumOf(connections: Connections, { connection, kind }: RequestRef): Promise<number> {
  if (kind === 'access') return 0;
  // A connection that was disconnected while requests wait for it keeps what it required.
  const policy = (await connections.get(connection))?.value ?? (await connections.kept(connection));
  return policy?.approvals ?? 0;
}

/** How many more people must approve a plan. One that people were asked about needs one of them, whatever has changed since. */
export function missingOf(needed: number, counting: readonly unknown[]): number {
  return Math.max(0, Math.max(needed, 1) - counting.length);
}

/** Who may approve or reject. */
export interface Approving extends Pick<Policy, 'minimum'> {
  readonly approvers: readonly Approver[];
}

interface Signed {
  readonly by?: string | undefined;
  readonly signature?: string | undefined;
}

/**
 * Who said it, if it counts: a registered approver whose key signed it; without a key, somebody, if nobody is registered and the
 * connection requires no approval. Undefined if it does not count. Pure.
 */
export function signerOf(
  said: Omit<ApprovalStatement, 'by'> | Omit<RejectionStatement, 'by'>,
  { by, signature }: Signed,
  { approvers, minimum }: Approving,
): { readonly keyId?: string } | undefined {
  if (signature === undefined) return approvers.length === 0 && minimum === 0 ? {} : undefined;
  const approver = approvers.find(({ name }) => name === by);
  if (by === undefined || approver === undefined) return undefined;
  return isSigned({ ...said, by }, signature, approver.publicKey) ? { keyId: approver.keyId } : undefined;
}

/** Those who said the same of a plan, at different times. */
export interface Said {
  readonly approvals: readonly (Signed & { readonly at: string })[];
  readonly decisions: Decisions;
  readonly planDigest: string;
}
type Counting = Said['approvals'][number] & { readonly keyId?: string };

/** The approvals that count, one for each key. Pure. */
export function countingApprovals(
  request: RequestRef,
  { approvals, decisions, planDigest }: Said,
  who: Approving,
): Counting[] {
  const workflowId = workflowIdOf(request);
  const counting = new Map<string | undefined, Counting>();
  for (const { by, at, signature } of approvals) {
    const signer = signerOf({ workflowId, planDigest, decisions, at }, { by, signature }, who);
    if (signer !== undefined && !counting.has(signer.keyId))
      counting.set(signer.keyId, { by, at, signature, ...signer });
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
  dependencies: ApprovedDependencies,
  request: RequestRef,
  { rows, approval }: { readonly rows: readonly PlanRow[]; readonly approval?: CaseRef | undefined },
  acts: boolean,
): Promise<Decisions> {
  if (approval === undefined && !acts) return NONE;
  const { cases, approvers, hash } = dependencies;
  const policy = await policyOf(dependencies, request);
  const planDigest = planDigestOf(hash, rows);
  if (acts && isOtherPlan(policy, planDigest)) throw new NotApproved('the request is to execute another plan');
  const needed = approvalsNeeded({ kind: request.kind, rows, planDigest }, policy);
  if (approval === undefined) {
    if (needed === 0) return NONE;
    throw new NotApproved(`the plan needs ${count(needed, 'approval')}`);
  }
  const said = await readObject(cases, request, approval, 'approval');
  if (said.planDigest !== planDigest) throw new NotApproved('another plan was approved');
  if (unknownRefs(rows, said.decisions).length > 0)
    throw new NotApproved('the approval decides rows that the plan does not have');
  const who = { approvers: await approvers.list(), minimum: policy.minimum };
  if (missingOf(needed, countingApprovals(request, said, who)) > 0)
    throw new NotApproved('an approval does not count any more: its approver was removed, or more are required');
  return said.decisions;
}

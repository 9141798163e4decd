/**
 * Steps about the approval of a plan: how many people must approve it, and whether an approval or a rejection that somebody sent
 * counts. They use only the vault; access to the Temporal server alone approves nothing. Decision D16.
 */
import { type ApprovalInput, approvalsNeeded, isSameDecisions, unknownRefs } from '../request/approval';
import type { LocalActivities } from '../request/contracts';
import { type RequestRef, workflowIdOf } from '../request/names';
import type { Approver } from '../vault/approvers';
import type { CaseRef } from '../vault/cases';
import { refuseEnded, stepFailure } from './api-step';
import {
  type ApprovedDependencies,
  approvedBy,
  countingApprovals,
  missingOf,
  planDigestOf,
  policyOf,
  signerOf,
} from './approved';
import { readObject, writeObject } from './case-objects';
import { NOTHING_SENT } from './local-step';

/** Allowed difference between the clocks of an approver's machine and the server. */
const CLOCK_SKEW_MS = 5 * 60_000;

export function createApprovalActivities(
  dependencies: ApprovedDependencies,
): Pick<LocalActivities, 'approvalNeeded' | 'checkApproval' | 'checkRejection'> {
  const { cases, approvers, hash } = dependencies;

  /** The plan that is waited for, and who may approve it. @throws {ApplicationFailure} `approval-refused`: another one was named */
  async function asked(request: RequestRef, plan: CaseRef, given: { readonly planDigest: string }) {
    await refuseEnded(cases, request, 'now', NOTHING_SENT);
    const { rows, planDigest, needed, minimum } = await judged(request, plan);
    if (planDigest !== given.planDigest)
      throw refused('the plan has another digest; run `aircall-dsr plan` again, and approve the digest that it prints');
    return { rows, needed, who: { approvers: await approvers.list(), minimum } };
  }

  async function judged(request: RequestRef, plan: CaseRef) {
    const { rows } = await readObject(cases, request, plan, 'plan');
    const policy = await policyOf(dependencies, request);
    const planDigest = planDigestOf(hash, rows);
    const needed = approvalsNeeded({ kind: request.kind, rows, planDigest }, policy);
    return { rows, planDigest, needed, minimum: policy.minimum };
  }

  async function refuseOtherTimes(request: RequestRef, { at }: { readonly at: string }, nowMs: number): Promise<void> {
    const startedAt = (await cases.record(request))?.startedAt ?? at;
    if (Date.parse(at) > nowMs + CLOCK_SKEW_MS)
      throw refused('it is dated in the future; check the clock of the machine that made it');
    if (Date.parse(at) < Date.parse(startedAt) - CLOCK_SKEW_MS)
      throw refused('it is older than the request; check the clock of the machine that made it');
  }

  return {
    /** How many people must approve a plan before it is executed. */
    async approvalNeeded({ request, plan }) {
      const { needed } = await judged(request, plan);
      return { needed };
    },

    /**
     * Adds an approval to those before it, if it counts. What is kept is what the steps that deliver or delete check again.
     * Repeated, it makes another object with the same content.
     */
    async checkApproval({ request, plan, before, given, nowMs }) {
      const { rows, needed, who } = await asked(request, plan, given);
      await refuseOtherTimes(request, given, nowMs);
      const unknown = unknownRefs(rows, given.decisions);
      if (unknown.length > 0)
        throw refused(
          `the plan has no ${unknown.slice(0, 3).join(', ')}; take the refs that \`aircall-dsr plan\` prints`,
        );
      const mine = countingApprovals(request, { ...given, approvals: [given] }, who)[0];
      if (mine === undefined) throw refused(whyUncounted(given, who.approvers));

      const said = before && (await readObject(cases, request, before, 'approval'));
      // An approver may have been removed since.
      const earlier = said === undefined ? [] : countingApprovals(request, said, who);
      if (said !== undefined && earlier.length > 0) {
        if (!isSameDecisions(said.decisions, given.decisions))
          throw refused(
            'the approval before it decided otherwise; approve with the same --take and --keep, or reject the request',
          );
        if (earlier.some(({ keyId }) => keyId === mine.keyId))
          throw refused('this key has approved the plan already; another approver must approve it too');
      }
      const counting = [...earlier, mine];
      const { planDigest, decisions } = given;
      const approvals = counting.map(({ by, at, signature, keyId }) => ({
        at,
        ...(keyId !== undefined && { keyId }),
        ...(by !== undefined && { by }),
        ...(signature !== undefined && { signature }),
      }));
      const content = { planDigest, decisions: { ...decisions }, approvals };
      const approval = await writeObject(cases, request, 'approval', content);
      await cases.notePlan(request, { plan, planDigest, approval });
      return { approval, approvals: counting.map(approvedBy), missing: missingOf(needed, counting) };
    },

    /** Whether a rejection counts: signed by an approver, if there are any. */
    async checkRejection({ request, plan, given, nowMs }) {
      const { who } = await asked(request, plan, given);
      await refuseOtherTimes(request, given, nowMs);
      const { planDigest, reason, at } = given;
      const signer = signerOf({ workflowId: workflowIdOf(request), planDigest, reason, at }, given, who);
      if (signer === undefined) throw refused(whyUncounted(given, who.approvers));
      return { ...approvedBy({ ...signer, at }), reason };
    },
  };
}

/** The remedy, without a value of what was given. */
function whyUncounted(
  { by, signature }: Pick<ApprovalInput, 'by' | 'signature'>,
  approvers: readonly Approver[],
): string {
  if (approvers.length === 0)
    return signature === undefined
      ? 'the connection requires approvers, and none is registered; run `aircall-dsr approvers add`'
      : 'no approver is registered, so no signature can be verified; run `aircall-dsr approvers add`, or leave out --by and --key';
  if (signature === undefined) return 'it is not signed; give --by and --key of a registered approver';
  if (!approvers.some(({ name }) => name === by))
    return 'no approver is registered under that name; see `aircall-dsr approvers list`';
  return 'the key that is registered under that name did not sign this for this request and plan';
}

function refused(why: string) {
  return stepFailure('approval-refused', why, NOTHING_SENT);
}

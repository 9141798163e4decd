/**
 * The approval of a request's plan in its run: whether a person must approve it, the durable wait, and the updates that end it. It
 * judges no approval: a step does, and the steps that deliver or delete check again. Decision D16.
 */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  defineUpdate,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  type ApprovalInput,
  ApprovalRefused,
  type Approved,
  approvalIn,
  type RejectionAnswer,
  type RejectionInput,
  rejectionIn,
} from '../request/approval';
import type { CaseRef, MadePlan, Opened } from '../request/contracts';
import { APPROVE, REJECT } from '../request/names';
import { missingKeyOf } from '../unusable';
import type { Findings } from './findings';
import type { Progress } from './progress';
import { awaitKeyOf, isFrom } from './received';
import { localSteps, ownFailure } from './steps';

/** Returns how many approvals are missing. A refusal (`approval-refused`) changes nothing. */
const approveUpdate = defineUpdate<Approved, [unknown]>(APPROVE);
/** Returns the rejection, with which the request ends. */
const rejectUpdate = defineUpdate<RejectionAnswer, [unknown]>(REJECT);

export interface Approvals {
  /**
   * Waits until the plan may be executed, if people must approve it. Undefined if it must not: it was rejected, or nobody answered
   * before the request's deadline; the findings say which.
   */
  of(made: MadePlan): Promise<{ readonly approval?: CaseRef } | undefined>;
}

/** A request whose plan waits. */
interface Waiting extends Pick<MadePlan, 'plan' | 'planDigest'> {
  readonly opened: Opened;
  readonly findings: Findings;
  /** The approvals so far. */
  approval?: CaseRef;
  end?: 'approved' | 'rejected';
}

/** Create it before the first wait: until there is a plan that waits, both updates are refused. */
export function keepApprovals(): (request: {
  readonly opened: Opened;
  readonly progress: Progress;
  readonly findings: Findings;
}) => Approvals {
  let waiting: Waiting | undefined;
  /** One after the other: each is judged by those before it. */
  let last: Promise<unknown> = Promise.resolve();

  setHandler(approveUpdate, input => inTurn(input, approvalIn, approve), { validator: validator(approvalIn) });
  setHandler(rejectUpdate, input => inTurn(input, rejectionIn, reject), { validator: validator(rejectionIn) });

  /** Refuses what is no answer to the plan that waits, and leaves no trace of it. */
  function validator<T extends { readonly planDigest: string }>(read: (input: unknown) => T) {
    return (input: unknown): void => {
      try {
        present(received(input, read));
      } catch (error) {
        throw asFailure(error);
      }
    };
  }

  function inTurn<T extends { readonly planDigest: string }, A>(
    input: unknown,
    read: (input: unknown) => T,
    judge: (given: T, plan: Waiting) => Promise<A>,
  ): Promise<A> {
    awaitKeyOf(input); // it was accepted where the key is
    const turn = last.then(async () => {
      try {
        const given = received(input, read);
        const plan = present(given);
        return await CancellationScope.nonCancellable(() => judge(given, plan));
      } catch (error) {
        throw asFailure(error);
      }
    });
    last = turn.catch(() => undefined);
    return turn;
  }

  /** @throws {ApprovalRefused} */
  function present({ planDigest }: { readonly planDigest: string }): Waiting {
    if (waiting === undefined || waiting.end !== undefined)
      throw new ApprovalRefused('this request does not wait for an approval');
    if (planDigest !== waiting.planDigest)
      throw new ApprovalRefused(
        'the plan has another digest; run `aircall-dsr plan` again, and name the digest that it prints',
      );
    return waiting;
  }

  async function approve(given: ApprovalInput, plan: Waiting): Promise<Approved> {
    const { request } = plan.opened;
    const { approval, approvals, missing } = await localSteps().checkApproval({
      request,
      plan: plan.plan,
      ...(plan.approval && { before: plan.approval }),
      given,
      nowMs: Date.now(),
    });
    refuseLate(plan);
    plan.approval = approval;
    plan.findings.approvals = approvals;
    if (missing === 0) plan.end = 'approved';
    return { ...request, planDigest: plan.planDigest, approvals, missing };
  }

  async function reject(given: RejectionInput, plan: Waiting): Promise<RejectionAnswer> {
    const { request } = plan.opened;
    const rejection = await localSteps().checkRejection({ request, plan: plan.plan, given, nowMs: Date.now() });
    refuseLate(plan);
    plan.findings.rejection = rejection;
    plan.end = 'rejected';
    return { ...request, planDigest: plan.planDigest, rejection };
  }

  /** The deadline, or a cancellation, may have come while it was judged. */
  function refuseLate(plan: Waiting): void {
    if (waiting !== plan || plan.end !== undefined)
      throw new ApprovalRefused('this request does not wait for an approval any more');
  }

  return ({ opened, progress, findings }) => ({
    async of({ plan, planDigest }) {
      const { request, deadlineMs } = opened;
      const { needed } = await localSteps(deadlineMs).approvalNeeded({ request, plan });
      if (needed === 0) return {};
      progress.enter('approving');
      const mine: Waiting = { plan, planDigest, opened, findings };
      waiting = mine;
      try {
        const until = new Date(deadlineMs).toISOString();
        await progress.waiting({ cause: 'approval', until }, () =>
          condition(() => mine.end !== undefined, Math.max(1, deadlineMs - Date.now()), {
            summary: 'Then: nobody has approved the plan, and the request fails',
          }),
        );
      } finally {
        waiting = undefined;
      }
      if (mine.end === 'approved') return { ...(mine.approval && { approval: mine.approval }) };
      if (mine.end === undefined)
        findings.failure = { code: 'deadline', message: 'nobody approved the plan in time, and nothing was done' };
      return undefined;
    },
  });
}

/** @throws {ApprovalRefused} unless it was made for this request */
function received<T>(input: unknown, read: (input: unknown) => T): T {
  if (missingKeyOf(input) !== undefined)
    throw new ApprovalRefused(
      'the worker that took it does not have its key; try again when all workers have the key file',
    );
  if (!isFrom(workflowInfo().workflowId, input)) throw new ApprovalRefused('it was not made for this request');
  return read(input);
}

function asFailure(error: unknown): unknown {
  if (error instanceof ApprovalRefused) return ApplicationFailure.nonRetryable(error.message, error.code);
  return ownFailure(error) ?? error;
}

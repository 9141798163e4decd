/** The status of a request, made from its run's answer and the server's data. Pure. */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { google } from '@temporalio/proto';
import { isStepCode } from '../request/handling';
import { noCounts, type RequestResult, type RequestStatus, type Status, type WaitingFor } from '../request/model';
import { type Kind, type RequestRef, workflowIdOf } from '../request/names';

/** What `status` returns: the run's own answer, and data that only the server has. */
export interface StatusReport extends Partial<RequestStatus> {
  readonly requestId: string;
  readonly connection: string;
  readonly workflowId: string;
  readonly kind: Kind;
  readonly status: Status;
  readonly waitingFor?: WaitingFor;
  /** Steps that failed and will be retried: the code, the attempts so far, the next attempt. */
  readonly retrying?: readonly {
    readonly step: string;
    readonly code: string;
    readonly attempts: number;
    readonly nextAt?: string;
  }[];
  readonly result?: RequestResult;
  /** Why a run ended without a result. */
  readonly failure?: RequestResult['failure'];
}

/** Of a request that has ended with a result. */
export function endedStatus(request: RequestRef, result: RequestResult): StatusReport {
  const { status, dryRun, counts, planDigest, dueAt } = result;
  return {
    ...baseOf(request),
    status,
    ...(dryRun && { dryRun }),
    phase: 'ended',
    counts,
    ...(planDigest !== undefined && { planDigest }),
    ...(dueAt !== undefined && { dueAt }),
    result,
  };
}

/** Of a request whose run ended without a result. */
export function brokenStatus(request: RequestRef, failure: NonNullable<RequestResult['failure']>): StatusReport {
  return { ...baseOf(request), status: 'failed', phase: 'ended', counts: noCounts(request.kind), failure };
}

/**
 * Of a request that is open.
 * @param said the run's answer to the query `status`; undefined before its first step, `nobody` if no worker answers
 */
export function openStatus(
  request: RequestRef,
  said: RequestStatus | 'nobody' | undefined,
  run: WorkflowExecutionDescription,
): StatusReport {
  const retrying = retryingOf(run);
  const waitingFor = waitOf(said, retrying);
  return {
    ...baseOf(request),
    phase: 'opening',
    counts: noCounts(request.kind),
    ...(said !== 'nobody' && said),
    status: waitingFor === undefined ? 'running' : 'waiting',
    ...(waitingFor && { waitingFor }),
    ...(retrying.length > 0 && { retrying }),
  };
}

type Retrying = NonNullable<StatusReport['retrying']>;

function baseOf(request: RequestRef) {
  return { ...request, workflowId: workflowIdOf(request) };
}

function waitOf(said: RequestStatus | 'nobody' | undefined, retrying: Retrying): WaitingFor | undefined {
  if (said === 'nobody') return { cause: 'worker' };
  if (said?.waitingFor !== undefined) return said.waitingFor;
  const limited = retrying.find(({ code }) => code === 'rate-limited');
  return limited && { cause: 'rate-limit', ...(limited.nextAt && { until: limited.nextAt }) };
}

/** Steps between two attempts; their failures' types are readable, their messages are not needed. */
function retryingOf({ raw }: WorkflowExecutionDescription): Retrying {
  return (raw.pendingActivities ?? []).flatMap(({ activityType, lastFailure, attempt, scheduledTime }) => {
    const code =
      lastFailure?.applicationFailureInfo?.type ?? (lastFailure?.timeoutFailureInfo ? 'timed-out' : undefined);
    if (code === undefined || code === null || (attempt ?? 0) < 2) return [];
    const nextAt = instantOf(scheduledTime);
    return [
      {
        step: activityType?.name ?? '',
        code: isStepCode(code) ? code : 'local-failure',
        attempts: (attempt ?? 1) - 1,
        ...(nextAt && { nextAt }),
      },
    ];
  });
}

function instantOf(time: google.protobuf.ITimestamp | null | undefined): string | undefined {
  const seconds = Number(time?.seconds ?? 0);
  return seconds > 0 ? new Date(seconds * 1000).toISOString() : undefined;
}

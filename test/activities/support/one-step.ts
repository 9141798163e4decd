/**
 * A workflow that takes one step and tells how it ended, as a workflow sees it. It bears the name of a real one, because
 * opening a request asks whose run it is. Runs in the workflow isolate: no Node built-ins.
 */
import { ActivityFailure, ApplicationFailure, proxyActivities, TimeoutFailure } from '@temporalio/workflow';
import { returnedBy, taken } from '../../../src/request/addressed';
import { attempt, StepCancelled } from '../../../src/workflows/steps';

export interface StepToTake {
  readonly step: string;
  readonly input: readonly unknown[];
  /** The step that the input is addressed to, if it is not this one. */
  readonly addressee?: string;
  readonly attemptsMax: number;
  /** Until the second attempt, where the failure names no delay. */
  readonly backoffMs: number;
  /** All attempts together; two hours where not given. */
  readonly deadlineMs?: number;
}

export interface StepEnd {
  readonly value?: unknown;
  /** Of the failure that arrived. */
  readonly type?: string;
  readonly nonRetryable?: boolean;
  readonly retryState?: string | undefined;
  readonly timeout?: string | undefined;
  /** What the product's own reading of it says. */
  readonly failure?:
    | 'cancelled'
    | { readonly code: string; readonly apiRequests: number; readonly credentialVersion: number };
}

export async function accessRequest({
  step,
  input,
  addressee = step,
  attemptsMax,
  backoffMs,
  deadlineMs,
}: StepToTake): Promise<StepEnd> {
  const steps = proxyActivities({
    startToCloseTimeout: '50 seconds',
    scheduleToCloseTimeout: deadlineMs ?? '2 hours',
    retry: { maximumAttempts: attemptsMax, initialInterval: backoffMs, backoffCoefficient: 1 },
    allowEagerDispatch: false,
  });
  try {
    return { value: returnedBy(step, await steps[step]?.(taken(addressee, input)))?.result };
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    const { cause } = error;
    const failure = await attempt(() => Promise.reject(error)).catch(read => {
      if (read instanceof StepCancelled) return 'cancelled' as const;
      throw read;
    });
    if (failure !== 'cancelled' && failure.ok) throw error;
    return {
      ...(cause instanceof ApplicationFailure && { type: cause.type ?? '', nonRetryable: cause.nonRetryable === true }),
      ...(cause instanceof TimeoutFailure && { timeout: cause.timeoutType }),
      retryState: error.retryState,
      failure:
        failure === 'cancelled'
          ? failure
          : {
              code: failure.code,
              apiRequests: failure.apiRequests,
              credentialVersion: failure.credentialVersion,
            },
    };
  }
}

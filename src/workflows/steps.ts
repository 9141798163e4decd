/**
 * How a workflow runs a step: the activity profiles, and the outcome of a step. A failed step is data here; only a
 * cancellation is thrown. The profiles differ in the effect of a retry: `read` and `delete` use an API request of the
 * connection's budget, `local` and `bulk` use the vault only. Decisions D1-D4, D10.
 */
import {
  ActivityFailure,
  type ActivityOptions,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import { taken } from '../request/addressed';
import {
  type ApiActivities,
  budgetFields,
  type LocalActivities,
  progressShape,
  resultIn,
  type StepProgress,
  type WakingActivities,
} from '../request/contracts';
import {
  failureDetailShape,
  HANDLING,
  isStepCode,
  type StepCode,
  type StepFailureDetail,
  sentFields,
} from '../request/handling';
import { apiTaskQueue } from '../request/names';
import { either, object, oneOf, type Shaped } from '../request/shapes';
import { WAIT_DELAYS, WAIT_GROWTH } from '../request/waits';
import { PayloadUnusable, unusableResult } from './received';

const failureCode = either(isStepCode, oneOf('deadline'));
/** Why a step has no value: a code of the handling table, or the request's deadline. */
export type FailureCode = Shaped<typeof failureCode>;

export const stepFailureShape = object({ ok: oneOf(false), code: failureCode, ...sentFields });
export type StepFailure = Shaped<typeof stepFailureShape>;
export type StepOutcome<T> = { readonly ok: true; readonly value: T; readonly apiRequests: number } | StepFailure;

const budgeted = object(budgetFields);
export type Budgeted = Shaped<typeof budgeted>;

/** What a part of a request needs to use its budget. */
export function budgetedOf({ request, deadlineMs, priority }: Budgeted): Budgeted {
  return { request, deadlineMs, ...(priority && { priority }) };
}

/** Above the HTTP client's own time-outs: it bounds the recovery from a killed worker. */
const START_TO_CLOSE = '60 seconds';
/** Half of a workflow task's time. */
const QUICK_TIMEOUT = '5 seconds';
const LOCAL_TIME_MIN_MS = 3_600_000;

/** Steps that take only what is addressed to them, and of which no result is used that is not their own and has its shape. */
export function stepsWith<T>(options: ActivityOptions) {
  return checked(proxyActivities<T>(options));
}

function checked<T extends object>(steps: T): T {
  return new Proxy(steps, {
    get(_, name) {
      const step: unknown = Reflect.get(steps, name);
      if (typeof step !== 'function') return step;
      return async (...input: unknown[]) => {
        const message: unknown = await Reflect.apply(step, undefined, [taken(String(name), input)]);
        const own = resultIn(String(name), message);
        if (own === undefined) throw unusableResult(message);
        return own.result;
      };
    },
  });
}

/** The few first steps of a request run before bulk pages; `now`: its outcome would be worth nothing later. */
export type Urgency = 'now' | 'first' | 'bulk';

/**
 * 1 runs first, 5 last; all steps of a single request run before those of a batch, but for those of `now`, each of which follows a step
 * that had its turn. 1 is also the renewal of a credential, below.
 */
const PRIORITY_KEYS = { single: { now: 1, first: 2, bulk: 3 }, batch: { now: 1, first: 4, bulk: 5 } } as const;

function apiOptions({ request, deadlineMs, priority }: Budgeted, summary: string, urgency: Urgency): ActivityOptions {
  return {
    ...callOptions(request.connection, deadlineMs),
    summary,
    priority: { priorityKey: PRIORITY_KEYS[priority ?? 'single'][urgency], fairnessKey: request.requestId },
  };
}

function callOptions(connection: string, deadlineMs: number): ActivityOptions {
  return {
    taskQueue: apiTaskQueue(workflowInfo().taskQueue, connection),
    startToCloseTimeout: START_TO_CLOSE,
    scheduleToCloseTimeout: Math.max(1, deadlineMs - Date.now()),
    retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '2 minutes' },
    // A step in flight ends by itself, and is counted and recorded: it is never torn down half-way.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    allowEagerDispatch: false,
  };
}

/**
 * Steps that call Aircall and change nothing there.
 * @param summary the purpose of the step, for the Web UI; as with all steps, references and names only
 */
export function readSteps(budgeted: Budgeted, summary: string, urgency: Urgency = 'first') {
  return stepsWith<Omit<ApiActivities, 'deleteContact'>>(apiOptions(budgeted, summary, urgency));
}

/** The step that renews a credential before it expires: it belongs to no request, and runs before the steps of all requests. */
export function renewalSteps(connection: string, deadlineMs: number) {
  return stepsWith<Pick<ApiActivities, 'refreshToken'>>({
    ...callOptions(connection, deadlineMs),
    summary: 'Get a new access token before the present one expires',
    priority: { priorityKey: 1 },
  });
}

/** Steps that delete at Aircall. Deleting an absent record counts as done, so these steps too are retried without a cap. */
export function deleteSteps(budgeted: Budgeted, summary: string, urgency: Urgency = 'first') {
  return stepsWith<Pick<ApiActivities, 'deleteContact'>>(apiOptions(budgeted, summary, urgency));
}

/** The step that downloads files: it says after each how far it has come, and goes on there if its worker ends. */
export function audioSteps({ request, deadlineMs }: Budgeted, summary: string) {
  return stepsWith<Pick<LocalActivities, 'downloadAudio'>>({
    summary,
    // After all other steps, and of each request in turn: downloads are long.
    priority: { priorityKey: 5, fairnessKey: request.requestId },
    startToCloseTimeout: '6 hours',
    heartbeatTimeout: '2 minutes',
    scheduleToCloseTimeout: Math.max(1, deadlineMs - Date.now()),
    retry: { initialInterval: '5 seconds', backoffCoefficient: 4, maximumInterval: '10 minutes' },
    allowEagerDispatch: false,
  });
}

/** The step that makes the package, of any size. */
export function packageSteps(deadlineMs: number) {
  return stepsWith<Pick<LocalActivities, 'buildPackage'>>({
    startToCloseTimeout: '6 hours',
    heartbeatTimeout: '2 minutes',
    scheduleToCloseTimeout: Math.max(deadlineMs - Date.now(), LOCAL_TIME_MIN_MS),
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
    allowEagerDispatch: false,
  });
}

/** Steps that use the vault only, with as much data as a company may have. They have at least an hour. */
export function bulkSteps(deadlineMs?: number) {
  return stepsWith<LocalActivities>({
    startToCloseTimeout: START_TO_CLOSE,
    ...(deadlineMs === undefined
      ? {}
      : { scheduleToCloseTimeout: Math.max(deadlineMs - Date.now(), LOCAL_TIME_MIN_MS) }),
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
    allowEagerDispatch: false,
  });
}

/**
 * Steps that touch the vault only, and little of it. Each is taken within the workflow task, which spares the server most
 * of a step's cost. If the vault fails it is taken again as an ordinary activity, which Temporal repeats and shows.
 */
export function localSteps(deadlineMs?: number): LocalActivities {
  const quick = checked(
    proxyLocalActivities<LocalActivities>({ startToCloseTimeout: QUICK_TIMEOUT, retry: { maximumAttempts: 1 } }),
  );
  return new Proxy(quick, {
    get:
      (_, name) =>
      async (...input: unknown[]) => {
        try {
          return await Reflect.apply(Reflect.get(quick, name), undefined, input);
        } catch (error) {
          if (!isTriedAgain(error)) throw asFailure(String(name), error);
          return Reflect.apply(Reflect.get(bulkSteps(deadlineMs), name), undefined, input);
        }
      },
  });
}

/** The SDK hands on the failure of a local step bare; that of an ordinary one is the cause of an ActivityFailure. */
function asFailure(name: string, error: unknown): unknown {
  if (!(error instanceof ApplicationFailure) || error instanceof PayloadUnusable) return error;
  return new ActivityFailure(error.message, name, undefined, 'NON_RETRYABLE_FAILURE', undefined, error);
}

/** What a run that ends, or an update that is refused, because of a step states as its own failure; undefined for other errors. */
export function ownFailure(error: unknown): ApplicationFailure | undefined {
  if (!(error instanceof ActivityFailure && error.cause instanceof ApplicationFailure)) return undefined;
  return ApplicationFailure.nonRetryable(error.cause.message, error.cause.type);
}

/** Decided by the cause alone: on replay the SDK hands on a time-out without the ActivityFailure around it. */
function isTriedAgain(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return cause instanceof TimeoutFailure || (cause instanceof ApplicationFailure && cause.nonRetryable !== true);
}

/** The step that sends an alarm about a due date: repeated until it is received, or no longer needed. */
export function alarmSteps(summary: string) {
  return stepsWith<Pick<LocalActivities, 'raiseAlarm'>>({
    summary,
    startToCloseTimeout: START_TO_CLOSE,
    scheduleToCloseTimeout: '3 days',
    retry: { initialInterval: '10 seconds', backoffCoefficient: 2, maximumInterval: '1 hour' },
    allowEagerDispatch: false,
  });
}

export type WaitingSteps = Pick<
  LocalActivities,
  'awaitCredentials' | 'awaitResumption' | 'awaitAccessRequests' | 'awaitPlace'
>;

/** The waiting steps: Temporal repeats them until the cause of the wait has ended, or the deadline passes. */
export function waitingSteps(deadlineMs: number, summary: string): WaitingSteps {
  return stepsWith<WaitingSteps>({
    summary,
    startToCloseTimeout: START_TO_CLOSE,
    scheduleToCloseTimeout: Math.max(1, deadlineMs - Date.now()),
    // Of a look that fails otherwise: when the vault is down, it is so for all who wait.
    retry: {
      initialInterval: WAIT_DELAYS.firstMs,
      backoffCoefficient: WAIT_GROWTH,
      maximumInterval: WAIT_DELAYS.mostMs,
    },
    // A look in flight does no harm, and the next one need not wait for it, which its worker may not have survived.
    cancellationType: 'TRY_CANCEL',
  });
}

/** The step that wakes requests: what it has not reached within a day has looked by itself many times. */
export function wakingSteps(summary: string) {
  return stepsWith<WakingActivities>({
    summary,
    startToCloseTimeout: START_TO_CLOSE,
    scheduleToCloseTimeout: '1 day',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
    allowEagerDispatch: false,
  });
}

/** A step that calls Aircall was cancelled between two attempts; with the API requests it had sent. */
export class StepCancelled extends CancelledFailure {
  constructor(
    readonly apiRequests: number,
    /** Whether Aircall may have executed its request. */
    readonly uncertain: boolean,
  ) {
    super('a step was cancelled between two attempts');
  }
}

/** Runs a step that calls Aircall. @throws {StepCancelled}; any other cancellation or error that is no failure of a step */
export async function attempt<T extends { readonly apiRequests: number }>(
  step: () => Promise<T>,
): Promise<StepOutcome<T>> {
  try {
    const value = await step();
    return { ok: true, value, apiRequests: value.apiRequests };
  } catch (error) {
    if (error instanceof PayloadUnusable) return failureOf(error);
    if (!(error instanceof ActivityFailure)) throw error;
    if (isCancelled(error)) {
      throw cancelledAfter(error, await handedOn(error));
    }
    const failure = failureOf(error);
    if (failure.code !== 'deadline') return failure;
    const { sent } = await handedOn(error);
    return { ...failure, apiRequests: Math.max(failure.apiRequests, sent) };
  }
}

/** The same, and its API requests are counted in a report, also those of a step that is cancelled. */
export async function attemptInto<T extends { readonly apiRequests: number }>(
  report: { apiRequests: number },
  step: () => Promise<T>,
): Promise<StepOutcome<T>> {
  const outcome = await attempt(step).catch(error => {
    if (error instanceof StepCancelled) report.apiRequests += error.apiRequests;
    throw error;
  });
  report.apiRequests += outcome.apiRequests;
  return outcome;
}

/** What is known of a cancelled step: from the vault, its last heartbeat, or the failure of its last attempt. */
export function cancelledAfter({ cause }: ActivityFailure, noted: StepProgress): StepCancelled {
  const { apiRequests, uncertain } = sentBy(cause, findTyped(cause));
  return new StepCancelled(Math.max(noted.sent, apiRequests), noted.uncertain || uncertain);
}

/** The progress that a step had stored before it was ended from outside. */
function handedOn({ activityId }: ActivityFailure): Promise<StepProgress> {
  return CancellationScope.nonCancellable(() => localSteps().progressOf({ activityId: activityId ?? '' }));
}

export function mayBeCredential({ code }: StepFailure): boolean {
  return code !== 'deadline' && HANDLING[code].credential;
}

/**
 * Cancelled. The attempt in flight may have failed meanwhile: the server then repeats it no more, and hands on that failure
 * instead of the cancellation. After a reset only the record knows of the cancellation.
 */
export function isCancelled(error: unknown): boolean {
  if (isCancellation(error)) return true;
  if (!(error instanceof ActivityFailure)) return false;
  return error.retryState === 'CANCEL_REQUESTED' || findTyped(error.cause)?.type === FORGOTTEN;
}

const FORGOTTEN = 'request-cancelled' satisfies StepCode;

/** Why a child could not do its work, for its request to state as its own. */
export class ChildBroken extends Error {
  override readonly name = 'ChildBroken';
  constructor(readonly failure: StepFailure) {
    super(`a step of a child failed: ${failure.code}`);
  }
}

/** Does the work of a child, whose report then says what was done, also if it was cancelled or a step of our own failed. */
export async function reported(report: { broken: StepFailure | undefined }, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isCancelled(error)) report.broken = failureOf(error);
  }
}

/** The failure of an activity. @throws a cancellation, and any error that is no failure of an activity */
export function failureOf(error: unknown): StepFailure {
  if (error instanceof ChildBroken) return error.failure;
  if (error instanceof PayloadUnusable)
    return { ok: false, code: 'payload-unusable', apiRequests: 0, credentialVersion: 0 };
  if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
  if (isCancelled(error)) throw new CancelledFailure('a step was cancelled while its last attempt failed');
  const { cause } = error;
  const typed = findTyped(cause);
  const isTimedOut = error.retryState === 'TIMEOUT' || cause instanceof TimeoutFailure;
  return { ok: false, code: isTimedOut ? 'deadline' : codeOf(typed), ...sentBy(cause, typed) };
}

function codeOf(typed: ApplicationFailure | undefined): StepCode {
  const code = typed?.type ?? '';
  return isStepCode(code) ? code : 'local-failure';
}

/** From the last heartbeat if there is one, otherwise from the failure's own detail. */
function sentBy(cause: Error | undefined, typed: ApplicationFailure | undefined) {
  const heartbeat: unknown = cause instanceof TimeoutFailure ? cause.lastHeartbeatDetails : undefined;
  const detail: unknown = typed?.details?.[0];
  const sent: StepFailureDetail = failureDetailShape(detail) ? detail : { apiRequests: 0, credentialVersion: 0 };
  const { apiRequests, credentialVersion, uncertain = false } = sent;
  if (!progressShape(heartbeat)) return { apiRequests, credentialVersion, uncertain };
  return { apiRequests: heartbeat.sent, credentialVersion, uncertain: heartbeat.uncertain };
}

function findTyped(cause: Error | undefined): ApplicationFailure | undefined {
  if (cause instanceof ApplicationFailure) return cause;
  return cause?.cause instanceof Error ? findTyped(cause.cause) : undefined;
}

/**
 * The frame of every API step: exactly one API request per attempt, or none if it is known to be in vain. It counts
 * requests across attempts (heartbeat details), closes the connection's gate on a 429, and turns every error into a typed
 * failure. It never waits: the delay goes to Temporal. Decisions D1, D3, D4.
 */
import { ApplicationFailure, activityInfo, heartbeat, type Info } from '@temporalio/activity';
import { ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import type { AircallClient, ApiRequest, Authorization } from '../aircall/client';
import { ENDPOINTS } from '../aircall/endpoints';
import { AircallError, type AircallErrorCode, type RateLimit } from '../aircall/errors';
import { SealBroken } from '../encryption/seal';
import { codeOrName, errorCode } from '../error-code';
import { ReceiptError } from '../receipt/sign';
import { NotApproved } from '../request/approval';
import { progressShape } from '../request/contracts';
import { HANDLING, isStepCode, type StepCode, type StepFailureDetail } from '../request/handling';
import type { RequestRef } from '../request/names';
import { CaseFileBroken, type Cases, type StepProgress } from '../vault/cases';
import type { Connection, Connections, Credential } from '../vault/connections';
import { VaultError } from '../vault/errors';
import type { Standing } from '../vault/records';
import type { Gates } from './gates';
import { requestOfStep } from './local-step';
import type { ServerTime } from './server-time';
import { stopSignal, unlessStopped } from './stopping';

/** The outcome of an API request. Without a trusted connection no request leaves this machine. */
export type Answer = 'ok' | Exclude<AircallErrorCode, 'not-trusted'>;

export interface ApiStepDependencies {
  readonly cases: Cases;
  readonly connections: Connections;
  readonly aircall: AircallClient;
  readonly gates: Gates;
  /**
   * Takes a permit if the budget of the connection needs one for each API request.
   * @param nowMs the server's time, or earlier
   * @returns milliseconds until the next one; 0: the request may be sent
   */
  readonly takePermit: (connection: Connection, nowMs: number) => Promise<number>;
  /** Called once for every API request that was sent. */
  readonly onAnswer: (connection: string, answer: Answer) => void;
  /** Called for every 429, before its step ends. */
  readonly onRateLimit: (connection: string, limit: RateLimit) => Promise<void>;
  readonly serverTime: ServerTime;
  /** Milliseconds by a clock of this process that nobody sets: for waits and leases. */
  readonly elapsedMs: () => number;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
}

export type Counted<T> = T & { readonly apiRequests: number };

/** A request without the parts that the connection adds. */
export interface StepRequest extends Omit<ApiRequest, 'baseUrl' | 'authorization' | 'stop'> {
  /** Only while the connection has this credential: the secrets in its body belong to the base URL of that credential. */
  readonly onlyAt?: number;
}

/** Above the client's own time-outs, and the wait of a step that the server's time is not known through. */
const REPLY_MS_MAX = 90_000;
/** After its permit was taken: requests may come so much closer together than their permits. As the budget allows for jitter. */
const SENT_WITHIN_MS = 1_000;
const RATE_LIMIT_DELAY_MS = 60_000;
/** When to check again whether another step has refreshed the credential. */
export const REFRESH_AGAIN_MS = 2_000;
const JITTER_MS_MAX = 2_000;

export interface AnsweredBy {
  /** Whether an earlier attempt may have taken effect. */
  readonly uncertain: boolean;
  readonly connection: Connection;
  /** When it was sent, by the server's time or earlier; UNIX ms. */
  readonly readMs: number;
}

/**
 * Sends one API request for a connection and hands its body to `read`, whose AircallErrors count as the request's.
 * @throws {ApplicationFailure} with a StepCode as its type and a StepFailureDetail as its first detail
 */
export async function sendOnce<T extends object>(
  dependencies: ApiStepDependencies,
  name: string,
  outgoing: StepRequest,
  read: (body: unknown, answered: AnsweredBy) => T | Promise<T>,
  onError: (error: AircallError, answered: AnsweredBy) => T | undefined = () => undefined,
): Promise<Counted<T>> {
  const { cases, aircall, onAnswer, serverTime } = dependencies;
  const before = stepProgress();
  const { connection, authorization } = await unlessStopped(targetOf(dependencies, name, outgoing, before));
  const { onlyAt: _, ...request } = outgoing;
  const sent = before.sent + 1;
  if (mayBeOvertaken(serverTime)) await handOnFirst(dependencies, connection, before);
  else if (outgoing.endpoint.method !== 'GET') report({ sent, uncertain: true });
  const answered = { uncertain: before.uncertain, connection, readMs: nowMs(serverTime) };
  try {
    const body = await aircall.send({
      ...request,
      baseUrl: connection.baseUrl,
      ...(authorization && { authorization }),
      stop: stopSignal(),
    });
    const value = await unlessStopped(read(body, answered));
    onAnswer(name, 'ok');
    return { ...value, apiRequests: sent };
  } catch (error) {
    if (!(error instanceof AircallError)) {
      onAnswer(name, 'ok');
      await handOn(cases, { sent, uncertain: true });
      throw localFailure(error, sent);
    }
    if (error.code !== 'not-trusted') onAnswer(name, error.code);
    const taken = onError(error, answered);
    if (taken !== undefined) return { ...taken, apiRequests: sent };
    // Before anything that may fail.
    const closedMs = error.code === 'rate-limited' ? closeGate(dependencies, name, error) : undefined;
    const failed = classifyFailure(error, before);
    if (failed.isFinal) report(failed.progress);
    else await handOn(cases, failed.progress);
    // A refusal of the token endpoint concerns a client or a refresh token, not the token in use.
    if (error.code === 'unauthorized' && authorization !== undefined)
      dependencies.gates.markDead(name, connection.credentialVersion);
    const detail = { apiRequests: failed.progress.sent, credentialVersion: connection.credentialVersion };
    if (closedMs === undefined) throw stepFailure(error.code, error.message, detail);
    await unlessStopped(dependencies.onRateLimit(name, error.limit)).catch(notNoted => {
      throw localFailure(notNoted, sent); // the gate is closed: a retry sends nothing
    });
    throw stepFailure(error.code, error.message, detail, closedMs + jitterMs(dependencies.random));
  }
}

interface Target {
  readonly connection: Connection;
  /** None for the token endpoint, which takes its secrets in the body. */
  readonly authorization: Authorization | undefined;
}

/** Base URL and credential of the request. @throws {ApplicationFailure} with the reason why none may be sent now */
async function targetOf(
  dependencies: ApiStepDependencies,
  name: string,
  outgoing: StepRequest,
  { sent }: StepProgress,
): Promise<Target> {
  const { connections, gates, elapsedMs, random } = dependencies;
  const connection = (await connections.get(name))?.value;
  const detail = { apiRequests: sent, credentialVersion: connection?.credentialVersion ?? 0 };
  if (connection === undefined) throw stepFailure('no-connection', 'the connection is not in the vault', detail);
  const { credentialVersion, pausedAt, refusedAt, credential } = connection;
  if (outgoing.onlyAt !== undefined && outgoing.onlyAt !== credentialVersion)
    throw stepFailure('refresh-in-progress', 'the credential was replaced meanwhile', detail, REFRESH_AGAIN_MS);
  const authorization = authorizationOf(outgoing, credential);
  if (authorization !== undefined) await refuseStranger(dependencies, connection, outgoing, detail);
  // A pause does not hold the token endpoint: a token that is not renewed in time is lost.
  if (authorization !== undefined && pausedAt !== undefined)
    throw stepFailure('connection-paused', 'an operator paused the connection', detail);
  if (authorization !== undefined && (refusedAt !== undefined || gates.isDead(name, credentialVersion)))
    throw stepFailure('unauthorized', 'the credential was refused before', detail);
  const closedMs = gates.closedForMs(name, elapsedMs());
  if (closedMs > 0)
    throw stepFailure('rate-limited', 'the gate is closed after a 429', detail, closedMs + jitterMs(random));
  await takePermit(dependencies, connection, detail);
  return { connection, authorization };
}

/** @throws {ApplicationFailure} `budget-awaited` */
async function takePermit(
  { takePermit: take, random }: ApiStepDependencies,
  connection: Connection,
  detail: StepFailureDetail,
): Promise<void> {
  const untilMs = await take(connection, attemptedMs()).catch(error => {
    throw localFailure(error, detail.apiRequests);
  });
  if (untilMs > 0)
    throw stepFailure('budget-awaited', 'the budget allows no API request yet', detail, untilMs + jitterMs(random));
}

/**
 * Hands the progress on before the request is sent. The permit was taken before, because a refused one sends nothing that would be
 * counted. If the vault has taken long meanwhile, another one is needed; the attempt that gets it finds the progress stored.
 */
async function handOnFirst(
  dependencies: ApiStepDependencies,
  connection: Connection,
  before: StepProgress,
): Promise<void> {
  const { cases, elapsedMs } = dependencies;
  const startedMs = elapsedMs();
  await handOn(cases, { sent: before.sent + 1, uncertain: true });
  if (elapsedMs() - startedMs <= SENT_WITHIN_MS) return;
  const { credentialVersion } = connection;
  await takePermit(dependencies, connection, { apiRequests: before.sent, credentialVersion }).catch(error => {
    report(before);
    throw error;
  });
}

/**
 * Nothing is sent for a request that has ended, and nothing to another company than the one that the request began with. Only a
 * deletion that is no dry run changes anything there, whatever schedules its steps. The token endpoint is no company's data, and
 * its step belongs to no request.
 */
async function refuseStranger(
  { cases }: ApiStepDependencies,
  { name, incarnation }: Connection,
  { endpoint }: StepRequest,
  detail: StepFailureDetail,
): Promise<void> {
  const request = requestOfStep();
  if (request?.connection !== name) throw stepFailure('invalid-input', 'the step belongs to no such request', detail);
  const onlyReads = endpoint.method === 'GET';
  const standing = await refuseEnded(cases, request, onlyReads ? 'a-minute-ago' : 'now', detail);
  if (!onlyReads && !standing.deletes) throw stepFailure('deletion-not-asked', 'the request deletes nothing', detail);
  if (standing.incarnation !== incarnation)
    throw stepFailure('connection-replaced', 'the connection belongs to another company since', detail);
}

/**
 * For each step that sends something, hands something over or waits. A run that was reset forgets that its request was cancelled,
 * or had ended; the record does not. Decision D9a.
 * @throws {ApplicationFailure} `request-ended`, `request-cancelled`
 */
export async function refuseEnded(
  cases: Cases,
  request: RequestRef,
  of: 'now' | 'a-minute-ago',
  detail: StepFailureDetail,
): Promise<Standing> {
  const standing = await cases.standing(request, of, activityInfo().workflowExecution?.runId);
  if (standing.hasEnded) throw stepFailure('request-ended', 'the request has ended', detail);
  if (standing.isCancelled) throw stepFailure('request-cancelled', 'the request was cancelled', detail);
  return standing;
}

/** What an error of Aircall means for the attempts that follow. Pure. */
function classifyFailure(
  { code }: AircallError,
  before: StepProgress,
): { readonly isFinal: boolean; readonly progress: StepProgress } {
  const { retry, mayHaveTakenEffect } = HANDLING[code];
  return {
    isFinal: retry === 'never',
    progress: {
      // Without a trusted connection nothing left this machine.
      sent: code === 'not-trusted' ? before.sent : before.sent + 1,
      uncertain: before.uncertain || mayHaveTakenEffect,
    },
  };
}

/** After a 429: this process sends no request before the time that Aircall names. @returns how long that is, in ms */
function closeGate({ gates, elapsedMs }: ApiStepDependencies, name: string, { limit }: AircallError): number {
  const delayMs = limit.delayMs ?? RATE_LIMIT_DELAY_MS;
  gates.close(name, elapsedMs() + delayMs);
  return delayMs;
}

/** A typed failure; `delayMs` is when to retry, if the code's handling is `server-says`. */
export function stepFailure(
  code: StepCode,
  message: string,
  detail: StepFailureDetail,
  delayMs?: number,
): ApplicationFailure {
  const { retry } = HANDLING[code];
  return ApplicationFailure.create({
    type: code,
    message,
    details: [detail],
    nonRetryable: retry === 'never',
    ...(delayMs === undefined ? {} : { nextRetryDelay: delayMs }),
    ...(retry === 'server-says' ? { category: ApplicationFailureCategory.BENIGN } : {}),
  });
}

/**
 * A failure of our own side. Broken data is final; anything else (disk, store) is retried, with its kind as the only
 * message: library errors quote paths and values. A cancellation stays one.
 */
export function localFailure(error: unknown, apiRequests: number): Error {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  const detail = { apiRequests, credentialVersion: 0 };
  const isTyped = [CaseFileBroken, SealBroken, VaultError, ReceiptError, NotApproved].some(
    type => error instanceof type,
  );
  const code = errorCode(error) ?? '';
  if (isTyped && error instanceof Error && isStepCode(code)) return stepFailure(code, error.message, detail);
  return stepFailure('local-failure', `a local step failed: ${codeOrName(error)}`, detail);
}

/** When the server scheduled this attempt, UNIX ms: its time, never this machine's. Only of steps that are no local ones. */
export function attemptedMs(): number {
  return activityInfo().currentAttemptScheduledTimestampMs;
}

/** API requests of this step's earlier attempts. */
export function requestsSent(): number {
  return stepProgress().sent;
}

/** What this step's earlier attempts have handed on. */
export function stepProgress(): StepProgress {
  const details: unknown = activityInfo().heartbeatDetails;
  if (details === undefined) return { sent: 0, uncertain: false };
  return progressShape(details) ? details : { sent: 0, uncertain: true }; // of the earlier attempts nothing is known
}

/**
 * Whether the step's deadline may come before its reply, so that its workflow learns of this attempt only by the progress
 * stored before. Otherwise an attempt that only reads reports its end, and sends no progress before.
 */
function mayBeOvertaken(serverTime: ServerTime): boolean {
  const { scheduledTimestampMs, scheduleToCloseTimeoutMs } = activityInfo();
  serverTime.seen(attemptedMs());
  return scheduledTimestampMs + scheduleToCloseTimeoutMs - serverTime.atLeastMs() < REPLY_MS_MAX;
}

/** The server's time or earlier, UNIX ms: at least that of this attempt. */
export function nowMs(serverTime: ServerTime): number {
  serverTime.seen(attemptedMs());
  return serverTime.atLeastMs();
}

function report(state: StepProgress): void {
  heartbeat(state);
}

/**
 * To the next attempt by the server, and to the request by the vault: of a step that is cancelled between two attempts the
 * server reports nothing, and a deadline may overtake a heartbeat.
 */
async function handOn(cases: Cases, state: StepProgress): Promise<void> {
  report(state);
  const request = requestOfStep();
  if (request === undefined) return;
  const step = stepName(activityInfo(), activityInfo().activityId);
  await unlessStopped(cases.noteProgress(request, step, state)).catch(error => {
    throw localFailure(error, state.sent);
  });
}

/** Names a step within its request: each run counts its own, also one of a child, or after a reset. */
export function stepName({ workflowExecution }: Pick<Info, 'workflowExecution'>, activityId: string): string {
  return `${workflowExecution?.runId}-${activityId}`;
}

function jitterMs(random: () => number): number {
  return Math.round(random() * JITTER_MS_MAX);
}

/** The token endpoint takes its secrets in the body, and no Authorization header. */
function authorizationOf(
  { endpoint }: Pick<StepRequest, 'endpoint'>,
  credential: Credential,
): Authorization | undefined {
  if (endpoint.name === ENDPOINTS.token.name) return undefined;
  if (credential.kind === 'oauth') return { accessToken: credential.accessToken };
  return { apiId: credential.apiId, apiToken: credential.apiToken };
}

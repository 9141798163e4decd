/**
 * What a request answers to its client. Whoever reaches the server can hand over any payload that they copied there, so an
 * answer counts only if it has the shape of one and names the request that was asked. The answer to an extension names none: it must
 * have its shape and its reason.
 */
import { type Approved, approvedShape, type Rejected, rejectionAnswerShape } from './approval';
import { ALARMS, type Clock, clockIfAny, clockShape } from './clock';
import {
  countsShape,
  doubtsShape,
  fetchingShape,
  isEnded,
  type RequestResult,
  type RequestStatus,
  resultShape,
} from './model';
import { type RequestRef, requestRefFields } from './names';
import { either, flag, instant, keyOf, object, oneOf, optional, type Shape, text, whole } from './shapes';
import { WAITS } from './waits';
import { PHASE_WORDS } from './words';

const statusShape: Shape<RequestStatus> = object({
  ...requestRefFields,
  ...clockIfAny,
  status: either(oneOf('running', 'waiting'), isEnded),
  dryRun: optional(flag),
  phase: keyOf(PHASE_WORDS),
  counts: countsShape,
  apiRequests: whole,
  progress: optional(fetchingShape),
  waitingFor: optional(object({ cause: keyOf(WAITS), until: optional(instant) })),
  planDigest: optional(text),
  doubts: optional(doubtsShape),
  alarm: optional(oneOf(...ALARMS)),
});

/** Undefined for what is no result, or another request's. */
export function readResult(answer: unknown, asked: RequestRef): RequestResult | undefined {
  return resultShape(answer) && isSame(answer, asked) ? answer : undefined;
}

/** Undefined for what is no status, or another request's. */
export function readStatus(answer: unknown, asked: RequestRef): RequestStatus | undefined {
  return statusShape(answer) && isSame(answer, asked) ? answer : undefined;
}

/** Undefined for what is no clock with an extension for that reason. */
export function readExtended(answer: unknown, reason: string): Clock | undefined {
  return clockShape(answer) && answer.extension?.reason === reason ? answer : undefined;
}

/** Undefined for what is no answer to an approval of that plan of that request. */
export function readApproved(answer: unknown, asked: RequestRef, planDigest: string): Approved | undefined {
  return approvedShape(answer) && isSame(answer, asked) && answer.planDigest === planDigest ? answer : undefined;
}

/** Undefined for what is no answer to a rejection of that plan of that request for that reason. */
export function readRejected(
  answer: unknown,
  asked: RequestRef,
  { planDigest, reason }: { readonly planDigest: string; readonly reason: string },
): Rejected | undefined {
  const isAnswer = rejectionAnswerShape(answer) && isSame(answer, asked) && answer.planDigest === planDigest;
  return isAnswer && answer.rejection.reason === reason ? answer.rejection : undefined;
}

/** Whether both name the same request. */
export function isSame(one: RequestRef, other: RequestRef): boolean {
  return one.kind === other.kind && one.connection === other.connection && one.requestId === other.requestId;
}

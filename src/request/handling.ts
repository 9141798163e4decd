/**
 * The codes of failed steps and the handling of each: the one table. A code is the type of the `ApplicationFailure`
 * that crosses from an activity to a workflow; a new code does not compile until it is handled here.
 * docs/errors.md explains the codes to operators. Workflow-safe: plain data.
 */
import { flag, keyOf, object, optional, type Shape, type Shaped, whole } from './shapes';

export interface Handling {
  /** `server-says`: after the delay that the failure names; `backoff`: exponentially, until the deadline; `never`. */
  readonly retry: 'server-says' | 'backoff' | 'never';
  /** The connection may be the cause: before the step is repeated, its credential is renewed, or a person must act. */
  readonly credential: boolean;
  /** Aircall may have executed the request although we saw an error. */
  readonly mayHaveTakenEffect: boolean;
}

const never = { retry: 'never', credential: false, mayHaveTakenEffect: false } as const;
const backoff = { retry: 'backoff', credential: false, mayHaveTakenEffect: true } as const;
const serverSays = { retry: 'server-says', credential: false, mayHaveTakenEffect: false } as const;
const credential = { retry: 'never', credential: true, mayHaveTakenEffect: false } as const;

export const HANDLING = {
  // Failures of an API request.
  'rate-limited': serverSays,
  unauthorized: credential,
  forbidden: credential,
  'not-found': never,
  rejected: never,
  redirected: never,
  unavailable: backoff,
  unreachable: backoff,
  'not-trusted': { ...backoff, mayHaveTakenEffect: false },
  'timed-out': backoff,
  'unexpected-reply': backoff,
  'reply-too-large': backoff,
  // Reasons why a step sends no API request.
  'no-connection': credential,
  'connection-replaced': never,
  'request-ended': never,
  'request-cancelled': never,
  'deletion-not-asked': never,
  'not-approved': never,
  'daily-brake': never,
  'read-first': never,
  'connection-paused': credential,
  'reconnect-needed': never,
  'refresh-in-progress': serverSays,
  'budget-awaited': serverSays,
  // Waiting is a retried step.
  'credentials-awaited': serverSays,
  'resumption-awaited': serverSays,
  'access-request-awaited': serverSays,
  'place-awaited': serverSays,
  'download-awaited': serverSays,
  'requests-unwoken': serverSays,
  'receipt-awaited': serverSays,
  // Faults of the request's own data.
  'invalid-input': never,
  'request-conflict': never,
  'case-file-broken': never,
  'case-file-shredded': never,
  'file-too-large': never,
  'not-sealed': never,
  'wrong-key': never,
  'seal-broken': never,
  'payload-unusable': never,
  'receipt-invalid': never,
  'extension-refused': never,
  'approval-refused': never,
  // Faults of the vault that somebody can repair meanwhile.
  'connection-broken': { ...backoff, mayHaveTakenEffect: false },
  'approvers-broken': { ...backoff, mayHaveTakenEffect: false },
  'notice-broken': { ...backoff, mayHaveTakenEffect: false },
  'record-broken': { ...backoff, mayHaveTakenEffect: false },
  'vault-rolled-back': { ...backoff, mayHaveTakenEffect: false },
  'local-failure': backoff,
  'alarm-undelivered': { ...backoff, mayHaveTakenEffect: false },
} as const satisfies Record<string, Handling>;

export type StepCode = keyof typeof HANDLING;

export const isStepCode: Shape<StepCode> = keyOf(HANDLING);

/** A run of which no worker had the key in time. */
export const UNKNOWN_KEY = 'unknown-key';

/** What a run that fails may state as the type of its failure. */
export function isEndCode(code: string): code is StepCode | typeof UNKNOWN_KEY {
  return isStepCode(code) || code === UNKNOWN_KEY;
}

export const sentFields = {
  /** API requests that the step sent, all attempts together. */
  apiRequests: whole,
  /** The credential that the last attempt used. */
  credentialVersion: whole,
  /** Whether Aircall may have executed a request of it although nobody saw its answer; absent: it is not known that it may. */
  uncertain: optional(flag),
};
export const failureDetailShape = object(sentFields);
/** The first detail of a failed step's failure. */
export type StepFailureDetail = Shaped<typeof failureDetailShape>;

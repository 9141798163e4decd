/**
 * The shapes that cross a boundary: a starter's input, the result of a request, the answer of its status query.
 * Results hold counts and opaque references (`contact 1`), never personal data. Workflow-safe.
 */
import { DOUBTS } from '../judgement/doubts';
import type { Identities } from '../judgement/judgement';
import { approvedByShape, rejectedShape } from './approval';
import { type Alarm, type Clock, clockIfAny } from './clock';
import { ENDED_STATUSES, type EndedStatus, isEndedStatus } from './endings';
import { type Kind, type RequestRef, requestRefFields } from './names';
import type { OptionsOf } from './options';
import { redactionCountsShape } from './redactions';
import {
  eachOf,
  either,
  flag,
  instant,
  keyOf,
  listOf,
  matching,
  number,
  type Optional,
  object,
  oneOf,
  optional,
  type Shaped,
  text,
  whole,
} from './shapes';
import { isSource, SOURCES, type SourceName, sourcesOf } from './sources';
import type { WaitCause } from './waits';
import { PHASE_WORDS } from './words';

/** Who a request is about, as a starter gives it: at least one identity. */
export interface GivenSubject {
  /** The same as one address in `emails`. */
  readonly email?: string | undefined;
  /** Addresses of the subject, at most 20, each of one mailbox. */
  readonly emails?: readonly string[] | undefined;
  /** Numbers of the subject in E.164 form, at most 20. */
  readonly phoneNumbers?: readonly string[] | undefined;
}

/** Once it is accepted: each identity once, in the order in which it was given. */
export type Subject = Identities;

export interface CommonInput<K extends Kind = Kind> {
  /** What is asked for. Together with the ids it makes an input good for one request only, however often it is sent. */
  readonly kind: K;
  readonly requestId: string;
  readonly connection: string;
  readonly subject: Subject;
}

/** Input of an access request. */
export interface AccessInput extends CommonInput<'access'>, OptionsOf<'access'> {}

/** Input of a deletion. */
export interface DeletionInput extends CommonInput<'deletion'>, OptionsOf<'deletion'> {}

/** How a request ended; later it may be purged. */
export type FinalStatus = EndedStatus | 'purged';
export type Status = 'running' | 'waiting' | FinalStatus;
export const STATUSES: readonly Status[] = ['running', 'waiting', ...ENDED_STATUSES, 'purged'];

export const OUTCOMES = ['deleted', 'already-absent', 'retained', 'withheld', 'refused', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

const outcomeShape = oneOf(...OUTCOMES);

const recordOutcomeShape = object({
  /** Opaque reference, for instance `contact 1`. */
  record: text,
  outcome: outcomeShape,
  /** The reason, if the outcome is not the requested one: a code of docs/errors.md. */
  code: optional(text),
});
export type RecordOutcome = Shaped<typeof recordOutcomeShape>;

const unlistedShape = object({
  source: either(isSource, oneOf('records')),
  /** Rows that could not be read. */
  unreadable: flag,
  outcome: outcomeShape,
  code: optional(text),
  count: whole,
});
/** How many records beyond the listed ones had the same outcome. */
export type UnlistedOutcomes = Shaped<typeof unlistedShape>;

export const countsShape = object({
  ...eachOf(SOURCES, whole),
  contacts: whole,
  deleted: optional(whole),
  alreadyAbsent: optional(whole),
  retained: optional(whole),
  refused: whole,
  failed: whole,
});
/** Records of each source, by outcome. A count that cannot apply to the kind of request is left out. */
export type Counts = Shaped<typeof countsShape>;

export function noCounts(kind: Kind): Counts {
  const searched: Partial<Record<SourceName, number>> = {};
  for (const source of sourcesOf(kind)) searched[source] = 0;
  const done = kind === 'deletion' ? { deleted: 0, alreadyAbsent: 0, retained: 0 } : {};
  return { contacts: 0, ...searched, ...done, refused: 0, failed: 0 };
}

const gapShape = object({ code: text, count: optional(whole) });
/** Something that was not covered. `count` is the number of records or numbers concerned if it is known. */
export type Gap = Shaped<typeof gapShape>;

/**
 * How much was searched. `skipped`: there was nothing to search by, or a dry run only counted; `not-asked`: the request leaves it out; `not-entitled`: the company
 * may not read it.
 */
export const SOURCE_STATES = ['complete', 'partial', 'skipped', 'failed', 'not-asked', 'not-entitled'] as const;

const noticeShape = object({
  /** `complete`: in the package; `not-asked`: the company informs people in another way; `skipped`: there was none. */
  state: oneOf('complete', 'not-asked', 'skipped'),
  gaps: listOf(gapShape),
});
/** Of the company's notice under Art. 15(1) GDPR. */
export type NoticeCoverage = Shaped<typeof noticeShape>;

const coverageFields = {
  state: oneOf(...SOURCE_STATES),
  gaps: listOf(gapShape),
  /** How they were found: by numbers of the subject, or in the list of all records of the company; contacts, absent: by a search. */
  by: optional(oneOf('number', 'company')),
};
const sourceShape = object(coverageFields);
export type SourceCoverage = Shaped<typeof sourceShape>;

const numbersShape = object({
  ...coverageFields,
  /** Both inclusive. `from` null: all that Aircall serves. */
  window: object({ from: either(instant, oneOf(null)), to: instant }),
  /** Records that may be somebody else's: withheld. */
  ambiguous: whole,
  /** Numbers that are too short or name nobody: not searched. */
  ignoredNumbers: whole,
});
/** Of a source that is searched by numbers of the subject. */
export type NumberCoverage = Shaped<typeof numbersShape>;

const coveredFields = {
  ...eachOf(SOURCES, sourceShape),
  calls: optional(numbersShape),
} satisfies {
  [S in SourceName]: Optional<(typeof SOURCES)[S]['by'] extends 'numbers' ? NumberCoverage : SourceCoverage>;
};
const coveredShape = object(coveredFields);
/** Each source that was, or should have been, searched. */
export type SourcesCovered = Shaped<typeof coveredShape>;

export const coverageShape = object({
  ...coveredFields,
  contacts: sourceShape,
  /** Of a package. */
  notice: optional(noticeShape),
  /** Records that Aircall's API cannot list or delete for any request. */
  outOfReach: listOf(text),
});
export type Coverage = Shaped<typeof coverageShape>;

export const packageRefShape = object({
  uri: text,
  /** Of the decrypted file, hexadecimal. */
  sha256: matching(/^[0-9a-f]{64}$/),
  /** Of the decrypted file. */
  sizeBytes: whole,
});
export type PackageRef = Shaped<typeof packageRefShape>;

const verificationShape = object({
  state: oneOf('verified', 'residual', 'skipped'),
  /** Null if nothing was checked. */
  checkedAt: either(instant, oneOf(null)),
});
export type Verification = Shaped<typeof verificationShape>;

export const costShape = object({
  /** At most, without those that are repeated. */
  apiRequests: whole,
  /** Of these: pages of calls after the first ones. */
  pages: whole,
  /** If no other request of the company runs; absent if nobody knew the budget. */
  hours: optional(number),
});
/** What remains to be sent of an access request after its dry run. */
export type Cost = Shaped<typeof costShape>;

/** How a request ended, or that it was purged since. */
export const isEnded = either(isEndedStatus, oneOf('purged'));

/**
 * Records that may be somebody else's, by code, and what was decided: `kept` are those that nobody took: withheld or left, or, before
 * the request has ended, undecided.
 */
export const doubtsShape = listOf(object({ code: keyOf(DOUBTS), records: whole, taken: whole, kept: whole }));

/** Names its request, so that it passes for the result of no other one. */
export const resultShape = object({
  ...requestRefFields,
  ...clockIfAny,
  status: isEnded,
  /** It was to search only, however it ended; absent: it was not. */
  dryRun: optional(flag),
  counts: countsShape,
  /** The first 10,000. */
  outcomes: listOf(recordOutcomeShape),
  /** The rest, counted; absent if all are listed. */
  unlisted: optional(listOf(unlistedShape)),
  coverage: coverageShape,
  /** HTTP requests sent to the API base, retries included. */
  apiRequests: whole,
  startedAt: instant,
  completedAt: instant,
  package: optional(packageRefShape),
  /** Of the package: what was left out or replaced. Absent: there was none. */
  redactions: optional(redactionCountsShape),
  verification: optional(verificationShape),
  /** Names what is, or in a dry run would be, delivered or deleted. */
  planDigest: optional(text),
  /**
   * Of a dry run: the contacts that would be delivered or deleted; access: the numbers by which calls would be searched, the calls of
   * their lists, by Aircall's count, and what remains to be sent. The last two are absent if a list could not be counted.
   */
  plan: optional(
    object({
      counts: object({ contacts: whole, numbers: optional(whole), calls: optional(whole) }),
      cost: optional(costShape),
    }),
  ),
  /** When its data was destroyed, and how it had ended. */
  purged: optional(object({ at: instant, status: isEnded })),
  doubts: doubtsShape,
  /** Of the plan, by a person; without a registered approver it is not signed. */
  approvals: listOf(approvedByShape),
  /** Who rejected the plan, and why, if the status is `denied`. */
  rejection: optional(rejectedShape),
  /** Why the status is `failed`. */
  failure: optional(object({ code: text, message: text })),
});
export type RequestResult = Shaped<typeof resultShape>;

export interface WaitingFor {
  readonly cause: WaitCause;
  /** ISO 8601, if it is known. */
  readonly until?: string;
}

export type Phase = keyof typeof PHASE_WORDS;

export const phaseTimesShape = object(eachOf(PHASE_WORDS, instant));
/** When each phase first began; ISO 8601. */
export type PhaseTimes = Shaped<typeof phaseTimesShape>;

export const fetchingShape = object({
  /** Recordings and voicemails downloaded so far; one that two lists have counts twice. */
  files: whole,
  /** Of these files. */
  sizeBytes: whole,
  /**
   * As far as it is known, without those that are repeated: pages while calls are fetched; then, at most, transcripts and insights. What
   * a child workflow fetches is subtracted when the child has ended.
   */
  apiRequestsLeft: optional(whole),
  /** If no other request of the company runs. */
  hoursLeft: optional(number),
});
/** How far an access request is with what it fetches. */
export type Fetching = Shaped<typeof fetchingShape>;

/** The answer of the query `status`. */
export interface RequestStatus extends RequestRef, Partial<Clock> {
  readonly status: Status;
  /** It searches only. */
  readonly dryRun?: boolean;
  readonly phase: Phase;
  /** What is still being fetched is counted so far, with records that may be somebody else's. */
  readonly counts: Counts;
  readonly apiRequests: number;
  /** Of an access request that is no dry run, while it is open. */
  readonly progress?: Fetching;
  readonly waitingFor?: WaitingFor;
  readonly planDigest?: string;
  /** Of its plan, once there is one. */
  readonly doubts?: Shaped<typeof doubtsShape>;
  /** Raised, and not withdrawn by an extension. */
  readonly alarm?: Alarm;
}

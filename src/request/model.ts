/**
 * The shapes that cross a boundary: a starter's input, the result of a request, the answer of its status query.
 * Results hold counts and opaque references (`contact 1`), never personal data. Workflow-safe: types and plain data only.
 */
import type { Alarm, Clock } from './clock';
import { ENDED_STATUSES, type EndedStatus } from './endings';
import type { Kind } from './names';
import type { OptionsOf } from './options';
import { type SOURCES, type SourceName, sourcesOf } from './sources';
import type { WaitCause } from './waits';

export interface Subject {
  /** The subject's e-mail address, at most 254 characters. */
  readonly email: string;
  /** Further numbers of the subject in E.164 form, at most 20. */
  readonly phoneNumbers?: readonly string[] | undefined;
}

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

export const OUTCOMES = ['deleted', 'already-absent', 'refused', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface RecordOutcome {
  /** Opaque reference, for instance `contact 1`. */
  readonly record: string;
  readonly outcome: Outcome;
  /** The reason, if the outcome is not the requested one: a code of docs/errors.md. */
  readonly code?: string;
}

/** How many records beyond the listed ones had the same outcome. */
export interface UnlistedOutcomes {
  readonly source: SourceName | 'records';
  /** Rows that could not be read. */
  readonly unreadable: boolean;
  readonly outcome: Outcome;
  readonly code?: string;
  readonly count: number;
}

/** Records of each source, by outcome. A count that cannot apply to the kind of request is left out. */
export interface Counts extends Partial<Record<SourceName, number>> {
  contacts: number;
  deleted?: number;
  alreadyAbsent?: number;
  refused: number;
  failed: number;
}

export function noCounts(kind: Kind): Counts {
  const searched: Partial<Record<SourceName, number>> = {};
  for (const source of sourcesOf(kind)) searched[source] = 0;
  const done = kind === 'deletion' ? { deleted: 0, alreadyAbsent: 0 } : {};
  return { contacts: 0, ...searched, ...done, refused: 0, failed: 0 };
}

/** Something that was not covered. `count` is the number of records or numbers concerned if it is known. */
export interface Gap {
  readonly code: string;
  readonly count?: number;
}

export interface SourceCoverage {
  readonly state: 'complete' | 'partial' | 'failed' | 'skipped';
  readonly gaps: readonly Gap[];
}

/** Of a source that is searched by numbers of the subject. */
export interface NumberCoverage extends SourceCoverage {
  /** ISO 8601, both inclusive. `from` null: all that Aircall serves. */
  readonly window: { readonly from: string | null; readonly to: string };
  /** Records on a number of the subject that Aircall attached to somebody else: withheld. */
  readonly ambiguous: number;
  /** Numbers too short to name a person: not searched. */
  readonly ignoredNumbers: number;
}

/** Each source that was, or should have been, searched. */
export type SourcesCovered = {
  readonly [S in SourceName]?: (typeof SOURCES)[S]['byNumber'] extends true ? NumberCoverage : SourceCoverage;
};

export interface Coverage extends SourcesCovered {
  readonly contacts: SourceCoverage;
  /** Records that Aircall's API cannot list or delete for any request. */
  readonly outOfReach: readonly string[];
}

export interface PackageRef {
  readonly uri: string;
  /** Of the decrypted file, hexadecimal. */
  readonly sha256: string;
  /** Of the decrypted file. */
  readonly sizeBytes: number;
}

export interface Verification {
  readonly state: 'verified' | 'residual' | 'skipped';
  /** ISO 8601; null if nothing was checked. */
  readonly checkedAt: string | null;
}

export interface RequestResult extends Partial<Clock> {
  readonly requestId: string;
  readonly kind: Kind;
  readonly status: FinalStatus;
  readonly counts: Counts;
  /** The first 10,000. */
  readonly outcomes: readonly RecordOutcome[];
  /** The rest, counted; absent if all are listed. */
  readonly unlisted?: readonly UnlistedOutcomes[];
  readonly coverage: Coverage;
  /** HTTP requests sent to the API base, retries included. */
  readonly apiRequests: number;
  readonly startedAt: string;
  readonly completedAt: string;
  readonly package?: PackageRef;
  readonly verification?: Verification;
  /** Deletion: names the set of contacts that is, or in a dry run would be, deleted. */
  readonly planDigest?: string;
  readonly plan?: { readonly counts: { readonly contacts: number } };
  /** When its data was destroyed (ISO 8601), and how it had ended. */
  readonly purged?: { readonly at: string; readonly status: FinalStatus };
  /** Why the status is `failed`. */
  readonly failure?: { readonly code: string; readonly message: string };
}

export interface WaitingFor {
  readonly cause: WaitCause;
  /** ISO 8601, if it is known. */
  readonly until?: string;
}

export type Phase =
  | 'opening'
  | 'searching'
  | 'fetching-calls'
  | 'packaging'
  | 'deleting'
  | 'verifying'
  | 'closing'
  | 'ended';

/** When each phase first began; ISO 8601. */
export type PhaseTimes = Readonly<Partial<Record<Phase, string>>>;

/** The answer of the query `status`. */
export interface RequestStatus extends Partial<Clock> {
  readonly requestId: string;
  readonly kind: Kind;
  readonly status: Status;
  readonly phase: Phase;
  readonly counts: Counts;
  readonly apiRequests: number;
  readonly waitingFor?: WaitingFor;
  readonly planDigest?: string;
  /** Raised, and not withdrawn by an extension. */
  readonly alarm?: Alarm;
}

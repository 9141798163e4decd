/**
 * The findings of a request so far: records of each source, coverage, the outcome of each record. The result is
 * made from them when the request ends. Pure; Workflow-safe.
 */
import { DOUBTS, type DoubtCode } from '../judgement/doubts';
import type { Decided, MadePlan } from '../request/contracts';
import type {
  Counts,
  FinalStatus,
  NoticeCoverage,
  Outcome,
  PackageRef,
  RecordOutcome,
  RequestResult,
  SourceCoverage,
  SourcesCovered,
  UnlistedOutcomes,
  Verification,
} from '../request/model';
import { noCounts } from '../request/model';
import type { Kind } from '../request/names';
import type { RedactionCounts } from '../request/redactions';
import { isDoubt } from '../request/sentences';
import { compareRecords, recordName, type SourceName, sourcesOf, unreadableName } from '../request/sources';
import { isWhole } from '../request/whole';

/** Limit of outcomes in a history: the rest is counted by source, outcome and code. */
export const OUTCOMES_MAX = 10_000;

/** What is known of a request so far. */
export interface Found {
  readonly counts: Counts;
  /** In the order of records, not of their ends. */
  readonly outcomes: readonly RecordOutcome[];
  /** Rows that could not be read, beyond those that are in `outcomes`. */
  readonly unlisted: readonly UnlistedOutcomes[];
  readonly covered: SourcesCovered & { readonly contacts: SourceCoverage };
  /** Records that may be somebody else's, by code. */
  readonly doubts: readonly Doubtful[];
  /** Of the package, once it is there; no source of records. */
  notice?: NoticeCoverage;
  package?: PackageRef;
  /** Of the package. */
  redactions?: RedactionCounts;
  verification?: Verification;
  planDigest?: string;
  plan?: RequestResult['plan'];
  approvals?: NonNullable<RequestResult['approvals']>;
  rejection?: NonNullable<RequestResult['rejection']>;
  failure?: NonNullable<RequestResult['failure']>;
}

/** Records of one code of doubt, and what was decided about them. */
export interface Doubtful {
  readonly code: DoubtCode;
  readonly taken: number;
  readonly kept: number;
  /** Of the kept ones: those that nobody decided about. */
  readonly undecided: number;
}

export interface Findings extends Found {
  /** Counts records found in a source. */
  found(source: SourceName, more: number): void;
  /** Whether records of the source were counted. */
  isCounted(source: SourceName): boolean;
  /** Sets how much of a source was searched; a later call replaces it. */
  cover(sources: SourcesCovered): void;
  /** Sets the outcome of one record; a later call replaces it. A record that came back and is gone again stays `deleted`. */
  note(outcome: RecordOutcome): void;
  outcomeOf(record: string): Outcome | undefined;
  /** A failure ended the request: the source that was being searched names it, instead of a cancellation. */
  brokeOff(failure: NonNullable<RequestResult['failure']>): void;
  /** Counts rows of a plan that are doubtful, while nobody has decided. */
  notePlanned(doubts: MadePlan['doubts']): void;
  /**
   * Counts rows that are doubtful, or that somebody decided to keep, in place of those that were only planned; if the plan `isDone`, the
   * kept ones have that as their outcome.
   */
  noteExceptions(exceptions: Decided['exceptions'], plan: { readonly isDone: boolean }): void;
  /** Counts outcomes of records that nothing names. */
  noteMore(outcomes: UnlistedOutcomes): void;
  /** Records rows that could not be read: `failed`, each of them. */
  noteUnreadable(source: SourceName, rows: number): void;
}

/** The count of each outcome; deletions only. */
const COUNTED = {
  deleted: 'deleted',
  'already-absent': 'alreadyAbsent',
  retained: 'retained',
  refused: 'refused',
  failed: 'failed',
} as const satisfies Partial<Record<Outcome, keyof Counts>>;

/** The outcome of records that the plan does not take. */
const KEPT = { access: 'withheld', deletion: 'retained' } as const satisfies Record<Kind, Outcome>;

export function createFindings(kind: Kind): Findings {
  const counts: { -readonly [Name in keyof Counts]: Counts[Name] } = noCounts(kind);
  const counted = new Set<SourceName>();
  const ends = new Map<string, RecordOutcome>();
  const unlisted: UnlistedOutcomes[] = [];
  const doubts = new Map<DoubtCode, Doubtful>();
  let isDecided = false;
  let sorted: readonly RecordOutcome[] | undefined;
  let covered: Found['covered'] = { contacts: { state: 'skipped', gaps: [] } };

  function set(outcome: RecordOutcome): void {
    const before = ends.get(outcome.record);
    if (before?.outcome === 'deleted' && outcome.outcome === 'already-absent') return;
    ends.set(outcome.record, outcome);
    sorted = undefined;
    if (before !== undefined) count(before.outcome, -1);
    count(outcome.outcome, 1);
  }

  function count(outcome: Outcome, more: number): void {
    if (outcome === 'withheld') return;
    const name = COUNTED[outcome];
    const present = counts[name];
    if (present !== undefined) counts[name] = present + more;
  }

  function addDoubt({ code, taken, kept, undecided }: Doubtful): void {
    const before = doubts.get(code) ?? { taken: 0, kept: 0, undecided: 0 };
    const sum = { taken: before.taken + taken, kept: before.kept + kept };
    doubts.set(code, { code, ...sum, undecided: before.undecided + undecided });
  }

  function noteMore(outcomes: UnlistedOutcomes): void {
    unlisted.push(outcomes);
    count(outcomes.outcome, outcomes.count);
  }

  return {
    counts,
    unlisted,
    get doubts() {
      return [...doubts.values()];
    },
    get outcomes() {
      sorted ??= [...ends.values()].sort((a, b) => compareRecords(a.record, b.record));
      return sorted;
    },
    get covered() {
      return covered;
    },
    isCounted: source => counted.has(source),
    found(source, more) {
      counted.add(source);
      counts[source] = (counts[source] ?? 0) + more;
    },
    cover(sources) {
      covered = { ...covered, ...sources };
    },
    note: set,
    noteMore,
    outcomeOf: record => ends.get(record)?.outcome,
    brokeOff(this: Findings, failure) {
      this.failure = failure;
      const { calls } = covered;
      if (calls?.gaps.some(({ code }) => code === 'cancelled'))
        covered = { ...covered, calls: { ...calls, gaps: [{ code: failure.code }] } };
    },
    notePlanned(planned) {
      for (const { code, records } of planned) addDoubt({ code, taken: 0, kept: records, undecided: records });
    },
    noteExceptions(exceptions, { isDone }) {
      if (!isDecided) doubts.clear();
      isDecided = true;
      for (const { code, source, places, taken, kept, undecided } of exceptions) {
        if (code !== 'decided') addDoubt({ code, taken, kept, undecided });
        if (!isDone) continue;
        for (const place of places) set({ record: recordName(source, place), outcome: KEPT[kind], code });
        const more = kept - places.length;
        if (more === 0) continue;
        noteMore({ source, unreadable: false, outcome: KEPT[kind], code, count: more });
      }
    },
    noteUnreadable(source, rows) {
      const failed = { outcome: 'failed', code: 'unexpected-record' } as const;
      const listed = Math.min(rows, OUTCOMES_MAX);
      for (let row = 0; row < listed; row += 1) set({ record: unreadableName(source, row), ...failed });
      if (rows === listed) return;
      noteMore({ source, unreadable: true, ...failed, count: rows - listed });
    },
  };
}

/** How much of what belongs to calls was searched: no more than of the calls themselves. @param own if all calls were found */
export function partCoverage({ covered: { calls } }: Pick<Found, 'covered'>, own: SourceCoverage): SourceCoverage {
  if (calls === undefined || calls.state === 'skipped') return { state: 'skipped', gaps: calls?.gaps ?? [] };
  if (calls.state === 'complete' || own.state !== 'complete') return own;
  return { ...own, state: 'partial' };
}

/** The status of a request that was not cancelled. */
export function statusOf(
  found: Found,
  { kind, dryRun }: { readonly kind: Kind; readonly dryRun: boolean },
): FinalStatus {
  const { failure, rejection, covered, counts, outcomes, doubts, verification } = found;
  if (failure !== undefined) return 'failed';
  if (dryRun) return 'planned';
  if (rejection !== undefined) return 'denied';
  const isFoundOrDone = Object.values(covered).every(isWhole) && outcomes.every(isAsPlanned);
  const isOpen = doubts.some(({ code, undecided }) => undecided > 0 && DOUBTS[code].undecided === 'partial');
  if (!isFoundOrDone || isOpen || verification?.state === 'residual') return 'partial';
  if (sourcesOf(kind).some(source => (counts[source] ?? 0) > 0)) return 'completed';
  if (doubts.some(({ undecided }) => undecided > 0)) return 'partial'; // nothing is certain
  return doubts.length > 0 ? 'completed' : 'no-match';
}

/** Doubtful records are withheld, or left, as planned: what undecided ones make of a request says the table of doubts. */
function isAsPlanned({ outcome, code = '' }: RecordOutcome): boolean {
  if (outcome === 'withheld' || outcome === 'retained') return code === 'decided' || isDoubt(code);
  return outcome === 'deleted' || outcome === 'already-absent';
}

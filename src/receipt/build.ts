/**
 * Makes the content of a receipt from the end of a request. Total: any result becomes a receipt, because a request
 * must be able to end. Only counts, codes, times and digests are copied, never a message or a reference. Pure.
 */
import type { Clock } from '../request/clock';
import { ENDINGS, endOf } from '../request/endings';
import {
  type Counts,
  type Gap,
  type NumberCoverage,
  OUTCOMES,
  type Outcome,
  type PhaseTimes,
  type RecordOutcome,
  type RequestResult,
  type SourceCoverage,
  type UnlistedOutcomes,
} from '../request/model';
import { NAME_PATTERN, type RequestRef } from '../request/names';
import { readRecordName, SOURCE_NAMES, SOURCES, type SourceName, sourcesOf } from '../request/sources';
import { CODE_PATTERN, DIGEST_PATTERN, OUT_OF_REACH_PATTERN, RECEIPT_FORMAT, type ReceiptContent } from './model';

export interface ReceiptFacts {
  readonly request: RequestRef;
  readonly runId: string;
  readonly dryRun: boolean;
  /** Keyed hash; null if it was never known. */
  readonly subjectHash: string | null;
  /** When the first step began; ISO 8601. */
  readonly startedAt: string | null;
  /** As it was at the end; undefined if nothing of it was given. */
  readonly clock: Clock | undefined;
  readonly ending: RunEnd;
  /** When the phases of the request began. */
  readonly phases: PhaseTimes;
  /** Null if it is no longer known. */
  readonly budget: ReceiptContent['budget'];
  readonly service: ReceiptContent['service'];
}

/** With a result, or without one: then only the server knows when and why it ended. */
export type RunEnd =
  | { readonly result: RequestResult }
  | { readonly code: string; readonly receivedAt: string | null; readonly endedAt: string | null };

type Source = ReceiptContent['sources'][number];

/** For a code that docs/errors.md could not hold: a receipt copies no unknown text. */
const UNKNOWN_CODE = 'unexpected';
const OUTCOME_COUNTS = {
  deleted: 'deleted',
  'already-absent': 'absent',
  retained: 'retained',
  withheld: 'withheld',
  refused: 'refused',
  failed: 'failed',
} as const satisfies Record<Outcome, keyof Source>;

export function receiptContent(facts: ReceiptFacts): ReceiptContent {
  const { request, runId, dryRun, subjectHash, clock, ending, budget, service } = facts;
  const { connection, kind, requestId } = request;
  const common = {
    format: RECEIPT_FORMAT,
    request: { connection, kind, requestId, runId, dryRun, ...lawOf(clock) },
    subject: subjectHash,
    times: timesOf(facts),
    budget,
    service,
  } as const;
  if (!('result' in ending))
    return {
      ...common,
      status: 'failed',
      failure: codeFrom(ending.code),
      sources: [],
      ignoredNumbers: 0,
      outOfReach: [],
      verification: null,
      planDigest: null,
      plan: null,
      doubts: [],
      approvals: [],
      rejection: null,
      package: null,
      redactions: [],
      apiRequests: null,
    };
  return { ...common, ...statedOf(ending.result) };
}

type Stated = Omit<ReceiptContent, 'format' | 'request' | 'subject' | 'times' | 'budget' | 'service'>;

/** The parts of a receipt that come from the result alone. */
export function statedOf(result: RequestResult): Stated {
  const { coverage, package: handedOver } = result;
  return {
    status: endedAs(result),
    failure: result.failure === undefined ? null : codeFrom(result.failure.code),
    sources: sourceRows(result),
    ignoredNumbers: coverage.calls?.ignoredNumbers ?? 0,
    outOfReach: coverage.outOfReach.filter(what => OUT_OF_REACH_PATTERN.test(what)),
    verification: result.verification?.state ?? null,
    planDigest: digestFrom(result.planDigest),
    plan: planOf(result),
    doubts: result.doubts.map(({ code, records, taken, kept }) => ({ code, records, taken, kept })),
    approvals: result.approvals.map(decidedBy),
    rejection: result.rejection ? { ...decidedBy(result.rejection), reason: codeFrom(result.rejection.reason) } : null,
    package: handedOver ? { sha256: handedOver.sha256, sizeBytes: handedOver.sizeBytes } : null,
    redactions: (result.redactions ?? []).map(({ reason, count }) => ({ reason, count })),
    apiRequests: result.apiRequests,
  };
}

/** Only a dry run has one. */
function planOf({ plan }: RequestResult): Stated['plan'] {
  if (plan === undefined) return null;
  const { contacts, numbers = null, calls = null } = plan.counts;
  return { contacts, numbers, calls };
}

/** A purged request ended in another way before. */
function endedAs(result: RequestResult): ReceiptContent['status'] {
  const ended = endOf(result);
  return ended === 'purged' ? 'failed' : ended;
}

function lawOf(clock: Clock | undefined): Pick<ReceiptContent['request'], 'regime' | 'extension'> {
  if (clock === undefined || clock.regime === 'none') return { regime: null };
  return { regime: clock.regime, ...(clock.extension && { extension: clock.extension }) };
}

function timesOf({ startedAt, clock, ending, phases }: ReceiptFacts): ReceiptContent['times'] {
  const given = { submitted: clock?.submittedAt ?? null, due: clock?.dueAt ?? null };
  const none = { ...given, searched: null, deleted: null, verified: null };
  if (!('result' in ending)) return { ...none, received: ending.receivedAt, started: startedAt, ended: ending.endedAt };
  const { result } = ending;
  const status = endedAs(result);
  // If nothing followed the search, it was finished only if the request came to an end of its own.
  const searched = ENDINGS[status].searched && phases.searching !== undefined ? result.completedAt : null;
  const verified = result.verification?.state === 'skipped' ? null : (result.verification?.checkedAt ?? null);
  return {
    ...none,
    received: result.startedAt,
    started: startedAt,
    searched: phases.approving ?? phases.packaging ?? phases.deleting ?? searched,
    deleted: phases.verifying ?? null,
    verified,
    ended: result.completedAt,
  };
}

function sourceRows({ kind, counts, coverage, outcomes, unlisted = [] }: RequestResult): Source[] {
  const bySource = new Map<string, UnlistedOutcomes[]>();
  const one = ({ record, ...end }: RecordOutcome) => ({ ...readRecordName(record), ...end, count: 1 });
  const ends = [...outcomes.map(one), ...unlisted];
  for (const each of [...ends, ...restOf(counts, ends)]) {
    const before = bySource.get(each.source);
    if (before === undefined) bySource.set(each.source, [each]);
    else before.push(each);
  }
  const make = (name: string, found: number, searched: SourceCoverage): Source =>
    sourceOf(name, found, searched, bySource.get(name) ?? []);
  const isStated = (name: SourceName) =>
    coverage[name] !== undefined || (sourcesOf(kind).includes(name) && SOURCES[name].by !== 'calls');
  const known = SOURCE_NAMES.filter(isStated).map(name => {
    const searched = coverage[name] ?? { state: 'skipped', gaps: [] };
    const made = make(name, counts[name] ?? 0, searched);
    return SOURCES[name].by === 'numbers' ? { ...made, ...ofNumbers(searched, made.withheld) } : made;
  });
  const others = [...bySource.keys()].filter(name => !known.some(({ source }) => source === name));
  return [...known, ...others.map(name => make(name, 0, { state: 'partial', gaps: [] }))];
}

/** The statements about a source that is searched by numbers. */
function ofNumbers(searched: SourceCoverage | NumberCoverage, listed: number): Pick<Source, 'withheld' | 'window'> {
  if (!('window' in searched)) return { withheld: listed, window: null };
  const { window, ambiguous } = searched;
  // Withheld records are counted by the coverage, and perhaps listed as outcomes too.
  return { withheld: Math.max(ambiguous, listed), window: { from: window.from, to: window.to } };
}

/** What the counts of a result have and its outcomes do not, as of one that was purged; counted like the last outcome. */
function restOf(counts: Counts, ends: readonly UnlistedOutcomes[]): UnlistedOutcomes[] {
  const counted = {
    deleted: counts.deleted,
    'already-absent': counts.alreadyAbsent,
    retained: counts.retained,
    withheld: undefined,
    refused: counts.refused,
    failed: counts.failed,
  } satisfies Record<Outcome, number | undefined>;
  const { source = 'contacts' } = ends.at(-1) ?? {};
  const unreadable =
    ends.some(each => each.source === source) && ends.every(each => each.source !== source || each.unreadable);
  return OUTCOMES.flatMap(outcome => {
    const had = ends.reduce((sum, each) => sum + (each.outcome === outcome ? each.count : 0), 0);
    const count = (counted[outcome] ?? 0) - had;
    return count > 0 ? [{ source, unreadable, outcome, count }] : [];
  });
}

function sourceOf(
  name: string,
  counted: number,
  { state, gaps, by }: SourceCoverage,
  outcomes: readonly UnlistedOutcomes[],
): Source {
  const ends = { deleted: 0, absent: 0, retained: 0, withheld: 0, refused: 0, failed: 0 };
  let unreadable = 0;
  for (const each of outcomes)
    if (isUnreadable(each)) unreadable += each.count;
    else ends[OUTCOME_COUNTS[each.outcome]] += each.count;
  const dealtWith = ends.deleted + ends.absent + ends.retained + ends.refused + ends.failed;
  const found = Math.max(counted, dealtWith);
  return {
    source: name,
    state,
    by: by ?? null,
    found,
    unchanged: found - dealtWith,
    ...ends,
    unreadable,
    reasons: reasonsOf(outcomes),
    gaps: gaps.map(gapOf),
    window: null,
  };
}

function isUnreadable({ unreadable, outcome }: UnlistedOutcomes): boolean {
  return unreadable && outcome === 'failed';
}

/** Outcomes with a code, counted by outcome and code. */
function reasonsOf(outcomes: readonly UnlistedOutcomes[]): Source['reasons'] {
  const reasons = new Map<string, Source['reasons'][number]>();
  for (const { outcome, code: given, count } of outcomes) {
    if (given === undefined) continue;
    const code = codeFrom(given);
    const key = `${outcome} ${code}`;
    reasons.set(key, { outcome, code, count: (reasons.get(key)?.count ?? 0) + count });
  }
  return [...reasons.values()];
}

function gapOf({ code, count }: Gap): Source['gaps'][number] {
  return { code: codeFrom(code), count: count ?? null };
}

/** What is no digest, or no name, is left out: a receipt copies no unknown text. */
function digestFrom(text: string | undefined): string | null {
  return text !== undefined && DIGEST_PATTERN.test(text) ? text : null;
}

function decidedBy({ keyId, at, signed }: RequestResult['approvals'][number]) {
  return { keyId: keyId !== undefined && NAME_PATTERN.test(keyId) ? keyId : null, at, signed };
}

function codeFrom(text: string): string {
  return CODE_PATTERN.test(text) ? text : UNKNOWN_CODE;
}

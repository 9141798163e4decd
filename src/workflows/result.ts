/** The result of a request, made from its findings. Pure; Workflow-safe. */
import type { Clock } from '../request/clock';
import type {
  Coverage,
  FinalStatus,
  NumberCoverage,
  RecordOutcome,
  RequestResult,
  UnlistedOutcomes,
} from '../request/model';
import type { Kind, RequestRef } from '../request/names';
import { readRecordName, type SourceName } from '../request/sources';
import { type Found, OUTCOMES_MAX } from './findings';

const HIDDEN = ['messages', 'private contacts', 'contacts of connected applications'] as const;
/** Records that Aircall's API cannot list or delete for any request. */
const OUT_OF_REACH = {
  access: [...HIDDEN, 'calls older than about six months'],
  deletion: ['call records', 'call comments', ...HIDDEN],
} as const satisfies Record<Kind, readonly string[]>;

/** Calls of a person that no number of hers leads to; in the list of all calls only a hidden number names nobody. */
const CALLS_OUT_OF_REACH = {
  number: [
    'calls that were transferred to another number',
    'calls that the person joined as a conference participant',
    'calls with a hidden number',
  ],
  company: ['calls with a hidden number and without a contact'],
} as const satisfies Record<NonNullable<NumberCoverage['by']>, readonly string[]>;

export interface Frame extends RequestRef {
  readonly status: FinalStatus;
  readonly dryRun?: true;
  readonly apiRequests: number;
  readonly startedAt: string;
  readonly completedAt: string;
  readonly clock: Partial<Clock>;
}

export function resultOf({ clock, ...frame }: Frame, findings: Found): RequestResult {
  const { kind } = frame;
  const { package: packed, redactions, verification, planDigest, plan, approvals = [], rejection, failure } = findings;
  const unlisted = tallyOf(findings.outcomes.slice(OUTCOMES_MAX), findings.unlisted);
  return {
    ...frame,
    ...clock,
    counts: findings.counts,
    outcomes: findings.outcomes.slice(0, OUTCOMES_MAX),
    ...(unlisted.length > 0 && { unlisted }),
    coverage: coverageOf(kind, findings),
    ...(packed && { package: packed }),
    ...(redactions && { redactions }),
    ...(kind === 'deletion' && { verification: verification ?? { state: 'skipped', checkedAt: null } }),
    ...(planDigest && { planDigest }),
    ...(plan && { plan }),
    doubts: doubtsOf(findings),
    approvals,
    ...(rejection && { rejection }),
    ...(failure && { failure }),
  };
}

export function doubtsOf({ doubts }: Found): RequestResult['doubts'] {
  return doubts.map(({ code, taken, kept }) => ({ code, records: taken + kept, taken, kept }));
}

function tallyOf(outcomes: readonly RecordOutcome[], counted: readonly UnlistedOutcomes[]): UnlistedOutcomes[] {
  const tally = new Map<string, UnlistedOutcomes>();
  const add = ({ source, unreadable, outcome, code, count }: UnlistedOutcomes) => {
    const key = [source, unreadable, outcome, code].join(' ');
    const sum = (tally.get(key)?.count ?? 0) + count;
    tally.set(key, { source, unreadable, outcome, ...(code !== undefined && { code }), count: sum });
  };
  for (const { record, outcome, code } of outcomes) {
    const { source, unreadable } = readRecordName(record);
    add({ source, unreadable, outcome, ...(code !== undefined && { code }), count: 1 });
  }
  for (const each of counted) add(each);
  return [...tally.values()];
}

/** Records that may be somebody else's and are kept back, by source and code: for the package. */
export function withheldOf({ outcomes, unlisted }: Found): { source: SourceName; code: string; count: number }[] {
  return tallyOf(outcomes, unlisted).flatMap(({ source, outcome, code, count }) =>
    outcome === 'withheld' && source !== 'records' && code !== undefined ? [{ source, code, count }] : [],
  );
}

/** The coverage so far, as result and package state it. */
export function coverageOf(kind: Kind, { covered, notice }: Found): Coverage {
  const calls = kind === 'access' ? CALLS_OUT_OF_REACH[covered.calls?.by ?? 'number'] : [];
  return { ...covered, ...(notice && { notice }), outOfReach: [...OUT_OF_REACH[kind], ...calls] };
}

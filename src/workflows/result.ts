/** The result of a request, made from its findings. Pure; Workflow-safe. */
import type { Clock } from '../request/clock';
import type { Coverage, FinalStatus, RecordOutcome, RequestResult, UnlistedOutcomes } from '../request/model';
import type { Kind, RequestRef } from '../request/names';
import { readRecordName } from '../request/sources';
import { type Found, OUTCOMES_MAX } from './findings';

/** Records that Aircall's API cannot list or delete for any request. */
const OUT_OF_REACH = {
  access: ['messages', 'private contacts', 'contacts of connected applications', 'calls older than about six months'],
  deletion: ['call records', 'call comments', 'messages', 'private contacts', 'contacts of connected applications'],
} as const satisfies Record<Kind, readonly string[]>;

export interface Frame extends RequestRef {
  readonly status: FinalStatus;
  readonly apiRequests: number;
  readonly startedAt: string;
  readonly completedAt: string;
  readonly clock: Partial<Clock>;
}

export function resultOf({ clock, ...frame }: Frame, findings: Found): RequestResult {
  const { kind } = frame;
  const { package: packed, verification, planDigest, plan, doubts, approvals, rejection, failure } = findings;
  const unlisted = tallyOf(findings.outcomes.slice(OUTCOMES_MAX), findings.unlisted);
  return {
    ...frame,
    ...clock,
    counts: findings.counts,
    outcomes: findings.outcomes.slice(0, OUTCOMES_MAX),
    ...(unlisted.length > 0 && { unlisted }),
    coverage: coverageOf(kind, findings),
    ...(packed && { package: packed }),
    ...(kind === 'deletion' && { verification: verification ?? { state: 'skipped', checkedAt: null } }),
    ...(planDigest && { planDigest }),
    ...(plan && { plan }),
    ...(doubts.length > 0 && { doubts: doubts.map(doubtOf) }),
    ...(approvals && { approvals }),
    ...(rejection && { rejection }),
    ...(failure && { failure }),
  };
}

function doubtOf({ code, taken, kept }: Found['doubts'][number]): NonNullable<RequestResult['doubts']>[number] {
  return { code, records: taken + kept, taken, kept };
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

/** The coverage so far, as result and package state it. */
export function coverageOf(kind: Kind, { covered }: Found): Coverage {
  return { ...covered, outOfReach: OUT_OF_REACH[kind] };
}

/**
 * The frame that both kinds of request share: open, do the work, tell the status, end truthfully. Only here is a
 * cancellation caught, and only here does a request become a result. Decisions D10, D12, D14.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowFailure,
  defineQuery,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { LocalActivities, Opened } from '../activities';
import type { Clock } from '../request/clock';
import type {
  Counts,
  Coverage,
  FinalStatus,
  Outcome,
  PackageRef,
  Phase,
  RecordOutcome,
  RequestResult,
  RequestStatus,
  SourceCoverage,
  Status,
  Verification,
  WaitingFor,
} from '../request/model';
import { noCounts } from '../request/model';
import { type Kind, requestOf } from '../request/names';
import { SEARCH_KEYS } from '../request/search-keys';
import { keepClock } from './clock';
import { type Credentials, keepCredentials } from './credentials';
import { detailsOf, refusedDetails } from './details';
import { attempt, bulkSteps, failureOf, localSteps, mayBeCredential, StepCancelled, type StepOutcome } from './steps';

export const statusQuery = defineQuery<RequestStatus>('status');

/** What a request has found and done so far; its result is made from it whenever it ends. */
export interface Findings {
  readonly counts: Counts;
  readonly outcomes: RecordOutcome[];
  contacts: SourceCoverage;
  calls: Coverage['calls'];
  package?: PackageRef;
  verification?: Verification;
  planDigest?: string;
  plan?: RequestResult['plan'];
  failure?: NonNullable<RequestResult['failure']>;
}

export interface RequestRun {
  readonly opened: Opened;
  readonly startedAt: string;
  readonly findings: Findings;
  /** Steps that ask the vault for little; `bulk` for what grows with a company. */
  readonly local: LocalActivities;
  readonly bulk: LocalActivities;
  readonly credentials: Credentials;
  phase(phase: Phase): void;
  /** Takes a step that asks Aircall, again with another credential where one was refused. */
  step<T extends { readonly apiRequests: number }>(step: () => Promise<T>): Promise<StepOutcome<T>>;
  /** Tells what is waited for while it is waited for. */
  waiting<T>(waitingFor: WaitingFor, wait: () => Promise<T>): Promise<T>;
  /** Records what happened to one record, again where it changed. */
  noteOutcome(outcome: RecordOutcome): void;
  /** Records rows that could not be read: `failed`, each of them. */
  noteUnreadable(what: 'contact' | 'call', rows: number): void;
  /** What was searched so far, as the package states it. */
  coverage(): Coverage & { readonly calls: NonNullable<Coverage['calls']> };
  /** Counts what a step sent, however it ended. */
  counted<T extends { readonly apiRequests: number }>(outcome: Promise<T>): Promise<T>;
  count(apiRequests: number): void;
  nextChild(): number;
  pastDeadline(): boolean;
}

const UNTOUCHED: SourceCoverage = { state: 'skipped', gaps: [] };
const OUTCOMES_MAX = 10_000;

/** What Aircall's API cannot do, whatever the request. */
const OUT_OF_REACH = {
  access: ['messages', 'private contacts', 'contacts of connected applications', 'calls older than about six months'],
  deletion: ['call records', 'call comments', 'messages', 'private contacts', 'contacts of connected applications'],
} as const satisfies Record<Kind, readonly string[]>;

/**
 * Runs one request from its input to its result.
 * @throws {ApplicationFailure} `invalid-input`, `request-conflict`: before any API request
 */
export async function runRequest(
  kind: Kind,
  input: unknown,
  story: (run: RequestRun) => Promise<void>,
): Promise<RequestResult> {
  const startedAt = workflowInfo().startTime.toISOString();
  const { requestId = '', connection = '' } = requestOf(workflowInfo().workflowId) ?? {};
  const findings: Findings = {
    counts: noCounts(kind),
    outcomes: [],
    contacts: UNTOUCHED,
    calls: undefined,
  };
  let phase: Phase = 'opening';
  const phases: Partial<Record<Phase, string>> = {};
  let apiRequests = 0;
  let children = 0;
  let ended: FinalStatus | undefined;
  const waits = new Set<WaitingFor>();

  const status = (): Status => ended ?? (waits.size > 0 ? 'waiting' : 'running');
  const present = (): RequestStatus => {
    const [waitingFor] = waits;
    const { counts, planDigest } = findings;
    return {
      requestId,
      kind,
      status: status(),
      phase,
      counts,
      apiRequests,
      ...clock.present(),
      ...(waitingFor && { waitingFor }),
      ...(planDigest && { planDigest }),
    };
  };
  setHandler(statusQuery, present);
  /** For whoever looks at the run in the Web UI. */
  const show = () => setCurrentDetails(detailsOf(present(), connection, findings));
  const clock = keepClock(() => [...waits][0], show);
  const tell = () => {
    show();
    upsertSearchAttributes([{ key: SEARCH_KEYS.status, value: status() }]);
  };
  const resultOf = (finalStatus: FinalStatus): RequestResult => ({
    requestId,
    kind,
    status: finalStatus,
    counts: findings.counts,
    outcomes: findings.outcomes.slice(0, OUTCOMES_MAX),
    coverage: {
      contacts: findings.contacts,
      ...(findings.calls && { calls: findings.calls }),
      outOfReach: OUT_OF_REACH[kind],
    },
    apiRequests,
    startedAt,
    completedAt: new Date().toISOString(),
    ...dueOf(clock.present()),
    ...(findings.package && { package: findings.package }),
    ...(kind === 'deletion' && { verification: findings.verification ?? { state: 'skipped', checkedAt: null } }),
    ...(findings.planDigest && { planDigest: findings.planDigest }),
    ...(findings.plan && { plan: findings.plan }),
    ...(findings.failure && { failure: findings.failure }),
  });

  let opened: Opened;
  try {
    // Not cancellable: a request that is cancelled at once still leaves its record, which answers the same id ever after.
    const opening = await CancellationScope.nonCancellable(() => localSteps().openRequest(input, startedAt));
    if ('ended' in opening) {
      ended = opening.ended.status;
      phase = 'ended';
      return opening.ended;
    }
    opened = opening.opened;
  } catch (error) {
    if (!(error instanceof ActivityFailure && error.cause instanceof ApplicationFailure)) throw error;
    setCurrentDetails(refusedDetails(error.cause.message));
    throw ApplicationFailure.nonRetryable(error.cause.message, error.cause.type);
  }
  // What the starter has set already is not set again: each time the server writes its index.
  const set = workflowInfo().typedSearchAttributes;
  const wanted = [
    { key: SEARCH_KEYS.kind, value: kind },
    { key: SEARCH_KEYS.connection, value: opened.request.connection },
    { key: SEARCH_KEYS.subject, value: opened.subjectHash },
    { key: SEARCH_KEYS.status, value: 'running' },
  ].filter(({ key, value }) => set.get(key) !== value);
  if (wanted.length > 0) upsertSearchAttributes(wanted);

  clock.start(opened.request, opened.clock);

  const run: RequestRun = {
    opened,
    startedAt,
    findings,
    local: localSteps(opened.deadlineMs),
    bulk: bulkSteps(opened.deadlineMs),
    get credentials() {
      return credentials;
    },
    phase(next) {
      phase = next;
      show();
      phases[next] ??= new Date().toISOString();
    },
    async step(step) {
      for (;;) {
        const outcome = await run.counted(attempt(step));
        if (outcome.ok || !mayBeCredential(outcome)) return outcome;
        const renewal = await credentials.renew(outcome);
        if (renewal !== 'renewed') return renewal === 'deadline' ? { ...outcome, code: renewal } : outcome;
      }
    },
    async waiting(waitingFor, wait) {
      waits.add(waitingFor);
      tell();
      try {
        return await wait();
      } finally {
        waits.delete(waitingFor);
        tell();
      }
    },
    noteOutcome(outcome) {
      const place = findings.outcomes.findIndex(({ record }) => record === outcome.record);
      if (place >= 0) findings.outcomes.splice(place, 1, outcome);
      else findings.outcomes.push(outcome);
      recount(findings);
    },
    noteUnreadable(what, rows) {
      for (let row = 1; row <= rows; row += 1) {
        findings.outcomes.push({ record: `unreadable ${what} ${row}`, outcome: 'failed', code: 'unexpected-record' });
      }
      recount(findings);
    },
    coverage() {
      if (findings.calls === undefined) throw new RangeError('calls were not searched');
      return { contacts: findings.contacts, calls: findings.calls, outOfReach: OUT_OF_REACH[kind] };
    },
    async counted(outcome) {
      try {
        const { apiRequests: more } = await outcome;
        run.count(more);
      } catch (error) {
        if (error instanceof StepCancelled) run.count(error.apiRequests);
        throw error;
      }
      return outcome;
    },
    count(more) {
      apiRequests += more;
      show();
    },
    nextChild() {
      children += 1;
      return children;
    },
    pastDeadline: () => Date.now() >= opened.deadlineMs,
  };
  const credentials = keepCredentials(run);

  let cancelled = false;
  try {
    await story(run);
  } catch (error) {
    cancelled = isCancellation(error);
    if (!cancelled) findings.failure = brokenBy(error);
  }

  return CancellationScope.nonCancellable(async () => {
    phase = 'closing';
    await clock.end();
    const { request, subjectHash } = opened;
    const found = resultOf(cancelled ? 'cancelled' : statusOf(findings));
    // The task may be taken again, at a later time: it then ends as its receipt says.
    const result = (await localSteps().closeRequest({ request, subjectHash, result: found, phases })) ?? found;
    phase = 'ended';
    ended = result.status;
    tell();
    return result;
  });
}

/** The result tells of no alarm: whether it came in time is seen from its own times. */
function dueOf({ alarm: _, ...clock }: ReturnType<ReturnType<typeof keepClock>['present']>): Partial<Clock> {
  return clock;
}

function recount({ counts, outcomes }: Findings): void {
  const number = (wanted: Outcome) => outcomes.filter(({ outcome }) => outcome === wanted).length;
  counts.refused = number('refused');
  counts.failed = number('failed');
  if (counts.deleted !== undefined) counts.deleted = number('deleted');
  if (counts.alreadyAbsent !== undefined) counts.alreadyAbsent = number('already-absent');
}

/** A step of our own that cannot be repeated, or a child that was ended from outside; anything else is a bug and is thrown. */
function brokenBy(error: unknown): NonNullable<RequestResult['failure']> {
  if (error instanceof ChildWorkflowFailure)
    return { code: 'child-ended', message: 'a child workflow was ended from outside' };
  const { code } = failureOf(error);
  return { code, message: 'a step of the service itself failed; see docs/errors.md' };
}

function statusOf({ failure, contacts, calls, counts, outcomes, verification }: Findings): FinalStatus {
  if (failure !== undefined) return 'failed';
  const whole = contacts.state === 'complete' && (calls === undefined || calls.state === 'complete');
  const clean = outcomes.every(({ outcome }) => outcome === 'deleted' || outcome === 'already-absent');
  if (!whole || !clean || verification?.state === 'residual') return 'partial';
  return counts.contacts === 0 && (counts.calls ?? 0) === 0 ? 'no-match' : 'completed';
}

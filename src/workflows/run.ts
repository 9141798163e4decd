/**
 * The frame that both kinds of request share: open, do the work, report the status, return the true result. Only this file
 * turns a cancellation into an end, and only this file makes the result of a request. Decisions D10, D12, D14.
 */
import {
  CancellationScope,
  ChildWorkflowFailure,
  defineQuery,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { LocalActivities, Opened, Opening, Received } from '../request/contracts';
import type { FinalStatus, RequestResult, RequestStatus } from '../request/model';
import { type Kind, type RequestRef, requestOf } from '../request/names';
import { SEARCH_KEYS } from '../request/search-keys';
import { type ApiRequests, countApiRequests } from './api-requests';
import { type Approvals, keepApprovals } from './approval';
import { keepClock } from './clock';
import { type Credentials, keepCredentials } from './credentials';
import { answeredDetails, detailsOf, refusedDetails } from './details';
import { createFindings, type Findings, statusOf } from './findings';
import { createProgress, type Progress } from './progress';
import { refuseUnknownKey } from './received';
import { countRereadings, type Rereadings } from './rereadings';
import { doubtsOf, resultOf } from './result';
import { bulkSteps, failureOf, isCancelled, localSteps, ownFailure } from './steps';
import { keepWaits, type Waits } from './waits';
import { countWindows, type Windows } from './windows';
import { countWorkload, type SoFar, soFarOf, type Workload } from './workload';

const statusQuery = defineQuery<RequestStatus>('status');

/** The parts that the story of a request uses. Each part alone owns its data. */
export interface RequestRun {
  readonly opened: Opened;
  readonly startedAt: string;
  readonly findings: Findings;
  readonly progress: Progress;
  readonly requests: ApiRequests;
  readonly workload: Workload;
  readonly credentials: Credentials;
  readonly waits: Waits;
  readonly approvals: Approvals;
  /** Steps that do little work in the vault; `bulk` for work that grows with a company. */
  readonly local: LocalActivities;
  readonly bulk: LocalActivities;
  readonly windows: Windows;
  readonly rereadings: Rereadings;
  /** Numbers the child workflows. */
  nextChild(): number;
}

/**
 * Runs one request from its input to its result.
 * @throws {ApplicationFailure} `invalid-input`, `request-conflict`, `unknown-key`: before any API request
 */
export async function runRequest(
  kind: Kind,
  input: unknown,
  story: (run: RequestRun) => Promise<void>,
): Promise<RequestResult> {
  refuseUnknownKey(input);
  const { startTime, originalExecutionRunId: runId } = workflowInfo();
  const startedAt = startTime.toISOString();
  const { requestId = '', connection = '' } = requestOf(workflowInfo().workflowId) ?? {};
  const findings = createFindings(kind);
  const progress = createProgress(changed);
  const requests = countApiRequests(show);
  const workload = countWorkload(show);
  setHandler(statusQuery, present);
  const clock = keepClock(() => progress.waitingFor, show);
  const approvals = keepApprovals();
  /** Of a request that searches only. */
  let dryRun: { readonly dryRun?: true } = {};
  /** How far a request is that fetches something, while it does. */
  let soFar: (() => SoFar) | undefined;
  /** Of an earlier run of the same request: this one only returns it again. */
  let answer: RequestResult | undefined;

  const opening = await open({ input, receivedAt: startedAt, openedAt: new Date().toISOString(), runId });
  if ('ended' in opening) {
    answer = opening.ended;
    progress.end(answer.status);
    return answer;
  }
  const { opened } = opening;
  if (opened.dryRun) dryRun = { dryRun: true };
  else if (kind === 'access') soFar = () => soFarOf(workload, findings, opened.requestsPerHour);
  setSearchAttributes(kind, opened);
  clock.start(opened.request, opened.clock);

  let children = 0;
  const waits = keepWaits({ opened, progress });
  const noted = noteCancellation(opened.request, runId);
  noted.catch(() => undefined); // its error is thrown where it is awaited
  const ended = await endOf(
    story({
      opened,
      startedAt,
      findings,
      progress,
      requests,
      workload,
      credentials: keepCredentials({ opened, requests, waits }),
      waits,
      approvals: approvals({ opened, progress, findings }),
      local: localSteps(opened.deadlineMs),
      bulk: bulkSteps(opened.deadlineMs),
      windows: countWindows(),
      rereadings: countRereadings(),
      nextChild() {
        children += 1;
        return children;
      },
    }),
  );
  if (CancellationScope.current().consideredCancelled) await noted;
  if (ended.failure !== undefined) findings.brokeOff(ended.failure);
  return CancellationScope.nonCancellable(() =>
    close(ended.cancelled ? 'cancelled' : statusOf(findings, { kind, dryRun: opened.dryRun })),
  );

  /** The answer of the status query. */
  function present(): RequestStatus {
    const { status, phase, waitingFor } = progress;
    const { counts, planDigest } = findings;
    if (answer !== undefined)
      return {
        ...{ requestId, connection, kind, status, phase },
        ...(answer.dryRun && { dryRun: true }),
        counts: answer.counts,
        apiRequests: answer.apiRequests,
      };
    return {
      requestId,
      connection,
      kind,
      status,
      ...dryRun,
      phase,
      counts,
      apiRequests: requests.sent,
      ...soFar?.(),
      ...clock.present(),
      ...(waitingFor && { waitingFor }),
      ...(planDigest && { planDigest, doubts: doubtsOf(findings) }),
    };
  }

  /** For people who view the run in the Web UI. */
  function show(): void {
    setCurrentDetails(
      answer === undefined ? detailsOf({ ...present(), startedAt }, findings) : answeredDetails(present()),
    );
  }

  function changed(what: 'phase' | 'status'): void {
    show();
    if (what === 'status') upsertSearchAttributes([{ key: SEARCH_KEYS.status, value: progress.status }]);
  }

  async function close(status: FinalStatus): Promise<RequestResult> {
    const phases = { ...progress.phases };
    soFar = undefined;
    progress.enter('closing');
    await clock.end();
    const { request } = opened;
    const { alarm: _, ...due } = clock.present(); // the times of the result show whether it ended in time
    const completedAt = new Date().toISOString();
    const frame = {
      ...{ requestId, connection, kind, status, ...dryRun, startedAt, completedAt },
      apiRequests: requests.sent,
      clock: due,
    };
    const found = resultOf(frame, findings);
    // The step may be repeated later: the request then ends as its receipt states.
    const stored = await localSteps()
      .closeRequest({ request, runId, result: found, phases })
      .catch(error => {
        throw ownFailure(error) ?? error;
      });
    const result = stored ?? found;
    progress.end(result.status);
    return result;
  }
}

/** Not cancellable: a request that is cancelled at once still leaves its record, which answers the same id from now on. */
async function open(received: Received): Promise<Opening> {
  try {
    return await CancellationScope.nonCancellable(() => localSteps().openRequest(received));
  } catch (error) {
    const own = ownFailure(error);
    if (own === undefined) throw error;
    setCurrentDetails(refusedDetails(own.message));
    throw own;
  }
}

/** Notes in the record when the cancellation of the run is requested, once. */
function noteCancellation(request: RequestRef, runId: string): Promise<void> {
  return CancellationScope.current().cancelRequested.catch(() =>
    CancellationScope.nonCancellable(() =>
      localSteps().noteCancellation({ request, runId, at: new Date().toISOString() }),
    ),
  );
}

/** Skips attributes that the starter has set: each update makes the server write its index. */
function setSearchAttributes(kind: Kind, { request, subjectHash }: Opened): void {
  const set = workflowInfo().typedSearchAttributes;
  const wanted = [
    { key: SEARCH_KEYS.kind, value: kind },
    { key: SEARCH_KEYS.connection, value: request.connection },
    { key: SEARCH_KEYS.subject, value: subjectHash },
    { key: SEARCH_KEYS.status, value: 'running' },
  ].filter(({ key, value }) => set.get(key) !== value);
  if (wanted.length > 0) upsertSearchAttributes(wanted);
}

interface StoryEnd {
  readonly cancelled: boolean;
  readonly failure?: NonNullable<RequestResult['failure']>;
}

async function endOf(story: Promise<void>): Promise<StoryEnd> {
  try {
    await story;
    return { cancelled: false };
  } catch (error) {
    return isCancelled(error) ? { cancelled: true } : { cancelled: false, failure: brokenBy(error) };
  }
}

/** A step of our own that cannot be repeated, or a child that was ended from outside; anything else is a bug and is thrown. */
function brokenBy(error: unknown): NonNullable<RequestResult['failure']> {
  if (error instanceof ChildWorkflowFailure)
    return { code: 'child-ended', message: 'a child workflow was ended from outside' };
  const { code } = failureOf(error);
  return { code, message: 'a step of the service itself failed; see docs/errors.md' };
}

/**
 * How long things are kept, and how they are destroyed: the data of a request in the vault, its key first, and its
 * histories on the server. It never touches a request with an open run of its own. A request without a receipt gets one, and its
 * evidence is kept first. Receipt, evidence and the request's record stay, without personal data. Ages are differences of
 * times of the server; the clock of this machine decides nothing. Decision D9.
 */
import type { Client } from '@temporalio/client';
import type { Keyring } from '../encryption/keyring';
import type { Due, DueFrom, DuePage } from '../request/contracts';
import type { RequestResult } from '../request/model';
import { CHILD_WORKFLOW, type RequestRef, requestOf, WORKFLOW_TYPES, workflowIdOf } from '../request/names';
import { sideBySide } from '../side-by-side';
import { childrenOf, closedRuns, deleteRun, type Run, type RunId, runAt } from '../temporal/histories';
import { isRunOf, latestOf, runsOf } from '../temporal/own-runs';
import type { Cases } from '../vault/cases';
import type { Receipts } from '../vault/receipts';
import { EndUnknown, RequestOpen } from './errors';
import type { Evidence } from './evidence';
import type { LateReceipts } from './late-receipts';
import { goesOn } from './open-requests';

export type { Due, DueFrom } from '../request/contracts';

export interface RetentionPolicy {
  /** From the end of a request until only its record is left. */
  readonly requestMs: number;
  /** From the end of a request until its package and case file are destroyed; at most `requestMs`. */
  readonly packageMs: number;
}

export interface Destroyed {
  /** The answer to the same request id from now on; undefined if the vault had no record of it. */
  readonly result: RequestResult | undefined;
  /** Runs that were deleted from the server. */
  readonly histories: readonly RunId[];
  /** Whether its evidence is kept: false if its history was deleted before, or no key decrypted it. */
  readonly evidence: boolean;
  /** Runs under its id that are not its own: they were left alone. */
  readonly foreign: readonly RunId[];
}

export interface Retention {
  /**
   * A page of what is older than the policy allows. An item that cannot be judged does not keep others from being found.
   * @param nowMs the server's time, UNIX ms
   */
  due(policy: RetentionPolicy, nowMs: number, from?: DueFrom): Promise<DuePage>;
  /**
   * What is due of a request now.
   * @throws {EndUnknown}; errors of vault and server
   */
  judge(policy: RetentionPolicy, nowMs: number, request: RequestRef): Promise<'data' | 'request' | undefined>;
  /** @param at is noted as the time of the destruction. @throws {RequestOpen} */
  destroy(due: Exclude<Due, { readonly what: 'unjudged' }>, at: Date): Promise<Destroyed>;
}

export interface RetentionDependencies {
  readonly temporal: Client;
  readonly keyring: Keyring;
  readonly cases: Cases;
  readonly receipts: Pick<Receipts, 'newestOf'>;
  readonly lateReceipts: LateReceipts;
  readonly evidence: Pick<Evidence, 'keep'>;
  /** The service's main task queue. */
  readonly taskQueue: string;
}

/** Requests of the vault that one page judges. */
const JUDGED_MAX = 500;
const AT_ONCE = 8;
/** Pages of runs begin without a token. */
const FIRST_PAGE = '';

export function createRetention(dependencies: RetentionDependencies): Retention {
  const { temporal, cases, lateReceipts, evidence, taskQueue } = dependencies;

  /** Undefined while it is open. @throws {EndUnknown} */
  async function endOf(request: RequestRef): Promise<Date | undefined> {
    const record = await cases.record(request);
    if (record?.result !== undefined) return new Date(record.result.completedAt);
    const runs = await runsOf(temporal, taskQueue, request, record?.runId);
    if (await goesOn(dependencies, request, record, runs.own)) return undefined;
    const closed = runs.own.filter(run => !run.open && (record === undefined || isRunOf(record, run)));
    const end = latestOf(closed)?.closedAt;
    if (end !== undefined) return end;
    // The server deletes a run only long after its end.
    if (record !== undefined) return new Date(record.startedAt);
    throw new EndUnknown(
      `Request ${workflowIdOf(request)} has data in the vault, but neither a record nor a run. Restore its record from a backup of the vault.`,
    );
  }

  const retention: Retention = {
    async judge(policy, nowMs, request) {
      const ended = await endOf(request);
      if (ended === undefined) return undefined;
      const ageMs = nowMs - ended.getTime();
      if (ageMs >= policy.requestMs) return 'request';
      return ageMs >= policy.packageMs ? 'data' : undefined;
    },

    due: (policy, nowMs, from = { after: '' }) =>
      'after' in from ? dueInVault(policy, nowMs, from.after) : dueOnServer(policy, nowMs, from.runs),

    async destroy(due, at) {
      if (due.what === 'run') return destroyRun(due.run);
      const { request, what } = due;
      // Read the record first: a run that begins afterwards changes it, and the change is detected.
      const record = await cases.record(request);
      const runs = await runsOf(temporal, taskQueue, request, record?.runId);
      if (await goesOn(dependencies, request, record, runs.own)) throw requestOpen(request);
      const foreign = [...runs.foreign, ...runs.own.filter(({ open }) => open)];
      if (what === 'data') {
        await cases.shred(request, at, record?.runId);
        return { result: undefined, histories: [], evidence: false, foreign };
      }
      const receipt = await lateReceipts.of(request);
      const kept = receipt !== undefined && (await evidence.keep(receipt)) === 'kept';
      // Children first: only the history of their parent names them.
      const closed = runs.own.filter(({ open }) => !open);
      // One that is open sends nothing more, and is due by itself once it has ended.
      const started = (await sideBySide(closed, AT_ONCE, run => childrenOf(temporal, run))).flat();
      const children = started.filter(({ open }) => !open);
      const result = await cases.purge(request, at, record?.runId);
      if (record !== undefined && result === undefined) throw requestOpen(request);
      const histories = [...children, ...closed];
      for (const run of histories) await deleteRun(temporal, run);
      return { result, histories, evidence: kept, foreign };
    },
  };
  return retention;

  /** The vault lists requests with data. */
  async function dueInVault(policy: RetentionPolicy, nowMs: number, after: string): Promise<DuePage> {
    const byId = (await cases.unshredded())
      .map(request => ({ id: workflowIdOf(request), request }))
      .filter(({ id }) => id > after)
      .sort((one, other) => (one.id < other.id ? -1 : 1));
    const page = byId.slice(0, JUDGED_MAX);
    const due = await judgeAll(
      policy,
      nowMs,
      page.map(({ request }) => request),
    );
    const last = page.at(-1);
    return { due, next: last === undefined || page.length === byId.length ? { runs: FIRST_PAGE } : { after: last.id } };
  }

  /** The server lists requests with a history, also those without a record, and runs that belong to no request. */
  async function dueOnServer(policy: RetentionPolicy, nowMs: number, page: string): Promise<DuePage> {
    const { runs, next } = await closedRuns(temporal, taskQueue, { to: new Date(nowMs - policy.requestMs) }, page);
    const requests = new Map<string, RequestRef>();
    const others: Run[] = [];
    for (const run of runs) {
      const request = requestOf(run.workflowId);
      if (request === undefined || run.type !== WORKFLOW_TYPES[request.kind]) others.push(run);
      else requests.set(run.workflowId, request);
    }
    const judged = await judgeAll(policy, nowMs, [...requests.values()]);
    const alone = await sideBySide(others, AT_ONCE, async run => ((await hasParent(run)) ? [] : [run]));
    const due: Due[] = [
      ...judged.filter(({ what }) => what !== 'data'), // the vault's list has these
      ...alone.flat().map(({ workflowId, runId }) => ({ what: 'run' as const, run: { workflowId, runId } })),
    ];
    return next === undefined ? { due } : { due, next: { runs: next } };
  }

  async function judgeAll(policy: RetentionPolicy, nowMs: number, requests: readonly RequestRef[]): Promise<Due[]> {
    const due = await sideBySide(requests, AT_ONCE, async (request): Promise<Due[]> => {
      const what = await retention.judge(policy, nowMs, request).catch(() => 'unjudged' as const);
      return what === undefined ? [] : [{ what, request }];
    });
    return due.flat();
  }

  /** A child is destroyed with the request that started it, as long as the server has that. */
  async function hasParent({ type, parent }: Run): Promise<boolean> {
    if (type !== CHILD_WORKFLOW || parent === undefined) return false;
    if ((await runAt(temporal, parent.workflowId, parent.runId)) !== undefined) return true;
    const newest = await runAt(temporal, parent.workflowId);
    const request = requestOf(parent.workflowId);
    if (newest?.open !== true || request === undefined) return false;
    // It may have been reset.
    const record = await cases.record(request).catch(() => 'unknown' as const);
    return record === 'unknown' || (record !== undefined && isRunOf(record, newest));
  }

  async function destroyRun({ workflowId, runId }: RunId): Promise<Destroyed> {
    const run = await runAt(temporal, workflowId, runId);
    const histories = run === undefined || run.open ? [] : [run];
    for (const each of histories) await deleteRun(temporal, each);
    return { result: undefined, histories, evidence: false, foreign: [] };
  }
}

function requestOpen(request: RequestRef): RequestOpen {
  return new RequestOpen(
    `Request ${workflowIdOf(request)} is open. Wait for its end, or run \`aircall-dsr cancel\`; nothing was destroyed.`,
  );
}

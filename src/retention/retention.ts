/**
 * How long things are kept, and how they are destroyed: the data of a request in the vault, its key first, and its
 * histories on the server. It never touches a request with an open run of its own. A request without a receipt gets one, and its
 * evidence is kept first. Receipt, evidence and the request's record stay, without personal data. Ages are differences of
 * times of the server; the clock of this machine decides nothing. Decision D9.
 */
import type { Client } from '@temporalio/client';
import type { Keyring } from '../encryption/keyring';
import type { RequestResult } from '../request/model';
import { isChildWorkflow, type RequestRef, requestOf, workflowIdOf } from '../request/names';
import { sideBySide } from '../side-by-side';
import { childrenOf, deleteRun, type Run, type RunId, runAt } from '../temporal/histories';
import { isRunOf, latestOf, runsOf } from '../temporal/own-runs';
import type { Cases, RequestRecord } from '../vault/cases';
import type { Receipts } from '../vault/receipts';
import { EndUnknown, RequestOpen } from './errors';
import type { Evidence } from './evidence';
import type { LateReceipts } from './late-receipts';
import { goesOn } from './open-requests';

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

/** `data` is package and case file, `request` everything except the record. */
export type Due = 'data' | 'request';

/** What is due of a request, and what is known of its end. */
export interface Judged {
  /** Undefined: nothing yet. */
  readonly due: Due | undefined;
  /** Undefined if it has not ended, or never was. */
  readonly endedMs: number | undefined;
  readonly record: RequestRecord | undefined;
}

export interface Retention {
  /**
   * @param nowMs the server's time, UNIX ms
   * @throws {EndUnknown}; errors of vault and server
   */
  judge(policy: RetentionPolicy, nowMs: number, request: RequestRef): Promise<Judged>;
  /** @param at is noted as the time of the destruction. @throws {RequestOpen} */
  destroy(due: Due, request: RequestRef, at: Date): Promise<Destroyed>;
  /** A run that belongs to no request; nothing happens if a request that the server still has started it. */
  destroyRun(run: RunId): Promise<readonly RunId[]>;
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

const AT_ONCE = 8;

export function createRetention(dependencies: RetentionDependencies): Retention {
  const { temporal, cases, lateReceipts, evidence, taskQueue } = dependencies;

  /** Undefined while it is open, and if there never was such a request. @throws {EndUnknown} */
  async function endOf(request: RequestRef, record: RequestRecord | undefined): Promise<Date | undefined> {
    if (record?.result !== undefined) return new Date(record.result.completedAt);
    const runs = await runsOf(temporal, taskQueue, request, record?.runId);
    if (await goesOn(dependencies, request, record, runs.own)) return undefined;
    const closed = runs.own.filter(run => !run.open && (record === undefined || isRunOf(record, run)));
    const end = latestOf(closed)?.closedAt;
    if (end !== undefined) return end;
    // The server deletes a run only long after its end.
    if (record !== undefined) return new Date(record.startedAt);
    if (!(await cases.hasData(request))) return undefined;
    throw new EndUnknown(
      `Request ${workflowIdOf(request)} has data in the vault, but neither a record nor a run. Restore its record from a backup of the vault.`,
    );
  }

  return {
    async judge(policy, nowMs, request) {
      const record = await cases.record(request);
      const endedMs = (await endOf(request, record))?.getTime();
      // Its destruction was interrupted, and of one without a result the record knows no earlier end.
      if (record?.result?.status === 'purged') return { due: 'request', endedMs, record };
      const ageMs = endedMs === undefined ? Number.NEGATIVE_INFINITY : nowMs - endedMs;
      const ofData = ageMs >= policy.packageMs ? 'data' : undefined;
      return { due: ageMs >= policy.requestMs ? 'request' : ofData, endedMs, record };
    },

    async destroy(due, request, at) {
      // Read the record first: a run that begins afterwards changes it, and the change is detected.
      const record = await cases.record(request);
      const runs = await runsOf(temporal, taskQueue, request, record?.runId);
      if (await goesOn(dependencies, request, record, runs.own)) throw requestOpen(request);
      const foreign = [...runs.foreign, ...runs.own.filter(({ open }) => open)];
      if (due === 'data') {
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
      try {
        await cases.empty(request);
      } finally {
        // An object that cannot be deleted keeps no history: its key is destroyed.
        for (const run of histories) await deleteRun(temporal, run);
      }
      // Last, so that a destruction that is interrupted is found again.
      await cases.ended.forget(request);
      return { result, histories, evidence: kept, foreign };
    },

    async destroyRun({ workflowId, runId }) {
      const run = await runAt(temporal, workflowId, runId);
      if (run === undefined || run.open || (await hasParent(run))) return [];
      await deleteRun(temporal, run);
      return [run];
    },
  };

  /** A child is destroyed with the request that started it, as long as the server has that. */
  async function hasParent({ type, parent }: Run): Promise<boolean> {
    if (!isChildWorkflow(type) || parent === undefined) return false;
    if ((await runAt(temporal, parent.workflowId, parent.runId)) !== undefined) return true;
    const newest = await runAt(temporal, parent.workflowId);
    const request = requestOf(parent.workflowId);
    if (newest?.open !== true || request === undefined) return false;
    // It may have been reset.
    const record = await cases.record(request).catch(() => 'unknown' as const);
    return record === 'unknown' || (record !== undefined && isRunOf(record, newest));
  }
}

function requestOpen(request: RequestRef): RequestOpen {
  return new RequestOpen(
    `Request ${workflowIdOf(request)} is open. Wait for its end, or run \`aircall-dsr cancel\`; nothing was destroyed.`,
  );
}

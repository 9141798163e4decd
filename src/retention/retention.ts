/**
 * How long things are kept, and how they are destroyed: the data of a request in the vault, its key first, and its
 * histories on the server. It never touches a request with an open run. A request without a receipt gets one, and its
 * evidence is kept first. Receipt, evidence and the request's record stay, without personal data. Decision D9.
 */
import type { Client } from '@temporalio/client';
import type { RequestResult } from '../request/model';
import { type RequestRef, requestBehind, workflowIdOf } from '../request/names';
import { deleteRun, ourRuns, runAt, runsOf } from '../temporal/histories';
import type { Cases, RequestRecord } from '../vault/cases';
import { RequestOpen } from './errors';
import type { Evidence } from './evidence';
import type { LateReceipts } from './late-receipts';

export interface RetentionPolicy {
  /** From the end of a request until only its record is left. */
  readonly requestMs: number;
  /** From the end of a request until its package and case file are destroyed; at most `requestMs`. */
  readonly packageMs: number;
}

export interface Purged {
  readonly workflowId: string;
  /** The answer to the same request id from now on; undefined if the vault had no record of it. */
  readonly result: RequestResult | undefined;
  /** Runs that were deleted from the server. */
  readonly histories: number;
  /** Whether its evidence is kept: false if its history was deleted before, or no key decrypted it. */
  readonly evidence: boolean;
}

/** Something to destroy: `data` is package and case file, `request` everything except the record. */
export interface Due {
  readonly workflowId: string;
  readonly what: 'data' | 'request';
}

export interface Retention {
  /** At most `limit` items that are older than the policy allows. */
  due(policy: RetentionPolicy, limit: number): Promise<Due[]>;
  /** @throws {RequestOpen} */
  destroy(due: Due): Promise<Purged>;
}

export interface RetentionDependencies {
  readonly temporal: Client;
  readonly cases: Cases;
  readonly lateReceipts: LateReceipts;
  readonly evidence: Pick<Evidence, 'keep'>;
  /** The service's main task queue. */
  readonly taskQueue: string;
  readonly now: () => Date;
}

export function createRetention({
  temporal,
  cases,
  lateReceipts,
  evidence,
  taskQueue,
  now,
}: RetentionDependencies): Retention {
  /** When a request ended, as far as known; undefined while it is open. */
  async function endOf(request: RequestRef, record: RequestRecord | undefined): Promise<Date | undefined> {
    if (record?.result !== undefined) return new Date(record.result.completedAt);
    const run = await runAt(temporal, workflowIdOf(request), record?.runId);
    if (run?.open) return undefined;
    return run?.closedAt ?? new Date(record?.startedAt ?? 0);
  }

  async function dueIn(request: RequestRef, policy: RetentionPolicy): Promise<Due['what'] | undefined> {
    const record = await cases.record(request);
    const ended = await endOf(request, record);
    if (ended === undefined) return undefined;
    const age = now().getTime() - ended.getTime();
    if (age >= policy.requestMs) return 'request';
    return age >= policy.packageMs ? 'data' : undefined;
  }

  return {
    async due(policy, limit) {
      const found = new Map<string, Due>();
      // The vault lists requests with data. The server lists requests with a history, also runs without a record.
      for (const request of await cases.unshredded()) {
        if (found.size >= limit) break;
        const workflowId = workflowIdOf(request);
        const what = await dueIn(request, policy);
        if (what !== undefined) found.set(workflowId, { workflowId, what });
      }
      const before = new Date(now().getTime() - policy.requestMs).toISOString();
      const closed = `ExecutionStatus != 'Running' AND CloseTime <= '${before}'`;
      for await (const run of ourRuns(temporal, taskQueue, closed)) {
        if (found.size >= limit) break;
        const request = requestBehind(run.workflowId);
        const workflowId = request === undefined ? run.workflowId : workflowIdOf(request);
        if (found.get(workflowId)?.what === 'request') continue;
        // Another run of the same request may have ended later.
        const what = request === undefined ? 'request' : await dueIn(request, policy);
        if (what === 'request') found.set(workflowId, { workflowId, what });
      }
      return [...found.values()];
    },

    async destroy({ workflowId, what }) {
      const request = requestBehind(workflowId);
      // Read the record first: a run that begins afterwards changes it, and the change is detected.
      const record = request && (await cases.record(request));
      const runs = await runsOf(temporal, workflowId);
      if (runs.some(({ open }) => open)) throw new RequestOpen(openMessage(workflowId));
      if (what === 'data') {
        if (request !== undefined) await cases.shred(request, now(), record?.runId);
        return { workflowId, result: undefined, histories: 0, evidence: false };
      }
      const receipt = request && (await lateReceipts.of(request));
      const kept = receipt !== undefined && (await evidence.keep(receipt)) === 'kept';
      const result = request && (await cases.purge(request, now(), record?.runId));
      if (record !== undefined && result === undefined) throw new RequestOpen(openMessage(workflowId));
      for (const run of runs) await deleteRun(temporal, run);
      return { workflowId, result, histories: runs.length, evidence: kept };
    },
  };
}

function openMessage(workflowId: string): string {
  return `Request ${workflowId} is open. Wait for its end, or run \`aircall-dsr cancel\`; nothing was destroyed.`;
}

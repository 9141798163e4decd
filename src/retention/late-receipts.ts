/**
 * Receipts of requests that ended without their last step: terminated or timed out, refused at once, or ended before there
 * were receipts. Facts that only their run knew are stated as not known. A run that no record and no authentic input belongs
 * to gets none: anybody who reaches the server can start such a run.
 */
import type { Client } from '@temporalio/client';
import type { Keyring } from '../encryption/keyring';
import type { RunEnd } from '../receipt/build';
import type { Receipt } from '../receipt/model';
import { type RequestRef, workflowIdOf } from '../request/names';
import { endingOf, type Run } from '../temporal/histories';
import { isRunOf, latestOf, namingOf, runsOf } from '../temporal/own-runs';
import type { Cases, RequestRecord } from '../vault/cases';
import type { Receipts } from '../vault/receipts';
import { RequestOpen } from './errors';

export interface LateReceipts {
  /**
   * The receipt of a request that has ended: the one there is, else one that is issued now. Undefined if neither vault
   * nor server knows of such a request.
   * @throws {RequestOpen} @throws {KeyringError} `key-not-in-role`
   */
  of(request: RequestRef): Promise<Receipt | undefined>;
}

export interface LateReceiptsDependencies {
  readonly temporal: Client;
  /** The service's main task queue. */
  readonly taskQueue: string;
  readonly keyring: Keyring;
  readonly cases: Cases;
  readonly receipts: Receipts;
}

export function createLateReceipts(dependencies: LateReceiptsDependencies): LateReceipts {
  const { temporal, taskQueue, keyring, cases, receipts } = dependencies;

  async function endingOfRun(run: Run | undefined): Promise<RunEnd> {
    // The server deletes runs by itself, after the retention time of its namespace.
    if (run === undefined) return { code: 'end-unknown', receivedAt: null, endedAt: null };
    const receivedAt = run.startedAt.toISOString();
    return { code: await endingOf(temporal, run), receivedAt, endedAt: run.closedAt?.toISOString() ?? null };
  }

  /**
   * The newest run of the record. Without a record the first that has ended: later ones may have been started by anybody, with
   * a copy of the input. Else one that is open.
   */
  async function runOf(request: RequestRef, record: RequestRecord | undefined): Promise<Run | undefined> {
    const { own } = await runsOf(temporal, taskQueue, request, record?.runId);
    if (record !== undefined) return latestOf(own.filter(run => isRunOf(record, run)));
    const endedFirst = [...own].sort(
      (one, other) => Number(one.open) - Number(other.open) || one.startedAt.getTime() - other.startedAt.getTime(),
    );
    for (const run of endedFirst) if ((await namingOf(temporal, keyring, run, request)) === 'named') return run;
    return undefined;
  }

  return {
    async of(request) {
      const record = await cases.record(request);
      const known = record === undefined ? await receipts.newestOf(request) : await receipts.of(request, record.runId);
      if (known !== undefined) return known;
      // A request with a result may still be open: its last step is about to issue a receipt with more facts.
      const run = await runOf(request, record);
      const runId = record?.runId ?? run?.firstRunId ?? run?.runId;
      if (runId === undefined) return undefined;
      if (run?.open)
        throw new RequestOpen(
          `Request ${workflowIdOf(request)} is open. Its receipt is issued when it ends; see \`aircall-dsr status\`.`,
        );
      // Before anything is signed: from now on no step of it sends anything, also if its run is reset.
      if (record !== undefined) await cases.cutShort(request, runId, run?.closedAt ?? new Date(record.startedAt));
      return receipts.issue({
        request,
        runId,
        dryRun: record?.dryRun ?? false,
        subjectHash: record?.subjectHash ?? null,
        startedAt: record?.startedAt ?? null,
        clock: record?.clock,
        ending: record?.result ? { result: record.result } : await endingOfRun(run),
        phases: {},
        how: 'afterwards',
        endedBefore: record?.result !== undefined,
      });
    },
  };
}

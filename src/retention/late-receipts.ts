/**
 * Receipts of requests that ended without their last step: terminated or timed out, refused at once, or ended before there
 * were receipts. Facts that only their run knew are stated as not known.
 */
import type { Client } from '@temporalio/client';
import type { RunEnd } from '../receipt/build';
import type { Receipt } from '../receipt/model';
import { type RequestRef, workflowIdOf } from '../request/names';
import { endingOf, type Run, runAt } from '../temporal/histories';
import type { Cases } from '../vault/cases';
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
  readonly cases: Cases;
  readonly receipts: Receipts;
}

export function createLateReceipts({ temporal, cases, receipts }: LateReceiptsDependencies): LateReceipts {
  async function endingOfRun(run: Run | undefined): Promise<RunEnd> {
    // The server deletes runs by itself, after the retention time of its namespace.
    if (run === undefined) return { code: 'end-unknown', receivedAt: null, endedAt: null };
    const receivedAt = run.startedAt.toISOString();
    return { code: await endingOf(temporal, run), receivedAt, endedAt: run.closedAt?.toISOString() ?? null };
  }

  return {
    async of(request) {
      const record = await cases.record(request);
      const known = record && (await receipts.of(request, record.runId));
      if (known !== undefined) return known;
      // A request with a result may still be open: its last step is about to issue a receipt with more facts.
      const run = await runAt(temporal, workflowIdOf(request), record?.runId);
      const runId = record?.runId ?? run?.runId;
      if (runId === undefined) return receipts.newestOf(request);
      if (run?.open)
        throw new RequestOpen(
          `Request ${workflowIdOf(request)} is open. Its receipt is issued when it ends; see \`aircall-dsr status\`.`,
        );
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
      });
    },
  };
}

/** The steps of a retention sweep: keep the evidence of ended requests, then destroy data past its retention time. */
import { errorCode } from '../error-code';
import type { Log } from '../log';
import { type RequestRef, workflowIdOf } from '../request/names';
import type { Evidence } from '../retention/evidence';
import type { LateReceipts } from '../retention/late-receipts';
import type { Retention, RetentionPolicy } from '../retention/retention';

export interface RetentionDependencies {
  readonly retention: Retention;
  readonly policy: RetentionPolicy;
  readonly evidence: Evidence;
  readonly lateReceipts: LateReceipts;
  readonly log: Log;
}

const DUE_MAX = 200;
const WHY = {
  gone: 'its history is deleted; its receipt stays',
  locked: 'the key file of this worker lacks a key that opens its history; the next sweep tries again',
} as const;

export function createRetentionActivities({ retention, policy, evidence, lateReceipts, log }: RetentionDependencies) {
  return {
    findUnkept: () => evidence.unkept(DUE_MAX),
    /** Whether it is done: kept, or impossible. If only a key is missing, the next sweep tries again. */
    async keepEvidence(request: RequestRef): Promise<boolean> {
      const receipt = await lateReceipts.of(request).catch(openMeanwhile);
      if (receipt === undefined) return false;
      const kept = await evidence.keep(receipt);
      if (kept !== 'kept') {
        const workflowId = workflowIdOf(request);
        log({ level: 'warn', message: `no evidence of ${workflowId}: ${WHY[kept]}`, workflowId });
      }
      return kept !== 'locked';
    },
    noteKept: (upTo: string) => evidence.noteKept(upTo),

    findDue: () => retention.due(policy, DUE_MAX),
    /** Whether it was destroyed; an open request is left alone. */
    async destroyDue(due: Awaited<ReturnType<Retention['due']>>[number]): Promise<boolean> {
      return (await retention.destroy(due).catch(openMeanwhile)) !== undefined;
    },
  };
}

function openMeanwhile(error: unknown): undefined {
  if (errorCode(error) === 'request-open') return undefined;
  throw error;
}

export type RetentionActivities = ReturnType<typeof createRetentionActivities>;

/**
 * The steps of a retention sweep: keep the evidence of ended requests, then destroy data past its retention time. Each takes the
 * time of the sweep, which is the server's. One item a step: an item that fails is logged, and tried again by the next sweep.
 */
import { codeOrName, errorCode } from '../error-code';
import type { Log } from '../log';
import type { RetentionActivities } from '../request/contracts';
import { workflowIdOf } from '../request/names';
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

const WHY = {
  gone: 'its history is deleted; its receipt stays',
  broken: 'that of the vault cannot be read, and its history is deleted; restore it from a backup',
  locked: 'the key file of this worker lacks a key that opens its history; the next sweep tries again',
} as const;
/** Foreign runs whose line is in the log already. */
const NOTED_MAX = 5_000;

export function createRetentionActivities({
  retention,
  policy,
  evidence,
  lateReceipts,
  log,
}: RetentionDependencies): RetentionActivities {
  const noted = new Set<string>();

  /** Logs a run that is not ours once in the life of this process. @param run its id, or the id that it is under */
  function noteForeign(run: string, workflowId: string): void {
    const isNew = !noted.has(run) && noted.size < NOTED_MAX;
    if (isNew) noted.add(run);
    const message = `a run under the id ${workflowId} is not of this service and is ignored`;
    if (isNew) log({ level: 'warn', message, code: 'foreign-run', workflowId });
  }

  /** Logs why an item was not done; the next sweep tries again. */
  function left(what: string, workflowId: string) {
    return (error: unknown): undefined => {
      if (errorCode(error) === 'request-open') return undefined;
      const code = codeOrName(error);
      const message = `${what} of ${workflowId} (${code}); the next sweep tries again`;
      log({ level: 'error', message, code, workflowId });
      throw error;
    };
  }

  return {
    findUnkept: ({ nowMs, page }) => evidence.unkept(nowMs, page),
    /** `done`: kept, or impossible. */
    async keepEvidence(request) {
      const workflowId = workflowIdOf(request);
      const isOver = async () => (await lateReceipts.of(request)) ?? ('nobody' as const);
      const receipt = await isOver().catch(left('no receipt', workflowId));
      if (receipt === undefined) return { end: 'open', foreign: 0 };
      if (receipt === 'nobody') {
        noteForeign(workflowId, workflowId);
        return { end: 'not-ours', foreign: 1 };
      }
      const state = await evidence.keep(receipt).catch(left('no evidence', workflowId));
      if (state !== undefined && state !== 'kept')
        log({ level: 'warn', message: `no evidence of ${workflowId}: ${WHY[state]}`, workflowId });
      return { end: state === 'locked' ? 'locked' : 'done', foreign: 0 };
    },
    noteKept: ({ nowMs }) => evidence.noteKept(nowMs),

    findDue: ({ nowMs, from }) => retention.due(policy, nowMs, from),
    /** An open request is left alone. */
    async destroyDue({ due, nowMs }) {
      const workflowId = due.what === 'run' ? due.run.workflowId : workflowIdOf(due.request);
      const judged = async () => {
        if (due.what !== 'unjudged') return due;
        const what = await retention.judge(policy, nowMs, due.request);
        return what && { what, request: due.request };
      };
      const now = await judged().catch(left('cannot judge the age', workflowId));
      const destroyed =
        now && (await retention.destroy(now, new Date(nowMs)).catch(left('cannot destroy data', workflowId)));
      if (destroyed?.result !== undefined && !destroyed.evidence)
        log({ level: 'warn', message: `no evidence of ${workflowId}: it was purged without`, workflowId });
      for (const { runId } of destroyed?.foreign ?? []) noteForeign(runId, workflowId);
      return { end: destroyed === undefined ? 'open' : 'done', foreign: destroyed?.foreign.length ?? 0 };
    },
  };
}

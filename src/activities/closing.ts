/** Steps of the legal clock, and the last step of a request: it stores the result and issues the receipt. Decisions D12, D13. */
import { isDeepStrictEqual } from 'node:util';
import { activityInfo, heartbeat } from '@temporalio/activity';
import { ExtensionRefused } from '../request/clock';
import type { LocalActivities, RaisedAlarm } from '../request/contracts';
import type { RequestResult } from '../request/model';
import type { RequestRef } from '../request/names';
import type { Cases } from '../vault/cases';
import type { InLine, Receipts } from '../vault/receipts';
import { stepFailure } from './api-step';
import { NOTHING_SENT } from './local-step';

export interface ClosingDependencies {
  readonly cases: Cases;
  readonly receipts: Receipts;
  readonly alarms: Alarms;
  /** Digest of the workflows of this process. */
  readonly workflows: string;
  /** Called once for each request that has ended, when its receipt is issued. */
  readonly onEnded: (request: RequestRef, result: RequestResult) => void;
  /** Makes a request look again if it waits. */
  readonly wake: (request: RequestRef) => Promise<void>;
}

/** The channels of alarms. */
export interface Alarms {
  /** To the log, once. */
  log(alarm: RaisedAlarm): void;
  /** To the webhook; rejects if it is to be tried again. */
  send(alarm: RaisedAlarm): Promise<void>;
}

/** Until a step comes again for its receipt: about the time that those in line take. */
const RECEIPT_DELAY_MS = { first: 1_000, each: 20, max: 60_000 } as const;

/** Heartbeat for the next attempt: an alarm is sent again, not logged again. */
const LOGGED = 'logged';
/** Anybody who can write the vault can add marks. */
const WOKEN_MAX = 20;

export function createClosingActivities({
  cases,
  receipts,
  alarms,
  workflows,
  onEnded,
  wake,
}: ClosingDependencies): Pick<LocalActivities, 'raiseAlarm' | 'extendClock' | 'noteCancellation' | 'closeRequest'> {
  /** Whoever is not woken finds out by itself, later: so no failure of a signal keeps a request from its end. */
  async function wakeDeletions({ connection }: RequestRef, identityHashes: readonly string[]): Promise<void> {
    const waiting = await cases.marked('deletion', connection, identityHashes);
    await Promise.allSettled(waiting.slice(0, WOKEN_MAX).map(wake));
  }

  return {
    /** Raises the alarm that the due date of this run is near, or has passed. */
    async raiseAlarm(raised) {
      if (activityInfo().heartbeatDetails !== LOGGED) alarms.log(raised);
      heartbeat(LOGGED);
      try {
        await alarms.send(raised);
      } catch {
        throw stepFailure('alarm-undelivered', 'the webhook did not accept the alarm', NOTHING_SENT);
      }
    },

    /** Extends the due date in the record, which knows of earlier extensions also after a reset. Repeated, it changes nothing. */
    async extendClock({ request, runId, extension, nowMs }) {
      try {
        return await cases.extend(request, runId, extension, nowMs);
      } catch (error) {
        if (error instanceof ExtensionRefused) throw stepFailure(error.code, error.message, NOTHING_SENT);
        throw error;
      }
    },

    /** Keeps in the record that the request is being cancelled: a reset forgets it. */
    async noteCancellation({ request, runId, at }) {
      await cases.noteCancellation(request, runId, at);
    },

    /**
     * The last step: stores the result in the record, and issues the receipt. If a repeated step finds both stored already,
     * they stay, and it returns the stored result if it differs from the given one.
     */
    async closeRequest(input) {
      const { request, runId, phases } = input;
      const closed = await cases.close(request, input.result);
      const { subjectHash, identityHashes, startedAt, dryRun = false, clock, result } = closed;
      if (result === undefined)
        throw stepFailure('request-ended', 'the request was ended without its last step', NOTHING_SENT);
      // A step that comes again for its receipt needs no search: that would read the whole chain for each of many.
      const endedBefore = closed.endedBefore && activityInfo().workflowExecution?.runId !== runId;
      const run = { request, runId, dryRun, subjectHash, startedAt, clock, endedBefore };
      const ended = { ...run, ending: { result }, phases, how: 'at-end', workflows } as const;
      const issued = await receipts.issueSoon(ended, () => onEnded(request, result));
      if ('inLine' in issued) throw receiptAwaited(issued);
      await cases.unmark(identityHashes, request);
      if (request.kind === 'access') await wakeDeletions(request, identityHashes);
      return isDeepStrictEqual(result, input.result) ? undefined : result;
    },
  };
}

/** Meanwhile other requests have the slot of the step. */
function receiptAwaited({ inLine }: InLine) {
  const { first, each, max } = RECEIPT_DELAY_MS;
  const delayMs = Math.min(first + inLine * each, max);
  return stepFailure('receipt-awaited', 'many receipts of the connection are in line', NOTHING_SENT, delayMs);
}

/** Steps of the legal clock, and the last step of a request: it stores the result and issues the receipt. Decisions D12, D13. */
import { isDeepStrictEqual } from 'node:util';
import { activityInfo, heartbeat } from '@temporalio/activity';
import { type Alarm, type Clock, type ExtensionInput, ExtensionRefused } from '../request/clock';
import type { PhaseTimes, RequestResult } from '../request/model';
import type { RequestRef } from '../request/names';
import type { WaitCause } from '../request/waits';
import type { Cases } from '../vault/cases';
import type { Receipts } from '../vault/receipts';
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
}

/** The channels of alarms. */
export interface Alarms {
  /** To the log, once. */
  log(alarm: RaisedAlarm): void;
  /** To the webhook; rejects if it is to be tried again. */
  send(alarm: RaisedAlarm): Promise<void>;
}

/** A due date that is near, or has passed, of a request that is still open. */
export interface RaisedAlarm {
  readonly request: RequestRef;
  /** The run id that it began with. */
  readonly runId: string;
  readonly alarm: Alarm;
  readonly regime: string;
  /** ISO 8601. */
  readonly dueAt: string;
  /** The cause of its wait, if it waits. */
  readonly waitingFor?: WaitCause;
}

/** Heartbeat for the next attempt: an alarm is sent again, not logged again. */
const LOGGED = 'logged';

export function createClosingActivities({ cases, receipts, alarms, workflows, onEnded }: ClosingDependencies) {
  return {
    /** Raises the alarm that the due date of this run is near, or has passed. */
    async raiseAlarm(raised: RaisedAlarm): Promise<void> {
      if (activityInfo().heartbeatDetails !== LOGGED) alarms.log(raised);
      heartbeat(LOGGED);
      try {
        await alarms.send(raised);
      } catch {
        throw stepFailure('alarm-undelivered', 'the webhook did not accept the alarm', NOTHING_SENT);
      }
    },

    /** Extends the due date in the record, which knows of earlier extensions also after a reset. Repeated, it changes nothing. */
    async extendClock(input: {
      readonly request: RequestRef;
      readonly runId: string;
      readonly extension: ExtensionInput;
      readonly nowMs: number;
    }): Promise<Clock> {
      try {
        return await cases.extend(input.request, input.runId, input.extension, input.nowMs);
      } catch (error) {
        if (error instanceof ExtensionRefused) throw stepFailure(error.code, error.message, NOTHING_SENT);
        throw error;
      }
    },

    /** Keeps in the record that the request is being cancelled: a reset forgets it. */
    async noteCancellation(input: {
      readonly request: RequestRef;
      readonly runId: string;
      /** ISO 8601. */
      readonly at: string;
    }): Promise<void> {
      await cases.noteCancellation(input.request, input.runId, input.at);
    },

    /**
     * The last step: stores the result in the record, and issues the receipt. If a repeated step finds both stored already,
     * they stay, and it returns the stored result if it differs from the given one.
     */
    async closeRequest(input: {
      readonly request: RequestRef;
      readonly runId: string;
      readonly subjectHash: string;
      readonly result: RequestResult;
      readonly phases: PhaseTimes;
    }): Promise<RequestResult | undefined> {
      const { request, runId, subjectHash, phases } = input;
      const closed = await cases.close(request, input.result);
      const { startedAt, dryRun = false, clock, result = input.result, endedBefore } = closed;
      const run = { request, runId, dryRun, subjectHash, startedAt, clock, endedBefore };
      await receipts.issue({ ...run, ending: { result }, phases, how: 'at-end', workflows }, () =>
        onEnded(request, result),
      );
      if (request.kind === 'access') await cases.unmarkOpenAccess(subjectHash, request);
      return isDeepStrictEqual(result, input.result) ? undefined : result;
    },
  };
}

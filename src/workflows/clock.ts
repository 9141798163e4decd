/**
 * The legal clock of a request in its run: it raises an alarm a week before the due date and at it, also while the request
 * waits, and accepts an extension. It ends nothing, and nothing waits for it.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  defineUpdate,
  isCancellation,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import {
  type Alarm,
  alarmsOf,
  type Clock,
  type ExtensionInput,
  ExtensionRefused,
  extended,
  extensionIn,
} from '../request/clock';
import type { WaitingFor } from '../request/model';
import { EXTEND, type RequestRef } from '../request/names';
import { SEARCH_KEYS } from '../request/search-keys';
import { missingKeyOf } from '../unusable';
import { awaitKeyOf, isFrom, PayloadUnusable } from './received';
import { alarmSteps, localSteps, ownFailure } from './steps';

/** Returns the new clock. A refusal (`extension-refused`) leaves no trace. */
const extendUpdate = defineUpdate<Clock, [unknown]>(EXTEND);

export interface RunClock {
  /** The clock and the present alarm, for the status and the result. */
  present(): Partial<Clock> & { readonly alarm?: Alarm };
  /** Starts it, once the request is open. */
  start(request: RequestRef, clock: Clock | undefined): void;
  /** Takes no more extensions; resolves when those that it has taken are kept, and alarms of a moment ago are sent. */
  end(): Promise<void>;
}

/** @throws {ExtensionRefused} unless it was made for this request */
function received(input: unknown): ExtensionInput {
  if (missingKeyOf(input) !== undefined)
    throw new ExtensionRefused(
      'the worker that took it does not have its key; try again when all workers have the key file',
    );
  if (!isFrom(workflowInfo().workflowId, input)) throw new ExtensionRefused('it was not made for this request');
  return extensionIn(input);
}

/** For validators only: they are not replayed, and the answer is another one before the reset. */
function wasReset(): boolean {
  const { runId, originalExecutionRunId } = workflowInfo();
  return runId !== originalExecutionRunId;
}

const ALARM_WORDS = { 'due-soon': 'Alarm: due within a week', overdue: 'Alarm: overdue' } as const;

/** How long a request that ends waits for an alarm that was raised a moment ago; a webhook may be down for days. */
const SENT_WITHIN = '10 seconds';

/** Create it before the first wait: until it is started, an extension is refused. */
export function keepClock(waitingFor: () => WaitingFor | undefined, changed: () => void): RunClock {
  let clock: Clock | undefined;
  let request: RequestRef | undefined;
  let alarm: Alarm | undefined;
  let over = false;
  let sending = 0;
  /** Ends the sending of the alarms of the present due date. */
  let alarms: CancellationScope | undefined;

  setHandler(
    extendUpdate,
    async input => {
      awaitKeyOf(input); // it was accepted where the key is
      const next = await inRecord(received(input));
      if (clock?.extension !== undefined) return next;
      clock = next;
      show();
      raised(undefined);
      alarms?.cancel();
      return next;
    },
    { validator: refuse },
  );

  function refuse(input: unknown): void {
    try {
      if (request === undefined) throw new ExtensionRefused('this request has not begun yet; try again');
      if (over) throw new ExtensionRefused('this request is ending');
      extended(clock, received(input), wasReset() ? 0 : Date.now());
    } catch (error) {
      throw error instanceof ExtensionRefused ? ApplicationFailure.nonRetryable(error.message, error.code) : error;
    }
  }

  /** The record decides: after a reset the server applies an extension again, perhaps when it would be too late. */
  async function inRecord(extension: ExtensionInput): Promise<Clock> {
    if (request === undefined) throw new ExtensionRefused('this request has not begun yet; try again');
    const asked = { request, runId: workflowInfo().originalExecutionRunId, extension, nowMs: Date.now() };
    try {
      return await CancellationScope.nonCancellable(() => localSteps().extendClock(asked));
    } catch (error) {
      throw ownFailure(error) ?? error;
    }
  }

  function show(): void {
    changed();
    if (clock?.dueAt !== undefined) upsertSearchAttributes([{ key: SEARCH_KEYS.dueAt, value: new Date(clock.dueAt) }]);
  }

  /** Undefined: the alarm is withdrawn. */
  function raised(next: Alarm | undefined): void {
    if (next === alarm) return;
    alarm = next;
    changed();
    upsertSearchAttributes([{ key: SEARCH_KEYS.alarm, value: next ?? null }]);
  }

  /** Runs until the run ends: raises the alarms of each due date at their times. */
  async function watch(of: RequestRef, first: Clock): Promise<never> {
    for (;;) {
      const watched = clock ?? first;
      const sendingOf = new CancellationScope();
      alarms = sendingOf;
      const isExtended = () => clock !== watched;
      for (const { alarm: next, atMs } of alarmsOf(watched, Date.now())) {
        const leftMs = atMs - Date.now();
        if (leftMs > 0) await condition(isExtended, leftMs, { summary: `Then: ${ALARM_WORDS[next]}` });
        if (isExtended()) break;
        raised(next);
        void sendingOf.run(() => raise(of, next, watched));
      }
      await condition(isExtended);
    }
  }

  async function raise(of: RequestRef, what: Alarm, { regime, dueAt = '' }: Clock): Promise<void> {
    const cause = waitingFor()?.cause;
    sending += 1;
    try {
      await alarmSteps(ALARM_WORDS[what]).raiseAlarm({
        request: of,
        runId: workflowInfo().originalExecutionRunId,
        alarm: what,
        regime,
        dueAt,
        ...(cause && { waitingFor: cause }),
      });
    } catch (error) {
      // The worker logs each attempt, and the Web UI shows the step: the request continues. An extension cancels it.
      if (!(error instanceof ActivityFailure || error instanceof PayloadUnusable || isCancellation(error))) throw error;
    } finally {
      sending -= 1;
    }
  }

  return {
    present: () => ({ ...clock, ...(alarm && { alarm }) }),
    start(opened, given) {
      request = opened;
      clock = given;
      if (given?.dueAt === undefined) return;
      show();
      void CancellationScope.nonCancellable(() => watch(opened, given));
    },
    async end() {
      over = true;
      await condition(allHandlersFinished);
      if (sending > 0) await condition(() => sending === 0, SENT_WITHIN);
    },
  };
}

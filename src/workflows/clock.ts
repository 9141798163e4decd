/**
 * The legal clock of a request in its run: it alarms a week before the due date and at it, whatever the request does or
 * waits for meanwhile, and takes an extension. It ends nothing, and nothing waits for it.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  defineUpdate,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { type Alarm, alarmsOf, type Clock, type ExtensionInput, ExtensionRefused, extended } from '../request/clock';
import type { WaitingFor } from '../request/model';
import { EXTEND, type RequestRef } from '../request/names';
import { SEARCH_KEYS } from '../request/search-keys';
import { alarmSteps, localSteps } from './steps';

/** Answers the clock as it is then. Refused with `extension-refused`, which leaves no trace. */
export const extendUpdate = defineUpdate<Clock, [ExtensionInput]>(EXTEND);

export interface RunClock {
  /** The clock and the alarm that stands, for the status and the result. */
  present(): Partial<Clock> & { readonly alarm?: Alarm };
  /** Starts it, once the request is open. */
  start(request: RequestRef, clock: Clock | undefined): void;
  /** Takes no more extensions; resolves when those that it has taken are kept, and alarms of a moment ago are sent. */
  end(): Promise<void>;
}

const ALARM_WORDS = { 'due-soon': 'Alarm: due within a week', overdue: 'Alarm: overdue' } as const;

/** How long a request that ends waits for an alarm that was raised a moment ago; a webhook may be down for days. */
const TOLD_WITHIN = '10 seconds';

/** To be made before anything is waited for: until it is started an extension is refused. */
export function keepClock(waitingFor: () => WaitingFor | undefined, changed: () => void): RunClock {
  let clock: Clock | undefined;
  let request: RequestRef | undefined;
  let alarm: Alarm | undefined;
  let over = false;
  let telling = 0;

  setHandler(
    extendUpdate,
    async input => {
      const next = extended(clock, input, Date.now());
      if (next === clock || request === undefined) return next;
      clock = next;
      show();
      raised(undefined);
      const noted = { request, clock: next };
      await CancellationScope.nonCancellable(() => localSteps().noteClock(noted));
      return next;
    },
    { validator: refuse },
  );

  function refuse(input: ExtensionInput): void {
    try {
      if (over) throw new ExtensionRefused('this request is ending');
      extended(clock, input, Date.now());
    } catch (error) {
      throw error instanceof ExtensionRefused ? ApplicationFailure.nonRetryable(error.message, error.code) : error;
    }
  }

  function show(): void {
    changed();
    if (clock?.dueAt !== undefined) upsertSearchAttributes([{ key: SEARCH_KEYS.dueAt, value: new Date(clock.dueAt) }]);
  }

  /** Undefined: the alarm that stood is taken back. */
  function raised(next: Alarm | undefined): void {
    if (next === alarm) return;
    alarm = next;
    changed();
    upsertSearchAttributes([{ key: SEARCH_KEYS.alarm, value: next ?? null }]);
  }

  /** Until the run ends: for each due date its alarms, each at its time. */
  async function watch(of: RequestRef, first: Clock): Promise<never> {
    for (;;) {
      const watched = clock ?? first;
      const isPutOff = () => clock !== watched;
      for (const { alarm: next, atMs } of alarmsOf(watched, Date.now())) {
        const leftMs = atMs - Date.now();
        if (leftMs > 0) await condition(isPutOff, leftMs, { summary: `Then: ${ALARM_WORDS[next]}` });
        if (isPutOff()) break;
        raised(next);
        void raise(of, next, watched);
      }
      await condition(isPutOff);
    }
  }

  async function raise(of: RequestRef, what: Alarm, { regime, dueAt = '' }: Clock): Promise<void> {
    const cause = waitingFor()?.cause;
    telling += 1;
    try {
      await alarmSteps(ALARM_WORDS[what]).raiseAlarm({
        request: of,
        alarm: what,
        regime,
        dueAt,
        ...(cause && { waitingFor: cause }),
      });
    } catch (error) {
      // Told by the worker's log at each attempt, and by the step in the Web UI: the request goes on.
      if (!(error instanceof ActivityFailure)) throw error;
    } finally {
      telling -= 1;
    }
  }

  return {
    present: () => ({ ...clock, ...(alarm && { alarm }) }),
    start(opened, told) {
      request = opened;
      clock = told;
      if (told?.dueAt === undefined) return;
      show();
      void CancellationScope.nonCancellable(() => watch(opened, told));
    },
    async end() {
      over = true;
      await condition(allHandlersFinished);
      if (telling > 0) await condition(() => telling === 0, TOLD_WITHIN);
    },
  };
}

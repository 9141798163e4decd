/** How steps that wait look: ever more rarely, with jitter, and once more shortly before the deadline. Decision D4. */
import { activityInfo } from '@temporalio/activity';
import type { StepCode } from '../request/handling';
import { WAIT_DELAYS, WAIT_GROWTH, type WaitDelays } from '../request/waits';
import { attemptedMs, stepFailure } from './api-step';
import { NOTHING_SENT } from './local-step';

export interface LookDependencies {
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  /** `WAIT_DELAYS` if absent. */
  readonly waitDelays?: WaitDelays | undefined;
}

export function createLooks({ random, waitDelays = WAIT_DELAYS }: LookDependencies) {
  /** Jitter, so that requests that began to wait together do not look together. The last look comes shortly before the deadline. */
  function nextLookMs(dueMs: number | undefined): number {
    const { attempt, scheduledTimestampMs, scheduleToCloseTimeoutMs } = activityInfo();
    const { firstMs, mostMs } = waitDelays;
    const jitter = 1 + random() / 2;
    const delayMs =
      dueMs === undefined ? Math.min(firstMs * WAIT_GROWTH ** (attempt - 1), mostMs) : Math.min(dueMs, mostMs);
    const leftMs = scheduledTimestampMs + scheduleToCloseTimeoutMs - attemptedMs();
    return Math.round(Math.max(firstMs, Math.min(delayMs * jitter, leftMs - firstMs * jitter)));
  }
  return {
    /**
     * The failure of a look that has found nothing.
     * @param dueMs when the cause is known to end: the next look comes then, if that is not too far off
     */
    awaited: (code: StepCode, forWhat: string, dueMs?: number) =>
      stepFailure(code, `waiting for ${forWhat}`, NOTHING_SENT, nextLookMs(dueMs)),
  };
}

/**
 * Waiting, for whatever cause: one step that looks whether the cause has ended, and that Temporal repeats ever more rarely until
 * the request's deadline. A signal means that there may be news: the step is taken anew. So a wait costs nothing while nothing
 * happens, adds no event to the history however long it is, and finds by itself what nobody signalled. Decision D4.
 */
import { CancellationScope, defineSignal, setHandler, sleep } from '@temporalio/workflow';
import type { Opened } from '../request/contracts';
import { CREDENTIALS_UPDATED } from '../request/names';
import { type WaitCause, waitSummary } from '../request/waits';
import type { Progress } from './progress';
import { failureOf, isCancelled, type WaitingSteps, waitingSteps } from './steps';

/** Look again, whatever it is that you wait for. */
export const credentialsUpdated = defineSignal(CREDENTIALS_UPDATED);

/** A look may have come just before the news, so that another one is due; one for all signals of this time. */
const LOOKS_APART_MS = 2_000;

export interface Waits {
  /** Resolves when the cause has ended, or the request's deadline has come. `look` ends when the cause has ended. */
  until(
    cause: WaitCause,
    look: (steps: WaitingSteps) => Promise<void>,
    /** When it ends by itself, if that is known; ISO 8601. */
    endsAt?: string,
  ): Promise<'ended' | 'deadline'>;
}

export function keepWaits({ opened, progress }: { readonly opened: Opened; readonly progress: Progress }): Waits {
  const waiting = new Set<() => void>();
  setHandler(credentialsUpdated, () => {
    for (const lookAgain of waiting) lookAgain();
  });

  /** The outcome of a step, `news` if a signal ended it. */
  async function outcomeOf(step: () => Promise<void>): Promise<'ended' | 'deadline' | 'news'> {
    const scope = new CancellationScope();
    const dueMs = Date.now() + LOOKS_APART_MS;
    let isNews = false;
    const lookAgain = () => {
      if (isNews) return;
      isNews = true;
      pause(scope, dueMs - Date.now()).then(
        () => scope.cancel(),
        () => undefined, // the wait has ended meanwhile
      );
    };
    waiting.add(lookAgain);
    try {
      await scope.run(step);
      return 'ended';
    } catch (error) {
      if (isNews && isCancelled(error) && !CancellationScope.current().consideredCancelled) return 'news';
      if (failureOf(error).code !== 'deadline') throw error;
      return 'deadline';
    } finally {
      waiting.delete(lookAgain);
      scope.cancel(); // the pause, if there is one
    }
  }

  return {
    until: (cause, look, endsAt) =>
      progress.waiting({ cause, ...(endsAt !== undefined && { until: endsAt }) }, async () => {
        for (;;) {
          const summary = waitSummary(cause, opened.request);
          const outcome = await outcomeOf(() => look(waitingSteps(opened.deadlineMs, summary)));
          if (outcome !== 'news') return outcome;
        }
      }),
  };
}

async function pause(scope: CancellationScope, delayMs: number): Promise<void> {
  if (delayMs > 0) await scope.run(() => sleep(delayMs, { summary: 'Until it looks again' }));
}

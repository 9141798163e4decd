/**
 * The step that wakes requests: a page of those that wait in each attempt, so that Temporal sets the pace, and thousands write
 * no event. The next attempt continues behind the page that was done. Decision D4.
 */
import { activityInfo, heartbeat } from '@temporalio/activity';
import type { WakingActivities } from '../request/contracts';
import { stepFailure } from './api-step';
import { NOTHING_SENT } from './local-step';

export interface WakingDependencies {
  /** Signals a page of the requests of a connection that wait. Returns where the next page begins, undefined after the last one. */
  readonly wakePage: (connection: string, page: string | undefined) => Promise<string | undefined>;
}

const PAGES_APART_MS = 1_000;

export function createWakingActivities({ wakePage }: WakingDependencies): WakingActivities {
  return {
    async wakeWaiting({ connection }) {
      const { heartbeatDetails: page } = activityInfo();
      const next = await wakePage(connection, typeof page === 'string' ? page : undefined);
      if (next === undefined) return;
      heartbeat(next);
      throw stepFailure('requests-unwoken', 'more requests are to be woken', NOTHING_SENT, PAGES_APART_MS);
    },
  };
}

/**
 * The step of a retention sweep: a page of requests. It heartbeats after each request with what it did so far, and ends between two of
 * them when it is cancelled: the next attempt finds what is left by itself, because what is done is no longer found.
 */
import { activityInfo, cancellationSignal, cancelled, heartbeat } from '@temporalio/activity';
import type { RetentionActivities } from '../request/contracts';
import { sweptShape } from '../request/swept';
import type { Sweep } from '../retention/sweep';

export function createRetentionActivities(sweep: Pick<Sweep, 'page'>): RetentionActivities {
  return {
    async sweepPage(place) {
      const { heartbeatDetails } = activityInfo();
      return sweep.page(place, {
        before: sweptShape(heartbeatDetails) ? heartbeatDetails : undefined,
        onItem: heartbeat,
        async goOn() {
          if (cancellationSignal().aborted) await cancelled();
        },
      });
    },
  };
}

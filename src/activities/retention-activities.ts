/**
 * The step of a retention sweep: a page of requests. It heartbeats what it did so far, after each request and while a large one takes
 * long. It ends between two of them when it is cancelled: the next attempt finds what is left by itself, because what is done is no
 * longer found.
 */
import { activityInfo, Context, cancellationSignal, cancelled } from '@temporalio/activity';
import type { RetentionActivities } from '../request/contracts';
import { NOTHING_SWEPT, sweptShape } from '../request/swept';
import type { Sweep } from '../retention/sweep';

/** Far below the heartbeat timeout of the step. */
const HEARTBEAT_MS = 30_000;

export function createRetentionActivities(sweep: Pick<Sweep, 'page'>): RetentionActivities {
  return {
    async sweepPage(sought) {
      const context = Context.current();
      const { heartbeatDetails } = activityInfo();
      const before = sweptShape(heartbeatDetails) ? heartbeatDetails : undefined;
      let sofar = before ?? NOTHING_SWEPT;
      const heartbeats = setInterval(() => context.heartbeat(sofar), HEARTBEAT_MS);
      try {
        return await sweep.page(sought, {
          before,
          onItem(swept) {
            sofar = swept;
            context.heartbeat(swept);
          },
          async goOn() {
            if (cancellationSignal().aborted) await cancelled();
          },
        });
      } finally {
        clearInterval(heartbeats);
      }
    },
  };
}

/** The steps of a retention sweep: what has outlived its time, and its destruction, one request each. */
import type { Retention, RetentionPolicy } from '../retention/retention';

export interface RetentionDependencies {
  readonly retention: Retention;
  readonly policy: RetentionPolicy;
}

const DUE_MAX = 200;

export function createRetentionActivities({ retention, policy }: RetentionDependencies) {
  return {
    findDue: () => retention.due(policy, DUE_MAX),
    /** Whether it was destroyed; an open request is left alone. */
    async destroyDue(due: Awaited<ReturnType<Retention['due']>>[number]): Promise<boolean> {
      try {
        await retention.destroy(due);
        return true;
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'request-open') return false;
        throw error;
      }
    },
  };
}

export type RetentionActivities = ReturnType<typeof createRetentionActivities>;

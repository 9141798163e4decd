/** The baseline's workflow: all its API requests at once, each an activity; nothing else. */
import { proxyActivities } from '@temporalio/workflow';
import type { BareActivities } from './worker';

const { ask } = proxyActivities<BareActivities>({ startToCloseTimeout: '60 seconds' });

export async function bareRequests(requests: number): Promise<void> {
  await Promise.all(Array.from({ length: requests }, (_, index) => ask(index)));
}

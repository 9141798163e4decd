/** The baseline's workflow: all its API requests at once, each an activity, for the first pages again and again; nothing else. */
import { proxyActivities } from '@temporalio/workflow';
import type { BareActivities } from './worker';

const { ask } = proxyActivities<BareActivities>({ startToCloseTimeout: '60 seconds' });

export interface BareInput {
  /** At most 2,000: a workflow may wait for no more at once. */
  readonly requests: number;
  readonly pages: number;
}

export async function bareRequests({ requests, pages }: BareInput): Promise<void> {
  await Promise.all(Array.from({ length: requests }, (_, index) => ask(1 + (index % pages))));
}

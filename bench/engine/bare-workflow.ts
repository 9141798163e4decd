/** The baseline's workflow: the API requests of one access request, each an activity, all at once; nothing else. */
import { proxyActivities } from '@temporalio/workflow';
import { bareApiQueue } from './names';
import type { BareActivities } from './worker';

export interface BareInput {
  readonly company: string;
  /** Paths with their query. */
  readonly paths: readonly string[];
}

export async function bareRequest({ company, paths }: BareInput): Promise<number> {
  const { get } = proxyActivities<BareActivities>({
    taskQueue: bareApiQueue(company),
    startToCloseTimeout: '60 seconds',
  });
  const sizes = await Promise.all(paths.map(path => get({ company, path })));
  return sizes.reduce((sum, size) => sum + size, 0);
}

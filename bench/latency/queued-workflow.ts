/**
 * Fills a company's API queue with as many tasks as it is told, with the priority that bulk pages have and a fairness key
 * of its own: a backlog of true length, which no single request makes because its pages are bounded.
 */
import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { ApiActivities } from '../../src/request/contracts';
import type { QueuedInput } from './names';

const BULK = 3;

export async function queued({ taskQueue, connection, tasks }: QueuedInput): Promise<void> {
  const { ping } = proxyActivities<Pick<ApiActivities, 'ping'>>({
    taskQueue,
    startToCloseTimeout: '60 seconds',
    priority: { priorityKey: BULK, fairnessKey: workflowInfo().workflowId },
  });
  await Promise.all(Array.from({ length: tasks }, () => ping({ connection })));
}

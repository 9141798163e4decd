/**
 * The rate limit of a connection's task queue on the server, which wins over whatever a stray worker says. Partitions are
 * looked up, not assumed; only a difference is written, because the server takes few such updates. Decision D2.
 */
import type { ConnectionLike } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { type Budget, ratePerSecond } from '../request/budget';

const { TaskQueueType } = temporal.api.enums.v1;
/** The server keeps the rate as a 32-bit float. */
const SAME_WITHIN = 1e-6;

export interface QueueOn {
  readonly connection: ConnectionLike;
  readonly namespace: string;
  readonly taskQueue: string;
}

/** The rate that a budget gives on this queue, requests a second. */
export async function rateOn({ connection, namespace, taskQueue }: QueueOn, budget: Budget): Promise<number> {
  const { activityTaskQueuePartitions } = await connection.workflowService.listTaskQueuePartitions({
    namespace,
    taskQueue: { name: taskQueue },
  });
  return ratePerSecond(budget, Math.max(1, activityTaskQueuePartitions?.length ?? 1));
}

/** The limit set on the server, requests a second; undefined where there is none. */
export async function readQueueRate({ connection, namespace, taskQueue }: QueueOn): Promise<number | undefined> {
  const { config } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    reportConfig: true,
  });
  return config?.queueRateLimit?.rateLimit?.requestsPerSecond ?? undefined;
}

/** True where the limit was changed. */
export async function ensureQueueRate(queue: QueueOn, requestsPerSecond: number): Promise<boolean> {
  const present = await readQueueRate(queue);
  if (present !== undefined && Math.abs(present - requestsPerSecond) <= requestsPerSecond * SAME_WITHIN) return false;
  await queue.connection.workflowService.updateTaskQueueConfig({
    namespace: queue.namespace,
    identity: 'aircall-dsr',
    taskQueue: queue.taskQueue,
    taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    updateQueueRateLimit: {
      rateLimit: { requestsPerSecond },
      reason: 'aircall-dsr: the API budget of this connection',
    },
  });
  return true;
}

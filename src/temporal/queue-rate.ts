/**
 * The state of a connection's task queue on the server: its rate limit, which overrides the limit of a stray worker, and
 * its backlog. Partitions are read from the server, not assumed. Decision D2.
 */
import type { ConnectionLike } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { type Budget, ratePerSecond } from '../budget';
import { isUnimplemented } from './grpc-status';

const { TaskQueueType } = temporal.api.enums.v1;
/** Of a server that does not answer this. */
const PARTITIONS_DEFAULT = 4;
/** The server keeps the rate as a 32-bit float. */
const SAME_WITHIN = 1e-6;

export interface QueueOn {
  readonly connection: ConnectionLike;
  readonly namespace: string;
  readonly taskQueue: string;
}

/** The rate that a budget gives on this queue, requests a second. */
export async function rateOn({ connection, namespace, taskQueue }: QueueOn, budget: Budget): Promise<number> {
  return ratePerSecond(budget, await partitionsOf());

  async function partitionsOf(): Promise<number> {
    try {
      const { activityTaskQueuePartitions } = await connection.workflowService.listTaskQueuePartitions({
        namespace,
        taskQueue: { name: taskQueue },
      });
      return Math.max(1, activityTaskQueuePartitions?.length ?? 1);
    } catch (error) {
      if (isUnimplemented(error)) return PARTITIONS_DEFAULT;
      throw error;
    }
  }
}

export interface QueueState {
  /** The limit set on the server, requests a second; undefined if there is none. */
  readonly rate: number | undefined;
  /** Approximate number of steps that wait for a worker, without those that wait for their next attempt. */
  readonly backlog: number;
  /** How long the oldest of them has waited, seconds. */
  readonly oldestSeconds: number;
  /** Whether a worker has polled within the last two minutes. */
  readonly served: boolean;
}

/** Longer than a poll waits. */
const POLLED_WITHIN_MS = 120_000;

export async function describeQueue({ connection, namespace, taskQueue }: QueueOn): Promise<QueueState> {
  const { config, pollers, stats } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    reportConfig: true,
    reportStats: true,
  });
  const polledMs = (pollers ?? []).map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000);
  return {
    rate: config?.queueRateLimit?.rateLimit?.requestsPerSecond ?? undefined,
    backlog: Number(stats?.approximateBacklogCount ?? 0),
    oldestSeconds: Number(stats?.approximateBacklogAge?.seconds ?? 0),
    served: polledMs.some(time => Date.now() - time < POLLED_WITHIN_MS),
  };
}

export function sameRate(one: number | undefined, other: number): boolean {
  return one !== undefined && Math.abs(one - other) <= other * SAME_WITHIN;
}

export async function setQueueRate(queue: QueueOn, requestsPerSecond: number): Promise<void> {
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
}

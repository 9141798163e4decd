/**
 * The state of a connection's task queue on the server: its rate limit, which overrides the limit of a stray worker, and
 * its backlog. Partitions are read from the server, not assumed. Decision D2.
 */
import type { ConnectionLike } from '@temporalio/client';
import { type google, temporal } from '@temporalio/proto';
import { type Budget, type Pace, paceOf } from '../budget';
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

export interface QueuePace extends Pace {
  readonly partitions: number;
}

/** How this queue keeps a budget. */
export async function paceOn({ connection, namespace, taskQueue }: QueueOn, budget: Budget): Promise<QueuePace> {
  const partitions = await partitionsOf();
  return { partitions, ...paceOf(budget, partitions) };

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
  const polledMs = (pollers ?? []).map(({ lastAccessTime }) => msOf(lastAccessTime));
  return {
    rate: config?.queueRateLimit?.rateLimit?.requestsPerSecond ?? undefined,
    backlog: Number(stats?.approximateBacklogCount ?? 0),
    oldestSeconds: Number(stats?.approximateBacklogAge?.seconds ?? 0),
    served: polledMs.some(time => Date.now() - time < POLLED_WITHIN_MS),
  };
}

/** Workers that poll a queue for workflow tasks, at least 1. A worker that ended counts for two minutes more. */
export async function workersOn({ connection, namespace, taskQueue }: QueueOn): Promise<number> {
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
  });
  const polls = (pollers ?? []).map(({ identity, lastAccessTime }) => ({ identity, atMs: msOf(lastAccessTime) }));
  const latestMs = Math.max(...polls.map(({ atMs }) => atMs));
  const present = polls.filter(({ atMs }) => latestMs - atMs < POLLED_WITHIN_MS);
  return Math.max(1, new Set(present.map(({ identity }) => identity)).size);
}

function msOf(time: google.protobuf.ITimestamp | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1_000;
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

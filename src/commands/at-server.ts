/**
 * What commands about connections ask the Temporal server besides: they do most of their work without one, so that one that
 * does not answer is no error, and is not waited for.
 */
import type { Client } from '@temporalio/client';
import { configuredKeyring, configuredTaskQueue } from '../config';
import { apiTaskQueue } from '../request/names';
import type { QueueOn } from '../temporal/queue-rate';

const ANSWERS_WITHIN_MS = 2_000;

export interface Queues {
  /** The service's main task queue. */
  readonly taskQueue: string;
  readonly queueOf: (connection: string) => QueueOn;
}

/** Undefined where no server answers. */
export async function atServer<T extends object | number>(
  ask: (temporal: Client, queues: Queues) => Promise<T>,
): Promise<T | undefined> {
  const { connectTemporal } = await import('../temporal/connect.js');
  const taskQueue = configuredTaskQueue();
  try {
    const temporal = await connectTemporal(configuredKeyring(), ANSWERS_WITHIN_MS);
    const { connection, options } = temporal;
    const { namespace } = options;
    try {
      const queueOf = (name: string) => ({ connection, namespace, taskQueue: apiTaskQueue(taskQueue, name) });
      return await ask(temporal, { taskQueue, queueOf });
    } finally {
      await connection.close();
    }
  } catch {
    return undefined;
  }
}

/** Workflow ids of a connection's open requests; undefined where no server answers. */
export async function openAtServer(name: string): Promise<readonly string[] | undefined> {
  const { openRequests } = await import('../temporal/waiting.js');
  return atServer((temporal, { taskQueue }) => openRequests(temporal, taskQueue, name));
}

/** Lets waiting requests look again, and answers how many; undefined where no server answers: they look by themselves. */
export async function tellNews(name: string): Promise<number | undefined> {
  const { tellWaiting } = await import('../temporal/waiting.js');
  return atServer((temporal, { taskQueue }) => tellWaiting(temporal, taskQueue, name));
}

/**
 * Permits to send an API request, for connections whose queue alone cannot keep a low limit: one in so many seconds, for all
 * workers together. A permit is a run that nobody serves and that ends by itself. While it is open the server starts no other
 * one of its id, so that no clock but the server's spaces them. Decision D2.
 */
import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { type ConfiguredLimit, paceOf } from '../budget';
import { apiTaskQueue } from '../request/names';
import { runAt } from './histories';

export interface Permits {
  /** What a check of a connection found: the partitions of its queue, and the limit in force. */
  learn(connection: string, known: Known): void;
  /** Of a connection that was deleted. */
  forget(connection: string): void;
  /**
   * Takes a permit if the connection needs one.
   * @param connection as it is stored now: a lower limit holds at once, whatever the last check found
   * @param nowMs the server's time, or earlier
   * @returns milliseconds until the next permit; 0: the API request may be sent
   */
  take(connection: Limited, nowMs: number): Promise<number>;
}

export interface Known {
  readonly partitions: number;
  readonly limitPerMinute: number;
}

export interface Limited {
  readonly name: string;
  readonly limitPerMinute: ConfiguredLimit;
  readonly share: number;
}

export function createPermits(temporal: Client, taskQueue: string): Permits {
  const known = new Map<string, Known>();

  function everySeconds({ name, limitPerMinute, share }: Limited): number | undefined {
    const found = known.get(name);
    if (found === undefined) return undefined;
    const limit = limitPerMinute === 'auto' ? found.limitPerMinute : Math.min(limitPerMinute, found.limitPerMinute);
    return paceOf({ limitPerMinute: limit, share }, found.partitions).permitEverySeconds;
  }

  async function takeOne(connection: string, lastsMs: number, nowMs: number): Promise<number> {
    const workflowId = `${apiTaskQueue(taskQueue, connection)}/permit`;
    try {
      await temporal.workflow.start('permit', {
        taskQueue: `${workflowId}/nobody`,
        workflowId,
        workflowExecutionTimeout: lastsMs,
      });
      return 0;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      const present = await runAt(temporal, workflowId);
      return present?.open ? Math.max(1, present.startedAt.getTime() + lastsMs - nowMs) : 1;
    }
  }

  return {
    learn: (connection, found) => void known.set(connection, found),
    forget: connection => void known.delete(connection),
    async take(connection, nowMs) {
      const seconds = everySeconds(connection);
      if (seconds === undefined) return 0;
      return takeOne(connection.name, Math.ceil(seconds * 1_000), nowMs);
    },
  };
}

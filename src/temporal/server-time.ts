/** The server's time, for commands whose machine may have a wrong clock. The server has no call for it. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';

/**
 * Now, UNIX ms: when the server began a run that nobody serves and that ends by itself.
 * @param taskQueue the service's main task queue
 */
export async function serverNowMs(temporal: Client, taskQueue: string): Promise<number> {
  const run = await temporal.workflow.start('clock', {
    taskQueue: `${taskQueue}/clock/nobody`,
    workflowId: `${taskQueue}/clock/${randomUUID()}`,
    workflowExecutionTimeout: '1 second',
  });
  return (await run.describe()).startTime.getTime();
}

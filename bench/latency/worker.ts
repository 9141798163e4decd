/**
 * Fills a company's API queue: `CONNECTION TASKS`. The tasks are taken by the service's own workers; here runs only the
 * workflow that makes them. Says `ready` on stderr once all of it is started.
 */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createConfiguration } from '../../src/config';
import { createDataConverter } from '../../src/encryption/data-converter';
import { apiTaskQueue } from '../../src/request/names';
import { connectTemporal, temporalConfiguration } from '../../src/temporal/connect';
import { note, noteError } from '../note';
import type { QueuedInput } from './names';

const CONFIG = createConfiguration(process.env);

const TASK_QUEUE = 'queueing';
/** Below the 2,000 pending activities that a server allows a run. */
const TASKS_EACH = 1_000;

async function main(connection: string | undefined, tasks: number): Promise<void> {
  if (connection === undefined) throw new Error('whose queue is to be filled?');
  Runtime.install({ shutdownSignals: [], logger: new DefaultLogger('ERROR') });
  const keyring = CONFIG.keyring();
  const worker = await Worker.create({
    connection: await NativeConnection.connect(temporalConfiguration().connectionOptions),
    taskQueue: TASK_QUEUE,
    workflowsPath: require.resolve('./queued-workflow'),
    dataConverter: createDataConverter(keyring),
  });
  const running = worker.run();
  const client = await connectTemporal(keyring);
  for (let from = 0; from < tasks; from += TASKS_EACH) {
    const input: QueuedInput = {
      taskQueue: apiTaskQueue(CONFIG.taskQueue(), connection),
      connection,
      tasks: Math.min(TASKS_EACH, tasks - from),
    };
    await client.workflow.start('queued', { workflowId: `queued-${from}`, taskQueue: TASK_QUEUE, args: [input] });
  }
  note('ready');
  await running;
}

main(process.argv[2], Number(process.argv[3])).catch((error: unknown) => {
  noteError(error);
  process.exitCode = 1;
});

/**
 * The baseline's worker process: one worker for workflows, one for each company's activities, the SDK's defaults, the
 * default data converter, no vault. Says `ready` on stderr, like ours.
 */
import { Agent } from 'node:http';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import fetch from 'node-fetch';
import { temporalConfiguration } from '../../src/temporal/connect';
import { note, noteError } from '../note';
import { BARE_QUEUE, bareApiQueue, TARGET, type Target } from './names';

export interface BareActivities {
  /** Sends one GET and answers the length of the body. @throws where it is refused; the SDK's own retries follow */
  get(asked: { readonly company: string; readonly path: string }): Promise<number>;
}

async function main(): Promise<void> {
  Runtime.install({ shutdownSignals: [], logger: new DefaultLogger('ERROR') });
  const target: Target = JSON.parse(process.env[TARGET] ?? '{}');
  const connection = await NativeConnection.connect(temporalConfiguration().connectionOptions);
  const activities = bareActivities(target);
  const workers = [
    await Worker.create({ connection, taskQueue: BARE_QUEUE, workflowsPath: require.resolve('./bare-workflow') }),
  ];
  for (const company of Object.keys(target.companies)) {
    workers.push(await Worker.create({ ...limits(target), connection, taskQueue: bareApiQueue(company), activities }));
  }
  process.once('SIGTERM', () => {
    for (const worker of workers) worker.shutdown();
  });
  const running = Promise.all(workers.map(worker => worker.run()));
  note('ready');
  await running;
  await connection.close();
}

function limits({ slots, pollers }: Target): Partial<WorkerOptions> {
  return {
    ...(slots !== undefined && { maxConcurrentActivityTaskExecutions: slots }),
    ...(pollers !== undefined && { activityTaskPollerBehavior: { type: 'simple-maximum', maximum: pollers } }),
  };
}

function bareActivities({ origin, companies }: Target): BareActivities {
  const agent = new Agent({ keepAlive: true });
  return {
    async get({ company, path }) {
      const authorization = companies[company] ?? '';
      const reply = await fetch(origin + path, { agent, headers: { accept: 'application/json', authorization } });
      const text = await reply.text();
      if (!reply.ok) throw new Error(`refused with ${reply.status}`);
      return text.length;
    },
  };
}

main().catch((error: unknown) => {
  noteError(error);
  process.exitCode = 1;
});

/**
 * Worker processes that are not the product's: `bare RATE`, the baseline with the SDK's own limit; `stray`, workers that
 * lack any limit, on our API queues with our steps and on the baseline's with its own. Says `ready` on stderr, like ours.
 */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createActivities, registered } from '../../src/activities';
import { createGates } from '../../src/activities/gates';
import { createServerTime } from '../../src/activities/server-time';
import { createAircallClient } from '../../src/aircall/client';
import { createConfiguration } from '../../src/config';
import { createDataConverter } from '../../src/encryption/data-converter';
import { createMediaClient } from '../../src/media/client';
import { apiTaskQueue } from '../../src/request/names';
import { temporalConfiguration } from '../../src/temporal/connect';
import { createApprovers } from '../../src/vault/approvers';
import { createBrake } from '../../src/vault/brake';
import { createCases } from '../../src/vault/cases';
import { createConnections } from '../../src/vault/connections';
import { createReceipts } from '../../src/vault/receipts';
import { note, noteError } from '../note';
import { BARE, GIVEN } from './names';

const CONFIG = createConfiguration(process.env);

export interface BareActivities {
  /** One page of the company's calls. @throws where it is refused; the SDK's own retries follow */
  ask(page: number): Promise<void>;
}

async function main(role: string | undefined, rate: string | undefined): Promise<void> {
  Runtime.install({ shutdownSignals: [], logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect(temporalConfiguration().connectionOptions);
  const bare = { connection, taskQueue: BARE.taskQueue, activities: bareActivities() };
  const workers =
    role === 'stray'
      ? await Promise.all(
          [bare, ...(await ourApiQueues()).map(queue => ({ connection, ...queue }))].map(options =>
            Worker.create(options),
          ),
        )
      : [
          await Worker.create({
            ...bare,
            workflowsPath: require.resolve('./bare-workflow'),
            maxTaskQueueActivitiesPerSecond: Number(rate),
          }),
        ];
  const running = Promise.all(workers.map(worker => worker.run()));
  note('ready');
  await running;
}

function bareActivities(): BareActivities {
  const url = process.env[GIVEN.url];
  const authorization = process.env[GIVEN.authorization];
  if (url === undefined || authorization === undefined) throw new Error('nobody said what the baseline asks');
  return {
    async ask(page) {
      const query = `order=desc&fetch_contact=true&page=${page}&per_page=50`;
      const reply = await fetch(`${url}?${query}`, { headers: { authorization } });
      await reply.text();
      if (!reply.ok) throw new Error(`refused with ${reply.status}`);
    },
  };
}

/** As the service makes it, but for every limit. */
async function ourApiQueues() {
  const keyring = CONFIG.keyring();
  const vault = await CONFIG.vault(keyring);
  const { api } = createActivities({
    connections: createConnections(vault),
    cases: createCases(vault),
    approvers: createApprovers(vault),
    brake: createBrake(vault),
    receipts: createReceipts({ vault, keyring, now: Date.now }),
    aircall: createAircallClient(),
    media: createMediaClient({ hosts: [] }),
    signingKey: keyring.signingKey,
    gates: createGates(),
    takePermit: async () => 0,
    workflows: 'c'.repeat(64),
    onRateLimit: async () => {},
    hash: keyring.hash,
    serverTime: createServerTime(() => performance.now()),
    elapsedMs: () => performance.now(),
    random: Math.random,
    onAnswer() {},
    onRefused() {},
    alarms: { log() {}, async send() {} },
    onEnded() {},
    isOpen: async () => true,
    wake: async () => {},
    isKnown: async () => false,
  });
  const connections = process.env[GIVEN.connections]?.split(',') ?? [];
  return connections.map(name => ({
    taskQueue: apiTaskQueue(CONFIG.taskQueue(), name),
    activities: registered(api),
    dataConverter: createDataConverter(keyring),
  }));
}

main(process.argv[2], process.argv[3]).catch((error: unknown) => {
  noteError(error);
  process.exitCode = 1;
});

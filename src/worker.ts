/**
 * The service: joins configuration, vault, Aircall client and steps into workers. One workflow worker per process, one
 * activity-only worker per connection on that connection's own queue, whose rate limit is its API budget. Connections
 * that appear, change or go are noticed while it runs. Decisions D1, D2.
 */
import { type Client, isGrpcServiceError } from '@temporalio/client';
import { type DataConverter, WorkflowNotFoundError } from '@temporalio/common';
import { bundleWorkflowCode, type NativeConnection, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { createActivities } from './activities';
import { createGates } from './activities/gates';
import { type AircallClient, createAircallClient } from './aircall/client';
import { createDataConverter, failureConverterPath } from './encryption/data-converter';
import type { Keyring } from './encryption/keyring';
import { apiTaskQueue } from './request/names';
import { ensureQueueRate, rateOn } from './temporal/queue-rate';
import { ensureSearchAttributes } from './temporal/search-attributes';
import { createCases } from './vault/cases';
import { type Connection, createConnections } from './vault/connections';
import type { Vault } from './vault/vault';

export interface ServiceOptions {
  readonly native: NativeConnection;
  /** For what workers cannot ask: queue limits, search attributes, whether a run is open. */
  readonly temporal: Client;
  readonly taskQueue: string;
  readonly keyring: Keyring;
  readonly vault: Vault;
  /** One line about what happened; no personal data. */
  readonly log: (line: string) => void;
  /** Made from the sources where not given. */
  readonly workflowBundle?: WorkflowBundleOption;
  /** How often the vault is looked at for connections; 5 s where not given. */
  readonly lookEveryMs?: number;
}

export interface Service {
  /** Rejects where the service cannot go on. Resolves after `stop`. */
  readonly ended: Promise<void>;
  /** Takes no new steps, lets those in flight end, then closes. */
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 5_000;
/** Above the longest step, so that a step in flight ends and is counted. */
const SHUTDOWN_GRACE = '50 seconds';
const SHUTDOWN_FORCE = '60 seconds';
const STEP_SECONDS_MAX = 60;
const SLOTS_MAX = 100;
/** A poller brings some ten steps a second. */
const STEPS_PER_POLLER = 5;

export async function bundleWorkflows(): Promise<{ code: string }> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: require.resolve('./workflows'),
    failureConverterPath,
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn: console.error, error: console.error },
  });
  return { code };
}

/** Starts serving every connection of the vault; resolves when steps are taken. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { native, temporal, taskQueue, keyring, vault, log } = options;
  const { namespace } = temporal.options;
  await ensureSearchAttributes(temporal.connection, namespace);

  const connections = createConnections(vault);
  const aircall: AircallClient = createAircallClient();
  const unknownKeys = new Set<string>();
  const dataConverter: DataConverter = createDataConverter(keyring, keyId => {
    if (!unknownKeys.has(keyId))
      log(`a payload needs key ${keyId}, which the key file does not hold; its request waits for it`);
    unknownKeys.add(keyId);
  });
  const { api, local } = createActivities({
    connections,
    cases: createCases(vault),
    aircall,
    gates: createGates(),
    hash: keyring.hash,
    now: Date.now,
    random: Math.random,
    isOpen: (workflowId, runId) => isOpen(temporal, workflowId, runId),
  });

  const common = {
    connection: native,
    namespace,
    dataConverter,
    shutdownGraceTime: SHUTDOWN_GRACE,
    shutdownForceTime: SHUTDOWN_FORCE,
  };
  const requests = await Worker.create({
    ...common,
    taskQueue,
    workflowBundle: options.workflowBundle ?? (await bundleWorkflows()),
    activities: local,
    maxConcurrentActivityTaskExecutions: 20,
  });

  /** Workers of connections, by name, with what they were made for. */
  const serving = new Map<string, { readonly worker: Worker; readonly done: Promise<void>; readonly made: string }>();

  /** Connections whose worker takes no new steps and lets its last ones end; meanwhile the others are served. */
  const leaving = new Map<string, Promise<void>>();
  /** Connections that could not be served at the last look: told once. */
  const unserved = new Set<string>();

  async function serve(connection: Connection): Promise<void> {
    const { name, limitPerMinute, share } = connection;
    const made = `${limitPerMinute} x ${share}`;
    if (serving.get(name)?.made === made || leaving.has(name)) return;
    const queue = { connection: temporal.connection, namespace, taskQueue: apiTaskQueue(taskQueue, name) };
    const rate = await rateOn(queue, { limitPerMinute, share });
    await ensureQueueRate(queue, rate).catch(error => {
      log(
        `connection ${name}: the server keeps no rate limit for its queue (${grpcCode(error)}); only this worker's own limit holds`,
      );
    });
    if (serving.has(name)) return leave(name); // a later look serves it with its new budget
    const worker = await Worker.create({
      ...common,
      taskQueue: queue.taskQueue,
      activities: api,
      maxTaskQueueActivitiesPerSecond: rate,
      maxConcurrentActivityTaskExecutions: Math.min(SLOTS_MAX, Math.max(2, Math.ceil(rate * STEP_SECONDS_MAX))),
      activityTaskPollerBehavior: { type: 'simple-maximum', maximum: Math.max(1, Math.ceil(rate / STEPS_PER_POLLER)) },
    });
    const done = worker.run().catch(error => {
      serving.delete(name); // the next look starts it anew
      log(`connection ${name}: its worker ended (${error instanceof Error ? error.name : 'unknown'})`);
    });
    serving.set(name, { worker, done, made });
    log(`connection ${name}: serving at ${rate.toFixed(4)} API requests a second`);
  }

  function leave(name: string): void {
    const served = serving.get(name);
    if (served === undefined) return;
    serving.delete(name);
    if (served.worker.getState() === 'RUNNING') served.worker.shutdown();
    leaving.set(
      name,
      served.done.finally(() => leaving.delete(name)),
    );
  }

  async function look(): Promise<void> {
    const names = await connections.names();
    const gone = [...serving.keys()].filter(name => !names.includes(name));
    for (const name of gone) {
      leave(name);
      log(`connection ${name}: no longer served`);
    }
    for (const name of names) {
      try {
        const stored = await connections.get(name);
        if (stored !== undefined) await serve(stored.value);
        unserved.delete(name);
      } catch (error) {
        // One company's broken record must not stop the others'.
        if (!unserved.has(name))
          log(`connection ${name}: cannot be served (${error instanceof Error ? error.name : 'unknown'})`);
        unserved.add(name);
      }
    }
  }

  await look();
  let stopping = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  const lookAgain = () => {
    timer = setTimeout(() => {
      looking = look().catch(error =>
        log(`connections could not be looked up (${error instanceof Error ? error.message : 'unknown'})`),
      );
      void looking.then(() => stopping || lookAgain());
    }, options.lookEveryMs ?? LOOK_EVERY_MS);
  };
  lookAgain();

  const running = requests.run();
  const ended = running.finally(async () => {
    stopping = true;
    clearTimeout(timer);
    await looking;
    for (const name of serving.keys()) leave(name);
    await Promise.all(leaving.values());
    aircall.close();
  });
  ended.catch(() => {}); // told by `ended` to whoever waits for it
  return {
    ended,
    async stop() {
      if (requests.getState() === 'RUNNING') requests.shutdown();
      await ended;
    },
  };
}

async function isOpen(temporal: Client, workflowId: string, runId: string): Promise<boolean> {
  try {
    const { status } = await temporal.workflow.getHandle(workflowId, runId).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

function grpcCode(error: unknown): string {
  return isGrpcServiceError(error) ? `gRPC status ${error.code}` : 'unknown error';
}

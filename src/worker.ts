/**
 * The service: joins configuration, vault, Aircall client and steps into workers. One workflow worker per process, one
 * activity-only worker per connection on that connection's own queue, whose rate limit is its API budget. Connections
 * that appear, change or go are noticed while it runs. Decisions D1, D2.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { type DataConverter, type MetricMeter, noopMetricMeter, WorkflowNotFoundError } from '@temporalio/common';
import { type NativeConnection, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { createActivities } from './activities';
import { createGates } from './activities/gates';
import { createRetentionActivities } from './activities/retention-activities';
import { type AircallClient, createAircallClient } from './aircall/client';
import { createDataConverter } from './encryption/data-converter';
import type { Log } from './log';
import type { Parts } from './parts';
import { RENEWAL_WORKFLOW } from './request/names';
import type { RetentionPolicy } from './retention/retention';
import { ensureRetentionSchedule } from './retention/schedule';
import { countOpen } from './temporal/open-requests';
import { ensureSearchAttributes } from './temporal/search-attributes';
import { countWaiting } from './temporal/waiting';
import { createReceipts } from './vault/receipts';
import { createAlarms } from './worker/alarms';
import { createConnectionWorkers } from './worker/connection-workers';
import { createGauges } from './worker/gauges';
import { createMetrics } from './worker/metrics';
import type { Tracing } from './worker/tracing';
import { workflowBundle as ownBundle } from './workflow-bundle';
import type { Renewable } from './workflows/renew-credential';

export interface ServiceOptions {
  readonly native: NativeConnection;
  readonly parts: Parts;
  readonly log: Log;
  /** Where metrics are told; where not given, nothing is counted for them. */
  readonly meter?: MetricMeter | undefined;
  /** Where traces go; where not given there are none. */
  readonly tracing?: Tracing | undefined;
  /** Another one than that of this version. */
  readonly workflowBundle?: WorkflowBundleOption;
  /** How long ended requests are kept; where not given, no sweep is scheduled. */
  readonly retention?: RetentionPolicy;
  /** Where alarms about due dates are sent, besides log and metrics. */
  readonly alarmWebhook?: string;
  /** Runs whose state is kept between their tasks; the SDK's default where not given. 0: each task replays its history. */
  readonly maxCachedWorkflows?: number;
  /** How often the vault is looked at for connections; 5 s where not given. */
  readonly lookEveryMs?: number;
}

export interface Service {
  /** What keeps it from its work now; empty where all is well. */
  problems(): string[];
  /** Rejects where the service cannot go on. Resolves after `stop`. */
  readonly ended: Promise<void>;
  /** Takes no new steps, lets those in flight end, then closes. */
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 5_000;
/** Above the longest step, so that a step in flight ends and is counted. */
const SHUTDOWN_GRACE = '50 seconds';
const SHUTDOWN_FORCE = '60 seconds';

/** Starts serving every connection of the vault; resolves when steps are taken. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { native, parts, log } = options;
  const { temporal, taskQueue, keyring, vault, connections, cases, retention, evidence } = parts;
  const { namespace } = temporal.options;
  await ensureSearchAttributes(temporal.connection, namespace);

  const aircall: AircallClient = createAircallClient();
  const unknownKeys = new Set<string>();
  const dataConverter: DataConverter = createDataConverter(keyring, {
    onUnknownKey(keyId) {
      if (!unknownKeys.has(keyId))
        log({
          level: 'error',
          message: `a payload needs key ${keyId}, which the key file does not hold; its request waits for it`,
          code: 'unknown-key',
          keyId,
        });
      unknownKeys.add(keyId);
    },
  });
  const workflowBundle = options.workflowBundle ?? (await ownBundle());
  const receipts = createReceipts({ vault, keyring, workflows: digestOf(workflowBundle), now: Date.now });
  const policy = options.retention;
  if (policy !== undefined) await ensureRetentionSchedule(temporal, taskQueue, log);
  const sweeping =
    policy === undefined
      ? {}
      : createRetentionActivities({ retention, policy, evidence, lateReceipts: parts.lateReceipts, log });
  const metrics = createMetrics(options.meter ?? noopMetricMeter);
  const alarms = createAlarms({
    metrics,
    log,
    signingKey: keyring.signingKey,
    now: Date.now,
    ...(options.alarmWebhook !== undefined && { webhook: options.alarmWebhook }),
  });
  const { api, local } = createActivities({
    alarms,
    connections,
    cases,
    receipts,
    aircall,
    gates: createGates(),
    onAnswer: (connection, answer) => metrics.add('aircall_dsr_api_requests_total', { connection, answer }, 1),
    async onRateLimit(connection, { limitPerMinute }) {
      await connections.noteRateLimit(connection, new Date(), limitPerMinute);
      void workers.lookAt(connection); // it may have named a lower limit
    },
    hash: keyring.hash,
    now: Date.now,
    random: Math.random,
    isOpen: (workflowId, runId) => isOpen(temporal, workflowId, runId),
    onRefused: connection =>
      log({
        level: 'error',
        message: `Aircall refuses its credentials; its requests wait for \`aircall-dsr connect ${connection}\``,
        connection,
        code: 'unauthorized',
      }),
    onEnded(request, result) {
      const { connection, kind } = request;
      const { status, verification } = result;
      options.tracing?.ended(request, result);
      if (status !== 'purged') metrics.add('aircall_dsr_requests_ended_total', { kind, status }, 1);
      if (verification?.state === 'residual') metrics.add('aircall_dsr_deletions_residual_total', { connection }, 1);
    },
  });

  const common = {
    connection: native,
    namespace,
    dataConverter,
    shutdownGraceTime: SHUTDOWN_GRACE,
    shutdownForceTime: SHUTDOWN_FORCE,
    ...(options.tracing && { interceptors: { activity: [options.tracing.interceptor] } }),
  };
  const requests = await Worker.create({
    ...common,
    taskQueue,
    workflowBundle,
    activities: { ...local, ...sweeping },
    maxConcurrentActivityTaskExecutions: 20,
    ...(options.maxCachedWorkflows !== undefined && { maxCachedWorkflows: options.maxCachedWorkflows }),
  });

  const gauges =
    options.meter &&
    createGauges({
      metrics,
      countWaiting: name => countWaiting(temporal, taskQueue, name),
      countOpen: (kind, now, soon) => countOpen(temporal, taskQueue, { kind, now, soon }),
    });
  const workers = createConnectionWorkers({
    connections,
    server: temporal.connection,
    namespace,
    taskQueue,
    workerOptions: { ...common, activities: api },
    watch: gauges,
    renew: due => startRenewal(temporal, taskQueue, due),
    log,
  });

  await workers.look();
  let stopping = false;
  let blind = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  const problems = () => [
    ...(requests.getState() === 'RUNNING' && !stopping ? [] : ['the worker is ending']),
    ...(blind ? ['the vault or the Temporal server could not be asked at the last look'] : []),
    // A key that came meanwhile is no problem any more.
    ...[...unknownKeys].filter(id => !keyring.ids.includes(id)).map(id => `key ${id} is missing in the key file`),
  ];
  const lookAgain = () => {
    timer = setTimeout(() => {
      looking = workers
        .look()
        .then(() => gauges?.count())
        .then(() => {
          blind = false;
        })
        .catch(error => {
          blind = true;
          const kind = error instanceof Error ? error.name : 'unknown';
          log({ level: 'error', message: `connections could not be looked at (${kind})`, code: kind });
        });
      void looking.then(() => {
        gauges?.ready(problems().length === 0);
        if (!stopping) lookAgain();
      });
    }, options.lookEveryMs ?? LOOK_EVERY_MS);
  };
  const running = requests.run();
  lookAgain();

  const ended = running.finally(async () => {
    stopping = true;
    clearTimeout(timer);
    await looking;
    await workers.stop();
    aircall.close();
  });
  ended.catch(() => {}); // told by `ended` to whoever waits for it
  return {
    ended,
    problems,
    async stop() {
      if (requests.getState() === 'RUNNING') requests.shutdown();
      await ended;
    },
  };
}

/** One at a time for each connection, whoever sees first that it is due. */
async function startRenewal(temporal: Client, taskQueue: string, due: Renewable): Promise<void> {
  await temporal.workflow.start<(due: Renewable) => Promise<unknown>>(RENEWAL_WORKFLOW, {
    taskQueue,
    workflowId: `${taskQueue}/renewal/${due.connection}`,
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `Renew the credential of ${due.connection} before it expires`,
    args: [due],
  });
}

function digestOf(bundle: WorkflowBundleOption): string {
  const code = 'code' in bundle ? bundle.code : readFileSync(bundle.codePath);
  return createHash('sha256').update(code).digest('hex');
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

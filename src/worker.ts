/**
 * The service: joins configuration, vault, Aircall client and steps into workers. One workflow worker per process, one
 * activity-only worker per connection on that connection's own queue, whose rate limit is its API budget. It picks up
 * connections that are added, changed or removed while it runs. Decisions D1, D2.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { type MetricMeter, noopMetricMeter } from '@temporalio/common';
import { type NativeConnection, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { registered } from './activities';
import { DOWNLOADS_AT_ONCE } from './activities/audio';
import { createRetentionActivities } from './activities/retention-activities';
import { createWakingActivities } from './activities/waking';
import { type AircallClient, createAircallClient } from './aircall/client';
import { createDataConverter } from './encryption/data-converter';
import type { Log } from './log';
import { createMediaClient } from './media/client';
import type { NamedHost } from './media/hosts';
import type { Parts } from './parts';
import type { Renewable } from './request/contracts';
import { RENEWAL_WORKFLOW, renewalId } from './request/names';
import type { WaitDelays } from './request/waits';
import type { RetentionPolicy } from './retention/retention';
import { ensureRetentionSchedule } from './retention/schedule';
import { createSweep } from './retention/sweep';
import { countOpen } from './temporal/open-requests';
import { createPermits } from './temporal/permits';
import { workersOn } from './temporal/queue-rate';
import { ensureSearchAttributes } from './temporal/search-attributes';
import { countWaiting, signalWaiting, wakeWaiting } from './temporal/waiting';
import { createAlarms } from './worker/alarms';
import { createConnectionWorkers } from './worker/connection-workers';
import { createGauges } from './worker/gauges';
import { endsInTime } from './worker/in-time';
import { createMetrics } from './worker/metrics';
import { createMissingKeys } from './worker/missing-keys';
import { startPolling } from './worker/polling';
import { createSteps } from './worker/steps';
import type { Tracing } from './worker/tracing';
import { workflowBundle as ownBundle } from './workflow-bundle';
import type { renewCredential } from './workflows/renew-credential';

export interface ServiceOptions {
  readonly native: NativeConnection;
  /** Called at each poll: a connection that replaces `native`, if the credentials for the server have changed. */
  readonly reconnect?: () => Promise<NativeConnection | undefined>;
  readonly parts: Parts;
  readonly log: Log;
  /** Receives the metrics; if not given, nothing is counted for them. */
  readonly meter?: MetricMeter | undefined;
  /** Receives the traces; if not given, there are none. */
  readonly tracing?: Tracing | undefined;
  /** A bundle other than that of this version. */
  readonly workflowBundle?: WorkflowBundleOption;
  /** How long ended requests are kept; if not given, no sweep is scheduled. */
  readonly retention?: RetentionPolicy;
  /** Hosts that recordings may come from, besides Aircall's storage. */
  readonly mediaHosts?: readonly NamedHost[];
  /** Address that alarms about due dates are sent to, besides log and metrics. */
  readonly alarmWebhook?: string;
  /** How often the vault is checked for connections; 5 s if absent. */
  readonly pollEveryMs?: number;
  /** How often requests that wait look by themselves, if not as `WAIT_DELAYS` says. */
  readonly waitDelays?: WaitDelays | undefined;
}

export interface Service {
  /** Problems that keep it from its work now; empty if all is well. */
  problems(): string[];
  /** Rejects if the service cannot continue, or did not end in time. Resolves after `stop`. */
  readonly ended: Promise<void>;
  /**
   * Takes no new steps and lets those in flight end; after 50 seconds it stops them. It settles within 65 seconds.
   * @throws {ShutdownOverdue}
   */
  stop(): Promise<void>;
}

/** Something of a stopped service does not end: only the end of its process ends it. */
export class ShutdownOverdue extends Error {
  readonly code = 'shutdown-overdue' as const;
  override readonly name = 'ShutdownOverdue';
  constructor() {
    super('The worker was stopped, and a part of it does not end: the vault or the Temporal server may hang.');
  }
}

const POLL_EVERY_MS = 5_000;
/** A poll of many connections takes some seconds. */
const POLLED_WITHIN_MS = 30_000;
/** With the time between two calls less than ten seconds. */
const SERVER_ANSWERS_WITHIN_MS = 4_000;
/** Above the longest API request, so that a step in flight ends and is counted. Then it is stopped. */
const SHUTDOWN_GRACE = '50 seconds';
/** For steps to stop, and the server to get to know it. */
const SHUTDOWN_FORCE = '60 seconds';
const ENDED_WITHIN_MS = 65_000;

/** On the main queue, however many downloads there are. */
const OTHER_STEPS_AT_ONCE = 12;

/** Starts serving every connection of the vault; resolves when steps are taken. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { native, parts, log } = options;
  const { temporal, taskQueue, keyring, connections } = parts;
  const { namespace } = temporal.options;
  if ((await ensureSearchAttributes(temporal.connection, namespace)) === 'unknown')
    log({
      level: 'warn',
      message: `the Temporal server does not tell whether the namespace ${namespace} has the search attributes of docs/operate/install.md; if one is missing, it refuses to start requests`,
    });

  const aircall: AircallClient = createAircallClient();
  const media = createMediaClient({ hosts: options.mediaHosts ?? [] });
  const missingKeys = createMissingKeys({ keyring, cases: parts.cases, log, now: () => performance.now() });
  const dataConverter = createDataConverter(keyring, missingKeys.role);
  const workflowBundle = options.workflowBundle ?? (await ownBundle());
  const policy = options.retention;
  if (policy !== undefined) await ensureRetentionSchedule(temporal, taskQueue, log);
  const metrics = createMetrics(options.meter ?? noopMetricMeter);
  const sweeping =
    policy === undefined
      ? {}
      : createRetentionActivities(
          createSweep({ ...parts, policy, log, onLeft: () => metrics.add('aircall_dsr_retention_left_total', {}, 1) }),
        );
  const alarms = createAlarms({
    metrics,
    log,
    signingKey: keyring.signingKey,
    now: Date.now,
    ...(options.alarmWebhook !== undefined && { webhook: options.alarmWebhook }),
  });
  const permits = createPermits(temporal, taskQueue);
  const { api, local } = createSteps({
    parts,
    workflows: bundleDigest(workflowBundle),
    aircall,
    media,
    alarms,
    metrics,
    tracing: options.tracing,
    permits,
    onNewLimit: connection => void workers.checkNow(connection),
    waitDelays: options.waitDelays,
    log,
  });

  const waking = createWakingActivities({
    wakePage: (connection, page) => signalWaiting(temporal, taskQueue, connection, page),
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
    sinks: missingKeys.sinks,
    activities: registered({ ...local, ...sweeping, ...waking }),
    maxConcurrentActivityTaskExecutions: DOWNLOADS_AT_ONCE + OTHER_STEPS_AT_ONCE,
  });

  const gauges =
    options.meter &&
    createGauges({
      metrics,
      countWaiting: name => countWaiting(temporal, taskQueue, name, new Date()),
      countOpen: (kind, now, soon) => countOpen(temporal, taskQueue, { kind, now, soon }),
      countWorkers: () => workersOn({ connection: temporal.connection, namespace, taskQueue }),
      now: Date.now,
      random: Math.random,
    });
  const workers = createConnectionWorkers({
    connections,
    server: temporal.connection,
    namespace,
    taskQueue,
    workerOptions: { ...common, activities: registered(api) },
    permits,
    watch: gauges,
    renew: due => startRenewal(temporal, taskQueue, due),
    wake: name => wakeWaiting(temporal, taskQueue, name),
    log,
  });

  await workers.poll();
  const problems = () => [
    ...(requests.getState() === 'RUNNING' && !stopping ? [] : ['the worker is ending']),
    ...polling.problems(),
    ...server.problems(),
    ...workers.problems(),
    ...missingKeys.problems(),
  ];
  let stopping = false;
  const running = requests.run();
  let present = native;
  const everyMs = options.pollEveryMs ?? POLL_EVERY_MS;
  const polling = startPolling({
    everyMs,
    withinMs: POLLED_WITHIN_MS,
    polls: [
      { run: () => workers.poll(), failure: 'connections could not be checked' },
      { run: async () => gauges?.count(), failure: 'requests could not be counted' },
    ],
    afterwards: () => gauges?.ready(problems().length === 0),
    log,
  });

  /** Where nothing has changed this does nothing; a worker that could not take the change tries again. */
  async function reconnect(): Promise<void> {
    present = (await options.reconnect?.()) ?? present;
    workers.reconnect(present);
    requests.connection = present;
  }
  /** Apart from the other polls, which a vault may hold up. */
  const server = startPolling({
    everyMs,
    withinMs: SERVER_ANSWERS_WITHIN_MS,
    polls: [
      { run: reconnect, failure: 'changed credentials for the Temporal server cannot be used' },
      { run: () => callServer(temporal), failure: 'the Temporal server does not answer' },
    ],
    log,
  });

  /** All parts end at the same time. @throws {ShutdownOverdue} */
  async function end(): Promise<void> {
    stopping = true;
    if (requests.getState() === 'RUNNING') requests.shutdown();
    const ends = Promise.allSettled([running, workers.stop(), polling.stop(), server.stop()]);
    const isInTime = await endsInTime(ends, ENDED_WITHIN_MS);
    aircall.close();
    media.close();
    if (!isInTime || (await ends).some(({ status }) => status === 'rejected')) throw new ShutdownOverdue();
  }

  const stop = new AbortController();
  const ended = Promise.race([running, once(stop.signal, 'abort')]).then(end, async (error: unknown) => {
    await end().catch(() => {}); // the first error says more
    throw error;
  });
  ended.catch(() => {}); // the caller that waits for `ended` gets the error
  return {
    ended,
    problems,
    async stop() {
      stop.abort();
      await ended;
    },
  };
}

/** Reads the namespace, so that the server has to read its database. */
async function callServer({ connection, options: { namespace } }: Client): Promise<void> {
  await connection.workflowService.describeNamespace({ namespace });
}

/** One renewal for each credential, by the first worker that sees that it is to come. */
async function startRenewal(temporal: Client, taskQueue: string, due: Renewable): Promise<void> {
  const workflowId = renewalId(taskQueue, due.connection, due.failedVersion);
  await temporal.workflow.start<typeof renewCredential>(RENEWAL_WORKFLOW, {
    taskQueue,
    workflowId,
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `Renew the credential of ${due.connection} before it expires`,
    args: [{ workflowId, ...due }],
  });
}

function bundleDigest(bundle: WorkflowBundleOption): string {
  const code = 'code' in bundle ? bundle.code : readFileSync(bundle.codePath);
  return createHash('sha256').update(code).digest('hex');
}

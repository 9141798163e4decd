/** The command that serves: all connections of the vault, until it is asked to end. */
import { setFlagsFromString } from 'node:v8';
import type { MetricMeter } from '@temporalio/common';
import { NativeConnection } from '@temporalio/worker';
import {
  configuredAlarmWebhook,
  configuredKeyring,
  configuredRetention,
  configuredTaskQueue,
  configuredTracing,
  configuredVault,
} from '../config';
import { createLog } from '../log';
import { connectTemporal, temporalConfig } from '../temporal/connect';
import { probeVault } from '../vault/probe';
import { startService } from '../worker';
import { serveHealth } from '../worker/health';
import { parseListen } from './listen';
import { CommandError, EXIT, type Exit, type ServiceOutput } from './output';
import { installRuntime } from './quiet-logger';

/** Collects garbage early, in every thread: else a busy process keeps hundreds of megabytes of it, whatever the company. */
const HEAP_FLAGS = ['--heap-growing-percent=10', '--max-semi-space-size=4'];

/** An orchestrator asks from outside of the container; what it answers is nobody's secret. */
const HEALTH_HOST = '0.0.0.0';

export interface WorkerOptions extends ServiceOutput {
  readonly metrics?: string;
  readonly healthPort?: string;
}

export async function worker(options: WorkerOptions): Promise<Exit> {
  const metrics = options.metrics === undefined ? undefined : parseListen(options.metrics, '--metrics');
  const healthPort = options.healthPort === undefined ? undefined : portOf(options.healthPort);
  const log = createLog(options.log);
  const keyring = configuredKeyring();
  keyring.signingKey(); // without one no request could end
  const taskQueue = configuredTaskQueue();
  const retention = configuredRetention();
  const alarmWebhook = configuredAlarmWebhook();
  const vault = await configuredVault(keyring);
  await probeVault(vault);
  let problems = () => ['starting'];
  const health =
    healthPort === undefined
      ? undefined
      : await serveHealth({ host: HEALTH_HOST, port: healthPort, problems: () => problems() }).catch(() => {
          throw new CommandError('configuration', 'The port of --health-port cannot be used.', EXIT.usage);
        });
  for (const flag of HEAP_FLAGS) setFlagsFromString(flag);
  let meter: MetricMeter | undefined;
  try {
    meter = installRuntime(log, metrics);
  } catch {
    throw new CommandError('configuration', 'The address of --metrics cannot be used.', EXIT.usage);
  }
  const temporal = await connectTemporal(keyring);
  const native = await NativeConnection.connect(temporalConfig().connectionOptions);
  const tracing = configuredTracing()
    ? (await import('../worker/tracing.js')).createTracing({ namespace: temporal.options.namespace, log })
    : undefined;
  const service = await startService({
    native,
    temporal,
    taskQueue,
    keyring,
    vault,
    retention,
    meter,
    tracing,
    ...(alarmWebhook !== undefined && { alarmWebhook }),
    log,
  });
  problems = service.problems;
  const asked = () => {
    log({ level: 'info', message: 'ending: steps in flight are finished' });
    void service.stop().catch(() => {}); // `ended` tells it
  };
  process.once('SIGTERM', asked);
  process.once('SIGINT', asked);
  log({ level: 'info', message: 'ready' });
  await service.ended;
  await tracing?.stop();
  await health?.close();
  await native.close();
  await temporal.connection.close();
  return EXIT.done;
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new CommandError('usage', '--health-port takes a port, 1 to 65535.', EXIT.usage);
}

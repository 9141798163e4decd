/** The command that serves: all connections of the vault, until it is stopped. */
import type { MetricMeter } from '@temporalio/common';
import { NativeConnection } from '@temporalio/worker';
import { probeVault } from '../vault/probe';
import { startService } from '../worker';
import { serveHealth } from '../worker/health';
import { endsInTime } from '../worker/in-time';
import type { Context } from './context';
import { type CommandEnd, CommandError, EXIT, exitOf, usage } from './errors';
import { parseListen } from './listen';

/** An orchestrator calls from outside the container. The answer holds no secret. */
const HEALTH_HOST = '0.0.0.0';
/** The last spans are sent, connections closed. With the end of the service itself less than 70 seconds. */
const CLOSED_WITHIN_MS = 4_000;

export interface WorkerOptions {
  readonly metrics?: string;
  readonly healthPort?: string;
}

export async function worker(context: Context, options: WorkerOptions): Promise<CommandEnd> {
  const metrics = options.metrics === undefined ? undefined : parseListen(options.metrics, '--metrics');
  const healthPort = options.healthPort === undefined ? undefined : portOf(options.healthPort);
  const { terminal, config } = context;
  const { log, io } = terminal;
  context.keyring().signingKey(); // a key file of another role serves no request
  config.taskQueue();
  const retention = config.retention();
  const alarmWebhook = config.alarmWebhook();
  await probeVault((await context.stores()).vault);
  let problems = () => ['starting'];
  const health =
    healthPort === undefined
      ? undefined
      : await serveHealth({ host: HEALTH_HOST, port: healthPort, problems: () => problems() }).catch(() => {
          throw new CommandError('configuration', 'The port of --health-port cannot be used.', EXIT.usage);
        });
  let meter: MetricMeter | undefined;
  try {
    meter = await io.installRuntime(log, metrics);
  } catch (error) {
    if (metrics === undefined) throw error;
    throw new CommandError('configuration', 'The address of --metrics cannot be used.', EXIT.usage);
  }
  const parts = await context.parts();
  const { temporal } = parts;
  const native = await NativeConnection.connect(config.temporal().connectionOptions);
  const tracing = config.tracing()
    ? (await import('../worker/tracing.js')).createTracing({ namespace: temporal.options.namespace, log })
    : undefined;
  const service = await startService({
    native,
    parts,
    retention,
    meter,
    tracing,
    ...(alarmWebhook !== undefined && { alarmWebhook }),
    log,
    ...(io.pollMs !== undefined && { pollEveryMs: io.pollMs }),
  });
  problems = service.problems;
  void terminal.stopped().then(async () => {
    log({ level: 'info', message: 'ending: steps in flight are finished' });
    await service.stop().catch(() => {}); // `ended` reports the failure
  });
  log({ level: 'info', message: 'ready' });
  const exit = await service.ended.then(
    () => EXIT.done,
    error => {
      terminal.error(error);
      return exitOf(error);
    },
  );
  await endsInTime(Promise.allSettled([tracing?.stop(), health?.close(), native.close()]), CLOSED_WITHIN_MS);
  return { atOnce: exit }; // a step that was left behind may still wait for the vault
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw usage('--health-port takes a port, 1 to 65535.');
}

/** The command that serves: all connections of the vault, until it is stopped. */
import { isDeepStrictEqual } from 'node:util';
import type { MetricMeter } from '@temporalio/common';
import { NativeConnection } from '@temporalio/worker';
import type { TemporalConfiguration } from '../temporal/connect';
import { probeVault } from '../vault/probe';
import { type Service, startService } from '../worker';
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
  const configured = config.temporal();
  const parts = await context.parts();
  const { temporal } = parts;
  const server = await connectServer(context, configured);
  const tracing = config.tracing()
    ? (await import('../worker/tracing.js')).createTracing({ namespace: temporal.options.namespace, log })
    : undefined;
  const close = () =>
    endsInTime(Promise.allSettled([tracing?.stop(), health?.close(), server.close()]), CLOSED_WITHIN_MS);
  const starting = startService({
    native: server.native,
    reconnect: server.reconnect,
    parts,
    retention,
    meter,
    tracing,
    mediaHosts: config.mediaHosts(),
    ...(alarmWebhook !== undefined && { alarmWebhook }),
    log,
    ...(io.pollMs !== undefined && { pollEveryMs: io.pollMs }),
  });
  let service: Service;
  try {
    service = await starting;
  } catch (error) {
    terminal.error(error);
    await close();
    return { atOnce: exitOf(error) }; // workers that were made already would keep the process alive
  }
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
  await close();
  return { atOnce: exit }; // a step that was left behind may still wait for the vault
}

/** The worker's own connection to the server; `reconnect` replaces it if the credentials have changed since they were configured. */
async function connectServer({ config, terminal, reconnect }: Context, configured: TemporalConfiguration) {
  let present = configured;
  const native = await NativeConnection.connect(present.connectionOptions);
  /** The one in use is the last. */
  const opened = new Set([native]);
  /** One that a worker still uses cannot be closed: it is tried again. */
  async function close(connections: readonly NativeConnection[]): Promise<void> {
    for (const each of connections)
      await each.close().then(
        () => opened.delete(each),
        () => undefined,
      );
  }
  return {
    native,
    async reconnect(): Promise<NativeConnection | undefined> {
      await close([...opened].slice(0, -2)); // polls that wait on the one before end by themselves
      const next = config.temporal();
      next.connectionOptions.address = present.connectionOptions.address; // another server would have other requests
      if (isDeepStrictEqual(next.connectionOptions, present.connectionOptions)) return undefined;
      await reconnect(next);
      const replacing = await NativeConnection.connect(next.connectionOptions);
      opened.add(replacing);
      present = next;
      terminal.log({ level: 'info', message: 'connected again: the credentials for the Temporal server have changed' });
      return replacing;
    },
    close: () => close([...opened]),
  };
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw usage('--health-port takes a port, 1 to 65535.');
}

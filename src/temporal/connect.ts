/**
 * The address of the Temporal server: Temporal's own environment configuration (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TLS, API key,
 * profile file), read in one place for clients and workers.
 */
import { Client, Connection, type ConnectionLike } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { createDataConverter } from '../encryption/data-converter';
import type { Keyring } from '../encryption/keyring';
import { boundedCalls, CALL_TIMES, type CallTimes } from './deadline';
import { grpcErrorOf, PERMISSION_DENIED, UNAUTHENTICATED } from './grpc-status';

const CONNECT_TIMEOUT_MS = 10_000;
/** That of the SDK, for clients and workers. */
const DEFAULT_ADDRESS = 'localhost:7233';
/** The longest time until the SDK repeats a failed call, with its jitter. */
const REPEATED_WITHIN_MS = 6_000;

export class TemporalUnreachable extends Error {
  readonly code = 'temporal-unreachable' as const;
  override readonly name = 'TemporalUnreachable';
}

export type TemporalConfiguration = ReturnType<typeof temporalConfiguration>;

/** @param env variables by name; those of the process by default */
export function temporalConfiguration(env: Readonly<Record<string, string | undefined>> = process.env) {
  const overrideEnvVars = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars });
  const address = connectionOptions.address ?? DEFAULT_ADDRESS;
  return { connectionOptions: { ...connectionOptions, address }, namespace: namespace ?? 'default' };
}

/**
 * The one place that makes a client. Its calls have deadlines: they fail with Temporal's own errors if the server does not answer.
 * @param withinMs for the connection to be made
 * @throws {TemporalUnreachable} with the address that was tried, after `withinMs`
 */
export async function connectTemporal(
  keyring: Keyring,
  configuration: TemporalConfiguration = temporalConfiguration(),
  withinMs: number = CONNECT_TIMEOUT_MS,
  times: CallTimes = CALL_TIMES,
): Promise<Client> {
  return (await connectReplaceably(keyring, configuration, withinMs, times)).temporal;
}

/** A client whose connection can be replaced while it is used: certificates of a connection cannot be changed. */
export interface ReplaceableClient {
  readonly temporal: Client;
  /** Later calls use the new configuration, earlier ones end as they began. @throws {TemporalUnreachable} and changes nothing */
  replace(configuration: TemporalConfiguration): Promise<void>;
}

/** @throws {TemporalUnreachable} as `connectTemporal` */
export async function connectReplaceably(
  keyring: Keyring,
  configuration: TemporalConfiguration,
  withinMs: number = CONNECT_TIMEOUT_MS,
  times: CallTimes = CALL_TIMES,
): Promise<ReplaceableClient> {
  let present = await connect(configuration, withinMs, times);
  /** Those that may still be used. */
  const replaced = new Set<Connection>();
  /** A call that failed is repeated on the connection that it began with: on a closed one that throws where nobody can catch it. */
  function closeWhenUnused(before: Connection): void {
    replaced.add(before);
    setTimeout(() => {
      if (replaced.delete(before)) void before.close();
    }, times.historyWithinMs + REPEATED_WITHIN_MS).unref();
  }
  const connection: ConnectionLike = {
    get workflowService() {
      return present.workflowService;
    },
    get operatorService() {
      return present.operatorService;
    },
    plugins: [],
    async close() {
      const open = [present, ...replaced];
      replaced.clear();
      for (const each of open) await each.close();
    },
    ensureConnected: () => present.ensureConnected(),
    withDeadline: (deadline, work) => present.withDeadline(deadline, work),
    withMetadata: (metadata, work) => present.withMetadata(metadata, work),
    withAbortSignal: (signal, work) => present.withAbortSignal(signal, work),
  };
  const { namespace } = configuration;
  return {
    temporal: new Client({ connection, namespace, dataConverter: createDataConverter(keyring) }),
    async replace(next) {
      const before = present;
      present = await connect(next, withinMs, times);
      closeWhenUnused(before);
    },
  };
}

async function connect(
  { connectionOptions }: TemporalConfiguration,
  withinMs: number,
  times: CallTimes,
): Promise<Connection> {
  const options = { ...connectionOptions, connectTimeout: withinMs, interceptors: [boundedCalls(times)] };
  return Connection.connect(options).catch(error => {
    throw new TemporalUnreachable(whyUnreachable(error, connectionOptions.address));
  });
}

/** Statuses by which a server refuses the caller. */
const REFUSALS: ReadonlyMap<number | undefined, string> = new Map([
  [PERMISSION_DENIED, 'PERMISSION_DENIED'],
  [UNAUTHENTICATED, 'UNAUTHENTICATED'],
]);

function whyUnreachable(error: unknown, address: string): string {
  const refusal = REFUSALS.get(grpcErrorOf(error)?.code);
  return refusal === undefined
    ? `No Temporal server answers at ${address}. Start one, or set TEMPORAL_ADDRESS; with TLS, check the certificates.`
    : `The Temporal server at ${address} refuses us (${refusal}). Check TEMPORAL_API_KEY, TEMPORAL_NAMESPACE and the certificates.`;
}

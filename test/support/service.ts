/**
 * A whole service for a test: sandbox over real HTTP, folder vault, key file, worker and client on the run's Temporal
 * server. Every service has a task queue and a connection name of its own, so that test files do not meet.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';
import {
  type ActivityInterceptorsFactory,
  DefaultLogger,
  makeTelemetryFilterString,
  NativeConnection,
  Runtime,
  type WorkflowBundleOption,
} from '@temporalio/worker';
import { type Sandbox, type SandboxCompany, type SandboxOptions, startSandbox } from '../../sandbox';
import type { RequestResult } from '../../src/client';
import { generateKeyFile } from '../../src/encryption/key-file';
import { loadKeyring } from '../../src/encryption/keyring';
import { textOf } from '../../src/log';
import { createParts, createStores, type Parts } from '../../src/parts';
import type { WaitDelays } from '../../src/request/waits';
import type { RetentionPolicy } from '../../src/retention/retention';
import { connectTemporal } from '../../src/temporal/connect';
import {
  type Credential,
  nextCredentialVersion,
  type Connection as StoredConnection,
} from '../../src/vault/connections';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { type Service, startService } from '../../src/worker';
import { makeFolder, removeFolder } from './folders';
import { atEnd } from './group';

export interface TestService extends Parts {
  readonly sandbox: Sandbox;
  readonly company: SandboxCompany;
  /** Name of the connection to `company`. */
  readonly connection: string;
  readonly folder: string;
  readonly log: string[];
  /** Of the worker, as `/readyz` lists them. */
  problems(): string[];
  /** Does nothing if it runs. */
  startWorker(): Promise<void>;
  stopWorker(): Promise<void>;
  /** Stops the worker for some work and starts it again, however the work ends. */
  withoutWorker<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Does some work beside another process of the same deployment, as far as one process can be two: nothing is shared but
   * server and vault.
   */
  withAnotherWorker<T>(
    work: () => Promise<T>,
    retention?: RetentionPolicy,
    interceptor?: ActivityInterceptorsFactory,
  ): Promise<T>;
  /** Stores the sandbox company under `connection`, with its API key unless told otherwise. */
  connect(credential?: Credential): Promise<void>;
  /** Stores another company of the sandbox and answers the name of its connection. */
  connectCompany(company: string, credential?: Credential): Promise<string>;
  packageOf(result: RequestResult): Promise<Buffer>;
  stop(): Promise<void>;
}

export interface TestServiceOptions {
  readonly sandbox?: SandboxOptions;
  readonly company?: string;
  readonly address?: string;
  readonly limitPerMinute?: number;
  readonly worker?: boolean;
  /** With the other files of its process it shares all but sandbox and connections. */
  readonly shares?: boolean;
  readonly retention?: RetentionPolicy;
  /** Of workflows that differ from those of this version. */
  readonly workflowBundle?: WorkflowBundleOption;
  /** How often requests that wait look by themselves. */
  readonly waitDelays?: WaitDelays;
  /** How often the worker checks the connections. */
  readonly pollEveryMs?: number;
}

/** High enough that a test is not slowed down by its budget. */
const LIMIT_PER_MINUTE = 10_000;

export function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`${name} is not set: run the tests with \`npm test\`, whose set-up starts the server`);
  return value;
}

let runtimeInstalled = false;

/** One runtime for a test file, quiet unless its lines are asked for: then with all that the SDK and its core can say. */
export function installRuntime(onLine?: (line: string) => void): void {
  if (runtimeInstalled) return;
  runtimeInstalled = true;
  const told =
    onLine && new DefaultLogger('DEBUG', ({ message, meta }) => onLine(`${message} ${inspect(meta, INSPECT)}`));
  Runtime.install({
    logger: told ?? new DefaultLogger('ERROR'),
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: told ? 'DEBUG' : 'ERROR' }), forward: {} },
    },
  });
}

/** Everything that an object or an error holds. */
const INSPECT = { depth: null, breakLength: Number.POSITIVE_INFINITY, maxStringLength: null, maxArrayLength: null };

/** What belongs to a deployment rather than to a test: server, vault, keys and workers. */
interface Deployment
  extends Pick<
    TestService,
    'folder' | 'log' | 'problems' | 'startWorker' | 'stopWorker' | 'withoutWorker' | 'withAnotherWorker' | 'stop'
  > {
  readonly name: string;
  readonly parts: Parts;
}

async function deploy(
  address: string,
  {
    retention: policy,
    workflowBundle = { codePath: environment('TEST_WORKFLOW_BUNDLE') },
    waitDelays,
    pollEveryMs = 1000,
  }: Pick<TestServiceOptions, 'retention' | 'workflowBundle' | 'waitDelays' | 'pollEveryMs'> = {},
): Promise<Deployment> {
  installRuntime();
  const name = `t${randomBytes(5).toString('hex')}`;
  const folder = makeFolder();
  const keyFile = join(folder, 'keys.json');
  generateKeyFile(keyFile, new Date());
  const keyring = loadKeyring(keyFile);
  const stores = createStores({ keyring, vault: createVault(createFolderDriver(join(folder, 'vault')), keyring) });
  const log: string[] = [];
  async function reach() {
    const native = await NativeConnection.connect({ address });
    const temporal = await connectTemporal(keyring, { connectionOptions: { address }, namespace: 'default' });
    const parts = createParts(stores, { temporal, taskQueue: name });
    return {
      parts,
      serve: (retention: RetentionPolicy | undefined, interceptor?: ActivityInterceptorsFactory) =>
        startService({
          native,
          parts,
          log: line => log.push(textOf(line)),
          workflowBundle,
          pollEveryMs,
          waitDelays,
          ...(retention && { retention }),
          ...(interceptor && { tracing: { interceptor, ended() {}, async stop() {} } }),
        }),
      async close() {
        await native.close();
        await temporal.connection.close();
      },
    };
  }
  const { parts, serve, close } = await reach();
  let service: Service | undefined;
  const deployment: Deployment = {
    name,
    folder,
    parts,
    log,
    problems: () => service?.problems() ?? [],
    async startWorker() {
      service ??= await serve(policy);
    },
    async stopWorker() {
      await service?.stop();
      service = undefined;
    },
    async withoutWorker(work) {
      await deployment.stopWorker();
      try {
        return await work();
      } finally {
        await deployment.startWorker();
      }
    },
    async withAnotherWorker(work, retention = policy, interceptor) {
      const other = await reach();
      const { stop } = await other.serve(retention, interceptor);
      try {
        return await work();
      } finally {
        await stop();
        await other.close();
      }
    },
    async stop() {
      await deployment.stopWorker();
      if (process.env.TEST_REPLAY_EVERY_RUN === '1')
        await (await import('./every-run.js')).replayEveryRun(parts, workflowBundle);
      await close();
      removeFolder(folder);
    },
  };
  return deployment;
}

let shared: Promise<Deployment> | undefined;

/** One for all files of a process, which ends with the process. */
function sharedDeployment(): Promise<Deployment> {
  shared ??= deploy(environment('TEST_TEMPORAL_ADDRESS')).then(async deployment => {
    await deployment.startWorker();
    atEnd(() => deployment.stop());
    return deployment;
  });
  return shared;
}

export async function startTestService(options: TestServiceOptions = {}): Promise<TestService> {
  const { shares = false, worker = true } = options;
  const deployment = shares
    ? await sharedDeployment()
    : await deploy(options.address ?? environment('TEST_TEMPORAL_ADDRESS'), options);
  const { parts, folder, log, problems, startWorker, stopWorker, withoutWorker, withAnotherWorker } = deployment;
  const sandbox = await startSandbox(options.sandbox);
  const company = sandbox.company(options.company ?? 'acme');
  const name = shares ? `t${randomBytes(5).toString('hex')}` : deployment.name;
  const stored = new Set<string>();
  async function store(connection: string, to: SandboxCompany, credential?: Credential): Promise<void> {
    const next = (present?: StoredConnection): StoredConnection => ({
      name: connection,
      baseUrl: sandbox.baseUrl,
      limitPerMinute: options.limitPerMinute ?? LIMIT_PER_MINUTE,
      share: 0.75,
      credential: credential ?? { kind: 'api-key', apiId: to.apiId, apiToken: to.apiToken },
      credentialVersion: nextCredentialVersion(present, Date.now()),
      connectedAt: new Date().toISOString(),
      incarnation: 1,
    });
    stored.add(connection);
    if (!(await parts.connections.put(next(), undefined))) await parts.connections.change(connection, next);
  }
  const service: TestService = {
    ...parts,
    sandbox,
    company,
    connection: name,
    folder,
    log,
    problems,
    startWorker,
    stopWorker,
    withoutWorker,
    withAnotherWorker,
    connect: credential => store(name, company, credential),
    async connectCompany(other, credential) {
      const connection = `${name}-${other}`;
      await store(connection, sandbox.company(other), credential);
      return connection;
    },
    async packageOf(result) {
      const file = await parts.cases.openPackage(result, result.package?.sha256 ?? '');
      if (file === undefined) throw new Error('the package is not in the vault');
      return buffer(file.read(0));
    },
    async stop() {
      if (shares) for (const connection of stored) await parts.connections.delete(connection);
      else await deployment.stop();
      await sandbox.close();
    },
  };
  await service.connect();
  if (worker && !shares) await startWorker();
  return service;
}

/** Connects each company at its first mention: what it may not read is remembered until it is connected anew. @returns the connection */
export function connectingOnce(service: () => TestService): (name: string) => Promise<string> {
  const connected = new Map<string, Promise<string>>();
  return name => {
    const known = connected.get(name) ?? service().connectCompany(name);
    connected.set(name, known);
    return known;
  };
}

/**
 * A whole service for a test: sandbox over real HTTP, folder vault, key file, worker and client on the run's Temporal
 * server. Every service has a task queue and a connection name of its own, so that test files do not meet.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime } from '@temporalio/worker';
import { type Sandbox, type SandboxCompany, type SandboxOptions, startSandbox } from '../../sandbox';
import { createEvidence } from '../../src/audit/evidence';
import { createDsrClient, type DsrClient } from '../../src/client';
import { createDataConverter } from '../../src/encryption/data-converter';
import { generateKeyFile } from '../../src/encryption/key-file';
import { type Keyring, loadKeyring } from '../../src/encryption/keyring';
import { textOf } from '../../src/log';
import type { Evidence } from '../../src/retention/evidence';
import { createLateReceipts, type LateReceipts } from '../../src/retention/late-receipts';
import { createRetention, type Retention, type RetentionPolicy } from '../../src/retention/retention';
import { type Cases, createCases } from '../../src/vault/cases';
import {
  type Connections,
  type Credential,
  createConnections,
  nextCredentialVersion,
  type Connection as StoredConnection,
} from '../../src/vault/connections';
import { createFolderDriver } from '../../src/vault/folder';
import { createReceipts, type Receipts } from '../../src/vault/receipts';
import { createVault, type Vault } from '../../src/vault/vault';
import { type Service, startService } from '../../src/worker';

export interface TestService {
  readonly sandbox: Sandbox;
  readonly company: SandboxCompany;
  /** Name of the connection to `company`. */
  readonly connection: string;
  readonly client: DsrClient;
  readonly temporal: Client;
  readonly vault: Vault;
  readonly cases: Cases;
  readonly receipts: Receipts;
  /** As the command has it, and the sweep. */
  readonly lateReceipts: LateReceipts;
  readonly retention: Retention;
  readonly evidence: Evidence;
  readonly connections: Connections;
  readonly keyring: Keyring;
  readonly folder: string;
  readonly taskQueue: string;
  readonly log: string[];
  startWorker(): Promise<void>;
  stopWorker(): Promise<void>;
  /**
   * Another process of the same deployment, as far as one process can be two: nothing is shared but server and vault.
   * Answers how to stop it.
   */
  startAnotherWorker(retention?: RetentionPolicy): Promise<() => Promise<void>>;
  /** Stores the sandbox company under `connection`, with its API key unless told otherwise. */
  connect(credential?: Credential): Promise<void>;
  /** Stores another company of the sandbox and answers the name of its connection. */
  connectCompany(company: string, credential?: Credential): Promise<string>;
  packageOf(uri: string): Promise<Buffer>;
  stop(): Promise<void>;
}

export interface TestServiceOptions {
  readonly sandbox?: SandboxOptions;
  readonly company?: string;
  readonly address?: string;
  readonly limitPerMinute?: number;
  readonly worker?: boolean;
  readonly retention?: RetentionPolicy;
}

/** High enough that a test is not slowed down by its budget. */
const LIMIT_PER_MINUTE = 10_000;

export function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`${name} is not set: run the tests with \`npm test\`, whose set-up starts the server`);
  return value;
}

/** Without a cache each task replays the whole history; test/slow/no-cache.test.ts asks for it. */
export const WORKFLOW_CACHE = process.env.TEST_NO_WORKFLOW_CACHE === '1' ? { maxCachedWorkflows: 0 } : {};

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

export async function startTestService(options: TestServiceOptions = {}): Promise<TestService> {
  installRuntime();
  const name = `t${randomBytes(5).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), 'aircall-dsr-'));
  const keyFile = join(folder, 'keys.json');
  generateKeyFile(keyFile, new Date());
  const keyring = loadKeyring(keyFile);
  const vault = createVault(createFolderDriver(join(folder, 'vault')), keyring);
  const cases = createCases(vault);
  const connections = createConnections(vault);
  const receipts = createReceipts({ vault, keyring, now: Date.now });
  const sandbox = await startSandbox(options.sandbox);
  const company = sandbox.company(options.company ?? 'acme');
  const address = options.address ?? environment('TEST_TEMPORAL_ADDRESS');
  const native = await NativeConnection.connect({ address });
  const server = await Connection.connect({ address });
  const temporal = new Client({
    connection: server,
    namespace: 'default',
    dataConverter: createDataConverter(keyring),
  });
  const lateReceipts = createLateReceipts({ temporal, cases, receipts });
  const evidence = createEvidence({ temporal, vault, keyring, taskQueue: name, now: Date.now });
  const log: string[] = [];
  async function store(connection: string, to: SandboxCompany, credential?: Credential): Promise<void> {
    const next = (present?: StoredConnection): StoredConnection => ({
      name: connection,
      baseUrl: sandbox.baseUrl,
      limitPerMinute: options.limitPerMinute ?? LIMIT_PER_MINUTE,
      share: 0.75,
      credential: credential ?? { kind: 'api-key', apiId: to.apiId, apiToken: to.apiToken },
      credentialVersion: nextCredentialVersion(present, Date.now()),
      connectedAt: new Date().toISOString(),
    });
    if (!(await connections.put(next(), undefined))) await connections.change(connection, next);
  }
  const serve = (ownNative: NativeConnection, client: Client, retention = options.retention) =>
    startService({
      native: ownNative,
      temporal: client,
      taskQueue: name,
      keyring,
      vault,
      log: line => log.push(textOf(line)),
      workflowBundle: { codePath: environment('TEST_WORKFLOW_BUNDLE') },
      lookEveryMs: 200,
      ...WORKFLOW_CACHE,
      ...(retention && { retention }),
    });
  let service: Service | undefined;

  const test: TestService = {
    sandbox,
    company,
    connection: name,
    client: createDsrClient({ temporal, keyring, taskQueue: name, recordOf: cases.record }),
    temporal,
    vault,
    cases,
    receipts,
    lateReceipts,
    retention: createRetention({ temporal, cases, lateReceipts, evidence, taskQueue: name, now: () => new Date() }),
    evidence,
    connections,
    keyring,
    folder,
    taskQueue: name,
    log,
    async startWorker() {
      service = await serve(native, temporal);
    },
    async stopWorker() {
      await service?.stop();
      service = undefined;
    },
    async startAnotherWorker(retention) {
      const itsNative = await NativeConnection.connect({ address });
      const its = await Connection.connect({ address });
      const { stop } = await serve(
        itsNative,
        new Client({ connection: its, dataConverter: createDataConverter(keyring) }),
        retention,
      );
      return async () => {
        await stop();
        await itsNative.close();
        await its.close();
      };
    },
    connect: credential => store(name, company, credential),
    async connectCompany(other, credential) {
      const connection = `${name}-${other}`;
      await store(connection, sandbox.company(other), credential);
      return connection;
    },
    async packageOf(uri) {
      const bytes = await cases.readPackage(uri);
      if (bytes === undefined) throw new Error('the package is not in the vault');
      return bytes;
    },
    async stop() {
      await test.stopWorker();
      await native.close();
      await server.close();
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await test.connect();
  if (options.worker !== false) await test.startWorker();
  return test;
}

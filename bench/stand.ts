/**
 * What a benchmark measures: a Temporal server, a sandbox, and a vault with a connection to each company, all on this
 * machine and thrown away at the end. Worker processes are the product's own command.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { startDevServer } from '../dev-server';
import { type CompanySeed, type Sandbox, startSandbox } from '../sandbox';
import { firstCredentials } from '../sandbox/credentials';
import type { Budget } from '../src/budget';
import { createDsrClient, type DsrClient, loadKeyring } from '../src/client';
import { createDataConverter } from '../src/encryption/data-converter';
import { generateKeyFile } from '../src/encryption/key-file';
import { SEARCH_ATTRIBUTES } from '../src/request/names';
import { createConnections, nextCredentialVersion } from '../src/vault/connections';
import { createFolderDriver } from '../src/vault/folder';
import { createVault } from '../src/vault/vault';
import { note } from './note';
import { type Process, type ProcessOptions, startProcess } from './processes';
import { type CompanyApart, type SandboxApart, startSandboxApart } from './sandbox-apart';

export interface Stand<S = Sandbox> {
  readonly sandbox: S;
  readonly client: DsrClient;
  /** Without our data converter, for set-ups that are not ours. */
  readonly plain: Client;
  /** As the service and its operators see them, to add and remove some while it runs. */
  readonly connections: StandConnections;
  /** `aircall-dsr worker`, ready; `nodeArgs` go before the script. */
  startWorker(label: string, nodeArgs?: readonly string[], env?: NodeJS.ProcessEnv): Promise<Process>;
  /** A script of the benchmark's own, ready; it has the product's environment: Temporal's address, vault, keys, task queue. */
  startScript(options: ProcessOptions): Promise<Process>;
}

export interface StandConnections {
  /** Connects to the company of that name. */
  add(company: string, budget: Budget): Promise<void>;
  remove(name: string): Promise<void>;
  /** Holds, or no longer holds, the requests of a connection, as `connections pause` and `resume` do, without waking any. */
  setPaused(name: string, isPaused: boolean): Promise<void>;
}

export interface StandOptions<C = CompanySeed> {
  readonly companies: readonly C[];
  /** Companies that the vault has a connection to, by name. */
  readonly connected: Readonly<Record<string, Budget>>;
  /** Where it is aborted, what is going on is left, and everything is ended. */
  readonly signal?: AbortSignal;
}

/** The service's main task queue. */
export const TASK_QUEUE = 'bench';

/** Ends everything that was started, whatever `use` does. */
export function withStand<T>(options: StandOptions, use: (stand: Stand) => Promise<T>): Promise<T> {
  return standing(options, companies => startSandbox({ companies }), use);
}

/** The same with the sandbox in a process of its own. */
export function withStandApart<T>(
  options: StandOptions<CompanyApart>,
  use: (stand: Stand<SandboxApart>) => Promise<T>,
): Promise<T> {
  return standing(options, startSandboxApart, use);
}

async function standing<C extends { readonly name: string }, S extends Pick<Sandbox, 'baseUrl' | 'close'>, T>(
  options: StandOptions<C>,
  start: (companies: readonly C[]) => Promise<S>,
  use: (stand: Stand<S>) => Promise<T>,
): Promise<T> {
  const endings: (() => Promise<unknown>)[] = [];
  try {
    const folder = await mkdtemp(join(tmpdir(), 'aircall-dsr-bench-'));
    endings.push(() => rm(folder, { recursive: true, force: true }));
    const keyFile = join(folder, 'keys.json');
    const vaultFolder = join(folder, 'vault');
    generateKeyFile(keyFile, new Date());
    const keyring = loadKeyring(keyFile);

    const server = await startDevServer({ searchAttributes: SEARCH_ATTRIBUTES, onProgress: note });
    endings.push(() => server.stop());
    const sandbox = await start(options.companies);
    endings.push(() => sandbox.close());
    const stored = createConnections(createVault(createFolderDriver(vaultFolder), keyring));
    const connections: StandConnections = {
      async add(name, budget) {
        const { apiId, apiToken } = firstCredentials(name);
        await stored.put(
          {
            name,
            baseUrl: sandbox.baseUrl,
            ...budget,
            credential: { kind: 'api-key', apiId, apiToken },
            credentialVersion: nextCredentialVersion(undefined, Date.now()),
            connectedAt: new Date().toISOString(),
            incarnation: 1,
          },
          undefined,
        );
      },
      remove: stored.delete,
      async setPaused(name, isPaused) {
        await stored.change(name, ({ pausedAt: _, ...present }) =>
          isPaused ? { ...present, pausedAt: new Date().toISOString() } : present,
        );
      },
    };
    for (const [name, budget] of Object.entries(options.connected)) await connections.add(name, budget);

    const { connection } = server.env;
    const env = {
      ...process.env,
      TEMPORAL_ADDRESS: server.address,
      AIRCALL_DSR_VAULT: vaultFolder,
      AIRCALL_DSR_KEYS: keyFile,
      AIRCALL_DSR_TASK_QUEUE: TASK_QUEUE,
    };
    const startScript: Stand['startScript'] = async script => {
      const started = await startProcess({ ...script, env: { ...env, ...script.env } });
      endings.push(() => started.kill());
      return started;
    };
    const work = use({
      sandbox,
      client: createDsrClient({
        temporal: new Client({ connection, dataConverter: createDataConverter(keyring) }),
        keyring,
        taskQueue: TASK_QUEUE,
      }),
      plain: new Client({ connection }),
      connections,
      startWorker: (label, nodeArgs = [], ownEnv = {}) =>
        startScript({ label, script: '../src/cli.js', args: ['worker'], env: ownEnv, nodeArgs }),
      startScript,
    });
    return await (options.signal === undefined ? work : Promise.race([work, rejectWhen(options.signal)]));
  } finally {
    for (const end of endings.reverse()) await end().catch(error => note(`could not clean up: ${error}`));
  }
}

async function rejectWhen(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw new Error('asked to stop');
}

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
import { createDsrClient, type DsrClient, loadKeyring } from '../src/client';
import { tell } from '../src/commands/output';
import { createDataConverter } from '../src/encryption/data-converter';
import { generateKeyFile } from '../src/encryption/keyring';
import type { Budget } from '../src/request/budget';
import { SEARCH_ATTRIBUTES } from '../src/request/names';
import { createConnections, nextCredentialVersion } from '../src/vault/connections';
import { createFolderDriver } from '../src/vault/folder';
import { createVault } from '../src/vault/vault';
import { type Process, type ProcessOptions, startProcess } from './processes';

export interface Stand {
  readonly sandbox: Sandbox;
  readonly client: DsrClient;
  /** Without our data converter, for set-ups that are not ours. */
  readonly plain: Client;
  /** `aircall-dsr worker`, ready. */
  startWorker(label: string): Promise<Process>;
  /** A script of the benchmark's own, ready; it has the product's environment: Temporal's address, vault, keys, task queue. */
  startScript(options: ProcessOptions): Promise<Process>;
}

export interface StandOptions {
  readonly companies: readonly CompanySeed[];
  /** Companies that the vault has a connection to, by name. */
  readonly connected: Readonly<Record<string, Budget>>;
  /** Where it is aborted, what is going on is left, and everything is ended. */
  readonly signal?: AbortSignal;
}

/** The service's main task queue. */
export const TASK_QUEUE = 'bench';

/** Ends everything that was started, whatever `use` does. */
export async function withStand<T>(options: StandOptions, use: (stand: Stand) => Promise<T>): Promise<T> {
  const endings: (() => Promise<unknown>)[] = [];
  try {
    const folder = await mkdtemp(join(tmpdir(), 'aircall-dsr-bench-'));
    endings.push(() => rm(folder, { recursive: true, force: true }));
    const keyFile = join(folder, 'keys.json');
    const vaultFolder = join(folder, 'vault');
    generateKeyFile(keyFile, new Date());
    const keyring = loadKeyring(keyFile);

    const server = await startDevServer({ searchAttributes: SEARCH_ATTRIBUTES, onProgress: tell });
    endings.push(() => server.stop());
    const sandbox = await startSandbox({ companies: options.companies });
    endings.push(() => sandbox.close());
    const connections = createConnections(createVault(createFolderDriver(vaultFolder), keyring));
    for (const [name, budget] of Object.entries(options.connected)) {
      const { apiId, apiToken } = sandbox.company(name);
      await connections.put(
        {
          name,
          baseUrl: sandbox.baseUrl,
          ...budget,
          credential: { kind: 'api-key', apiId, apiToken },
          credentialVersion: nextCredentialVersion(undefined, Date.now()),
          connectedAt: new Date().toISOString(),
        },
        undefined,
      );
    }

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
      startWorker: label => startScript({ label, script: '../src/cli.js', args: ['worker'], env: {} }),
      startScript,
    });
    return await (options.signal === undefined ? work : Promise.race([work, rejectWhen(options.signal)]));
  } finally {
    for (const end of endings.reverse()) await end().catch(error => tell(`could not clean up: ${error}`));
  }
}

async function rejectWhen(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw new Error('asked to stop');
}

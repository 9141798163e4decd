/** What every command is given: its terminal, its configuration, and the parts of the service, each opened when first used. */
import type { Client } from '@temporalio/client';
import type { Configuration } from '../config';
import type { Keyring } from '../encryption/keyring';
import { createParts, createStores, type Parts, type Stores } from '../parts';
import { apiTaskQueue } from '../request/names';
import type { ReplaceableClient, TemporalConfiguration } from '../temporal/connect';
import type { QueueOn } from '../temporal/queue-rate';
import type { Terminal } from './terminal';

export interface Context {
  readonly terminal: Terminal;
  readonly config: Configuration;
  readonly keyring: () => Keyring;
  /** Needs the key file and the vault. */
  readonly stores: () => Promise<Stores>;
  /** Needs the Temporal server too. @throws {TemporalUnreachable} */
  readonly parts: () => Promise<Parts>;
  /**
   * Calls the Temporal server for something that the command can do without. Undefined if no server is reached within two seconds,
   * or if a call fails.
   */
  readonly ifServerAnswers: <T extends object | number>(
    call: (temporal: Client, queues: Queues) => Promise<T>,
  ) => Promise<T | undefined>;
  /** Connects what was opened anew, with other credentials. @throws {TemporalUnreachable} */
  readonly reconnect: (configuration: TemporalConfiguration) => Promise<void>;
  /** Closes what was opened. */
  readonly close: () => Promise<void>;
}

export interface Queues {
  /** The service's main task queue. */
  readonly taskQueue: string;
  readonly queueOf: (connection: string) => QueueOn;
}

const ANSWERS_WITHIN_MS = 2_000;

export function createContext(terminal: Terminal, config: Configuration): Context {
  const opened: ReplaceableClient[] = [];
  async function connect(withinMs?: number): Promise<Client> {
    // Loaded when used only: Temporal's client would slow down every command.
    const { connectReplaceably } = await import('../temporal/connect.js');
    const client = await connectReplaceably(keyring(), config.temporal(), withinMs);
    opened.push(client);
    return client.temporal;
  }
  const keyring = once(() => config.keyring());
  const stores = once(async () => createStores({ keyring: keyring(), vault: await config.vault(keyring()) }));
  const parts = once(async () => {
    const taskQueue = config.taskQueue();
    return createParts(await stores(), { temporal: await connect(), taskQueue });
  });
  return {
    terminal,
    config,
    keyring,
    stores,
    parts,
    async ifServerAnswers(call) {
      const taskQueue = config.taskQueue();
      try {
        const temporal = await connect(ANSWERS_WITHIN_MS);
        const { connection, options } = temporal;
        const queueOf = (name: string) => ({
          connection,
          namespace: options.namespace,
          taskQueue: apiTaskQueue(taskQueue, name),
        });
        return await call(temporal, { taskQueue, queueOf });
      } catch {
        return undefined;
      }
    },
    async reconnect(configuration) {
      for (const client of opened) await client.replace(configuration);
    },
    async close() {
      for (const { temporal } of opened.splice(0)) await temporal.connection.close();
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

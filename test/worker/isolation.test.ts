/** Polls, checks and budgets of a worker: one that hangs or fails holds up no other, and is named. */

import { NativeConnection, type Worker } from '@temporalio/worker';
import type { LogLine } from '../../src/log';
import type { Known } from '../../src/temporal/permits';
import { type Connection, createConnections } from '../../src/vault/connections';
import { VaultError } from '../../src/vault/errors';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { createBudgetKeeper } from '../../src/worker/budget-keeper';
import { createConnectionWorkers } from '../../src/worker/connection-workers';
import { startPolling } from '../../src/worker/polling';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { makeFolder, removeFolder } from '../support/folders';
import { until } from '../support/patience';
import { environment, installRuntime } from '../support/service';

const UNIMPLEMENTED = Object.assign(new Error('unknown method'), { code: 12, details: '', metadata: {} });

/** A promise that a test ends. */
function gate() {
  let open = () => {};
  const promise = new Promise<void>(resolve => {
    open = resolve;
  });
  return { promise, open: () => open() };
}

/** A server that answers these calls, and keeps no deadline. */
function serverWith(workflowService: object) {
  return { workflowService, withDeadline: async <T>(_: number, work: () => Promise<T>) => work() } as never;
}

const STORED = {
  value: {
    name: 'x',
    baseUrl: 'https://api.aircall.io/v1',
    limitPerMinute: 60,
    share: 0.75,
    credential: { kind: 'api-key', apiId: 'id', apiToken: 'token' },
    credentialVersion: 1,
    connectedAt: '2026-01-31T12:00:00.000Z',
  },
  version: '1',
} as const;

/** A vault with these connections. */
const vaultWith = (names: readonly string[], get: (name: string) => Promise<unknown>) =>
  ({
    names: async () => names,
    keptNames: async () => [],
    kept: async () => undefined,
    rateLimits: async () => undefined,
    get,
  }) as never;

const optionsThatLogTo = (log: string[]) => ({
  server: serverWith({}),
  namespace: 'default',
  taskQueue: 'queue',
  workerOptions: {},
  permits: { learn() {}, forget() {} },
  renew: async () => {},
  wake: async () => {},
  log: ({ message, connection }: LogLine) => void log.push(`${connection}: ${message}`),
});

test('a check that hangs holds up no other connection, is named, and is not begun again until it has ended', async () => {
  const { promise, open } = gate();
  const read: string[] = [];
  const log: string[] = [];
  const workers = createConnectionWorkers({
    connections: vaultWith(['hangs', 'goes-on'], async name => {
      read.push(name);
      if (name === 'hangs') await promise;
      return undefined;
    }),
    ...optionsThatLogTo(log),
    checkedWithinMs: 1,
  });
  await workers.poll();
  await workers.poll();
  expect(read).toEqual(['hangs', 'goes-on', 'goes-on']);
  expect(workers.problems()).toEqual(['the check of connection hangs does not end']);
  expect(log).toEqual(['hangs: its check does not end; the vault may hang']);
  open();
  await until('it has ended', () => workers.problems().length === 0);
  await workers.poll();
  expect(read).toEqual(['hangs', 'goes-on', 'goes-on', 'hangs', 'goes-on']);
  await workers.stop();
});

test('what somebody without a key stores in the vault as the remains of a connection starts no worker, and is logged once', async () => {
  const folder = makeFolder();
  const driver = createFolderDriver(folder);
  const connections = createConnections(createVault(driver, keyringOf(['k-1', keyOf('isolation')])));
  await driver.putIfAbsent('companies/junk', Buffer.from('junk'));
  const log: string[] = [];
  const workers = createConnectionWorkers({
    connections,
    ...optionsThatLogTo(log),
  });
  await workers.poll();
  await workers.poll();
  expect(log).toEqual(['junk: cannot be served (connection-broken)']);
  await driver.delete('companies/junk');
  await workers.poll();
  expect(workers.problems()).toEqual([]);
  await workers.stop();
  removeFolder(folder);
});

test('why a connection cannot be served is logged when it changes, not at every poll', async () => {
  const log: string[] = [];
  const whys = ['vault-rolled-back', 'connection-broken', 'connection-broken', 'vault-rolled-back'] as const;
  let polls = 0;
  const workers = createConnectionWorkers({
    connections: vaultWith(['broken'], async () => {
      throw new VaultError(whys[polls++] ?? whys[0], 'it is broken');
    }),
    ...optionsThatLogTo(log),
  });
  for (const _ of whys) await workers.poll();
  const said = ['vault-rolled-back', 'connection-broken', 'vault-rolled-back'];
  expect(log).toEqual(said.map(code => `broken: cannot be served (${code})`));
  await workers.stop();
});

/** Workers of one connection, which the vault holds as `stored` is; steps of them do nothing. */
async function serving(stored: { present: Partial<Connection> | undefined }, more: object) {
  installRuntime();
  const native = await NativeConnection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
  const log: string[] = [];
  const workers = createConnectionWorkers({
    connections: vaultWith(['one'], async () => ({ ...STORED, value: { ...STORED.value, ...stored.present } })),
    ...optionsThatLogTo(log),
    server: serverWith({
      listTaskQueuePartitions: async () => ({}),
      describeTaskQueue: async () => ({}),
      updateTaskQueueConfig: async () => ({}),
    }),
    workerOptions: { connection: native, activities: { async nothing() {} } },
    ...more,
  });
  return {
    workers,
    log,
    async stop() {
      await workers.stop();
      await native.close();
    },
  };
}

const PAUSED = { pausedAt: '2026-02-01T12:00:00.000Z' };
const REFUSED = { refusedAt: '2026-02-02T12:00:00.000Z' };

test('requests that wait are woken when what held them has ended, and by nothing else that changes', async () => {
  const stored: { present: Partial<Connection> } = { present: {} };
  const woken: string[] = [];
  const { workers, stop } = await serving(stored, { wake: async (name: string) => void woken.push(name) });
  const wokenBy = async (present: Partial<Connection>) => {
    stored.present = present;
    await workers.poll();
    return woken.splice(0).length;
  };
  for (const credentialVersion of [1, 2, 3]) expect(await wokenBy({ credentialVersion })).toBe(0);
  // Renewed three times while it is paused.
  for (const credentialVersion of [3, 4, 5, 6]) expect(await wokenBy({ ...PAUSED, credentialVersion })).toBe(0);
  expect(await wokenBy({ ...PAUSED, ...REFUSED })).toBe(0);
  expect(await wokenBy(PAUSED)).toBe(1);
  expect(await wokenBy({})).toBe(1);
  expect(await wokenBy({})).toBe(0);
  await stop();
});

test('a renewal that cannot be begun is named as that, and keeps neither the connection from being served nor its requests from being woken', async () => {
  const credential = { kind: 'oauth', accessToken: 'a', renewAt: '2026-01-31T13:00:00.000Z' };
  const stored = { present: { ...PAUSED, credential } as never };
  const woken: string[] = [];
  const { workers, log, stop } = await serving(stored, {
    async renew() {
      throw new RangeError('the server is down');
    },
    async wake(name: string) {
      woken.push(name);
      throw new RangeError('the server is down');
    },
  });
  await workers.poll();
  stored.present = { credential } as never;
  for (let poll = 0; poll < 2; poll += 1) await workers.poll();
  expect(woken).toEqual(['one', 'one']); // until it succeeds
  expect(log).toEqual([
    'one: serving at 0.7500 API requests a second',
    'one: the renewal of its credential could not be begun (RangeError)',
    'one: its waiting requests could not be woken (RangeError)',
  ]);
  await stop();
});

test('a worker that cannot be moved to another connection to the server is left, and the next poll starts another one on that', async () => {
  const running: Worker[] = [];
  const stubborn = {
    name: 'the first worker cannot be moved',
    runWorker(worker: Worker, next: (worker: Worker) => Promise<void>) {
      const { connection } = worker;
      const set = (other: unknown) => {
        if (other !== connection) throw new RangeError('it cannot be moved');
      };
      if (running.push(worker) === 1) Object.defineProperty(worker, 'connection', { get: () => connection, set });
      return next(worker);
    },
  };
  const native = await NativeConnection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
  const other = await NativeConnection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
  const { workers, log, stop } = await serving(
    { present: {} },
    { workerOptions: { connection: native, activities: { async nothing() {} }, plugins: [stubborn] } },
  );
  await workers.poll();
  workers.reconnect(other);
  await workers.poll();
  expect(running.map(({ connection }) => connection === other)).toEqual([false, true]);
  expect(log).toEqual([
    'one: serving at 0.7500 API requests a second',
    'one: its worker is replaced to be connected again (RangeError)',
    'one: serving at 0.7500 API requests a second',
  ]);
  await stop();
  for (const each of [native, other]) await each.close();
});

test('a connection is checked once at a time, so that what an older check has read never comes last', async () => {
  const { promise, open } = gate();
  const learnt: number[] = [];
  let limitPerMinute = 600;
  const { workers, stop } = await serving(
    { present: {} },
    {
      connections: vaultWith(['one'], async () => {
        const value = { ...STORED.value, limitPerMinute };
        if (limitPerMinute === 600) await promise;
        return { ...STORED, value };
      }),
      permits: { learn: (_: string, known: Known) => void learnt.push(known.limitPerMinute), forget() {} },
    },
  );
  const polled = workers.poll();
  await new Promise(setImmediate);
  limitPerMinute = 60; // as a 429 has named it
  await workers.checkNow('one');
  open();
  await polled;
  expect(learnt).toEqual([600, 60]);
  await stop();
});

test('a worker of a connection that ended by itself is a problem until it runs again', async () => {
  installRuntime();
  const native = await NativeConnection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
  const running: Worker[] = [];
  const workers = createConnectionWorkers({
    connections: vaultWith(['ends'], async () => STORED),
    server: serverWith({
      listTaskQueuePartitions: async () => ({}),
      describeTaskQueue: async () => ({}),
      updateTaskQueueConfig: async () => ({}),
    }),
    namespace: 'default',
    taskQueue: 'a-worker-that-ends',
    workerOptions: {
      connection: native,
      activities: { async nothing() {} },
      plugins: [
        {
          name: 'the workers that run',
          runWorker(worker, next) {
            running.push(worker);
            return next(worker);
          },
        },
      ],
    },
    permits: { learn() {}, forget() {} },
    renew: async () => {},
    wake: async () => {},
    log() {},
  });
  await workers.poll();
  expect(workers.problems()).toEqual([]);
  running[0]?.shutdown();
  await until('it has ended', () => workers.problems().length > 0);
  expect(workers.problems()).toEqual(['the worker of connection ends ended']);
  await workers.poll();
  expect(workers.problems()).toEqual([]);
  expect(running).toHaveLength(2);
  await workers.stop();
  await native.close();
});

test('one refusal does not switch off the keeping of budgets: the next poll sets the limit', async () => {
  let refused = false;
  const { promise, open } = gate();
  const log: string[] = [];
  const connection = serverWith({
    async describeTaskQueue() {
      if (refused) return {};
      refused = true;
      throw UNIMPLEMENTED;
    },
    updateTaskQueueConfig: async () => open(),
  });
  const keeper = createBudgetKeeper(({ message }) => log.push(message));
  const queue = { connection, namespace: 'default', taskQueue: 'queue/acme' };
  keeper.keep('acme', queue, 0.75);
  await until('it was refused', () => log.length > 0);
  keeper.keep('acme', queue, 0.75);
  await promise;
  await keeper.stop();
  expect(log).toEqual([expect.stringContaining('keeps no rate limits for task queues')]);
});

test('a poll that hangs is a problem, lets the others be made, and is not begun twice', async () => {
  const { promise, open } = gate();
  const made = { hangs: 0, 'goes-on': 0 };
  const polling = startPolling({
    everyMs: 1,
    withinMs: 1,
    polls: [
      {
        async run() {
          made.hangs += 1;
          await promise;
        },
        failure: 'it hangs',
      },
      {
        async run() {
          made['goes-on'] += 1;
        },
        failure: 'it fails',
      },
    ],
    log() {},
  });
  await until('the other was made again', () => made['goes-on'] > 2);
  expect(polling.problems()).toEqual(['it hangs (no-answer)']);
  expect(made.hangs).toBe(1);
  open();
  await until('it goes on', () => polling.problems().length === 0);
  await polling.stop();
});

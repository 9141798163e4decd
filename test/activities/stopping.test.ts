/** Steps that hang when their worker ends: it ends all the same, another worker takes them, and what they have sent is counted. */
import { getEventListeners } from 'node:events';
import { Context } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { NativeConnection, Worker } from '@temporalio/worker';
import { registered } from '../../src/activities';
import { unlessStopped } from '../../src/activities/stopping';
import { createDataConverter } from '../../src/encryption/data-converter';
import { workflowIdOf } from '../../src/request/names';
import type { VaultDriver } from '../../src/vault/vault';
import { until } from '../support/patience';
import { environment, installRuntime } from '../support/service';
import type { accessRequest, StepEnd, StepToTake } from './support/one-step';
import { bundleOfOneStep } from './support/one-step-bundle';
import { type Steps, startSteps } from './support/steps';

const TASK_QUEUE = `stopping-${process.pid}-${Date.now()}`;

let server: Connection;
let native: NativeConnection;
let steps: Steps;
let endWorker: () => Promise<void> = async () => {};

beforeAll(async () => {
  installRuntime();
  const address = environment('TEST_TEMPORAL_ADDRESS');
  server = await Connection.connect({ address });
  native = await NativeConnection.connect({ address });
});
beforeEach(async () => {
  steps = await startSteps();
});
afterEach(async () => {
  await endWorker();
  await steps.stop();
});
afterAll(async () => {
  await native.close();
  await server.close();
});

async function startWorker(): Promise<void> {
  const worker = await Worker.create({
    connection: native,
    taskQueue: TASK_QUEUE,
    workflowBundle: { codePath: await bundleOfOneStep() },
    dataConverter: createDataConverter(steps.keyring),
    activities: registered({ ...steps.api, ...steps.local }),
    shutdownGraceTime: 100,
  });
  const running = worker.run();
  endWorker = async () => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
    await running;
  };
}

/** Holds up an operation of the vault until `end`, when also those that were held up go on. */
function hangVault(operation: 'get' | 'putIfAbsent', of: RegExp) {
  const present: VaultDriver = { ...steps.driver };
  const held: (() => void)[] = [];
  const hang = async (key: string, ...more: [Buffer]) => {
    if (of.test(key)) await new Promise<void>(resolve => held.push(resolve));
    return Reflect.apply(present[operation], present, [key, ...more]);
  };
  Object.assign(steps.driver, { [operation]: hang });
  return {
    hangs: () => held.length > 0,
    end() {
      Object.assign(steps.driver, present);
      for (const release of held) release();
    },
  };
}

const hangAircall = () => {
  steps.sandbox.setFaults({ rules: [{ action: 'hang' }] });
  return { hangs: () => steps.sandbox.requests().length > 0, end: () => steps.sandbox.setFaults(undefined) };
};

const subject = () => steps.write('subject', { emails: ['zoe.nunez@example.com'], phoneNumbers: [] });
const list = { ids: [1], records: [{ id: 1 }], unreadable: [], unnamed: 0, readMs: 1 };
const search = async () => ({
  request: steps.request,
  subject: await subject(),
  by: 'address',
  place: 0,
  window: {},
  page: 1,
});
const merge = async () => ({
  request: steps.request,
  of: 'contacts',
  objects: [await steps.write('contacts', list)],
});

test.each([
  ['reads the vault', 'mergeListings', merge, () => hangVault('get', /\/case\//), 0],
  ['writes to the vault', 'mergeListings', merge, () => hangVault('putIfAbsent', /\/case\//), 0],
  ['reads the vault before its API request', 'searchContacts', search, () => hangVault('get', /^connections\//), 1],
  ['waits for Aircall', 'searchContacts', search, hangAircall, 2],
  ['stores the reply of Aircall', 'searchContacts', search, () => hangVault('putIfAbsent', /\/case\//), 2],
] as const)('a step that %s holds up no worker that ends', async (_, step, inputOf, hang, apiRequests) => {
  const input = await inputOf();
  await startWorker();
  const { hangs, end } = hang();
  const client = new Client({ connection: server, dataConverter: createDataConverter(steps.keyring) });
  const given: StepToTake = { step, input: [input], attemptsMax: 2, backoffMs: 10 };
  const handle = await client.workflow.start<typeof accessRequest>('accessRequest', {
    args: [given],
    taskQueue: TASK_QUEUE,
    workflowId: `${workflowIdOf(steps.request)}:${TASK_QUEUE}-${step}-${Math.random()}`,
  });
  await until('it hangs', hangs);
  await endWorker();
  end();
  await startWorker();
  const ended: StepEnd = await handle.result();
  expect(ended).toEqual({ value: expect.objectContaining(apiRequests > 0 ? { apiRequests } : { records: 1 }) });
  expect(steps.sandbox.requests()).toHaveLength(apiRequests);
  const { events } = await handle.fetchHistory();
  expect(events?.flatMap(event => event.activityTaskStartedEventAttributes?.attempt ?? [])).toEqual([2]);
});

test('a step of many parts listens once for its stop', async () => {
  const listeners = await new MockActivityEnvironment().run(async () => {
    for (let part = 0; part < 20; part += 1) await unlessStopped(part);
    return getEventListeners(Context.current().cancellationSignal, 'abort').length;
  });
  expect(listeners).toBe(1);
});

/**
 * What an operator sees where somebody who reaches the Temporal server and has no key started runs under the ids of requests, or
 * took the place of a worker, with payloads that they copied: an error and an exit code other than 0, or the truth.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { createOperator } from '../support/command-line';
import { errorOf, listSchema, resultSchema } from '../support/documents';
import { createStranger, PLAIN, type Stranger } from '../support/stranger';

const SEED = { name: 'acme', seed: 5, contacts: 20, calls: 20, now: Date.now() };
const EMAIL = createCompanySeed(SEED).truth.subjectEmail;

const operator = createOperator();
const here = (name: string) => join(operator.folder, name);
const { taskQueue } = operator;
let sandbox: Sandbox;
let stranger: Stranger;
let copied: { readonly input: Payload[]; readonly result: Payload[] };
let close: () => Promise<void>;

beforeAll(async () => {
  sandbox = await startSandbox({ companies: [createCompanySeed(SEED)] });
  await operator.run(['keys', 'generate']);
  await operator.startWorker();
  const { apiId, apiToken } = sandbox.company('acme');
  const args = ['connect', 'acme', '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
  expect((await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken })).exit).toBe(0);
  const asked = ['access', 'acme', EMAIL, '--request-id', 'bob', '--out', here('bob.zip')];
  expect((await operator.ask(asked)).exit).toBe(0);
  const address = operator.environment.TEMPORAL_ADDRESS ?? '';
  const connection = await Connection.connect({ address });
  close = () => connection.close();
  stranger = createStranger(new Client({ connection }));
  copied = {
    input: await stranger.inputOf('dsr:acme:access:bob'),
    result: await stranger.resultOf('dsr:acme:access:bob'),
  };
  expect([copied.input.length, copied.result.length]).toEqual([1, 1]);
});
afterAll(async () => {
  await close();
  await operator.stop();
  await sandbox.close();
});

/** A command that fails, which starts and saves nothing. */
async function refused(args: readonly string[], environment = {}) {
  const { exit, document } = await operator.ask(args, environment);
  return { exit, code: errorOf(document).code };
}

test("the result of one request, under another one's id, is nobody's: no status, no package, nothing started", async () => {
  const workflowId = 'dsr:acme:access:liam';
  const queue = `${taskQueue}-strangers`;
  await stranger.start({ workflowId, type: 'accessRequest', queue });
  await stranger.complete(queue, copied.result);
  for (const id of ['liam', workflowId]) {
    expect(await refused(['status', id])).toEqual({ exit: 2, code: 'not-found' });
    expect(await refused(['package', id, '--out', here('liam.zip')])).toEqual({ exit: 2, code: 'not-found' });
    expect(await refused(['cancel', id])).toEqual({ exit: 2, code: 'not-found' });
  }
  const access = ['access', 'acme', EMAIL, '--request-id', 'liam'];
  for (const more of [[], ['--wait'], ['--out', here('liam.zip')]])
    expect(await refused([...access, ...more])).toEqual({ exit: 2, code: 'request-conflict' });
  expect(existsSync(here('liam.zip'))).toBe(false);
  writeFileSync(here('liam.csv'), `requestId,kind,email\nliam,access,${EMAIL}\n`);
  expect(await refused(['batch', 'acme', here('liam.csv')])).toEqual({ exit: 2, code: 'batch-refused' });
  const { requests } = listSchema.parse((await operator.ask(['list'])).document);
  expect(requests.map(({ requestId }) => requestId)).toEqual(['bob']);
});

test('a deletion whose id has the run of somebody else is not said to be started, nor done', async () => {
  const workflowId = 'dsr:acme:deletion:june';
  const sent = sandbox.requests().length;
  await stranger.start({
    ...{ workflowId, type: 'deletionRequest', queue: taskQueue, payloads: copied.input, delayDays: 3_650 },
  });
  const remove = ['delete', 'acme', EMAIL, '--request-id', 'june'];
  for (const more of [[], ['--wait']])
    expect(await refused([...remove, ...more])).toEqual({ exit: 2, code: 'request-conflict' });
  const { exit, stdout, stderr } = await operator.run(remove);
  expect({ exit, says: stdout + stderr }).toEqual({ exit: 2, says: expect.not.stringContaining('Started') });
  await stranger.terminate(workflowId);
  expect(sandbox.requests()).toHaveLength(sent);
});

test('the run of a request that others served has no result: who waits for it, and a batch, say so', async () => {
  const queue = `${taskQueue}-unserved`;
  const environment = { AIRCALL_DSR_TASK_QUEUE: queue };
  for (const [requestId, payloads] of Object.entries({ zed: copied.result, plain: [PLAIN] })) {
    const waiting = refused(['delete', 'acme', EMAIL, '--request-id', requestId, '--wait'], environment);
    await stranger.complete(queue, payloads);
    expect(await waiting).toEqual({ exit: 1, code: 'payload-unusable' });
    const out = ['package', `dsr:acme:deletion:${requestId}`, '--out', here('zed.zip')];
    expect(await refused(out, environment)).toEqual({ exit: 1, code: 'no-package' });
  }
  writeFileSync(here('two.csv'), `requestId,kind,email\nrow-1,access,${EMAIL}\nrow-2,access,${EMAIL}\n`);
  const batch = operator.ask(['batch', 'acme', here('two.csv')], environment);
  await stranger.complete(queue, copied.result);
  await stranger.complete(queue, [PLAIN]);
  const { exit, document } = await batch;
  expect(exit).toBe(1);
  const row = { status: 'failed', codes: ['payload-unusable'] };
  expect(document).toMatchObject({ statuses: { failed: 2 }, requests: [row, row] });
  expect(existsSync(here('zed.zip'))).toBe(false);
});

test('a run that somebody else started after the end of a request changes no answer', async () => {
  const workflowId = 'dsr:acme:access:bob';
  const access = ['access', 'acme', EMAIL, '--request-id', 'bob', '--wait'];
  const answers = async () => [
    (await operator.ask(['status', 'bob'])).document,
    resultSchema.parse((await operator.ask(access)).document),
    (await operator.ask(['list'])).document,
  ];
  const before = await answers();
  const queue = `${taskQueue}-later`;
  for (const payloads of [[PLAIN], copied.input]) {
    await stranger.start({ workflowId, type: 'accessRequest', queue });
    await stranger.complete(queue, payloads);
    expect(await answers()).toEqual(before);
  }
  // Also a copy of its own input, which begins in ten years.
  await stranger.start({
    ...{ workflowId, type: 'accessRequest', queue: taskQueue, payloads: copied.input, delayDays: 3_650 },
  });
  expect((await answers()).slice(0, 2)).toEqual(before.slice(0, 2));
  const out = here('again.zip');
  expect((await operator.ask(['package', 'bob', '--out', out])).exit).toBe(0);
  expect(readFileSync(out).equals(readFileSync(here('bob.zip')))).toBe(true);
  await stranger.terminate(workflowId);
});

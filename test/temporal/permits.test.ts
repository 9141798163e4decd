/** Permits: however many workers ask, one in its time, on the server's clock. */
import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import type { ConfiguredLimit } from '../../src/budget';
import { createPermits } from '../../src/temporal/permits';
import { until } from '../support/patience';
import { environment } from '../support/service';

/** On 17 partitions a limit of 40 a minute needs permits. */
const LOW = { limitPerMinute: 40, share: 0.75 };
const MANY = { partitions: 17, limitPerMinute: 40 };
const EVERY_SECONDS = 2;
const taskQueue = `p${randomBytes(5).toString('hex')}`;
let temporal: Client;
beforeAll(async () => {
  temporal = new Client({ connection: await Connection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') }) });
});
afterAll(() => temporal.connection.close());

/** As many workers as ask at once. */
const fourWorkers = () => Array.from({ length: 4 }, () => createPermits(temporal, taskQueue));

/** When each permit was given, by the server. */
async function givenMs(connection: string): Promise<number[]> {
  const given: number[] = [];
  for await (const { startTime } of temporal.workflow.list({
    query: `WorkflowId = '${taskQueue}/${connection}/permit'`,
  }))
    given.push(startTime.getTime());
  return given.sort((one, other) => one - other);
}

test('of all workers that ask at once one gets a permit, and the next is given when its time is over', async () => {
  const workers = fourWorkers();
  for (const permits of workers) permits.learn('low', MANY);
  const askAll = () => Promise.all(workers.map(permits => permits.take({ name: 'low', ...LOW }, Date.now())));
  const first = await askAll();
  expect(first.filter(waitMs => waitMs === 0)).toHaveLength(1);
  expect(first.filter(waitMs => waitMs > 0 && waitMs <= 2 * EVERY_SECONDS * 1_000)).toHaveLength(3);
  let taken = 1;
  await until('three more were given', async () => {
    taken += (await askAll()).filter(waitMs => waitMs === 0).length;
    return taken >= 4;
  });
  await until('the server lists them', async () => (await givenMs('low')).length === taken);
  const given = await givenMs('low');
  const between = given.slice(1).map((atMs, index) => atMs - (given[index] ?? 0));
  expect(Math.min(...between)).toBeGreaterThanOrEqual(EVERY_SECONDS * 1_000);
});

test('a connection that needs none is not held up, and nothing is started for it', async () => {
  const permits = createPermits(temporal, taskQueue);
  permits.learn('few', { ...MANY, partitions: 1 });
  permits.learn('high', { ...MANY, limitPerMinute: 600 });
  permits.learn('low', MANY);
  const take = (name: string, limitPerMinute: ConfiguredLimit) =>
    permits.take({ name, limitPerMinute, share: LOW.share }, Date.now());
  expect([await take('few', 40), await take('high', 600), await take('high', 'auto')]).toEqual([0, 0, 0]);
  await take('low', 'auto');
  await until('the server lists what was started', async () => (await givenMs('low')).length > 0);
  for (const connection of ['few', 'high']) expect(await givenMs(connection)).toEqual([]);
});

test('a limit that was lowered holds at once; a higher one when the next check has found it', async () => {
  const permits = createPermits(temporal, taskQueue);
  permits.learn('lowered', { ...MANY, limitPerMinute: 600 });
  const take = (limitPerMinute: number) => permits.take({ name: 'lowered', ...LOW, limitPerMinute }, Date.now());
  expect(await take(40)).toBe(0);
  expect(await take(40)).toBeGreaterThan(0);
  permits.learn('lowered', MANY);
  expect(await take(600)).toBeGreaterThan(0);
  permits.learn('lowered', { ...MANY, limitPerMinute: 600 });
  expect(await take(600)).toBe(0);
  permits.learn('lowered', MANY);
  permits.forget('lowered');
  expect(await take(40)).toBe(0);
});

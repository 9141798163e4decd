import fc from 'fast-check';
import { type Brake, createBrake } from '../../src/vault/brake';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { makeFolder, removeFolder } from '../support/folders';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.parse('2026-01-31T12:00:00.000Z');

let folder: string;
/** Each as another process opens it. */
const open = (): Brake => createBrake(createVault(createFolderDriver(folder), keyringOf(['k-1', keyOf('one')])));
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => removeFolder(folder));

test('a place is free again 24 hours after it was taken, and the brake says when', async () => {
  const brake = open();
  expect(await brake.freeAt('acme', 2, START_MS)).toBeUndefined();
  expect(await brake.take('acme', 1, 2, START_MS)).toBeUndefined();
  expect(await brake.take('acme', 2, 2, START_MS + HOUR_MS)).toBeUndefined();
  expect(await brake.take('acme', 3, 2, START_MS + 2 * HOUR_MS)).toBe(START_MS + DAY_MS);
  expect(await brake.freeAt('acme', 2, START_MS + 2 * HOUR_MS)).toBe(START_MS + DAY_MS);
  expect(await brake.take('acme', 3, 2, START_MS + DAY_MS)).toBeUndefined();
  expect(await brake.take('acme', 4, 2, START_MS + DAY_MS)).toBe(START_MS + HOUR_MS + DAY_MS);
});

test('a contact that is deleted again, as by a retried step, takes one place', async () => {
  const brake = open();
  for (let time = 0; time < 3; time += 1) expect(await brake.take('acme', 7, 1, START_MS + time)).toBeUndefined();
  expect(await brake.take('acme', 8, 1, START_MS)).toBe(START_MS + DAY_MS);
  expect(await brake.take('acme', 8, 2, START_MS)).toBeUndefined(); // an operator has set a higher one
});

test('companies do not share places', async () => {
  const brake = open();
  expect(await brake.take('acme', 1, 1, START_MS)).toBeUndefined();
  expect(await brake.take('globex', 2, 1, START_MS)).toBeUndefined();
});

test('workers that delete at the same time together take no more places than there are', async () => {
  const contacts = Array.from({ length: 12 }, (_, contact) => contact);
  const taken = await Promise.all(contacts.map(contact => open().take('acme', contact, 5, START_MS)));
  expect(taken.filter(until => until === undefined)).toHaveLength(5);
});

let companies = 0;
test('within any 24 hours no more contacts take a place than there are', async () => {
  const steps = fc.array(
    fc.record({ contact: fc.integer({ min: 1, max: 6 }), hours: fc.integer({ min: 0, max: 9 }) }),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 3 }), async (asked, perDay) => {
      const brake = open();
      companies += 1;
      const company = `c${companies}`;
      let nowMs = START_MS;
      const taken: { readonly contact: number; readonly atMs: number }[] = [];
      for (const { contact, hours } of asked) {
        nowMs += hours * HOUR_MS;
        const within = new Set(taken.filter(({ atMs }) => atMs > nowMs - DAY_MS).map(each => each.contact));
        const until = await brake.take(company, contact, perDay, nowMs);
        expect(until === undefined).toBe(within.has(contact) || within.size < perDay);
        if (until === undefined && !within.has(contact)) taken.push({ contact, atMs: nowMs });
      }
    }),
    { seed: 16, numRuns: 10 },
  );
});
test('a count that somebody without a key puts back or breaks is refused', async () => {
  const driver = createFolderDriver(folder);
  await open().take('acme', 1, 1, START_MS);
  const before = await driver.get('deletions/acme');
  await open().take('acme', 2, 2, START_MS);
  await driver.delete('deletions/acme');
  await expect(open().take('acme', 3, 2, START_MS)).rejects.toMatchObject({ code: 'vault-rolled-back' });
  await driver.putIfAbsent('deletions/acme', before?.value ?? Buffer.alloc(0));
  await expect(open().take('acme', 3, 2, START_MS)).rejects.toMatchObject({ code: 'vault-rolled-back' });
  await driver.delete('deletions/acme');
  await driver.putIfAbsent('deletions/acme', Buffer.from('broken'));
  await expect(open().take('acme', 3, 2, START_MS)).rejects.toMatchObject({ code: 'record-broken' });
});

/**
 * Checks by writing whether a store keeps the promises of VaultDriver: a store that ignores a condition would lose
 * credentials and count requests wrongly, one that lists in no order would hide what is to be destroyed, and nobody would notice.
 * The probe leaves nothing behind.
 */
import { randomBytes } from 'node:crypto';
import { VaultError } from './errors';
import type { VaultDriver } from './vault';

/** Writers that race for one object. A store that reads first and writes later lets several of them win. */
const RACERS = 8;

/** @throws {VaultError} `vault-unsafe` with the promise that is not kept; others if the store cannot be used */
export async function probeVault(driver: VaultDriver): Promise<void> {
  const key = `probe-${randomBytes(8).toString('hex')}`;
  const below = `${key}/below`;
  const inOrder = ['a-1', 'a/1', 'a1'].map(name => `${key}/${name}`);
  const first = Buffer.from('first');
  const second = Buffer.from('second');

  /** Several writers race for one object. Returns its version after exactly one has won. */
  async function race(key: string, write: (bytes: Buffer) => Promise<boolean>) {
    const entries = Array.from({ length: RACERS }, (_, racer) => Buffer.from(`racer ${racer}`));
    const won = await Promise.all(entries.map(write));
    const winners = entries.filter((_, racer) => won[racer]);
    const stored = await driver.get(key);
    promised(
      winners.length === 1 && winners.every(bytes => stored?.value.equals(bytes)),
      `Of ${RACERS} writers that raced, ${winners.length} got the answer that they had won.`,
    );
    return stored?.version ?? '';
  }

  try {
    promised(await driver.putIfAbsent(key, first), 'A new object counts as an existing one.');
    promised(!(await driver.putIfAbsent(key, second)), 'A new object replaces an existing one.');
    const stored = await driver.get(key);
    promised(stored?.value.equals(first) === true, 'An object is read with other bytes than were written.');
    const stale = stored?.version ?? '';
    const fresh = await race(key, bytes => driver.putIfUnchanged(key, bytes, stale));
    promised(!(await driver.putIfUnchanged(key, second, stale)), 'A late write replaces a version that it never saw.');
    await race(below, bytes => driver.putIfAbsent(below, bytes));
    const listed = await driver.list(key);
    promised(listed.length === 1 && listed[0] === below, 'A list does not show an object that was just written.');
    await driver.delete(below);
    promised((await driver.list(key)).length === 0, 'A list shows an object that was just deleted.');
    for (const each of inOrder.toReversed()) await driver.putIfAbsent(each, first);
    const paged: string[] = [];
    for (const _ of inOrder) paged.push(...(await driver.page(key, 1, paged.at(-1))));
    promised(
      paged.join() === inOrder.join(),
      'A list that begins behind an object is not in the order of their names.',
    );
    for (const each of inOrder) await driver.delete(each);
    await driver.delete(key);
    promised((await driver.get(key)) === undefined, 'An object can be read after it was deleted.');
    promised(!(await driver.putIfUnchanged(key, second, fresh)), 'A late write restores a deleted object.');
  } catch (error) {
    await clear(driver, [below, ...inOrder, key]);
    throw error;
  }
}

/** Deletes only existing objects: in a bucket with versions the deletion itself would leave a mark. */
async function clear(driver: VaultDriver, keys: readonly string[]): Promise<void> {
  for (const key of keys) if ((await driver.get(key)) !== undefined) await driver.delete(key);
}

function promised(kept: boolean, otherwise: string): void {
  if (!kept) throw new VaultError('vault-unsafe', `${otherwise} The store does not do what a vault needs.`);
}

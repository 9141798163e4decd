/**
 * Whether a store keeps what VaultDriver promises, found out by writing to it: a store that overlooks a condition would lose
 * credentials and count requests wrongly, and nobody would see it. It leaves nothing behind.
 */
import { randomBytes } from 'node:crypto';
import { VaultError } from './errors';
import type { VaultDriver } from './vault';

/** Writers that race for one object. A store that looks first and writes then lets several of them win. */
const RACERS = 8;

/** @throws {VaultError} `vault-unsafe` with the promise that is not kept; others if the store cannot be used */
export async function probeVault(driver: VaultDriver): Promise<void> {
  const key = `probe-${randomBytes(8).toString('hex')}`;
  const below = `${key}/below`;
  const first = Buffer.from('first');
  const second = Buffer.from('second');

  /** Writers that differ go for one object; answers what it held, at which version, after exactly one had won. */
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
    promised(await driver.putIfAbsent(key, first), 'A new object is taken for one that is there already.');
    promised(!(await driver.putIfAbsent(key, second)), 'A new object replaces one that is there already.');
    const stored = await driver.get(key);
    promised(stored?.value.equals(first) === true, 'An object reads otherwise than it was written.');
    const stale = stored?.version ?? '';
    const fresh = await race(key, bytes => driver.putIfUnchanged(key, bytes, stale));
    promised(!(await driver.putIfUnchanged(key, second, stale)), 'A late write replaces what it never saw.');
    await race(below, bytes => driver.putIfAbsent(below, bytes));
    const listed = await driver.list(key);
    promised(listed.length === 1 && listed[0] === below, 'A list does not show what was just written.');
    await driver.delete(below);
    promised((await driver.list(key)).length === 0, 'A list shows what was just deleted.');
    await driver.delete(key);
    promised((await driver.get(key)) === undefined, 'An object can be read after it was deleted.');
    promised(!(await driver.putIfUnchanged(key, second, fresh)), 'A late write brings back what was deleted.');
  } catch (error) {
    await clear(driver, [below, key]);
    throw error;
  }
}

/** Deletes what is there, and only that: in a bucket with versions the deletion itself would leave a mark. */
async function clear(driver: VaultDriver, keys: readonly string[]): Promise<void> {
  for (const key of keys) if ((await driver.get(key)) !== undefined) await driver.delete(key);
}

function promised(kept: boolean, otherwise: string): void {
  if (!kept) throw new VaultError('vault-unsafe', `${otherwise} The store does not keep conditional writes apart.`);
}

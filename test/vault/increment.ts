import { join } from 'node:path';
import type { VaultDriver } from '../../src/vault/vault';

/** A process that increments; it runs what the set-up has built. */
export const INCREMENT_PROCESS = join(__dirname, 'increment-process.js');

/** Adds one to the number that `key` holds, as often as it takes until nobody came in between. */
export async function increment(driver: VaultDriver, key: string): Promise<void> {
  for (;;) {
    const stored = await driver.get(key);
    const next = Buffer.from(String(Number(stored?.value.toString() ?? '0') + 1));
    const written =
      stored === undefined
        ? await driver.putIfAbsent(key, next)
        : await driver.putIfUnchanged(key, next, stored.version);
    if (written) return;
  }
}

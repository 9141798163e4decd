/**
 * The vault: sealed objects under names. Drivers store bytes and know nothing of their meaning; this file seals and
 * unseals them, so that nothing readable ever reaches a driver. Names hold no personal data.
 */
import type { Keyring } from '../encryption/keyring';
import { seal, unseal } from '../encryption/seal';

export interface Stored<T> {
  readonly value: T;
  /** Opaque; what a put-if-unchanged compares. */
  readonly version: string;
}

/**
 * Where bytes lie. Keys are `/`-separated segments of `[A-Za-z0-9._-]`. Every write is durable when it resolves and
 * is seen whole or not at all; of two writers that race, exactly one wins.
 */
export interface VaultDriver {
  get(key: string): Promise<Stored<Buffer> | undefined>;
  /** False where the object exists already. */
  putIfAbsent(key: string, bytes: Buffer): Promise<boolean>;
  /** False where the object is not, or no longer, at `version`. */
  putIfUnchanged(key: string, bytes: Buffer, version: string): Promise<boolean>;
  /** Keys below a prefix that ends at a segment, in order. */
  list(prefix: string): Promise<string[]>;
  /** Deletes one object; nothing happens where there is none. */
  delete(key: string): Promise<void>;
}

const SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9._-]+$/;

/** @throws {RangeError} where a segment of the key is unusable */
export function segmentsOf(key: string): string[] {
  const segments = key.split('/');
  if (!segments.every(segment => SEGMENT.test(segment))) throw new RangeError('a vault key has an unusable segment');
  return segments;
}

export interface Vault {
  get(key: string): Promise<Stored<Buffer> | undefined>;
  putIfAbsent(key: string, plain: Uint8Array): Promise<boolean>;
  putIfUnchanged(key: string, plain: Uint8Array, version: string): Promise<boolean>;
  list(prefix: string): Promise<string[]>;
  delete(key: string): Promise<void>;
}

export function createVault(driver: VaultDriver, keyring: Keyring): Vault {
  return {
    async get(key) {
      const stored = await driver.get(key);
      return stored && { value: unseal(keyring, key, stored.value), version: stored.version };
    },
    putIfAbsent: (key, plain) => driver.putIfAbsent(key, seal(keyring, key, plain)),
    putIfUnchanged: (key, plain, version) => driver.putIfUnchanged(key, seal(keyring, key, plain), version),
    list: prefix => driver.list(prefix),
    delete: key => driver.delete(key),
  };
}

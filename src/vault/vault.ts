/**
 * The vault: sealed objects under names. Drivers store bytes and know nothing of their meaning; this file seals and
 * unseals them, so that nothing readable ever reaches a driver. Names hold no personal data.
 */
import type { Keyring } from '../encryption/keyring';
import { generationOf, type SealKeys, seal, sealedBy, unseal } from '../encryption/seal';
import { type CountedStore, createGuard } from './generations';

export interface Stored<T> {
  readonly value: T;
  /** Opaque; a put-if-unchanged compares it. */
  readonly version: string;
}

/**
 * Stores bytes. Keys are `/`-separated segments of `[A-Za-z0-9._-]`. Every write is durable when it resolves and
 * is seen whole or not at all; of two writers that race, exactly one wins.
 */
export interface VaultDriver {
  get(key: string): Promise<Stored<Buffer> | undefined>;
  /** False if the object exists already. */
  putIfAbsent(key: string, bytes: Buffer): Promise<boolean>;
  /** False if the object is not, or no longer, at `version`. */
  putIfUnchanged(key: string, bytes: Buffer, version: string): Promise<boolean>;
  /** Keys below a prefix that ends at a segment, in order; names that are none are passed over. */
  list(prefix: string): Promise<string[]>;
  /**
   * Of the keys below a prefix the first `max`, at most 1,000, behind `after`, which need not exist. Their order is that of
   * `<key>~`: names of one length in one folder are in order, and what lies below a key comes before it.
   */
  page(prefix: string, max: number, after?: string): Promise<string[]>;
  /** Deletes one object; nothing happens if there is none. */
  delete(key: string): Promise<void>;
}

/** The generation of objects that nobody guards. */
const UNCOUNTED = 0;
const SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9._-]+$/;

/** @throws {RangeError} if a segment of the key is unusable */
export function segmentsOf(key: string): string[] {
  if (!isKey(key)) throw new RangeError('a vault key has an unusable segment');
  return key.split('/');
}

/** Whether every segment of a key is usable: anybody can put anything into a store. */
export function isKey(key: string): boolean {
  return key.split('/').every(segment => SEGMENT.test(segment));
}

/** The order of `page`. */
export function isBehind(key: string, after: string | undefined): boolean {
  return after === undefined || `${key}~` > `${after}~`;
}

export interface Vault extends VaultDriver {
  /**
   * Changes one object, safe against other writers. `change` gets the stored value, undefined if there is none, and may be
   * called again; it returns undefined to change nothing. Resolves to the stored value.
   */
  update(key: string, change: (present: Buffer | undefined) => Buffer | undefined): Promise<Buffer | undefined>;
  /** Stores an object whatever is there, also if that cannot be read. */
  replace(key: string, plain: Buffer): Promise<void>;
  /**
   * The same objects, guarded: one that somebody replaced with an older one, or removed, is refused, and listed. It costs
   * vault operations with each change.
   * @throws {VaultError} `vault-rolled-back`
   */
  readonly guarded: Guarded;
  /** The same objects, sealed and unsealed with other keys. */
  under(keys: SealKeys): Vault;
  /** The bytes of an object as the driver stores them. */
  sealedBytes(key: string): Promise<Buffer | undefined>;
  /** The id of the key that an object names; undefined if there is no such object. */
  sealedBy(key: string): Promise<string | undefined>;
  /** Seals an object again, with the key that seals now; nothing happens if that is done, or there is no such object. */
  reseal(key: string): Promise<void>;
}

export type Guarded = Omit<VaultDriver, 'page'> & Pick<Vault, 'update' | 'replace'>;

export function createVault(driver: VaultDriver, keyring: Keyring): Vault {
  return sealedVault(driver, {
    get primaryId() {
      return keyring.primaryId;
    },
    sealKey: id => keyring.vaultKey(id),
  });
}

function sealedVault(driver: VaultDriver, keys: SealKeys): Vault {
  const store: CountedStore = {
    async get(key) {
      const stored = await driver.get(key);
      return stored && { ...stored, value: unseal(keys, key, stored.value), generation: generationOf(stored.value) };
    },
    async put(key, plain, version, generation) {
      const sealed = seal(keys, key, plain, generation);
      return version === undefined ? driver.putIfAbsent(key, sealed) : driver.putIfUnchanged(key, sealed, version);
    },
    async replace(key, plain, generation) {
      for (;;) {
        const stored = await driver.get(key);
        if (await store.put(key, plain, stored?.version, generation)) return;
      }
    },
    list: prefix => driver.list(prefix),
    delete: key => driver.delete(key),
  };
  const { get, list } = store;
  return {
    get,
    list,
    page: (prefix, max, after) => driver.page(prefix, max, after),
    delete: store.delete,
    putIfAbsent: (key, plain) => store.put(key, plain, undefined, UNCOUNTED),
    putIfUnchanged: (key, plain, version) => store.put(key, plain, version, UNCOUNTED),
    async update(key, change) {
      for (;;) {
        const stored = await get(key);
        const next = change(stored?.value);
        if (next === undefined) return stored?.value;
        if (await store.put(key, next, stored?.version, UNCOUNTED)) return next;
      }
    },
    replace: (key, plain) => store.replace(key, plain, UNCOUNTED),
    guarded: createGuard(store),
    under: others => sealedVault(driver, others),
    async sealedBytes(key) {
      return (await driver.get(key))?.value;
    },
    async sealedBy(key) {
      const stored = await driver.get(key);
      return stored && sealedBy(stored.value);
    },
    async reseal(key) {
      for (;;) {
        const stored = await driver.get(key);
        if (stored === undefined || sealedBy(stored.value) === keys.primaryId) return;
        const plain = unseal(keys, key, stored.value);
        if (await store.put(key, plain, stored.version, generationOf(stored.value))) return;
      }
    },
  };
}

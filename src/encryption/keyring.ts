/**
 * The keys of a process: several can decrypt, one encrypts, and a separate hash key that never rotates makes keyed hashes.
 * Which one encrypts is a matter of time, which the key file states. A key file that changes is read again, so that a rotation
 * reaches running processes. Key material is never printed, logged, or put into an error or an argument.
 */
import { createHmac } from 'node:crypto';
import {
  isKeyId,
  type KeyPair,
  KeyringError,
  type KeyService,
  type Keys,
  notInRole,
  primaryOf,
  readKeys,
  stampOf,
} from './key-file';
import type { SigningKey } from './signing-key';

export interface Keyring {
  /** Encrypts at present; its id travels with every ciphertext. */
  readonly primaryId: string;
  readonly ids: readonly string[];
  /** The key of payloads with this id. @throws {KeyringError} `unknown-key`, naming the id */
  key(id: string): Buffer;
  /** The key of vault objects with this id. @throws {KeyringError} `unknown-key`, `key-not-in-role` */
  vaultKey(id: string): Buffer;
  /**
   * Keyed hash (HMAC-SHA256), 32 hexadecimal characters: equal values have equal hashes; nobody without the key can guess one.
   * @throws {KeyringError} `key-not-in-role`
   */
  hash(value: string): string;
  /** The key that signs receipts. @throws {KeyringError} `key-not-in-role` */
  signingKey(): SigningKey;
  /** Signed statements about the keys that sign, in order, as the key file keeps them. */
  keyStatements(): readonly unknown[];
}

export const CHECK_BYTES = 4;
const CHECK_EVERY_MS = 1_000;
/** After a file that could not be read: a key command is not called every second. */
const CHECK_AFTER_FAILURE_MS = 30_000;

/** Distinguishes another key of the same id from a changed ciphertext. It reveals nothing about the key. */
export function keyCheck(key: Buffer): Buffer {
  return createHmac('sha256', key).update('aircall-dsr key check').digest().subarray(0, CHECK_BYTES);
}

/**
 * @param service unwraps the keys of a file in which they are wrapped
 * @throws {KeyringError} `keys-missing`, `keys-exposed`, `keys-malformed`, `key-command-missing`, `key-command-failed`
 */
export function loadKeyring(path: string | undefined, service?: KeyService): Keyring {
  let present = readKeys(path, service);
  let checkAtMs = 0;

  /** The present content of the file; if it cannot be read, the content before. */
  function keys(): Keys {
    if (Date.now() < checkAtMs) return present;
    checkAtMs = Date.now() + CHECK_EVERY_MS;
    const stamp = stampOf(path ?? '');
    if (stamp === undefined || stamp === present.stamp) return present;
    try {
      present = readKeys(path, service);
    } catch (error) {
      if (!(error instanceof KeyringError)) throw error;
      checkAtMs = Date.now() + CHECK_AFTER_FAILURE_MS;
    }
    return present;
  }

  function pair(id: string): KeyPair {
    const found = keys().pairs.find(each => each.id === id);
    if (found !== undefined) return found;
    throw new KeyringError(
      'unknown-key',
      isKeyId(id)
        ? `Key "${id}" is not in the key file. Add it, or restore the key file that holds it.`
        : 'A ciphertext names a key by an id that no key can have: it was changed, or is not one of ours.',
    );
  }

  return {
    get primaryId() {
      return primaryOf(keys().pairs, Date.now());
    },
    get ids() {
      return keys().pairs.map(({ id }) => id);
    },
    key: id => pair(id).payload,
    vaultKey(id) {
      const { vault } = pair(id);
      if (vault === undefined) throw notInRole(keys().role, 'vault');
      return vault;
    },
    hash(value) {
      const { hashKey, role } = keys();
      if (hashKey === undefined) throw notInRole(role, 'hash');
      return createHmac('sha256', hashKey).update(value).digest('hex').slice(0, 32);
    },
    signingKey() {
      const { signing, role } = keys();
      const [first] = signing;
      if (first === undefined) throw notInRole(role, 'signing');
      return first;
    },
    keyStatements: () => keys().statements,
  };
}

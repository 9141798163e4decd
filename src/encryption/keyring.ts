/**
 * The keys of a process: several can decrypt, the primary one encrypts, and a separate hash key that never rotates makes
 * keyed hashes. A key file that changes is read again, so that a rotation reaches running processes. Key material is
 * never printed, logged, or put into an error or an argument.
 */
import { createHmac, hkdfSync } from 'node:crypto';
import { KEY_BYTES, KeyringError, type KeyService, type Keys, readKeys, signingKeyMissing, stampOf } from './key-file';
import type { SigningKey } from './signing-key';

export interface Keyring {
  /** Encrypts; its id travels with every ciphertext. */
  readonly primaryId: string;
  readonly ids: readonly string[];
  /** @throws {KeyringError} `unknown-key`, naming the id */
  key(id: string): Buffer;
  /** A key derived from key `id` for one purpose, so that payloads and vault objects never share one. */
  derivedKey(id: string, purpose: string): Buffer;
  /** Keyed hash (HMAC-SHA256), 32 hexadecimal characters: equal values have equal hashes; nobody without the key can guess one. */
  hash(value: string): string;
  /** The key that signs receipts. @throws {KeyringError} `signing-key-missing` */
  signingKey(): SigningKey;
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
  let derived = new Map<string, Buffer>();
  let checkAtMs = 0;

  /** The present content of the file; if it cannot be read, the content before. */
  function keys(): Keys {
    if (Date.now() < checkAtMs) return present;
    checkAtMs = Date.now() + CHECK_EVERY_MS;
    const stamp = stampOf(path ?? '');
    if (stamp === undefined || stamp === present.stamp) return present;
    try {
      present = readKeys(path, service);
      derived = new Map();
    } catch (error) {
      if (!(error instanceof KeyringError)) throw error;
      checkAtMs = Date.now() + CHECK_AFTER_FAILURE_MS;
    }
    return present;
  }

  const ring: Keyring = {
    get primaryId() {
      return keys().primaryId;
    },
    get ids() {
      return [...keys().keys.keys()];
    },
    key(id) {
      const key = keys().keys.get(id);
      if (key === undefined) {
        throw new KeyringError(
          'unknown-key',
          `Key ${JSON.stringify(id.slice(0, 64))} is not in the key file. Add it, or restore the key file that holds it.`,
        );
      }
      return key;
    },
    derivedKey(id, purpose) {
      const key = ring.key(id);
      const name = `${id} ${purpose}`;
      const known = derived.get(name) ?? Buffer.from(hkdfSync('sha256', key, '', `aircall-dsr ${purpose}`, KEY_BYTES));
      derived.set(name, known);
      return known;
    },
    hash: value => createHmac('sha256', keys().hashKey).update(value).digest('hex').slice(0, 32),
    signingKey() {
      const [first] = keys().signing;
      if (first === undefined) throw signingKeyMissing();
      return first;
    },
  };
  return ring;
}

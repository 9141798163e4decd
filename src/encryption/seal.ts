/**
 * Authenticated encryption of one object of the vault: AES-256-GCM, bound to the place where the object lies, so that a
 * moved or swapped object is refused. It must never return bytes that failed authentication.
 * Layout: `DSR1`, key id length (1 byte), key id, nonce (12), ciphertext, tag (16); header and place are associated data.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Keyring } from './keyring';

const MAGIC = Buffer.from('DSR1');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PURPOSE = 'vault';

export class SealBroken extends Error {
  readonly code = 'seal-broken' as const;
  override readonly name = 'SealBroken';
}

export function seal(keyring: Keyring, place: string, plain: Uint8Array): Buffer {
  const keyId = Buffer.from(keyring.primaryId);
  const nonce = randomBytes(NONCE_BYTES);
  const header = Buffer.concat([MAGIC, Buffer.from([keyId.length]), keyId, nonce]);
  const cipher = createCipheriv('aes-256-gcm', keyring.derivedKey(keyring.primaryId, PURPOSE), nonce);
  cipher.setAAD(Buffer.concat([header, Buffer.from(place)]));
  return Buffer.concat([header, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/**
 * @throws {SealBroken} where the bytes are not a sealed object, were changed, or belong to another place
 * @throws {KeyringError} `unknown-key`
 */
export function unseal(keyring: Keyring, place: string, sealed: Buffer): Buffer {
  const keyIdLength = sealed[MAGIC.length] ?? 0;
  const headerLength = MAGIC.length + 1 + keyIdLength + NONCE_BYTES;
  if (!sealed.subarray(0, MAGIC.length).equals(MAGIC) || sealed.length < headerLength + TAG_BYTES) {
    throw new SealBroken('A vault object is not a sealed object. Restore it from a backup.');
  }
  const header = sealed.subarray(0, headerLength);
  const keyId = header.subarray(MAGIC.length + 1, headerLength - NONCE_BYTES).toString();
  const decipher = createDecipheriv('aes-256-gcm', keyring.derivedKey(keyId, PURPOSE), header.subarray(-NONCE_BYTES));
  decipher.setAAD(Buffer.concat([header, Buffer.from(place)]));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(headerLength, -TAG_BYTES)), decipher.final()]);
  } catch {
    throw new SealBroken(
      'A vault object was changed, or lies in another place than it was sealed for. Restore it from a backup.',
    );
  }
}

/**
 * Authenticated encryption of one object of the vault: AES-256-GCM, bound to the name of the object, so that a
 * moved or swapped object is refused. It must never return bytes that failed authentication.
 * Layout: `DSR1`, key id length (1 byte), key id, key check (4), generation (4), nonce (12), ciphertext, tag (16); all before
 * the ciphertext and the object's name are associated data.
 */
import { type CipherGCM, createCipheriv, createDecipheriv, type DecipherGCM, randomBytes } from 'node:crypto';
import { CHECK_BYTES, keyCheck } from './keyring';

const MAGIC = Buffer.from('DSR1');
const GENERATION_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Keys that seal: those of the keyring, or the one of a request. */
export interface SealKeys {
  /** Seals. */
  readonly primaryId: string;
  /** @throws if there is no such key */
  sealKey(id: string): Buffer;
}

export type SealCode = 'not-sealed' | 'wrong-key' | 'seal-broken';

export class SealBroken extends Error {
  override readonly name = 'SealBroken';
  constructor(
    readonly code: SealCode,
    message: string,
  ) {
    super(message);
  }
}

/** @param generation grows with each replacement of the object; 0 if nobody compares it */
export function seal(keys: SealKeys, place: string, plain: Uint8Array, generation: number): Buffer {
  const id = keys.primaryId;
  const key = keys.sealKey(id);
  const nonce = randomBytes(NONCE_BYTES);
  const counted = Buffer.alloc(GENERATION_BYTES);
  counted.writeUInt32BE(generation);
  const header = Buffer.concat([MAGIC, Buffer.from([id.length]), Buffer.from(id), keyCheck(key), counted, nonce]);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.concat([header, Buffer.from(place)]));
  const sealed = Buffer.allocUnsafe(header.length + plain.length + TAG_BYTES);
  header.copy(sealed);
  inPieces(cipher, plain, sealed.subarray(header.length));
  cipher.getAuthTag().copy(sealed, sealed.length - TAG_BYTES);
  return sealed;
}

/**
 * @throws {SealBroken} `not-sealed`, `wrong-key`, `seal-broken`: changed, or sealed for another place
 * @throws the error of `sealKey` for a missing key
 */
export function unseal(keys: SealKeys, place: string, sealed: Buffer): Buffer {
  const { header, keyId, generationAt, nonceAt } = headerOf(sealed);
  const key = keys.sealKey(keyId);
  if (!header.subarray(generationAt - CHECK_BYTES, generationAt).equals(keyCheck(key))) {
    throw new SealBroken(
      'wrong-key',
      `A vault object was sealed with a different key of the id ${keyId}. Restore the key file that belongs to this vault.`,
    );
  }
  const decipher = createDecipheriv('aes-256-gcm', key, header.subarray(nonceAt));
  decipher.setAAD(Buffer.concat([header, Buffer.from(place)]));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const ciphertext = sealed.subarray(header.length, -TAG_BYTES);
    const plain = Buffer.allocUnsafe(ciphertext.length);
    inPieces(decipher, ciphertext, plain);
    return plain;
  } catch {
    throw new SealBroken(
      'seal-broken',
      'A vault object was changed, or moved to another name than it was sealed for. Restore it from a backup.',
    );
  }
}

/** Small enough that what the library returns of each is soon collected: a large object is then in memory once, not three times. */
const PIECE_BYTES = 65_536;

/** The whole of `from` into `to`, which has room for it: this mode makes as many bytes as it takes. @throws if `from` is not authentic */
function inPieces(cipher: CipherGCM | DecipherGCM, from: Uint8Array, to: Buffer): void {
  for (let at = 0; at < from.length; at += PIECE_BYTES) cipher.update(from.subarray(at, at + PIECE_BYTES)).copy(to, at);
  cipher.final();
}

/** The key id that an object names, not verified. @throws {SealBroken} `not-sealed` */
export function sealedBy(sealed: Buffer): string {
  return headerOf(sealed).keyId;
}

/** The generation that an object names; authentic once the object was unsealed. @throws {SealBroken} `not-sealed` */
export function generationOf(sealed: Buffer): number {
  const { header, generationAt } = headerOf(sealed);
  return header.readUInt32BE(generationAt);
}

function headerOf(sealed: Buffer) {
  const idAt = MAGIC.length + 1;
  const idEnd = idAt + (sealed[MAGIC.length] ?? 0);
  const generationAt = idEnd + CHECK_BYTES;
  const nonceAt = generationAt + GENERATION_BYTES;
  const length = nonceAt + NONCE_BYTES;
  if (!sealed.subarray(0, MAGIC.length).equals(MAGIC) || sealed.length < length + TAG_BYTES)
    throw new SealBroken('not-sealed', 'A vault object is not a sealed object. Restore it from a backup.');
  return {
    header: sealed.subarray(0, length),
    keyId: sealed.subarray(idAt, idEnd).toString(),
    generationAt,
    nonceAt,
  };
}

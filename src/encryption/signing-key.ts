/**
 * Keys that sign (Ed25519): a seed of 32 bytes in the key file, a public key that anyone may have. A public key travels as
 * its SPKI in base64 and is named by its digest, so that id and key cannot be swapped for each other.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

export interface SigningKey {
  readonly id: string;
  /** SPKI (DER), base64. */
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

/** The bytes of a PKCS #8 private key (RFC 8410) before the seed. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const ID_CHARACTERS = 16;

/** @param seed 32 bytes */
export function signingKeyOf(seed: Uint8Array): SigningKey {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = publicHalfOf(privateKey);
  return { id: signingKeyId(publicKey), publicKey, privateKey };
}

/** `s-` and 16 hexadecimal characters of the SHA-256 of the SPKI. */
export function signingKeyId(publicKey: string): string {
  const digest = createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex');
  return `s-${digest.slice(0, ID_CHARACTERS)}`;
}

/** Undefined if it is no Ed25519 public key, or written in another way than ours. */
export function openPublicKey(publicKey: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ed25519' && spkiOf(key).toString('base64') === publicKey ? key : undefined;
  } catch {
    return undefined;
  }
}

const PEM = /-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g;

/** All public keys of a PEM text; text between them is ignored. @throws {TypeError} if one is no Ed25519 key */
export function publicKeysIn(pem: string): string[] {
  return (pem.match(PEM) ?? []).map(block => {
    let key: KeyObject;
    try {
      key = createPublicKey(block);
    } catch {
      throw new TypeError('a public key cannot be read');
    }
    if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('a public key is no Ed25519 key');
    return spkiOf(key).toString('base64');
  });
}

/** The first private key of a PEM text. @throws {TypeError} if it is no Ed25519 key, or locked with a password */
export function privateKeyIn(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new TypeError('a private key cannot be read');
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('a private key is no Ed25519 key');
  return key;
}

/** The public half of a private key: SPKI (DER), base64. */
export function publicHalfOf(privateKey: KeyObject): string {
  return spkiOf(createPublicKey(privateKey)).toString('base64');
}

/** Without a line break at its end. */
export function pemOf(publicKey: string): string {
  return `-----BEGIN PUBLIC KEY-----\n${publicKey}\n-----END PUBLIC KEY-----`;
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}

/**
 * Temporal payloads, encrypted in the wire format of Temporal's published encryption samples, so that starters in any
 * language share only the key: `encoding: binary/encrypted`, `encryption-key-id`, data = nonce (12), ciphertext, tag (16)
 * of the protobuf payload. Ours also carry a check of their key, which others need not. There is no plaintext mode: a
 * payload that was not encrypted is replaced, never used.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { KeyringError } from './key-file';
import { type Keyring, keyCheck } from './keyring';
import { BROKEN_MARK, PLAINTEXT_MARK } from './marks';

const ENCODING = 'binary/encrypted';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PayloadMessage = temporal.api.common.v1.Payload;

/** Metadata of a payload: the id of its key. */
export const KEY_ID = 'encryption-key-id';
const KEY_CHECK = 'encryption-key-check';

export type PayloadCode = 'payload-broken' | 'wrong-key';

export class PayloadBroken extends Error {
  override readonly name = 'PayloadBroken';
  constructor(
    readonly code: PayloadCode,
    message: string,
  ) {
    super(message);
  }
}

export interface WorkerRole {
  /** A worker lets the task wait for a key that is being rotated in, and reports it. */
  readonly onUnknownKey: (keyId: string) => void;
}

/**
 * For a worker, a payload that cannot be used becomes a mark; for other processes it is an error.
 * @throws {PayloadBroken} on decoding, without a worker's role
 * @throws {KeyringError} `unknown-key`, in either role
 */
export function createPayloadCodec(keyring: Keyring, worker?: WorkerRole): PayloadCodec {
  function decode(payload: Payload): Payload {
    try {
      if (!isEncrypted(payload)) return marked(PLAINTEXT_MARK);
      const inner = decrypt(keyring, payload);
      return worker === undefined || isUsable(inner) ? inner : marked(BROKEN_MARK);
    } catch (error) {
      if (error instanceof PayloadBroken && worker !== undefined) return marked(BROKEN_MARK);
      if (error instanceof KeyringError && error.code === 'unknown-key') worker?.onUnknownKey(textOf(payload, KEY_ID));
      throw error;
    }
  }
  return {
    encode: async payloads => payloads.map(payload => encrypt(keyring, payload)),
    decode: async payloads => payloads.map(decode),
  };
}

export function isEncrypted(payload: Payload): boolean {
  return textOf(payload, 'encoding') === ENCODING;
}

function encrypt(keyring: Keyring, payload: Payload): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const id = keyring.primaryId;
  const key = keyring.key(id);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const plain = PayloadMessage.encode(payload).finish();
  return {
    metadata: {
      encoding: Buffer.from(ENCODING),
      [KEY_ID]: Buffer.from(id),
      [KEY_CHECK]: Buffer.from(keyCheck(key).toString('hex')),
    },
    data: Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]),
  };
}

function decrypt(keyring: Keyring, payload: Payload): Payload {
  const keyId = textOf(payload, KEY_ID);
  if (keyId === '') throw new PayloadBroken('payload-broken', 'An encrypted payload does not name its key.');
  const key = keyring.key(keyId);
  const check = textOf(payload, KEY_CHECK);
  if (check !== '' && check !== keyCheck(key).toString('hex')) {
    throw new PayloadBroken(
      'wrong-key',
      `A payload was encrypted with a different key of the id ${keyId}. Give both sides the same key file.`,
    );
  }
  const data = Buffer.from(payload.data ?? []);
  if (data.length < NONCE_BYTES + TAG_BYTES)
    throw new PayloadBroken('payload-broken', 'An encrypted payload is too short.');
  const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(data.subarray(-TAG_BYTES));
  try {
    const plain = Buffer.concat([decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    return PayloadMessage.decode(plain);
  } catch {
    throw new PayloadBroken(
      'payload-broken',
      'An encrypted payload was changed, or was encrypted with another key of the same id.',
    );
  }
}

/** Whether Temporal's converter can decode it. */
function isUsable(payload: Payload): boolean {
  try {
    defaultPayloadConverter.fromPayload(payload);
    return true;
  } catch {
    return false;
  }
}

function marked(mark: string): Payload {
  return { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(mark)) };
}

function textOf(payload: Payload, name: string): string {
  return Buffer.from(payload.metadata?.[name] ?? []).toString();
}

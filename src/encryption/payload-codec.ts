/**
 * Temporal payloads, encrypted in the wire format of Temporal's published encryption samples, so that starters in any
 * language share only the key: `encoding: binary/encrypted`, `encryption-key-id`, data = nonce (12), ciphertext, tag (16)
 * of the protobuf payload. There is no plaintext mode: a payload that was not encrypted is replaced, never used.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { type Keyring, KeyringError } from './keyring';

const ENCODING = 'binary/encrypted';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PayloadMessage = temporal.api.common.v1.Payload;

/** What a plaintext payload decodes to: no input fits it, so the run ends as `invalid-input` and its task is never retried. */
export const PLAINTEXT_MARK = 'aircall-dsr: a payload was not encrypted and was not read';

export class PayloadBroken extends Error {
  readonly code = 'payload-broken' as const;
  override readonly name = 'PayloadBroken';
}

export function createPayloadCodec(keyring: Keyring, onUnknownKey: (keyId: string) => void = () => {}): PayloadCodec {
  return {
    async encode(payloads) {
      return payloads.map(payload => encrypt(keyring, payload));
    },
    async decode(payloads) {
      return payloads.map(payload => {
        try {
          return decrypt(keyring, payload);
        } catch (error) {
          if (error instanceof KeyringError && error.code === 'unknown-key')
            onUnknownKey(textOf(payload, 'encryption-key-id'));
          throw error;
        }
      });
    },
  };
}

function encrypt(keyring: Keyring, payload: Payload): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyring.key(keyring.primaryId), nonce);
  const plain = PayloadMessage.encode(payload).finish();
  return {
    metadata: { encoding: Buffer.from(ENCODING), 'encryption-key-id': Buffer.from(keyring.primaryId) },
    data: Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]),
  };
}

function decrypt(keyring: Keyring, payload: Payload): Payload {
  if (textOf(payload, 'encoding') !== ENCODING) {
    return { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(PLAINTEXT_MARK)) };
  }
  const key = keyring.key(textOf(payload, 'encryption-key-id'));
  const data = Buffer.from(payload.data ?? []);
  if (data.length < NONCE_BYTES + TAG_BYTES) throw new PayloadBroken('An encrypted payload is too short.');
  const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(data.subarray(-TAG_BYTES));
  let plain: Buffer;
  try {
    plain = Buffer.concat([decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch {
    throw new PayloadBroken('An encrypted payload was changed, or was encrypted with another key of the same id.');
  }
  return PayloadMessage.decode(plain);
}

function textOf(payload: Payload, name: string): string {
  return Buffer.from(payload.metadata?.[name] ?? []).toString();
}

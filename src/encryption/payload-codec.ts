/**
 * Temporal payloads, encrypted in the wire format of Temporal's published encryption samples, so that starters in any
 * language share only the key: `encoding: binary/encrypted`, `encryption-key-id`, data = nonce (12), ciphertext, tag (16)
 * of the protobuf payload. Ours also carry a check of their key, which others need not. There is no plaintext mode: a
 * payload that was not encrypted is replaced, never used. What an activity takes and returns is bound to its workflow id
 * and activity id, as associated data, so that it is good at that place only. Decision D8.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import {
  defaultPayloadConverter,
  type Payload,
  type PayloadCodec,
  type SerializationContext,
} from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { locked, unusable } from '../unusable';
import { isKeyId, KeyringError } from './key-file';
import { type Keyring, keyCheck } from './keyring';

const ENCODING = 'binary/encrypted';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PayloadMessage = temporal.api.common.v1.Payload;

/** Metadata of a payload: the id of its key. */
export const KEY_ID = 'encryption-key-id';
const KEY_CHECK = 'encryption-key-check';
/** Metadata of a payload of an activity: its workflow id and activity id, as a JSON array. */
const CONTEXT = 'encryption-context';

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

/** What a worker does about a payload whose key it does not have. */
export interface WorkerRole {
  /** What the vault knows of the request behind a workflow id; undefined if there is none. */
  readonly requestBehind: (workflowId: string) => Promise<'open' | 'ended' | undefined>;
  /** Reports a key that an open request waits for. */
  readonly onAwaited: (keyId: string) => void;
}

/**
 * For a worker, a payload that cannot be used becomes a value of its own; for other processes only one that was not encrypted, the rest is an error. A worker
 * compares the binding of a payload with the place where it is; others, which do not know the place, only check it.
 * @throws {PayloadBroken} on decoding, without a worker's role
 * @throws {KeyringError} `unknown-key`, without a worker's role; in a worker, of an activity of a request: its task is
 * repeated until the key is there. Of a workflow the workflow decides that, because anybody can send it a signal or an update.
 */
export function createPayloadCodec(keyring: Keyring, worker?: WorkerRole): PayloadCodec {
  async function decode(payload: Payload, context: SerializationContext | undefined): Promise<Payload> {
    if (!isEncrypted(payload)) return replaced(unusable('not-encrypted'));
    if (worker === undefined) return decrypt(keyring, payload);
    if (context === undefined || textOf(payload, CONTEXT) !== bindingOf(context))
      return replaced(unusable('misplaced'));
    try {
      const inner = decrypt(keyring, payload);
      return isUsable(inner) ? inner : replaced(unusable('broken'));
    } catch (error) {
      if (error instanceof PayloadBroken) return replaced(unusable('broken'));
      if (!(error instanceof KeyringError && error.code === 'unknown-key')) throw error;
      const keyId = textOf(payload, KEY_ID);
      const request = await worker.requestBehind(context.workflowId ?? '');
      const isAwaited = request === 'open';
      if (request === undefined || context.type === 'workflow') return replaced(locked({ keyId, isAwaited }));
      if (isAwaited) worker.onAwaited(keyId);
      throw error;
    }
  }
  return {
    encode: async (payloads, context) => payloads.map(payload => encrypt(keyring, payload, bindingOf(context) ?? '')),
    decode: (payloads, context) => Promise.all(payloads.map(payload => decode(payload, context))),
  };
}

/** Empty for a payload of a workflow, which anybody with the key may send; undefined if the place is not known. */
function bindingOf(context: SerializationContext | undefined): string | undefined {
  if (context?.type === 'workflow') return '';
  if (context?.workflowId === undefined || context.activityId === undefined) return undefined;
  return JSON.stringify([context.workflowId, context.activityId]);
}

export function isEncrypted(payload: Payload): boolean {
  return textOf(payload, 'encoding') === ENCODING;
}

function encrypt(keyring: Keyring, payload: Payload, binding: string): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const id = keyring.primaryId;
  const key = keyring.key(id);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(binding));
  const plain = PayloadMessage.encode(payload).finish();
  return {
    metadata: {
      encoding: Buffer.from(ENCODING),
      [KEY_ID]: Buffer.from(id),
      [KEY_CHECK]: Buffer.from(keyCheck(key).toString('hex')),
      ...(binding !== '' && { [CONTEXT]: Buffer.from(binding) }),
    },
    data: Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]),
  };
}

function decrypt(keyring: Keyring, payload: Payload): Payload {
  const keyId = textOf(payload, KEY_ID);
  if (!isKeyId(keyId))
    throw new PayloadBroken(
      'payload-broken',
      'An encrypted payload does not name its key by an id that a key can have.',
    );
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
  decipher.setAAD(Buffer.from(payload.metadata?.[CONTEXT] ?? []));
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

function replaced(value: object): Payload {
  return { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) };
}

function textOf(payload: Payload, name: string): string {
  return Buffer.from(payload.metadata?.[name] ?? []).toString();
}

/**
 * A payload of a history as the worker read it when it ran: a payload that was not encrypted, or that nobody can read,
 * becomes a value of its own. So a run that somebody else wrote into can still be replayed and become evidence.
 */
import type { Payload, PayloadCodec } from '@temporalio/common';
import { PayloadBroken } from '../encryption/payload-codec';
import { unusable } from '../unusable';
import { encodingOf, json, jsonIn } from './history';

const NOTHING = 'binary/null';

/** @throws {KeyringError} `unknown-key`; {PayloadBroken} `wrong-key`: another process may have the key */
export async function openAsWorker(payload: Payload, codec: PayloadCodec): Promise<Payload> {
  try {
    const [plain = {}] = await codec.decode([payload]);
    if (encodingOf(plain) === NOTHING) return { metadata: { encoding: Buffer.from(NOTHING) }, data: Buffer.alloc(0) };
    return json(jsonIn(plain) ?? unusable('broken'));
  } catch (error) {
    if (error instanceof PayloadBroken && error.code === 'payload-broken') return json(unusable('broken'));
    throw error;
  }
}

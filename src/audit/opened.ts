/**
 * A payload of a history as the worker read it when it ran: a payload that was not encrypted, or that nobody can read,
 * becomes a mark. So a run that somebody else wrote into can still be replayed and become evidence.
 */
import type { Payload, PayloadCodec } from '@temporalio/common';
import { BROKEN_MARK } from '../encryption/marks';
import { PayloadBroken } from '../encryption/payload-codec';
import { encodingOf, json, jsonIn } from './history';

const NOTHING = 'binary/null';

/** @throws {KeyringError} `unknown-key`; {PayloadBroken} `wrong-key`: another process may have the key */
export async function openAsWorker(payload: Payload, codec: PayloadCodec): Promise<Payload> {
  try {
    const [plain = {}] = await codec.decode([payload]);
    if (encodingOf(plain) === NOTHING) return { metadata: { encoding: Buffer.from(NOTHING) }, data: Buffer.alloc(0) };
    return json(jsonIn(plain) ?? BROKEN_MARK);
  } catch (error) {
    if (error instanceof PayloadBroken && error.code === 'payload-broken') return json(BROKEN_MARK);
    throw error;
  }
}

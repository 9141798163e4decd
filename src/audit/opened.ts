/**
 * A payload of a history as the worker read it when it ran: a payload that was not encrypted, or that nobody can read,
 * becomes a value of its own. So a run that somebody else wrote into can still be replayed and become evidence.
 */
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import { PayloadBroken } from '../encryption/payload-codec';
import { errorCode } from '../error-code';
import { UNKNOWN_KEY } from '../request/handling';
import { endCodeOf } from '../temporal/histories';
import { locked, type MissingKey, unusable } from '../unusable';
import { encodingOf, endIn, json, jsonIn } from './history';
import type { History } from './history-json';

const NOTHING = 'binary/null';

/** Whether no worker had the key of the input in time: the run read nothing else, even if the key is here now. */
export function isLockedOut(history: History): boolean {
  return endCodeOf(endIn(history)) === UNKNOWN_KEY;
}

/** What such a run read. */
export const LOCKED_OUT: PayloadCodec = {
  encode: async payloads => payloads,
  decode: async payloads => payloads.map(() => lockedFor({ isAwaited: false })),
};

function lockedFor({ isAwaited }: Pick<MissingKey, 'isAwaited'>): Payload {
  return json(locked({ keyId: '', isAwaited }));
}

/**
 * @param context if given, a payload of a workflow whose key is missing is a value too: a replay needs no forged signal
 * @throws {KeyringError} `unknown-key`; {PayloadBroken} `wrong-key`: another process may have the key
 */
export async function openAsWorker(
  payload: Payload,
  codec: PayloadCodec,
  context?: SerializationContext,
): Promise<Payload> {
  try {
    const [plain = {}] = await codec.decode([payload]);
    if (encodingOf(plain) === NOTHING) return { metadata: { encoding: Buffer.from(NOTHING) }, data: Buffer.alloc(0) };
    return json(jsonIn(plain) ?? unusable('broken'));
  } catch (error) {
    if (error instanceof PayloadBroken && error.code === 'payload-broken') return json(unusable('broken'));
    if (context?.type === 'workflow' && errorCode(error) === UNKNOWN_KEY) return lockedFor({ isAwaited: true });
    throw error;
  }
}

/**
 * OAuth authorizations in progress: each issued `state` with its connection, its time, and whether it was used.
 * A state is valid once, for its connection, for ten minutes: as long as Aircall's code. Only its digest is kept.
 */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { errorCode } from '../error-code';
import { NAME_PATTERN } from '../request/names';
import { isUnreadable } from './errors';
import type { Vault } from './vault';

export const STATE_LIFE_MS = 600_000;
/** How long a state that is late or used is still distinguished from one that was never handed out. */
const REMEMBERED_MS = 86_400_000;
const STATE_BYTES = 32;

const schema = z.strictObject({
  connection: z.string().regex(NAME_PATTERN),
  issuedAt: z.iso.datetime(),
  usedAt: z.iso.datetime().optional(),
});

export type StateVerdict = 'good' | 'unknown' | 'of-another-connection' | 'used' | 'late';

export interface Authorizations {
  /** A new state, random and unguessable. Deletes those of days ago. */
  begin(connection: string, now: Date): Promise<string>;
  /** Judges a state that came back, and uses it up if it is good: of two who bring it, one gets `good`. */
  redeem(connection: string, state: string, now: Date): Promise<StateVerdict>;
}

const PREFIX = 'authorizations';

export function createAuthorizations(vault: Vault): Authorizations {
  const keyOf = (state: string) => `${PREFIX}/${createHash('sha256').update(state).digest('hex')}`;
  async function read(key: string) {
    const stored = await vault.get(key);
    return stored && { value: schema.parse(JSON.parse(stored.value.toString())), version: stored.version };
  }
  const bytesOf = (value: z.infer<typeof schema>) => Buffer.from(JSON.stringify(schema.parse(value)));
  const ageMs = (issuedAt: string, now: Date) => now.getTime() - Date.parse(issuedAt);

  return {
    async begin(connection, now) {
      for (const key of await vault.list(PREFIX)) {
        const known = await read(key).catch(unlessBroken);
        if (known !== undefined && ageMs(known.value.issuedAt, now) > REMEMBERED_MS) await vault.delete(key);
      }
      const state = randomBytes(STATE_BYTES).toString('base64url');
      await vault.putIfAbsent(keyOf(state), bytesOf({ connection, issuedAt: now.toISOString() }));
      return state;
    },
    async redeem(connection, state, now) {
      const key = keyOf(state);
      const known = await read(key);
      if (known === undefined) return 'unknown';
      const { value, version } = known;
      if (value.connection !== connection) return 'of-another-connection';
      if (value.usedAt !== undefined) return 'used';
      if (ageMs(value.issuedAt, now) > STATE_LIFE_MS) return 'late';
      const won = await vault.putIfUnchanged(key, bytesOf({ ...value, usedAt: now.toISOString() }), version);
      return won ? 'good' : 'used';
    },
  };
}

/** It concerns nobody but who redeems it. */
function unlessBroken(error: unknown): undefined {
  if (!isUnreadable(error) && errorCode(error) !== 'unknown-key') throw error;
}

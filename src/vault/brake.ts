/**
 * The brake of a connection: which contacts took one of its places for deletions within the last 24 hours. A place is taken before the
 * DELETE, by a conditional write, so that any number of workers together take no more than there are. Times are the server's.
 */
import { z } from 'zod';
import { readable } from './errors';
import type { Vault } from './vault';

export const DELETIONS_PER_DAY_MAX = 10_000;
const WINDOW_MS = 86_400_000;

/** Contacts by their ids, and when each took its place, UNIX ms. */
const schema = z.array(z.tuple([z.number(), z.number()]));
type Places = z.infer<typeof schema>;

export interface Brake {
  /**
   * Takes a place for a contact, once however often it is asked for.
   * @returns undefined if it has one; else when the next place may be free, UNIX ms
   */
  take(connection: string, contact: number, perDay: number, nowMs: number): Promise<number | undefined>;
  /** When the next place may be free, UNIX ms; undefined: now. */
  freeAt(connection: string, perDay: number, nowMs: number): Promise<number | undefined>;
}

export function createBrake(vault: Pick<Vault, 'guarded'>): Brake {
  const keyOf = (connection: string) => `deletions/${connection}`;
  const reading = <T>(connection: string, read: () => Promise<T>) =>
    readable('record-broken', `count of deletions of ${connection}`, read);

  return {
    take: (connection, contact, perDay, nowMs) =>
      reading(connection, async () => {
        let untilMs: number | undefined;
        await vault.guarded.update(keyOf(connection), bytes => {
          const places = withinDay(bytes, nowMs);
          untilMs = places.some(([id]) => id === contact) ? undefined : fullUntil(places, perDay);
          if (untilMs !== undefined || places.some(([id]) => id === contact)) return undefined;
          return Buffer.from(JSON.stringify([...places, [contact, nowMs]]));
        });
        return untilMs;
      }),
    freeAt: (connection, perDay, nowMs) =>
      reading(connection, async () => {
        const stored = await vault.guarded.get(keyOf(connection));
        return fullUntil(withinDay(stored?.value, nowMs), perDay);
      }),
  };
}

function withinDay(bytes: Buffer | undefined, nowMs: number): Places {
  const places = bytes === undefined ? [] : schema.parse(JSON.parse(bytes.toString()));
  return places.filter(([, atMs]) => atMs > nowMs - WINDOW_MS);
}

/** When fewer than `perDay` are left of them; undefined if that is so now. */
function fullUntil(places: Places, perDay: number): number | undefined {
  const latestFirst = places.map(([, atMs]) => atMs).sort((one, other) => other - one);
  const last = latestFirst[perDay - 1];
  return last === undefined ? undefined : last + WINDOW_MS;
}

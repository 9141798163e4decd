/**
 * What of Aircall's conversation intelligence a company does not pay for, as its replies said within a day: nobody asks again before.
 * Whoever connects it again may have bought it. Times are the server's.
 */
import { z } from 'zod';
import { INTELLIGENCE, type Intelligence } from '../request/insights';
import { isUnreadable } from './errors';
import type { Vault } from './vault';

const REMEMBERED_MS = 86_400_000;

const schema = z.strictObject({
  /** Of the connection when it was refused: another time means that it was connected again since. */
  connectedAt: z.iso.datetime(),
  /** When each was refused last; UNIX ms. */
  refused: z.partialRecord(z.enum(INTELLIGENCE), z.number()),
});
type Note = z.infer<typeof schema>;

export interface Entitlements {
  /** Whether Aircall refused it within a day. */
  isNotEntitled(connection: Connected, what: Intelligence, nowMs: number): Promise<boolean>;
  /** All that Aircall refused within a day. */
  notEntitled(connection: Connected, nowMs: number): Promise<readonly Intelligence[]>;
  noteNotEntitled(connection: Connected, what: Intelligence, nowMs: number): Promise<void>;
  forgetEntitlements(name: string): Promise<void>;
}

interface Connected {
  readonly name: string;
  /** ISO 8601. */
  readonly connectedAt: string;
}

export function createEntitlements(vault: Vault): Entitlements {
  const keyOf = (name: string) => `entitlements/${name}`;

  /** A broken note is none: it is asked again. */
  async function noteOf({ name, connectedAt }: Connected): Promise<Note['refused'] | undefined> {
    try {
      const stored = await vault.get(keyOf(name));
      const note = stored && schema.parse(JSON.parse(stored.value.toString()));
      return note?.connectedAt === connectedAt ? note.refused : undefined;
    } catch (error) {
      if (isUnreadable(error)) return undefined;
      throw error;
    }
  }

  async function notEntitled(connection: Connected, nowMs: number): Promise<readonly Intelligence[]> {
    const refused = await noteOf(connection);
    return INTELLIGENCE.filter(what => {
      const refusedMs = refused?.[what];
      return refusedMs !== undefined && Math.abs(nowMs - refusedMs) < REMEMBERED_MS;
    });
  }

  return {
    isNotEntitled: async (connection, what, nowMs) => (await notEntitled(connection, nowMs)).includes(what),
    notEntitled,
    async noteNotEntitled(connection, what, nowMs) {
      const refused = { ...(await noteOf(connection)), [what]: nowMs };
      // Of two that write at once one is forgotten, and asked again.
      const note: Note = { connectedAt: connection.connectedAt, refused };
      await vault.replace(keyOf(connection.name), Buffer.from(JSON.stringify(note)));
    },
    forgetEntitlements: name => vault.delete(keyOf(name)),
  };
}

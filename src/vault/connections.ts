/**
 * Connections in the vault: base URL, budget and credentials of one Aircall company each. The only place that knows how a
 * connection is stored; credentials leave it only towards an API request.
 */
import { z } from 'zod';
import { LIMIT_PER_MINUTE_MAX, SHARE_MAX } from '../request/budget';
import { NAME_PATTERN } from '../request/names';
import type { Stored, Vault } from './vault';

const apiKey = z.strictObject({ kind: z.literal('api-key'), apiId: z.string().min(1), apiToken: z.string().min(1) });
const oauth = z.strictObject({
  kind: z.literal('oauth'),
  accessToken: z.string().min(1),
  /** Present only where a token response carried it: Aircall documents permanent tokens (aircall-api.md 1). */
  refresh: z
    .strictObject({ refreshToken: z.string().min(1), clientId: z.string().min(1), clientSecret: z.string().min(1) })
    .optional(),
});
const schema = z.strictObject({
  name: z.string().regex(NAME_PATTERN),
  baseUrl: z.url(),
  limitPerMinute: z.number().int().min(1).max(LIMIT_PER_MINUTE_MAX),
  share: z.number().gt(0).max(SHARE_MAX),
  credential: z.discriminatedUnion('kind', [apiKey, oauth]),
  /** Grows with every change of the credential (UNIX ms): names the one that a step used. */
  credentialVersion: z.number().int().min(1),
  /** While somebody refreshes: who came second waits. ISO 8601. */
  refreshingUntil: z.iso.datetime().optional(),
  connectedAt: z.iso.datetime(),
});

export type Connection = z.infer<typeof schema>;
export type Credential = Connection['credential'];

/** Above every version that this name ever had, also where the connection was removed in between: versions are times. */
export function nextCredentialVersion(previous: Connection | undefined, nowMs: number): number {
  return Math.max(nowMs, (previous?.credentialVersion ?? 0) + 1);
}

export interface Connections {
  get(name: string): Promise<Stored<Connection> | undefined>;
  names(): Promise<string[]>;
  /** Stores a connection that must not exist (`version` undefined) or must be at `version`; false where it is not. */
  put(connection: Connection, version: string | undefined): Promise<boolean>;
  delete(name: string): Promise<void>;
}

const PREFIX = 'connections';

export function createConnections(vault: Vault): Connections {
  const keyOf = (name: string) => `${PREFIX}/${name}`;
  return {
    async get(name) {
      const stored = await vault.get(keyOf(name));
      return stored && { value: schema.parse(JSON.parse(stored.value.toString())), version: stored.version };
    },
    names: async () => (await vault.list(PREFIX)).map(key => key.slice(PREFIX.length + 1)),
    put(connection, version) {
      const bytes = Buffer.from(JSON.stringify(schema.parse(connection)));
      const key = keyOf(connection.name);
      return version === undefined ? vault.putIfAbsent(key, bytes) : vault.putIfUnchanged(key, bytes, version);
    },
    delete: name => vault.delete(keyOf(name)),
  };
}

/**
 * Connections in the vault: base URL, budget and credentials of one Aircall company each, and what its 429 replies told.
 * The only place that knows how a connection is stored; credentials leave it only towards an API request.
 */
import { z } from 'zod';
import { type Budget, LIMIT_PER_MINUTE_MAX, limitInForce, SHARE_MAX } from '../request/budget';
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
  limitPerMinute: z.union([z.number().int().min(1).max(LIMIT_PER_MINUTE_MAX), z.literal('auto')]),
  share: z.number().gt(0).max(SHARE_MAX),
  credential: z.discriminatedUnion('kind', [apiKey, oauth]),
  /** Grows with every change of the credential (UNIX ms): names the one that a step used. */
  credentialVersion: z.number().int().min(1),
  /** While somebody refreshes: who came second waits. ISO 8601. */
  refreshingUntil: z.iso.datetime().optional(),
  connectedAt: z.iso.datetime(),
});

/** An object of its own, so that a 429 and a change of the connection never overwrite each other. */
const rateLimitsSchema = z.strictObject({
  /** Replies with status 429 since the connection was last connected. */
  count: z.number().int().min(1),
  lastAt: z.iso.datetime(),
  /** Requests a minute, as the last 429 that named a limit said. */
  namedPerMinute: z.number().positive().optional(),
});

export type Connection = z.infer<typeof schema>;
export type RateLimits = z.infer<typeof rateLimitsSchema>;
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
  /** What 429 replies told since the connection was last connected; undefined where there was none. */
  rateLimits(name: string): Promise<RateLimits | undefined>;
  noteRateLimit(name: string, at: Date, namedPerMinute: number | undefined): Promise<void>;
  /** A limit that was named before counts no more: somebody who should know has said another one. */
  forgetRateLimits(name: string): Promise<void>;
  delete(name: string): Promise<void>;
}

/** The budget that holds. */
export function budgetOf({ limitPerMinute, share }: Connection, rateLimits: RateLimits | undefined): Budget {
  return { limitPerMinute: limitInForce(limitPerMinute, rateLimits?.namedPerMinute), share };
}

const PREFIX = 'connections';
const RATE_LIMITS_PREFIX = 'rate-limits';

export function createConnections(vault: Vault): Connections {
  const keyOf = (name: string) => `${PREFIX}/${name}`;
  const rateLimitsKeyOf = (name: string) => `${RATE_LIMITS_PREFIX}/${name}`;
  async function storedRateLimits(name: string): Promise<Stored<RateLimits> | undefined> {
    const stored = await vault.get(rateLimitsKeyOf(name));
    return stored && { value: rateLimitsSchema.parse(JSON.parse(stored.value.toString())), version: stored.version };
  }
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
    rateLimits: async name => (await storedRateLimits(name))?.value,
    async noteRateLimit(name, at, namedPerMinute) {
      const key = rateLimitsKeyOf(name);
      for (;;) {
        const present = await storedRateLimits(name);
        const named = namedPerMinute ?? present?.value.namedPerMinute;
        const next: RateLimits = {
          count: (present?.value.count ?? 0) + 1,
          lastAt: at.toISOString(),
          ...(named !== undefined && { namedPerMinute: named }),
        };
        const bytes = Buffer.from(JSON.stringify(next));
        const written =
          present === undefined
            ? await vault.putIfAbsent(key, bytes)
            : await vault.putIfUnchanged(key, bytes, present.version);
        if (written) return;
      }
    },
    forgetRateLimits: name => vault.delete(rateLimitsKeyOf(name)),
    async delete(name) {
      await vault.delete(keyOf(name));
      await vault.delete(rateLimitsKeyOf(name));
    },
  };
}

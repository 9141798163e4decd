/**
 * Connections in the vault: base URL, budget and credentials of one Aircall company each, and what its 429 replies named.
 * The only place that knows how a connection is stored; credentials leave it only towards an API request.
 */
import { z } from 'zod';
import { type Budget, LIMIT_PER_MINUTE_MAX, limitInForce, SHARE_MAX } from '../budget';
import { NAME_PATTERN } from '../request/names';
import type { Stored, Vault } from './vault';

const apiKey = z.strictObject({ kind: z.literal('api-key'), apiId: z.string().min(1), apiToken: z.string().min(1) });
const oauth = z.strictObject({
  kind: z.literal('oauth'),
  accessToken: z.string().min(1),
  /** When it is renewed, shortly before it expires (ISO 8601). Absent: it does not expire, or cannot be renewed. */
  renewAt: z.iso.datetime().optional(),
  /** Present only if a token response carried it: Aircall documents permanent tokens (docs/aircall.md 1). */
  refresh: z
    .strictObject({ refreshToken: z.string().min(1), clientId: z.string().min(1), clientSecret: z.string().min(1) })
    .optional(),
});
const schema = z.strictObject({
  name: z.string().regex(NAME_PATTERN),
  /** The Aircall company that it belongs to, as Aircall calls it; absent if Aircall does not show it. */
  company: z.string().min(1).optional(),
  baseUrl: z.url(),
  limitPerMinute: z.union([z.number().int().min(1).max(LIMIT_PER_MINUTE_MAX), z.literal('auto')]),
  share: z.number().gt(0).max(SHARE_MAX),
  credential: z.discriminatedUnion('kind', [apiKey, oauth]),
  /** Grows with every change of the credential (UNIX ms): names the one that a step used. */
  credentialVersion: z.number().int().min(1),
  /** Lease of the process that refreshes the credential: others wait. ISO 8601. */
  refreshingUntil: z.iso.datetime().optional(),
  /** Since when Aircall refuses the credential and nothing can renew it: nobody uses it any more. ISO 8601. */
  refusedAt: z.iso.datetime().optional(),
  /** Since when Aircall refuses to renew the credential: nobody tries any more. The token in use may still be valid. ISO 8601. */
  renewalRefusedAt: z.iso.datetime().optional(),
  /** Since when an operator holds all of its API requests. ISO 8601. */
  pausedAt: z.iso.datetime().optional(),
  connectedAt: z.iso.datetime(),
});

/** An object of its own, so that a 429 and a change of the connection never overwrite each other. */
const rateLimitsSchema = z.strictObject({
  /** Replies with status 429 since the connection was last connected. */
  count: z.number().int().min(1),
  lastAt: z.iso.datetime(),
  /** Requests a minute: the limit of the last 429 that named one. */
  namedPerMinute: z.number().positive().optional(),
});

export type Connection = z.infer<typeof schema>;
export type RateLimits = z.infer<typeof rateLimitsSchema>;
export type Credential = Connection['credential'];

/** Differs from every earlier version of this name, also if the connection was removed in between: versions are times. */
export function nextCredentialVersion(previous: Connection | undefined, nowMs: number): number {
  return Math.max(nowMs, (previous?.credentialVersion ?? 0) + 1);
}

/** A renewal comes this long before the end of a token's life, or a tenth of that life before it. */
const RENEW_BEFORE_MS_MAX = 300_000;

/** The credential of a token reply. The data for its renewal is kept only if it can be renewed. */
export function oauthCredential(
  {
    accessToken,
    refreshToken,
    expiresIn,
  }: { readonly accessToken: string; readonly refreshToken?: string; readonly expiresIn?: number },
  client: { readonly clientId: string; readonly clientSecret: string },
  nowMs: number,
): Credential {
  const lifeMs = (expiresIn ?? 0) * 1000;
  const renewAt = new Date(nowMs + lifeMs - Math.min(RENEW_BEFORE_MS_MAX, lifeMs / 10)).toISOString();
  return {
    kind: 'oauth',
    accessToken,
    ...(refreshToken !== undefined && { refresh: { refreshToken, ...client } }),
    ...(refreshToken !== undefined && expiresIn !== undefined && { renewAt }),
  };
}

/** Whether Aircall has finally refused the credential or its renewal: only a person can help. */
export function isRenewalVain({ refusedAt, renewalRefusedAt }: Connection): boolean {
  return refusedAt !== undefined || renewalRefusedAt !== undefined;
}

/** Whether its token is about to expire and can be renewed. */
export function isRenewalDue(connection: Connection, nowMs: number): boolean {
  const { credential } = connection;
  if (credential.kind !== 'oauth' || credential.renewAt === undefined || isRenewalVain(connection)) return false;
  return Date.parse(credential.renewAt) <= nowMs;
}

/** After an operator resumes it: a refused credential gets a new version, and is tried again. */
export function resumed(connection: Connection, nowMs: number): Connection {
  const { pausedAt: _, refusedAt, renewalRefusedAt, ...rest } = connection;
  if (refusedAt === undefined && renewalRefusedAt === undefined) return rest;
  return { ...rest, credentialVersion: nextCredentialVersion(connection, nowMs) };
}

export interface Connections {
  get(name: string): Promise<Stored<Connection> | undefined>;
  names(): Promise<string[]>;
  /** Stores a connection that must not exist (`version` undefined) or must be at `version`; false if it is not. */
  put(connection: Connection, version: string | undefined): Promise<boolean>;
  /**
   * Changes the stored connection, safe against other writers. `change` may be called again, and returns undefined to
   * change nothing. Returns the stored connection, undefined if there is none.
   */
  change(name: string, change: (present: Connection) => Connection | undefined): Promise<Connection | undefined>;
  /** The Aircall company that a connection belongs to, or belonged to when it was disconnected with waiting requests. */
  company(name: string): Promise<string | undefined>;
  /** The remains of a disconnected connection that requests wait for; undefined if none wait. */
  kept(name: string): Promise<KeptConnection | undefined>;
  keptNames(): Promise<string[]>;
  /** Deletes the remains: the connection exists again. */
  forgetKept(name: string): Promise<void>;
  /** The 429 replies since the connection was last connected; undefined if there was none. */
  rateLimits(name: string): Promise<RateLimits | undefined>;
  noteRateLimit(name: string, at: Date, namedPerMinute: number | undefined): Promise<void>;
  /** Forgets a limit that Aircall named before: an operator has set another one. */
  forgetRateLimits(name: string): Promise<void>;
  /** Deletes the connection with its credentials. If requests still wait for it, the data that they need to resume stays. */
  delete(name: string, options?: { readonly waitedFor: boolean }): Promise<void>;
}

/** The budget in force. */
export function budgetOf({ limitPerMinute, share }: Connection, rateLimits: RateLimits | undefined): Budget {
  return { limitPerMinute: limitInForce(limitPerMinute, rateLimits?.namedPerMinute), share };
}

const PREFIX = 'connections';
const RATE_LIMITS_PREFIX = 'rate-limits';
const KEPT_PREFIX = 'companies';

const keptSchema = z.strictObject({
  /** Aircall's name of the company: requests resume with the same company only. */
  name: z.string().min(1).optional(),
  /** As of the connection. */
  pausedAt: z.iso.datetime().optional(),
});

export type KeptConnection = z.infer<typeof keptSchema>;

export function createConnections(vault: Vault): Connections {
  const keyOf = (name: string) => `${PREFIX}/${name}`;
  const keptKeyOf = (name: string) => `${KEPT_PREFIX}/${name}`;
  const rateLimitsKeyOf = (name: string) => `${RATE_LIMITS_PREFIX}/${name}`;
  async function keep(name: string): Promise<void> {
    const key = keptKeyOf(name);
    const company = await connections.company(name);
    const pausedAt = (await connections.get(name))?.value.pausedAt;
    const kept: KeptConnection = {
      ...(company !== undefined && { name: company }),
      ...(pausedAt !== undefined && { pausedAt }),
    };
    await vault.update(key, () => jsonOf(kept));
  }
  const connections: Connections = {
    async get(name) {
      const stored = await vault.get(keyOf(name));
      return stored && { value: read(stored.value), version: stored.version };
    },
    names: async () => (await vault.list(PREFIX)).map(key => key.slice(PREFIX.length + 1)),
    put(connection, version) {
      const bytes = jsonOf(schema.parse(connection));
      const key = keyOf(connection.name);
      return version === undefined ? vault.putIfAbsent(key, bytes) : vault.putIfUnchanged(key, bytes, version);
    },
    async change(name, change) {
      const stored = await vault.update(keyOf(name), bytes => {
        const next = bytes && change(read(bytes));
        return next && jsonOf(schema.parse(next));
      });
      return stored && read(stored);
    },
    async company(name) {
      return (await connections.get(name))?.value.company ?? (await connections.kept(name))?.name;
    },
    async kept(name) {
      const stored = await vault.get(keptKeyOf(name));
      return stored && keptSchema.parse(JSON.parse(stored.value.toString()));
    },
    keptNames: async () => (await vault.list(KEPT_PREFIX)).map(key => key.slice(KEPT_PREFIX.length + 1)),
    forgetKept: name => vault.delete(keptKeyOf(name)),
    async rateLimits(name) {
      const stored = await vault.get(rateLimitsKeyOf(name));
      return stored && readRateLimits(stored.value);
    },
    async noteRateLimit(name, at, namedPerMinute) {
      await vault.update(rateLimitsKeyOf(name), bytes => {
        const present = bytes && readRateLimits(bytes);
        const named = namedPerMinute ?? present?.namedPerMinute;
        return jsonOf({
          count: (present?.count ?? 0) + 1,
          lastAt: at.toISOString(),
          ...(named !== undefined && { namedPerMinute: named }),
        });
      });
    },
    forgetRateLimits: name => vault.delete(rateLimitsKeyOf(name)),
    async delete(name, { waitedFor } = { waitedFor: false }) {
      if (waitedFor) await keep(name);
      await vault.delete(keyOf(name));
      await vault.delete(rateLimitsKeyOf(name));
      if (!waitedFor) await connections.forgetKept(name);
    },
  };
  return connections;
}

function read(bytes: Buffer): Connection {
  return schema.parse(JSON.parse(bytes.toString()));
}

function readRateLimits(bytes: Buffer): RateLimits {
  return rateLimitsSchema.parse(JSON.parse(bytes.toString()));
}

function jsonOf(value: Connection | KeptConnection | RateLimits): Buffer {
  return Buffer.from(JSON.stringify(value));
}

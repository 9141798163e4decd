/**
 * Connections in the vault: base URL, budget and credentials of one Aircall company each, and what its 429 replies named.
 * The only place that knows how a connection is stored; credentials leave it only towards an API request.
 */
import { z } from 'zod';
import { type Budget, LIMIT_PER_MINUTE_MAX, limitInForce, requestsPerHour, SHARE_MAX } from '../budget';
import { errorCode } from '../error-code';
import { APPROVALS_MAX } from '../request/approval';
import { NAME_PATTERN } from '../request/names';
import { LANGUAGES } from '../request/options';
import { DELETIONS_PER_DAY_MAX } from './brake';
import { createEntitlements, type Entitlements } from './entitlements';
import { isUnreadable, readable, VaultError } from './errors';
import { createNotices, type Notices } from './notices';
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
/** What an operator sets for all requests of the company; it outlasts a disconnection that requests wait through. */
const policyFields = {
  /** ISO 3166-1 alpha-2: numbers that Aircall stores without a country are read as of this one. */
  country: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .optional(),
  /** In which packages are written, unless a request says otherwise. */
  language: z.enum(LANGUAGES).optional(),
  /** How many approvers must approve each deletion; absent: none. */
  approvals: z.number().int().min(0).max(APPROVALS_MAX).optional(),
  /** How many contacts may be deleted within any 24 hours; absent: any number. */
  deletionsPerDay: z.number().int().min(1).max(DELETIONS_PER_DAY_MAX).optional(),
};

const schema = z.strictObject({
  name: z.string().regex(NAME_PATTERN),
  /** The Aircall company that it belongs to, as Aircall calls it; absent if Aircall does not show it. */
  company: z.string().min(1).optional(),
  baseUrl: z.url(),
  limitPerMinute: z.union([z.number().int().min(1).max(LIMIT_PER_MINUTE_MAX), z.literal('auto')]),
  share: z.number().gt(0).max(SHARE_MAX),
  ...policyFields,
  credential: z.discriminatedUnion('kind', [apiKey, oauth]),
  /** Grows with every change of the credential (UNIX ms): names the one that a step used. */
  credentialVersion: z.number().int().min(1),
  /** Names the attempt of the step that refreshes the credential: others wait. */
  refreshLease: z.string().min(1).optional(),
  /** Since when Aircall refuses the credential and nothing can renew it: nobody uses it any more. ISO 8601. */
  refusedAt: z.iso.datetime().optional(),
  /** Since when Aircall refuses to renew the credential: nobody tries any more. The token in use may still be valid. ISO 8601. */
  renewalRefusedAt: z.iso.datetime().optional(),
  /** Since when an operator holds all of its API requests. ISO 8601. */
  pausedAt: z.iso.datetime().optional(),
  connectedAt: z.iso.datetime(),
  /** UNIX ms. Stays while the connection keeps to one company; a request goes on only with the one that it began with. */
  incarnation: z.number().int().min(1),
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

/** When its token is to be renewed, ISO 8601; undefined if it does not expire, or cannot be renewed. */
export function renewalOf(connection: Connection): string | undefined {
  const { credential } = connection;
  return credential.kind === 'oauth' && !isRenewalVain(connection) ? credential.renewAt : undefined;
}

/** After an operator resumes it: a refused credential gets a new version, and is tried again. */
export function resumed(connection: Connection, nowMs: number): Connection {
  const { pausedAt: _, refusedAt, renewalRefusedAt, ...rest } = connection;
  if (refusedAt === undefined && renewalRefusedAt === undefined) return rest;
  return { ...rest, credentialVersion: nextCredentialVersion(connection, nowMs) };
}

export interface Connections extends Entitlements, Notices {
  /** @throws {VaultError} `connection-broken`, `vault-rolled-back` */
  get(name: string): Promise<Stored<Connection> | undefined>;
  /** Also of connections that somebody removed from the vault, so that it is noticed. */
  names(): Promise<string[]>;
  /** Stores a connection that must not exist (`version` undefined) or must be at `version`; false if it is not. */
  put(connection: Connection, version: string | undefined): Promise<boolean>;
  /**
   * Changes the stored connection, safe against other writers. `change` may be called again, and returns undefined to
   * change nothing. Returns the stored connection, undefined if there is none.
   */
  change(name: string, change: (present: Connection) => Connection | undefined): Promise<Connection | undefined>;
  /** Stores a connection whatever is there: the stored one cannot be read, or is an older one that somebody put back. */
  replace(connection: Connection): Promise<void>;
  /** Stands for the company that a connection belongs to; undefined if requests neither use nor await the connection. */
  incarnation(name: string): Promise<number | undefined>;
  /** The incarnation of a connection that cannot be read; undefined if nothing that can be read tells of one. */
  latestIncarnation(name: string): Promise<number | undefined>;
  /** A new one: of a new connection, or one that belongs to another company from now on. */
  beginIncarnation(name: string, nowMs: number): Promise<number>;
  /** The Aircall company that a connection belongs to, or belonged to when it was disconnected with waiting requests. */
  company(name: string): Promise<string | undefined>;
  /** The remains of a disconnected connection that requests wait for; undefined if none wait. */
  kept(name: string): Promise<KeptConnection | undefined>;
  keptNames(): Promise<string[]>;
  /** Deletes the remains: the connection exists again. */
  forgetKept(name: string): Promise<void>;
  /** The 429 replies since the connection was last connected; undefined if there was none. A broken note is replaced by the next 429. */
  rateLimits(name: string): Promise<RateLimits | 'broken' | undefined>;
  noteRateLimit(name: string, at: Date, namedPerMinute: number | undefined): Promise<void>;
  /** Forgets a limit that Aircall named before: an operator has set another one. */
  forgetRateLimits(name: string): Promise<void>;
  /** Deletes the connection with its credentials. If requests still wait for it, its notice and the data that they need to resume stay. */
  delete(name: string, options?: { readonly waitedFor: boolean }): Promise<void>;
}

export type Policy = Partial<Pick<Connection, 'country' | 'language' | 'approvals' | 'deletionsPerDay'>>;

/** Only what is set. */
export function policyOf({ country, language, approvals, deletionsPerDay }: Policy): Policy {
  return {
    ...(language !== undefined && { language }),
    ...(country !== undefined && { country }),
    ...(approvals !== undefined && { approvals }),
    ...(deletionsPerDay !== undefined && { deletionsPerDay }),
  };
}

/** The budget in force. */
export function budgetOf(
  { limitPerMinute, share }: Connection,
  rateLimits: Awaited<ReturnType<Connections['rateLimits']>>,
): Budget {
  const named = rateLimits === 'broken' ? undefined : rateLimits?.namedPerMinute;
  return { limitPerMinute: limitInForce(limitPerMinute, named), share };
}

/** API requests an hour that the budget in force allows, those of all requests of the company together. */
export function requestsPerHourOf(...ofConnection: Parameters<typeof budgetOf>): number {
  return requestsPerHour(budgetOf(...ofConnection));
}

const PREFIX = 'connections';
const INCARNATIONS_PREFIX = 'incarnations';
const RATE_LIMITS_PREFIX = 'rate-limits';
const KEPT_PREFIX = 'companies';

const keptSchema = z.strictObject({
  /** Aircall's name of the company: requests resume with the same company only. */
  name: z.string().min(1).optional(),
  /** As of the connection. */
  pausedAt: z.iso.datetime().optional(),
  /** As of the connection. */
  incarnation: z.number().int().min(1).optional(),
  ...policyFields,
  /** It was broken when it was deleted, or these remains are: nothing else is known. */
  broken: z.literal(true).optional(),
});

export type KeptConnection = z.infer<typeof keptSchema>;

export function createConnections(vault: Vault): Connections {
  const keyOf = (name: string) => `${PREFIX}/${name}`;
  const keptKeyOf = (name: string) => `${KEPT_PREFIX}/${name}`;
  const rateLimitsKeyOf = (name: string) => `${RATE_LIMITS_PREFIX}/${name}`;
  const incarnationsOf = (name: string) => `${INCARNATIONS_PREFIX}/${name}`;
  const { guarded } = vault;

  async function keep(name: string): Promise<void> {
    const present = await connections.get(name).catch(ifBroken);
    await vault.replace(keptKeyOf(name), jsonOf(await remainsOf(name, present)));
  }

  async function remainsOf(name: string, present: Stored<Connection> | 'broken' | undefined): Promise<KeptConnection> {
    if (present === undefined) return (await connections.kept(name)) ?? {};
    if (present === 'broken') return { broken: true };
    const { pausedAt, incarnation } = present.value;
    const policy = policyOf(present.value);
    const company = await connections.company(name);
    return {
      ...(company !== undefined && { name: company }),
      ...(pausedAt !== undefined && { pausedAt }),
      incarnation,
      ...policy,
    };
  }

  async function isOurs(key: string): Promise<boolean> {
    try {
      return (await vault.get(key)) !== undefined;
    } catch (error) {
      if (isUnreadable(error) || errorCode(error) === 'unknown-key') return false;
      throw error;
    }
  }

  const entitlements = createEntitlements(vault);
  const notices = createNotices(vault);
  const connections: Connections = {
    ...entitlements,
    ...notices,
    get: name =>
      readable('connection-broken', `connection ${name}`, async () => {
        const stored = await guarded.get(keyOf(name));
        return stored && { value: read(stored.value), version: stored.version };
      }),
    names: async () => (await guarded.list(PREFIX)).map(key => key.slice(PREFIX.length + 1)),
    put(connection, version) {
      const bytes = jsonOf(schema.parse(connection));
      const key = keyOf(connection.name);
      return version === undefined ? guarded.putIfAbsent(key, bytes) : guarded.putIfUnchanged(key, bytes, version);
    },
    replace: connection => guarded.replace(keyOf(connection.name), jsonOf(schema.parse(connection))),
    async change(name, change) {
      const stored = await readable('connection-broken', `connection ${name}`, () =>
        guarded.update(keyOf(name), bytes => {
          const next = bytes && change(read(bytes));
          return next && jsonOf(schema.parse(next));
        }),
      );
      return stored && read(stored);
    },
    async incarnation(name) {
      const present = await connections.get(name);
      if (present !== undefined) return present.value.incarnation;
      const kept = await connections.kept(name);
      return kept && (kept.incarnation ?? connections.latestIncarnation(name));
    },
    async latestIncarnation(name) {
      // Anybody who can write the vault can store something under any number: only what we sealed counts.
      const begun = (await vault.list(incarnationsOf(name))).map(key => Number(key.slice(key.lastIndexOf('/') + 1)));
      const newestFirst = begun.filter(Number.isSafeInteger).sort((one, other) => other - one);
      for (const number of newestFirst) if (await isOurs(`${incarnationsOf(name)}/${number}`)) return number;
      return undefined;
    },
    async beginIncarnation(name, nowMs) {
      for (let next = nowMs; ; next += 1) {
        const latest = await connections.latestIncarnation(name);
        if (latest !== undefined && next <= latest) next = latest + 1;
        if (await vault.putIfAbsent(`${incarnationsOf(name)}/${next}`, Buffer.alloc(0))) return next;
      }
    },
    async company(name) {
      return (await connections.get(name))?.value.company ?? (await connections.kept(name))?.name;
    },
    async kept(name) {
      try {
        const stored = await vault.get(keptKeyOf(name));
        return stored && keptSchema.parse(JSON.parse(stored.value.toString()));
      } catch (error) {
        if (isUnreadable(error)) return { broken: true };
        throw error;
      }
    },
    keptNames: async () => (await vault.list(KEPT_PREFIX)).map(key => key.slice(KEPT_PREFIX.length + 1)),
    forgetKept: name => vault.delete(keptKeyOf(name)),
    async rateLimits(name) {
      try {
        const stored = await vault.get(rateLimitsKeyOf(name));
        return stored && readRateLimits(stored.value);
      } catch (error) {
        if (isUnreadable(error)) return 'broken';
        throw error;
      }
    },
    async noteRateLimit(name, at, namedPerMinute) {
      const next = (present: RateLimits | undefined) => {
        const named = namedPerMinute ?? present?.namedPerMinute;
        return jsonOf({
          count: (present?.count ?? 0) + 1,
          lastAt: at.toISOString(),
          ...(named !== undefined && { namedPerMinute: named }),
        });
      };
      if ((await connections.rateLimits(name)) === 'broken')
        return vault.replace(rateLimitsKeyOf(name), next(undefined));
      await vault.update(rateLimitsKeyOf(name), bytes => next(bytes && readRateLimits(bytes)));
    },
    forgetRateLimits: name => vault.delete(rateLimitsKeyOf(name)),
    async delete(name, { waitedFor } = { waitedFor: false }) {
      if (waitedFor) await keep(name);
      await guarded.delete(keyOf(name));
      await vault.delete(rateLimitsKeyOf(name));
      await entitlements.forgetEntitlements(name);
      if (waitedFor) return;
      await notices.forgetNotice(name);
      await connections.forgetKept(name);
    },
  };
  return connections;
}

const BROKEN: readonly string[] = ['connection-broken', 'notice-broken', 'vault-rolled-back'];

/** A connection, or a notice, that `connect` replaces, and `disconnect` deletes, without having read it. */
export function ifBroken(error: unknown): 'broken' {
  const isBroken = error instanceof VaultError && BROKEN.includes(error.code);
  if (isBroken) return 'broken';
  throw error;
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

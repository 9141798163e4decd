/**
 * Which secrets open one company's API: API keys (Basic), access tokens (Bearer), OAuth codes and refresh tokens.
 * All are derived from the company's name, so that a run repeats; they must never guard anything real.
 * Facts: docs/aircall.md 1. Unverified: refresh tokens, their rotation and the death of the former access token.
 */
import type { Behaviour } from './behaviour';
import { hexOf } from './random';

const CODE_LIFE_MS = 600_000;

export interface TokenReply {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly created_at: number;
  readonly expires_in?: number;
  readonly refresh_token?: string;
}

export interface ApiKey {
  readonly apiId: string;
  readonly apiToken: string;
}

export interface FirstCredentials extends ApiKey {
  readonly accessToken: string;
}

export interface Credentials {
  /** Undefined if the header names no secret of this company. */
  judge(authorization: string): 'good' | 'refused' | undefined;
  issueApiKey(): ApiKey;
  /** Valid once, for ten minutes; bound to the redirect URI if one is given. */
  mintCode(redirectUri?: string): string;
  /** Undefined if the code is unknown, used, expired or bound to another redirect URI. */
  redeemCode(code: string, redirectUri: string, behaviour: Behaviour): TokenReply | undefined;
  /** Undefined if the refresh token is unknown or was used. */
  refresh(refreshToken: string, behaviour: Behaviour): TokenReply | undefined;
  /** Every secret issued until now is refused; later ones are valid. */
  revoke(): void;
  restore(): void;
}

export function createCredentials(company: string, first: FirstCredentials, now: () => number): Credentials {
  const apiKeys = new Map([[first.apiId, first.apiToken]]);
  const accessTokens = new Map([[first.accessToken, Infinity]]);
  const refreshTokens = new Map<string, string>();
  const codes = new Map<string, { readonly expiresAt: number; readonly redirectUri: string | undefined }>();
  const revoked = new Set<string>();
  let issued = 0;

  const secret = (length: number, purpose: string) => {
    issued += 1;
    return hexOf(length, 'sandbox', company, purpose, issued);
  };

  function issueTokens({ refreshGrant, tokenSeconds }: Behaviour): TokenReply {
    const accessToken = secret(40, 'access token');
    accessTokens.set(accessToken, refreshGrant ? now() + tokenSeconds * 1_000 : Infinity);
    const reply = { access_token: accessToken, token_type: 'Bearer' as const, created_at: Math.floor(now() / 1_000) };
    if (!refreshGrant) return reply;
    const refreshToken = secret(40, 'refresh token');
    refreshTokens.set(refreshToken, accessToken);
    return { ...reply, expires_in: tokenSeconds, refresh_token: refreshToken };
  }

  return {
    judge(authorization) {
      const [scheme, value = ''] = authorization.split(' ');
      if (scheme?.toLowerCase() === 'bearer') {
        const expiresAt = accessTokens.get(value);
        if (expiresAt === undefined) return undefined;
        return now() < expiresAt && !revoked.has(value) ? 'good' : 'refused';
      }
      const [apiId = '', apiToken] = Buffer.from(value, 'base64').toString().split(':');
      const expected = apiKeys.get(apiId);
      if (scheme?.toLowerCase() !== 'basic' || expected === undefined) return undefined;
      return expected === apiToken && !revoked.has(apiId) ? 'good' : 'refused';
    },
    issueApiKey() {
      const key = { apiId: secret(32, 'api id'), apiToken: secret(32, 'api token') };
      apiKeys.set(key.apiId, key.apiToken);
      return key;
    },
    mintCode(redirectUri) {
      const code = secret(40, 'code');
      codes.set(code, { expiresAt: now() + CODE_LIFE_MS, redirectUri });
      return code;
    },
    redeemCode(code, redirectUri, behaviour) {
      const found = codes.get(code);
      codes.delete(code);
      if (found === undefined || now() >= found.expiresAt) return undefined;
      return (found.redirectUri ?? redirectUri) === redirectUri ? issueTokens(behaviour) : undefined;
    },
    refresh(refreshToken, behaviour) {
      const accessToken = refreshTokens.get(refreshToken);
      if (accessToken === undefined || revoked.has(refreshToken)) return undefined;
      refreshTokens.delete(refreshToken);
      accessTokens.delete(accessToken);
      return issueTokens(behaviour);
    },
    revoke() {
      for (const name of [...apiKeys.keys(), ...accessTokens.keys(), ...refreshTokens.keys()]) revoked.add(name);
    },
    restore: () => revoked.clear(),
  };
}

export function firstCredentials(company: string): FirstCredentials {
  return {
    apiId: hexOf(32, 'sandbox', company, 'api id'),
    apiToken: hexOf(32, 'sandbox', company, 'api token'),
    accessToken: hexOf(40, 'sandbox', company, 'access token'),
  };
}

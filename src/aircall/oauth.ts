/**
 * OAuth 2.0 at Aircall: the consent page for an admin, and requests and replies of the token endpoint. Aircall documents a
 * permanent token; if a reply carries `refresh_token` or `expires_in`, they are honoured. Facts: docs/aircall.md 1.
 */
import { isLoopback } from './base-url';
import { ENDPOINTS } from './endpoints';
import { readRecord } from './replies';
import { tokenSchema } from './schemas';

export interface OauthClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

export type Grant = { readonly code: string; readonly redirectUri: string } | { readonly refreshToken: string };

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
  /** Seconds from the reply. */
  readonly expiresIn?: number;
}

const SCOPE = 'public_api';
const DASHBOARD = 'https://dashboard.aircall.io';

/** Addresses of Aircall's OAuth pages; a stand-in on this machine has its own. */
export function oauthPages(baseUrl: string): { readonly authorize: string; readonly success: string } {
  const { origin, hostname } = new URL(baseUrl);
  const pages = isLoopback(hostname) ? origin : DASHBOARD;
  return { authorize: `${pages}/oauth/authorize`, success: `${pages}/oauth/success` };
}

/** The page where an admin of the company consents. */
export function authorizeUrl(
  baseUrl: string,
  { clientId, redirectUri, state }: { readonly clientId: string; readonly redirectUri: string; readonly state: string },
): string {
  const url = new URL(oauthPages(baseUrl).authorize);
  url.search = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: SCOPE,
    state,
  }).toString();
  return url.href;
}

/** The body of a token request: its secrets travel there, and in no header. */
export function tokenRequest(grant: Grant, { clientId, clientSecret }: OauthClient): Readonly<Record<string, string>> {
  const client = { client_id: clientId, client_secret: clientSecret };
  return 'code' in grant
    ? { grant_type: 'authorization_code', code: grant.code, redirect_uri: grant.redirectUri, ...client }
    : { grant_type: 'refresh_token', refresh_token: grant.refreshToken, ...client };
}

/** @throws {AircallError} `unexpected-reply` */
export function readTokens(body: unknown): Tokens {
  const { access_token, refresh_token, expires_in } = readRecord(ENDPOINTS.token, tokenSchema, body);
  return {
    accessToken: access_token,
    ...(refresh_token !== undefined && { refreshToken: refresh_token }),
    ...(expires_in !== undefined && { expiresIn: expires_in }),
  };
}

/**
 * `POST /v1/oauth/token`: a code, or where switched on a refresh token, for an access token.
 * It must never accept a code twice. Facts: aircall-api.md 1. Unverified: the bodies of refusals, and that refresh exists.
 */
import { isRecord } from './check';
import type { CompanyState } from './company';
import type { Reply } from './wire';

/** The one OAuth client that the sandbox knows. */
export const OAUTH_CLIENT = { id: 'sandbox-client-id', secret: 'sandbox-client-secret' } as const;

export function answerToken(body: unknown, companies: readonly CompanyState[]): Reply {
  const given = (name: string) => {
    const value = isRecord(body) ? body[name] : undefined;
    return typeof value === 'string' ? value : '';
  };
  if (given('client_id') !== OAUTH_CLIENT.id || given('client_secret') !== OAUTH_CLIENT.secret) {
    return refuse(401, 'invalid_client');
  }
  const grant = given('grant_type');
  const refreshable = companies.filter(company => company.behaviour().refreshGrant);
  if (grant === 'refresh_token' && refreshable.length > 0) {
    return reply(refreshable, ({ credentials, behaviour }) => credentials.refresh(given('refresh_token'), behaviour()));
  }
  if (grant !== 'authorization_code') return refuse(400, grant === '' ? 'invalid_request' : 'unsupported_grant_type');
  const code = given('code');
  const redirectUri = given('redirect_uri');
  if (code === '' || redirectUri === '') return refuse(400, 'invalid_request');
  return reply(companies, ({ credentials, behaviour }) => credentials.redeemCode(code, redirectUri, behaviour()));
}

function reply(companies: readonly CompanyState[], redeem: (company: CompanyState) => unknown): Reply {
  for (const company of companies) {
    const json = redeem(company);
    if (json !== undefined) return { status: 200, json };
  }
  return refuse(400, 'invalid_grant');
}

function refuse(status: number, error: string): Reply {
  return {
    status,
    json: { error, error_description: `The sandbox refused the request: ${error.replaceAll('_', ' ')}.` },
  };
}

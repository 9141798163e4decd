/**
 * OAuth like Aircall's: the page where an admin consents, and `POST /v1/oauth/token`: a code, or if switched on a refresh
 * token, for an access token. It must never accept a code twice. Facts: docs/aircall.md 1. Unverified: the bodies of refusals,
 * the content of the pages, and that refresh exists.
 */
import { isRecord } from './check';
import type { CompanyState } from './company';
import type { Reply } from './wire';

/** The one OAuth client that the sandbox knows. */
export const OAUTH_CLIENT = { id: 'sandbox-client-id', secret: 'sandbox-client-secret' } as const;

/** `/oauth/authorize`, where every visitor is an admin of every company, and `/oauth/success`. */
export function answerOauthPage(method: string, url: URL, body: unknown, companies: readonly CompanyState[]): Reply {
  if (method === 'GET' && url.pathname === '/oauth/success')
    return page(200, '<h1>Authorized</h1><p>You may close it.</p>');
  if (url.pathname !== '/oauth/authorize') return page(404, '<h1>There is no such page</h1>');
  const redirectUri = url.searchParams.get('redirect_uri') ?? '';
  const wrong = wrongParameter(url.searchParams);
  if (wrong !== undefined) return page(400, `<h1>Wrong ${wrong}</h1>`);
  if (method !== 'POST') return page(200, consentForm(companies.map(({ seed }) => seed.name)));
  const chosen = companies.find(({ seed }) => seed.name === formValue(body, 'company'));
  const state = url.searchParams.get('state');
  const answer: Record<string, string> =
    chosen === undefined ? { error: 'access_denied' } : { code: chosen.credentials.mintCode(redirectUri) };
  const back = new URL(redirectUri);
  for (const [name, value] of Object.entries({ ...answer, ...(state !== null && { state }) }))
    back.searchParams.set(name, value);
  return { status: 302, text: '', headers: { Location: back.href } };
}

/** The parameter of the address that Aircall would refuse. */
function wrongParameter(given: URLSearchParams): string | undefined {
  const wanted = { client_id: OAUTH_CLIENT.id, response_type: 'code', scope: 'public_api' };
  const wrong = Object.entries(wanted).find(([name, value]) => given.get(name) !== value)?.[0];
  return wrong ?? (URL.canParse(given.get('redirect_uri') ?? '') ? undefined : 'redirect_uri');
}

/** Names of companies are the sandbox's own. */
function consentForm(names: readonly string[]): string {
  const buttons = names.map(name => `<p><button name="company" value="${name}">Authorize for ${name}</button></p>`);
  return `<h1>Sandbox: allow aircall-dsr?</h1><form method="post">${buttons.join('')}<p><button name="company" value="">Refuse</button></p></form>`;
}

function page(status: number, body: string): Reply {
  return {
    status,
    text: `<!DOCTYPE html><html lang="en"><title>Sandbox</title><body>${body}</body></html>`,
    headers: { 'Content-Type': 'text/html; charset=utf-8' },
  };
}

function formValue(body: unknown, name: string): string {
  const value = isRecord(body) ? body[name] : undefined;
  return typeof value === 'string' ? value : '';
}

export function answerToken(body: unknown, companies: readonly CompanyState[]): Reply {
  const given = (name: string) => formValue(body, name);
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

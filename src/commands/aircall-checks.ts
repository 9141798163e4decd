/**
 * The API requests that commands send themselves, at most four a command: they check that credentials are valid and give
 * access to all that requests will need. The steps of a request send everything else, within its budget.
 */
import { type AircallClient, createAircallClient } from '../aircall/client';
import { ENDPOINTS, type Endpoint } from '../aircall/endpoints';
import { AircallError } from '../aircall/errors';
import { type Grant, type OauthClient, readTokens, type Tokens, tokenRequest } from '../aircall/oauth';
import { readPage, readRecord } from '../aircall/replies';
import { callSchema, companySchema, contactSchema, pongSchema } from '../aircall/schemas';
import type { Connection, Credential } from '../vault/connections';
import { CommandError, EXIT } from './errors';

/** A connection's name and credentials, and the base URL that they may be sent to. */
export type Target = Pick<Connection, 'name' | 'baseUrl' | 'credential'>;

export interface Found {
  /** The company's name; undefined if Aircall does not show it. */
  readonly company: string | undefined;
  /** How many calls Aircall serves. */
  readonly calls: number;
}

/** Nobody's address, in a domain that cannot exist: the search works and finds no one. */
const NOBODY = 'nobody@aircall-dsr.invalid';
const ONE_ROW = { page: '1', per_page: '1' };

/** @throws {CommandError} naming Aircall's answer */
export async function pingAircall(target: Target): Promise<void> {
  await withAircall(aircall => pingOnce(aircall, target));
}

/**
 * Checks what requests will need: ping, the company, one contact search, one listing of calls. A token that was issued a
 * moment ago is not pinged: the company answers, or it does not.
 * @throws {CommandError} naming the check that failed
 */
export async function checkAircall(target: Target, { issuedNow }: { readonly issuedNow: boolean }): Promise<Found> {
  return withAircall(async aircall => {
    if (!issuedNow) await pingOnce(aircall, target);
    const company = await companyOf(aircall, target);
    await call(
      aircall,
      target,
      ENDPOINTS.searchContacts,
      body => readPage(ENDPOINTS.searchContacts, contactSchema, body),
      {
        ...ONE_ROW,
        email: NOBODY,
      },
    );
    const read = (body: unknown) => readPage(ENDPOINTS.listCalls, callSchema, body);
    const calls = await call(aircall, target, ENDPOINTS.listCalls, read, ONE_ROW);
    return { company, calls: calls.total };
  });
}

/** Exchanges the code of a callback. @throws {CommandError} naming the refused part */
export async function exchangeCode(name: string, baseUrl: string, grant: Grant, client: OauthClient): Promise<Tokens> {
  return withAircall(async aircall => {
    try {
      return readTokens(await aircall.send({ endpoint: ENDPOINTS.token, baseUrl, body: tokenRequest(grant, client) }));
    } catch (error) {
      if (!(error instanceof AircallError)) throw error;
      const refused = REFUSED_EXCHANGES[error.code];
      throw new CommandError(
        refused === undefined ? error.code : refused.code,
        `${name}: ${refused === undefined ? noAnswer(error) : refused.message}. Nothing was changed.`,
        EXIT.failed,
      );
    }
  });
}

const CLIENT_REFUSED = {
  code: 'oauth-client-refused',
  message: 'Aircall refuses the OAuth client; check AIRCALL_OAUTH_CLIENT_ID and its secret',
} as const;
const REFUSED_EXCHANGES: Readonly<Record<string, { readonly code: string; readonly message: string } | undefined>> = {
  rejected: {
    code: 'oauth-code-refused',
    message:
      'Aircall refuses the code: a code works once, for 10 minutes and for the registered redirect URI. Run connect again',
  },
  unauthorized: CLIENT_REFUSED,
  forbidden: CLIENT_REFUSED,
};

async function withAircall<T>(use: (aircall: AircallClient) => Promise<T>): Promise<T> {
  const aircall = createAircallClient();
  try {
    return await use(aircall);
  } finally {
    aircall.close();
  }
}

async function pingOnce(aircall: AircallClient, target: Target): Promise<void> {
  await call(aircall, target, ENDPOINTS.ping, body => readRecord(ENDPOINTS.ping, pongSchema, body));
}

async function companyOf(aircall: AircallClient, target: Target): Promise<string | undefined> {
  try {
    const read = (body: unknown) => readRecord(ENDPOINTS.company, companySchema, body);
    return (await call(aircall, target, ENDPOINTS.company, read)).name;
  } catch (error) {
    if (error instanceof CommandError && error.code === 'not-found') return undefined;
    throw error;
  }
}

async function call<T>(
  aircall: AircallClient,
  { name, baseUrl, credential }: Target,
  endpoint: Endpoint,
  read: (body: unknown) => T,
  query: Readonly<Record<string, string>> = {},
): Promise<T> {
  try {
    return read(await aircall.send({ endpoint, baseUrl, authorization: authorizationOf(credential), query }));
  } catch (error) {
    if (!(error instanceof AircallError)) throw error;
    const refused = error.code === 'unauthorized' || error.code === 'forbidden';
    const what = refused ? `Aircall refuses the credentials (${error.message})` : noAnswer(error);
    throw new CommandError(error.code, `${name}: ${what}. Nothing was changed.`, EXIT.failed);
  }
}

/** Why there is no usable answer. */
function noAnswer({ code, message }: AircallError): string {
  if (code === 'not-trusted')
    return `there is no secure connection to the base URL (${message}); correct --base-url, or set NODE_EXTRA_CA_CERTS to the file of its certificate authority`;
  if (code === 'unreachable' || code === 'timed-out') return `Aircall could not be reached (${message})`;
  // These two come from the right place: it is busy, or out of order.
  const advice = code === 'rate-limited' || code === 'unavailable' ? 'try again later' : 'check --base-url';
  return `Aircall did not answer as expected (${message}); ${advice}`;
}

function authorizationOf(credential: Credential) {
  return credential.kind === 'api-key' ? credential : { accessToken: credential.accessToken };
}

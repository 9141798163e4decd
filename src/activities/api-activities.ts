/**
 * The steps that ask Aircall: one API request each, on the connection's own task queue. They read who the request is
 * about from the case file, write what they found there, and return counts and references. Decisions D1, D5, D6, D7.
 */

import { ApplicationFailure } from '@temporalio/common';
import { ENDPOINTS } from '../aircall/endpoints';
import type { AircallError } from '../aircall/errors';
import { readTokens, tokenRequest } from '../aircall/oauth';
import { readPage, readRecord } from '../aircall/replies';
import { callSchema, contactSchema, pongSchema, rowIdSchema } from '../aircall/schemas';
import { emailSpellings } from '../matching/addresses';
import { isContactOf, judgeCall } from '../matching/records';
import type { RequestRef } from '../request/names';
import { PER_PAGE } from '../request/paging';
import { CaseFileBroken, type CaseRef, type Cases } from '../vault/cases';
import { type Connection, isRenewalVain, nextCredentialVersion, oauthCredential } from '../vault/connections';
import {
  type ApiStepDependencies,
  type Counted,
  REFRESH_AGAIN_MS,
  requestsSent,
  sendOnce,
  stepFailure,
} from './api-step';
import { type ListObject, peopleSchema, readObject, subjectSchema } from './case-objects';
import { listCounts } from './lists';

export type ApiDependencies = ApiStepDependencies;

/** A part of a list: UNIX seconds, both inclusive; without a bound, all that Aircall serves. */
export interface Window {
  readonly from?: number;
  readonly to?: number;
}

export interface PageReport {
  readonly object: CaseRef;
  readonly rows: number;
  /** Rows of the whole list, as Aircall says. */
  readonly total: number;
  /** Different rows, and what of them is the subject's: what merging the page alone would tell. */
  readonly distinct: number;
  readonly records: number;
  readonly withheld: number;
  readonly unreadable: number;
}

export interface ContactPageInput {
  readonly request: RequestRef;
  readonly subject: CaseRef;
  /** Which spelling of the address is searched for, from 0. */
  readonly spelling: number;
  readonly window: Window;
  readonly page: number;
}

export interface CallPageInput {
  readonly request: RequestRef;
  readonly people: CaseRef;
  /** Which of the subject's numbers is searched for, from 0; null lists all calls of the company. */
  readonly number: number | null;
  readonly window: Window;
  readonly page: number;
}

export interface ContactStepInput {
  readonly request: RequestRef;
  readonly people: CaseRef;
  /** Which of the subject's contacts, from 0. */
  readonly contact: number;
}

export interface CredentialRefused {
  readonly connection: string;
  /** The version of the credential that a step was refused with. */
  readonly failedVersion: number;
}

const REFRESH_LEASE_MS = 60_000;

export function createApiActivities(dependencies: ApiDependencies) {
  const { cases, connections, now } = dependencies;

  async function store(request: RequestRef, listing: ListObject): Promise<CaseRef> {
    return cases.write(request, listing);
  }

  return {
    /** One page of the contact search. Every returned contact is kept only if one of its own addresses is the subject's. */
    async searchContacts({ request, subject, spelling, window, page }: ContactPageInput): Promise<Counted<PageReport>> {
      const { email } = await readObject(cases, request, subject, subjectSchema);
      const endpoint = ENDPOINTS.searchContacts;
      const query = { email: emailSpellings(email)[spelling] ?? email, ...pageQuery(window, page, 0) };
      return sendOnce(dependencies, request.connection, { endpoint, query }, async body => {
        const { records, rows, total, ...seen } = readPage(endpoint, contactSchema, body);
        const own = records.filter(contact => isContactOf(contact, email));
        const listing = { ...seen, records: own, withheld: [] };
        return { object: await store(request, listing), rows, total, ...listCounts(listing) };
      });
    },

    /** One page of calls, by one of the subject's numbers or of the whole company; the same calls are kept either way. */
    async fetchCalls({ request, people, number, window, page }: CallPageInput): Promise<Counted<PageReport>> {
      const { contacts, numbers } = await readObject(cases, request, people, peopleSchema);
      const endpoint = number === null ? ENDPOINTS.listCalls : ENDPOINTS.searchCalls;
      const searched = number === null ? undefined : numbers[number];
      // A search without its filter lists every call of the company.
      if (number !== null && searched === undefined)
        throw new CaseFileBroken('case-file-broken', 'The case file has no such number.');
      const query = {
        ...(searched === undefined ? {} : { phone_number: searched.query }),
        ...pageQuery(window, page, -1),
      };
      const own = {
        contactIds: new Set(contacts.map(({ id }) => id)),
        digits: new Set(numbers.map(({ digits }) => digits)),
      };
      return sendOnce(dependencies, request.connection, { endpoint, query }, async body => {
        const { records, rows, total, ...seen } = readPage(endpoint, callSchema, body);
        const judged = records.map(call => ({ call, verdict: judgeCall(call, own) }));
        const listing = {
          ...seen,
          records: judged.flatMap(({ call, verdict }) => (verdict === 'own' ? [call] : [])),
          withheld: judged.flatMap(({ call, verdict }) => (verdict === 'ambiguous' ? [call.id] : [])),
        };
        return { object: await store(request, listing), rows, total, ...listCounts(listing) };
      });
    },

    /** Deletes one contact. 404 says that it is gone: by us, where an earlier attempt's reply was not seen. */
    async deleteContact({
      request,
      people,
      contact,
    }: ContactStepInput): Promise<Counted<{ outcome: 'deleted' | 'already-absent' }>> {
      const id = await contactId(cases, request, people, contact);
      return sendOnce<{ outcome: 'deleted' | 'already-absent' }>(
        dependencies,
        request.connection,
        { endpoint: ENDPOINTS.deleteContact, id },
        () => ({ outcome: 'deleted' }),
        (error, { uncertain }) =>
          error.code === 'not-found' ? { outcome: uncertain ? 'deleted' : 'already-absent' } : undefined,
      );
    },

    /** Whether one contact still exists, whatever the search index says. */
    async getContact({ request, people, contact }: ContactStepInput): Promise<Counted<{ present: boolean }>> {
      const id = await contactId(cases, request, people, contact);
      const endpoint = ENDPOINTS.getContact;
      return sendOnce<{ present: boolean }>(
        dependencies,
        request.connection,
        { endpoint, id },
        body => {
          readRecord(endpoint, rowIdSchema, body);
          return { present: true };
        },
        error => (error.code === 'not-found' ? { present: false } : undefined),
      );
    },

    /** Whether the credential works, that a step was refused with if one is named. Sends nothing where that was replaced. */
    async ping({
      connection,
      failedVersion,
    }: Partial<CredentialRefused> & { readonly connection: string }): Promise<Counted<{ readonly replaced: boolean }>> {
      const present = (await connections.get(connection))?.value.credentialVersion;
      if (failedVersion !== undefined && present !== undefined && present !== failedVersion)
        return { replaced: true, apiRequests: requestsSent() };
      return sendOnce<{ readonly replaced: boolean }>(
        dependencies,
        connection,
        { endpoint: ENDPOINTS.ping, ...(failedVersion !== undefined && { onlyAt: failedVersion }) },
        body => {
          readRecord(ENDPOINTS.ping, pongSchema, body);
          return { replaced: false };
        },
        (error, answered) => noteDead(error, answered.connection),
      );
    },

    /**
     * Replaces a credential that was refused, or is about to expire, once per credential across all processes: a lease in
     * the vault decides who. Sends nothing where somebody else did it, where there is nothing to refresh with, or where
     * that was refused before (`reconnect-needed`). A reply that was lost, or could not be stored, leaves the refresh token
     * as it was: it is tried once more.
     */
    async refreshToken(input: CredentialRefused): Promise<Counted<object>> {
      const stored = await connections.get(input.connection);
      const apiRequests = requestsSent();
      const detail = { apiRequests, credentialVersion: input.failedVersion };
      if (stored === undefined) throw stepFailure('reconnect-needed', 'the connection is not in the vault', detail);
      const { value: connection, version } = stored;
      if (connection.credentialVersion !== input.failedVersion) return { apiRequests };
      const { credential } = connection;
      if (credential.kind !== 'oauth' || credential.refresh === undefined) {
        throw stepFailure('reconnect-needed', 'the credential cannot be refreshed', detail);
      }
      if (isRenewalVain(connection)) {
        throw stepFailure('reconnect-needed', 'the credential, or its renewal, was refused before', detail);
      }
      const busy = () =>
        stepFailure('refresh-in-progress', 'another step refreshes the credential', detail, REFRESH_AGAIN_MS);
      if (connection.refreshingUntil !== undefined && Date.parse(connection.refreshingUntil) > now()) throw busy();
      const leased = { ...connection, refreshingUntil: new Date(now() + REFRESH_LEASE_MS).toISOString() };
      if (!(await connections.put(leased, version))) throw busy();
      const { refresh } = credential;
      const client = { clientId: refresh.clientId, clientSecret: refresh.clientSecret };

      try {
        return await sendOnce(
          dependencies,
          input.connection,
          {
            endpoint: ENDPOINTS.token,
            body: tokenRequest(refresh, client),
            onlyAt: leased.credentialVersion,
          },
          async body => {
            // A reply without a refresh token leaves the one that worked.
            const tokens = { refreshToken: refresh.refreshToken, ...readTokens(body) };
            await settle(leased, ({ refusedAt: _, renewalRefusedAt: __, ...present }) => ({
              ...present,
              credential: oauthCredential(tokens, client, now()),
              credentialVersion: nextCredentialVersion(present, now()),
            }));
            return {};
          },
        );
      } catch (error) {
        const refused = isFinal(error) && { renewalRefusedAt: new Date(now()).toISOString() };
        await settle(leased, present => ({ ...present, ...refused })).catch(() => {}); // the lease ends by itself
        throw error;
      }
    },
  };

  /** Ends our lease, by which it is known that nobody has connected it meanwhile; that an operator resumed it is no matter. */
  async function settle(leased: Connection, next: (present: Connection) => Connection): Promise<void> {
    await connections.change(leased.name, ({ refreshingUntil, ...present }) =>
      refreshingUntil === leased.refreshingUntil ? next(present) : undefined,
    );
  }

  /** A refusal ends all renewals: the token in use may still be good, and is asked with until it is refused. */
  function isFinal(error: unknown): boolean {
    return error instanceof ApplicationFailure && error.nonRetryable === true;
  }

  /** A ping that is forbidden says what no other endpoint can: the credential is dead. */
  function noteDead(error: AircallError, connection: Connection): undefined {
    if (error.code === 'forbidden') dependencies.gates.markDead(connection.name, connection.credentialVersion);
  }
}

export type ApiActivities = ReturnType<typeof createApiActivities>;

async function contactId(cases: Cases, request: RequestRef, people: CaseRef, contact: number): Promise<number> {
  const { contacts } = await readObject(cases, request, people, peopleSchema);
  const id = contacts[contact]?.id;
  if (id === undefined) throw new CaseFileBroken('case-file-broken', 'The case file has no such contact.');
  return id;
}

/** Calls start after `from`, contacts at or after it (measured): `fromShift` makes both inclusive. */
function pageQuery({ from, to }: Window, page: number, fromShift: number): Record<string, string> {
  return {
    ...(from === undefined ? {} : { from: String(from + fromShift) }),
    ...(to === undefined ? {} : { to: String(to) }),
    page: String(page),
    per_page: String(PER_PAGE),
  };
}

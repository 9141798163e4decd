/**
 * The admin door `/_sandbox/`: the request log, the present state, switches, faults and credentials, as JSON.
 * It must never answer other machines.
 */
import type { IncomingMessage } from 'node:http';
import { changeBehaviour } from './behaviour';
import { type Check, integer, isRecord, listOf, onlyKeys, optional, record, SandboxInputError, text } from './check';
import type { SandboxCompany } from './company';
import type { ContactInput } from './contacts';
import { parseFaultPlan } from './faults';
import type { SandboxState } from './state';
import type { Reply } from './wire';

export function answerAdmin(state: SandboxState, request: IncomingMessage, url: URL, body: unknown): Reply {
  if (!isLoopback(request.socket.remoteAddress ?? ''))
    return { status: 403, json: { error: 'The admin door answers on loopback only.' } };
  const answer = DOORS[`${request.method} ${url.pathname.slice('/_sandbox/'.length)}`];
  if (answer === undefined)
    return { status: 404, json: { error: `No such door. Doors: ${Object.keys(DOORS).join(', ')}` } };
  try {
    return {
      status: 200,
      json: answer(state, request.method === 'GET' ? Object.fromEntries(url.searchParams) : body) ?? { done: true },
    };
  } catch (error) {
    if (error instanceof SandboxInputError) return { status: 400, json: { error: error.message } };
    throw error;
  }
}

/** Whether an address, as a socket names it, is this machine's own. */
export function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\./.test(address) || address === '::1';
}

/** Method and path; GETs get their query, POSTs their body. A result of undefined means done. */
const DOORS: Readonly<Record<string, (state: SandboxState, given: unknown) => unknown>> = {
  'GET requests': state => ({ requests: state.log.entries }),
  'GET media': (state, given) => {
    const { company } = record(given, 'query');
    const shown = state.exposed().filter(each => company === undefined || each.name === company);
    const files = shown.flatMap(each => each.media().map(file => ({ company: each.name, ...file })));
    return { files, requests: state.mediaLog.entries };
  },
  'POST clear-requests': state => state.clearLogs(),
  'GET state': (state, given) => {
    const { company, calls } = record(given, 'query');
    const shown = state.exposed().filter(each => company === undefined || each.name === company);
    return { companies: shown.map(each => describe(each, calls !== 'none')) };
  },
  'POST behaviour': (state, given) => {
    const { company, ...rest } = record(given, 'body');
    const switches = isRecord(rest.switches) ? rest.switches : rest;
    const name = optional(text)(company, 'body.company');
    const chosen = state.companies.filter(each => name === undefined || each.seed.name === name);
    if (chosen.length === 0) throw new SandboxInputError(`body.company: unknown company "${name}"`);
    for (const each of chosen) changeBehaviour(each.behaviour(), switches);
    for (const each of chosen) each.behave(switches);
    return { behaviour: Object.fromEntries(chosen.map(each => [each.seed.name, each.behaviour()])) };
  },
  'POST faults': (state, given) => {
    // Only null clears: a missing or broken body must not end a plan unnoticed.
    state.setFaults(given === null ? undefined : parseFaultPlan(given));
  },
  'POST release': state => state.release(),
  'POST revoke': (state, given) => companyOf(state, given).revokeCredentials(),
  'POST restore': (state, given) => companyOf(state, given).restoreCredentials(),
  'POST api-key': (state, given) => companyOf(state, given).issueApiKey(),
  'POST oauth-code': (state, given) => ({
    code: companyOf(state, given).mintOauthCode(optional(text)(record(given, 'body').redirectUri, 'body.redirectUri')),
  }),
  'POST add-contact': (state, given) => {
    const { email, phoneNumber } = record(given, 'body');
    const detail = (value: unknown, at: string) => (value === undefined ? [] : [text(value, at)]);
    const emails = detail(email, 'body.email');
    return companyOf(state, given).addContact({ emails, phone_numbers: detail(phoneNumber, 'body.phoneNumber') });
  },
  // Aircall's own POST leaves addresses and numbers as they are; people edit them in its application.
  'POST update-contact': (state, given) => {
    const { company: _, id, ...edits } = record(given, 'body');
    onlyKeys(edits, 'body', Object.keys(EDITS));
    const changed = Object.entries(EDITS).map(([key, check]) => [key, check(edits[key], `body.${key}`)] as const);
    const input: ContactInput = Object.fromEntries(changed.filter(([, value]) => value !== undefined));
    return companyOf(state, given).updateContact(integer(1, Number.MAX_SAFE_INTEGER)(id, 'body.id'), input);
  },
  'POST remove-contact': (state, given) =>
    companyOf(state, given).removeContact(integer(1, Number.MAX_SAFE_INTEGER)(record(given, 'body').id, 'body.id')),
};

/** What an edit of a card may name, as Aircall names it; details are their values. */
const EDITS: Readonly<Record<string, Check<string | readonly string[] | undefined>>> = {
  first_name: optional(text),
  last_name: optional(text),
  emails: optional(listOf(text)),
  phone_numbers: optional(listOf(text)),
};

function companyOf(state: SandboxState, given: unknown): SandboxCompany {
  const name = text(record(given, 'body').company, 'body.company');
  const found = state.exposed().find(each => each.name === name);
  if (found === undefined) throw new SandboxInputError(`body.company: unknown company "${name}"`);
  return found;
}

function describe(company: SandboxCompany, withCalls: boolean): unknown {
  const { name, apiId, apiToken, accessToken, truth } = company;
  const contacts = company.contacts();
  return { name, apiId, apiToken, accessToken, truth, contacts, ...(withCalls ? { calls: company.calls() } : {}) };
}

/**
 * One company of the sandbox: its data, secrets, switches and rate limit, and its interface for tests.
 * It must never know another company: any leak between two of them is then a fault of the product.
 */
import { type Behaviour, changeBehaviour, DEFAULT_BEHAVIOUR } from './behaviour';
import { type Calls, createCalls } from './calls';
import { SandboxInputError } from './check';
import { type ContactInput, type Contacts, createContacts } from './contacts';
import { type ApiKey, type Credentials, createCredentials } from './credentials';
import { createLimiter, type Limiter } from './limits';
import { mediaUrl } from './media';
import { renderCall, renderContact } from './render';
import type { PersonaTruth } from './seed-personas';
import { type MediaKind, sha256Of, soundOf } from './sound';
import type { Body, Call, CallRecord, Contact, ContactRecord, LineRecord, UserRecord } from './wire';

/** The standard subject's records, known by construction. Custom seeds without a subject leave the lists empty. */
export interface Truth {
  readonly subjectEmail: string;
  /** Shared contacts that carry her address, in any letter case. */
  readonly contactIds: readonly number[];
  /** Calls within Aircall's history on one of her numbers that Aircall attached to her or, on a number that is hers alone, to nobody. */
  readonly callIds: readonly number[];
  /** Calls within Aircall's history on a number of hers that Aircall attached to somebody else. */
  readonly ambiguousCallIds: readonly number[];
  /** By name; empty if the company has none. */
  readonly personas: Readonly<Record<string, PersonaTruth>>;
}

export interface CompanySeed {
  readonly name: string;
  readonly apiId: string;
  readonly apiToken: string;
  readonly accessToken: string;
  readonly contacts: readonly ContactRecord[];
  readonly calls: readonly CallRecord[];
  readonly users: readonly UserRecord[];
  readonly lines: readonly LineRecord[];
  readonly truth: Truth;
  readonly behaviour?: Partial<Behaviour>;
}

/** A recording or voicemail that the store has. */
export interface StoredMedia {
  readonly call: number;
  readonly kind: MediaKind;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** An API request, or one for a recording or voicemail: each sort is logged on its own. */
export interface LoggedRequest {
  /** Counts all requests of its sort, from 1. */
  readonly number: number;
  /** ms epoch. */
  readonly at: number;
  /** Null if no credential named it. */
  readonly company: string | null;
  readonly method: string;
  /** Without the query, with `/v1`. */
  readonly path: string;
  /** Repeated parameters are joined with commas. Empty for media: theirs are a secret. */
  readonly query: Readonly<Record<string, string>>;
  /** Null while unanswered, and if the connection was dropped before a status. */
  readonly status: number | null;
  /** The action of the fault that struck. */
  readonly fault: string | null;
}

export interface SandboxCompany {
  readonly name: string;
  readonly apiId: string;
  readonly apiToken: string;
  readonly accessToken: string;
  readonly truth: Truth;
  /** Present state, shared and private, oldest first. */
  contacts(): Contact[];
  /** Present state with the contacts attached, oldest first, those beyond Aircall's history included. */
  calls(): Call[];
  /** What the store has for the calls, oldest first; reads all of it. */
  media(): StoredMedia[];
  /** @throws {SandboxInputError} on an unknown switch or value. */
  behave(switches: Partial<Behaviour>): void;
  addContact(input: ContactInput): Contact;
  /** Somebody edits a card: omitted fields stay, given details replace all present ones. @throws if it does not exist */
  updateContact(id: number, input: ContactInput): Contact;
  removeContact(id: number): void;
  /** Ids are the caller's; `users` and `lines` of the seed may be referred to. */
  addCall(record: CallRecord): Call;
  /** Aircall stores the recording or voicemail of a call some time after it. @throws if there is no such call */
  storeMedia(callId: number, kind: MediaKind): void;
  /** Every credential issued until now answers 403. */
  revokeCredentials(): void;
  restoreCredentials(): void;
  /** A further API key, valid even after a revocation. */
  issueApiKey(): ApiKey;
  mintOauthCode(redirectUri?: string): string;
  requests(): LoggedRequest[];
  mediaRequests(): LoggedRequest[];
}

export interface RenderOptions {
  readonly origin: string;
  readonly contact: boolean;
  readonly shortUrls: boolean;
}

/** The side that the routes use; tests see `SandboxCompany` only. */
export interface CompanyState {
  readonly seed: CompanySeed;
  readonly contacts: Contacts;
  readonly calls: Calls;
  readonly credentials: Credentials;
  readonly limiter: Limiter;
  behaviour(): Behaviour;
  behave(switches: unknown): void;
  renderCall(call: CallRecord, options: RenderOptions): Call;
  /** What the store has for a call. */
  sound(callId: number, kind: MediaKind): Body | undefined;
}

const SHORT_URL_SECONDS = 10_800;
const MEDIA_KINDS = ['recording', 'voicemail'] as const;

export function createCompany(seed: CompanySeed, now: () => number): CompanyState {
  const contacts = createContacts(seed.contacts, now);
  const calls = createCalls(seed.calls, now);
  const users = new Map(seed.users.map(user => [user.id, user]));
  const lines = new Map(seed.lines.map(line => [line.id, line]));
  let behaviour = changeBehaviour(DEFAULT_BEHAVIOUR, seed.behaviour ?? {});

  return {
    seed,
    contacts,
    calls,
    credentials: createCredentials(seed.name, seed, now),
    limiter: createLimiter(now),
    behaviour: () => behaviour,
    behave(switches) {
      behaviour = changeBehaviour(behaviour, switches);
    },
    renderCall(call, { origin, contact, shortUrls }) {
      const urlOf = ({ id }: CallRecord, kind: MediaKind, seconds: number) =>
        calls.hasMedia(id, kind) ? mediaUrl(origin, { company: seed.name, callId: id, kind }, now(), seconds) : null;
      return renderCall(call, {
        baseUrl: `${origin}/v1`,
        now: Math.floor(now() / 1_000),
        users,
        lines,
        contact: id => (contact ? sharedOnly(contacts.get(id)) : undefined),
        media: (each, kind) => urlOf(each, kind, behaviour.mediaSeconds),
        shortUrl: (each, kind) => (shortUrls ? urlOf(each, kind, SHORT_URL_SECONDS) : null),
      });
    },
    sound: (callId, kind) =>
      calls.hasMedia(callId, kind) ? soundOf({ company: seed.name, callId, kind }, behaviour.mediaBytes) : undefined,
  };
}

export function sharedOnly(contact: ContactRecord | undefined): ContactRecord | undefined {
  return contact?.is_shared === true ? contact : undefined;
}

/** The side of a company that tests and the admin door see. */
export function exposeCompany(
  state: CompanyState,
  origin: string,
  logs: Readonly<Record<'requests' | 'mediaRequests', () => LoggedRequest[]>>,
): SandboxCompany {
  const { seed, contacts, calls, credentials } = state;
  const baseUrl = `${origin}/v1`;
  const shown = (call: CallRecord) => state.renderCall(call, { origin, contact: true, shortUrls: false });
  const ownOf = (log: LoggedRequest[]) => log.filter(each => each.company === seed.name);
  const storedOf = (call: number, kind: MediaKind) => {
    const sound = state.sound(call, kind);
    return sound === undefined ? [] : [{ call, kind, sizeBytes: sound.sizeBytes, sha256: sha256Of(sound) }];
  };
  return {
    name: seed.name,
    apiId: seed.apiId,
    apiToken: seed.apiToken,
    accessToken: seed.accessToken,
    truth: seed.truth,
    contacts: () => contacts.all().map(each => renderContact(each, baseUrl)),
    calls: () => calls.all().map(shown),
    media: () => calls.all().flatMap(({ id }) => MEDIA_KINDS.flatMap(kind => storedOf(id, kind))),
    behave: state.behave,
    addContact: input => renderContact(contacts.add(input), baseUrl),
    updateContact: (id, input) => {
      const changed = contacts.update(id, input);
      if (changed === undefined) throw new SandboxInputError(`contact ${id} does not exist`);
      return renderContact(changed, baseUrl);
    },
    removeContact: id => {
      contacts.remove(id);
    },
    addCall: record => {
      calls.add(record);
      return shown(record);
    },
    storeMedia: (callId, kind) => {
      if (calls.get(callId) === undefined) throw new SandboxInputError(`call ${callId} does not exist`);
      calls.setMedia(callId, kind, true);
    },
    revokeCredentials: credentials.revoke,
    restoreCredentials: credentials.restore,
    issueApiKey: credentials.issueApiKey,
    mintOauthCode: credentials.mintCode,
    requests: () => ownOf(logs.requests()),
    mediaRequests: () => ownOf(logs.mediaRequests()),
  };
}

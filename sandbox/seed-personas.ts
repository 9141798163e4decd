/**
 * Makes the contacts and calls of the personas and notes, while it makes them, whose they are.
 * It must never draw from the randomness of the other seeds: the standard data stays the same with and without personas.
 */
import type { Behaviour } from './behaviour';
import { type CallsDraft, PERSONAS, type PersonaDoubt, type PersonaDraft, type Reach, type Whose } from './personas';
import { displayNumber } from './phones';
import type { Random } from './random';
import { finishCall } from './seed-calls';
import { finishContact } from './seed-contacts';
import type { CallRecord, ContactRecord, LineRecord, UserRecord } from './wire';

const DAY_SECONDS = 86_400;
/** After those of the largest company, so that personas are the last of every list by age and by id. */
const FIRST_CONTACT = 490_000_000;
const FIRST_CALL = 4_195_000_000;
const IDS_OF_CONTACT = 50;
const IDS_OF_CALL = 7;

/** Ids of contacts or of calls. */
export interface Judged {
  readonly certain: readonly number[];
  readonly doubtful: readonly { readonly id: number; readonly code: PersonaDoubt }[];
  /** Made beside them, and not the persona's. */
  readonly nobody: readonly number[];
}

/** What is known of a persona by construction, if all contacts and calls of the company are read. */
export interface PersonaTruth {
  readonly title: string;
  readonly identities: { readonly emails: readonly string[]; readonly phoneNumbers: readonly string[] };
  /** Of the connection through which she is looked for; absent if that has none. */
  readonly country?: string;
  /** What a test switches on for her; it holds for the whole company. */
  readonly behaviour: Partial<Behaviour>;
  /** Texts for her that no request may take. */
  readonly refused: readonly string[];
  /** A card that somebody makes while the request runs. */
  readonly later?: PersonaDraft['later'];
  readonly contacts: Judged;
  readonly calls: Judged;
  /** Of her contacts and calls, what a request finds only with that option. */
  readonly foundOnlyBy: Readonly<Record<Reach, readonly number[]>>;
  readonly gaps: readonly { readonly code: 'number-without-country'; readonly count: number }[];
  /** Values of her cards that are nobody's number. */
  readonly ignoredNumbers: number;
}

export interface PersonasInput {
  readonly random: Random;
  readonly nowSeconds: number;
  readonly base: number;
  readonly users: readonly [UserRecord, ...UserRecord[]];
  readonly lines: readonly [LineRecord, ...LineRecord[]];
}

export interface Personas {
  readonly contacts: readonly ContactRecord[];
  readonly calls: readonly CallRecord[];
  readonly truth: Readonly<Record<string, PersonaTruth>>;
}

export function seedPersonas(input: PersonasInput): Personas {
  const contacts: ContactRecord[] = [];
  const calls: CallRecord[] = [];
  const truth: Record<string, PersonaTruth> = {};
  for (const [name, draft] of Object.entries<PersonaDraft>(PERSONAS)) {
    const cards = draft.cards.map(({ whose, reach, ...card }, index) => ({
      whose,
      reach,
      record: makeContact(input, card, contacts.length + index),
    }));
    const made = draft.calls
      .flatMap(group => Array.from({ length: group.count }, () => group))
      .map((group, index) => ({
        whose: group.whose,
        reach: group.reach,
        record: makeCall(input, group, cards[group.card ?? -1]?.record.id ?? null, calls.length + index),
      }));
    contacts.push(...cards.map(({ record }) => record));
    calls.push(...made.map(({ record }) => record));
    truth[name] = truthOf(draft, cards, made);
  }
  return { contacts, calls, truth };
}

/** Younger than every other contact of the seed, and older than a day. */
function makeContact(
  { base, nowSeconds }: PersonasInput,
  { name, emails, phones }: { name?: string; emails?: readonly string[]; phones?: readonly string[] },
  index: number,
): ContactRecord {
  const [first_name = null, last_name = null] = name?.split(' ') ?? [];
  return finishContact(
    { first_name, last_name, emails: emails ?? [], phones: phones ?? [] },
    base + FIRST_CONTACT + index * IDS_OF_CONTACT,
    nowSeconds - 9 * DAY_SECONDS + index * 60,
  );
}

function makeCall(input: PersonasInput, draft: CallsDraft, contactId: number | null, index: number): CallRecord {
  const participants = draft.participants?.map(
    number => ({ type: 'external', phone_number: displayNumber(number) }) as const,
  );
  return finishCall(
    input,
    { party: draft.party, contactId, participants },
    input.base + FIRST_CALL + index * IDS_OF_CALL,
    input.nowSeconds - input.random.integer(DAY_SECONDS, 150 * DAY_SECONDS),
  );
}

interface Made {
  readonly whose: Whose;
  readonly reach: Reach | undefined;
  readonly record: { readonly id: number };
}

function truthOf(draft: PersonaDraft, cards: readonly Made[], calls: readonly Made[]): PersonaTruth {
  const {
    title,
    emails = [],
    phoneNumbers = [],
    country,
    later,
    refused = [],
    withoutCountry = 0,
    ignored = 0,
  } = draft;
  const needs = (reach: Reach) => [...cards, ...calls].filter(each => each.reach === reach).map(idOf);
  return {
    title,
    identities: { emails, phoneNumbers },
    ...(country === undefined ? {} : { country }),
    behaviour: { ...draft.behaviour, ...(draft.hidden === true ? { hideFromSearch: cards.map(idOf) } : {}) },
    refused,
    ...(later === undefined ? {} : { later }),
    contacts: judged(cards),
    calls: judged(calls),
    foundOnlyBy: { 'contacts=company': needs('contacts=company'), 'calls=company': needs('calls=company') },
    gaps: withoutCountry === 0 ? [] : [{ code: 'number-without-country', count: withoutCountry }],
    ignoredNumbers: ignored,
  };
}

const idOf = ({ record }: Made) => record.id;

function judged(made: readonly Made[]): Judged {
  return {
    certain: made.filter(({ whose }) => whose === 'certain').map(idOf),
    doubtful: made.flatMap(({ whose, record }) =>
      whose === 'certain' || whose === 'nobody' ? [] : [{ id: record.id, code: whose }],
    ),
    nobody: made.filter(({ whose }) => whose === 'nobody').map(idOf),
  };
}

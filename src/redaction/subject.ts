/** What is the subject's, and how records describe others. It must never take a number for the subject's that only another card has. */
import { addressesIn, addressesOf } from '../judgement/addresses';
import { numbersOn } from '../judgement/cards';
import type { Card, Country } from '../judgement/judgement';
import { callDigits, digitForms } from '../judgement/numbers';
import { hasOtherVoices } from '../judgement/voices';
import type { InSlices } from '../slices';
import type { Fields, Findings, Whose } from './findings';
import { type Description, foldName } from './people';

export interface Subject {
  readonly contactIds: ReadonlySet<number>;
  /** Canonical. */
  readonly emails: ReadonlySet<string>;
  /** Canonical digits. */
  readonly numbers: ReadonlySet<string>;
  /** Every way to write these as digits alone that is none to write a number of others. */
  readonly numberForms: ReadonlySet<string>;
  /** Canonical digits; none is the subject's. */
  readonly otherNumbers: ReadonlySet<string>;
  /** Folded. */
  readonly names: ReadonlySet<string>;
  /** The canonical digits of a value as the judgement reads it; undefined if it is no number. */
  readonly digitsOf: (value: string | null | undefined) => string | undefined;
  /** Ids of calls in which nobody else may be heard, or whose recording a person decided to hand over. */
  readonly ownCalls: ReadonlySet<number>;
}

/** A slice is the number of one call. */
export function* subjectOf({ contacts, calls }: Findings, whose: Whose): InSlices<Subject> {
  const { emails, numbers, otherNumbers, country } = whose;
  const decided = new Set(whose.decidedRecordings);
  const contactIds = new Set(contacts.map(({ id }) => id));
  const known = new Set([...numbers, ...contacts.flatMap(card => numbersOn(card, country))]);
  const others = new Set(otherNumbers.filter(digits => !known.has(digits)));
  const digitsOf = createReader(country);
  // Aircall knew who called, from a number that is on no card any more.
  const attached = new Set<string>();
  for (const { contact, raw_digits: value } of calls) {
    if (!contact || !contactIds.has(contact.id)) continue;
    const digits = digitsOf(value);
    if (digits !== undefined && !others.has(digits)) attached.add(digits);
    yield;
  }
  const all = new Set([...known, ...attached]);
  const formsOfOthers = new Set([...others].flatMap(digitForms));
  return {
    contactIds,
    emails: new Set([...emails, ...contacts.flatMap(addressesOf)]),
    numbers: all,
    numberForms: new Set([...all].flatMap(digitForms).filter(form => !formsOfOthers.has(form))),
    otherNumbers: others,
    names: new Set(contacts.flatMap(namesOf)),
    digitsOf,
    ownCalls: new Set(calls.filter(call => decided.has(call.id) || !hasOtherVoices(call)).map(({ id }) => id)),
  };
}

/** Values whose digits are remembered: most calls are on a few numbers, and to read one takes as long as to read a record. */
const REMEMBERED_LENGTH_MAX = 32;
const REMEMBERED_MAX = 1_000;

function createReader(country: Country | undefined): Subject['digitsOf'] {
  const remembered = new Map<string, string | undefined>();
  return value => {
    if (!value) return undefined;
    if (remembered.has(value)) return remembered.get(value);
    const digits = callDigits(value, country);
    if (value.length <= REMEMBERED_LENGTH_MAX && remembered.size < REMEMBERED_MAX) remembered.set(value, digits);
    return digits;
  };
}

/**
 * Whether a value is a number, and not the subject's. What has no digit (`anonymous`) is no number. Without a plus, a number is also the
 * subject's if it is theirs in any spelling: nobody may know its country.
 */
export function isNumberOfOthers(value: string, { numbers, numberForms, digitsOf }: Subject): boolean {
  if (!/\d/.test(value) || numbers.has(digitsOf(value) ?? '')) return false;
  return !/^[\d\s().\-/]+$/.test(value) || !numberForms.has(value.replace(/\D/g, ''));
}

/** Whether a value is a number of the subject. */
export function isOwnNumber(value: string, subject: Subject): boolean {
  return /\d/.test(value) && !isNumberOfOthers(value, subject);
}

/** Whether a value is a number that only cards of others have. */
export function isOnAnotherCard(value: string, { otherNumbers, digitsOf }: Subject): boolean {
  return otherNumbers.has(digitsOf(value) ?? '');
}

/** Whether a card that Aircall attached to a call is handed over. One that was not judged, or is withheld, may be somebody else's. */
export function isCardOf({ contactIds }: Subject, { id }: Fields): boolean {
  return typeof id === 'number' && contactIds.has(id);
}

/** @param value an object, or only an id, address or name */
export function describeAgent(value: unknown): Description {
  if (typeof value === 'number') return { keys: [`id:${value}`] };
  if (typeof value === 'string') {
    if (/^\d+$/.test(value)) return { keys: [`id:${value}`] };
    const keys = emailKeys(value);
    return keys.length > 0 ? { keys } : { keys, name: value };
  }
  if (!isFields(value)) return { keys: [] };
  const { id = value.user_id ?? userIdIn(value.direct_link) } = value;
  const ids = typeof id === 'number' || typeof id === 'string' ? [`id:${id}`] : [];
  return { keys: [...ids, ...emailKeys(value.email)], name: nameIn(value) };
}

/** A card, a participant of a conference, or only a number or name. */
export function describePerson(value: unknown, subject: Subject): Description {
  if (typeof value === 'number') return describePerson(String(value), subject);
  if (typeof value === 'string') {
    const digits = subject.digitsOf(value);
    return digits === undefined ? { keys: [], name: value } : { keys: [`number:${digits}`] };
  }
  if (!isFields(value)) return { keys: [] };
  const { id, type = 'contact', email, phone_number: number } = value;
  const numbers = [...(typeof number === 'string' ? [number] : []), ...textsAt(value.phone_numbers, 'value')];
  const keys = [
    ...(typeof id === 'number' ? [`${String(type)}:${id}`] : []),
    ...numbers.flatMap(each => subject.digitsOf(each) ?? []).map(digits => `number:${digits}`),
    ...[email, ...textsAt(value.emails, 'value')].flatMap(emailKeys),
  ];
  return { keys, name: nameIn(value) };
}

/** The id of the user whom a link names, also as it is stored: see stripLinks. */
export function userIdIn(link: unknown): string | undefined {
  return typeof link === 'string' ? /(?:^|\/)users\/(\d+)$/.exec(link)?.[1] : undefined;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function emailKeys(value: unknown): string[] {
  return typeof value === 'string' ? addressesIn(value).map(address => `email:${address}`) : [];
}

function nameIn({ name, first_name: first, last_name: last }: Fields): string | undefined {
  if (typeof name === 'string') return name;
  const parts = [first, last].filter(part => typeof part === 'string');
  return parts.length === 0 ? undefined : parts.join(' ');
}

/** People write either name first; a single name may be all that a text has. */
function namesOf({ first_name: first, last_name: last }: Card): string[] {
  return [`${first ?? ''} ${last ?? ''}`, `${last ?? ''} ${first ?? ''}`, first ?? '', last ?? ''].map(foldName);
}

function textsAt(list: unknown, field: string): string[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown) => {
    const value = isFields(item) ? item[field] : undefined;
    return typeof value === 'string' ? value : [];
  });
}

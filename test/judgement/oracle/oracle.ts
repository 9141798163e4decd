/**
 * Whose record is it? A second answer to the question, by brute force, as docs/judgement.md reads. Whoever changes it must not look
 * into the code of src/judgement: the two must agree although nobody copied one from the other. Each rule of the page can be switched
 * off by its name; then it does what a product without that rule would do.
 */
import { domainToASCII } from 'node:url';
import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import type { DoubtCode } from '../../../src/judgement/doubts';
import type { CallRecord, Card, Country } from '../../../src/judgement/judgement';
import type { Company } from './companies';

/** The names of the rules, each with what holds without it. */
export const RULES = [
  // Addresses
  ['address-invisible', 'invisible characters stay in an address'],
  ['address-trim', 'blanks around an address stay'],
  ['address-nfc', 'composed and decomposed letters differ'],
  ['address-case', 'upper and lower case differ'],
  ['idn', 'an international domain and its punycode differ'],
  ['final-dot', 'the final dot of a domain stays'],
  ['several-addresses', 'a field holds one address'],
  ['named-address', 'a name before the address is part of it'],
  ['mailto', 'mailto: before an address is part of it'],
  ['quoted', 'a separator in double quotes parts addresses'],
  ['long-address', 'an address may be of any length'],
  // Numbers
  ['number-invisible', 'a number with invisible characters is a text'],
  ['full-width', 'a number with full-width digits is a text'],
  ['long-number', 'a number may be of any length'],
  ['dashes', 'a number with any dash but a hyphen is a text'],
  ['tel-uri', 'a number after tel: is a text'],
  ['double-zero', '00 is no plus'],
  ['bracket-plus', '(+ is no plus'],
  ['without-plus', 'digits without plus never are the number with plus beside them'],
  ['connection-country', 'the country of the connection does not count'],
  ['country-of-card', 'the other numbers of the card name no country'],
  ['one-country', 'of several countries on a card the first counts'],
  ['country-first', 'the country of the card comes before that of the connection'],
  ['without-country', 'a number without country is read as international'],
  ['possible-number', 'what is not possible in its country is a number all the same'],
  ['shared-plan', '+1 is the United States, +44 the United Kingdom'],
  ['seven-digits', 'fewer than seven digits are a number'],
  ['keypad', 'what Aircall shows for hidden callers is a number'],
  ['keypad-without-plus', 'it is one without plus'],
  ['not-valid', 'a number that is not valid is none'],
  ['country-code', 'a country code may begin with 0'],
  ['unknown-plan', 'a number of no known plan is none'],
  ['argentina', '54 9 and 54 differ'],
  ['mexico', '52 1 and 52 differ'],
  ['toll-free', 'a toll-free number is the line of one person'],
  ['premium-rate', 'a premium rate number is the line of one person'],
  ['shared-cost', 'a shared cost number is the line of one person'],
  ['universal-access', 'a universal access number is the line of one person'],
  ['extension-dropped', 'the extension is part of the number'],
  ['extension', 'an extension is the main line'],
  ['extension-of-request', 'an extension in the request is the main line'],
  ['extension-of-her-card', 'an extension on any card makes the number shared'],
  ['most-values', 'all values are read, however many'],
  // Names
  ['name-marks', 'accented letters differ from bare ones'],
  ['name-case', 'upper and lower case of names differ'],
  ['name-order', 'words of names must stand in the same place'],
  ['name-split', 'only blanks part the words of a name'],
  ['one-word', 'all words must be the same'],
  ['long-name', 'names count to their end'],
  ['nameless', 'a card without a name contradicts a card with one'],
  // Cards
  ['role-address', 'an address of a function is the address of a person'],
  ['role-tag', 'a tag makes a role address a personal one'],
  ['contradiction', 'two people under one address are one'],
  ['whole-address-search', 'a search with a gap finds everybody under an address'],
  ['one-own-address', 'one shared address makes a card doubtful'],
  ['given-numbers', 'only cards say numbers'],
  ['numbers-of-cards', 'only the request says numbers'],
  ['numbers-of-doubtful-cards', 'only certain cards say numbers'],
  ['eligible', 'a card with another address may be hers'],
  ['empty-address', 'an empty address is an address'],
  ['numbers-alone', 'with numbers alone a card with an address is never hers'],
  ['number-only', 'a card without address is nobody’s, and makes no number shared'],
  ['number-only-name', 'a card of somebody else without an address may be hers'],
  ['number-only-agree', 'cards of two people on the one given number may be hers'],
  ['number-only-per-number', 'eligible cards must agree across all numbers'],
  ['not-followed', 'numbers of cards without address are followed'],
  // Numbers of the subject
  ['number-of-somebody-else', 'a number on the card of somebody else is hers alone'],
  ['number-only-shares-nothing', 'any other card makes a number shared'],
  ['given-number-shared', 'a given number is certain, whoever has it'],
  ['number-of-doubtful-card', 'a number of a doubtful card alone is certain'],
  ['given-number-certain', 'a given number needs a certain card'],
  ['whole-search', 'a search with a gap finds everybody who has a number'],
  ['shared-number-first', 'shared-address comes before shared-number'],
  // Calls
  ['attached-certain', 'a call counts by its number only'],
  ['attached-doubtful', 'a call of a doubtful card is certain'],
  ['other-contact', 'whom Aircall attached a call to does not count'],
  ['unattached', 'a call without a contact is nobody’s'],
  ['number-of-call', 'every call on one of her numbers is certain'],
  ['raw-digits-country', 'a call’s number without country equals nothing'],
  ['participants', 'participants of a conference do not count'],
  ['least-doubtful', 'the most doubtful number of a conference counts'],
] as const;

export type Rule = (typeof RULES)[number][0];
type Off = (rule: Rule) => boolean;
const keepAll: Off = () => false;
type Values = readonly { readonly value?: string | null | undefined }[] | null | undefined;

/** `certain`, or the code of the doubt. */
export type Verdict = DoubtCode | 'certain';

/** What the judgement has to say of a company; all in the order of ids and digits. */
export interface Verdicts {
  readonly cards: readonly (readonly [id: number, verdict: Verdict])[];
  readonly numbers: readonly (readonly [digits: string, verdict: Verdict])[];
  /** With the doubtful card whose decision is one for the call. */
  readonly calls: readonly (readonly [id: number, verdict: Verdict, ofCard: number | undefined])[];
  readonly ignored: number;
  readonly withoutCountry: number;
  readonly beyond: number;
}

const VALUES_MAX = 200;
const ROLES = ['info', 'sales', 'support', 'contact', 'noreply', 'no-reply', 'admin', 'office', 'billing'];
const KEYPAD = ['266696687', '7378742833', '2562533', '8656696', '86282452253', '7748283', '94844353'];
const TYPES_OF_MANY: Readonly<Record<string, Rule>> = {
  TOLL_FREE: 'toll-free',
  PREMIUM_RATE: 'premium-rate',
  SHARED_COST: 'shared-cost',
  UAN: 'universal-access',
};
const EXTENSION = /(?:;ext=|\s*ext\.?\s*|\s*x|\s*#)(\d{1,7})$/i;

const isPresent = <T>(value: T | null | undefined): value is T => value !== null && value !== undefined;
const digitsIn = (text: string): string => text.replace(/\D/g, '');
const valuesOf = (values: Values): string[] => (values ?? []).map(({ value }) => value).filter(isPresent);

// Addresses

function canonicalAddress(text: string, off: Off): string | undefined {
  let address = off('address-trim') ? text : text.trim();
  if (!off('address-nfc')) address = address.normalize('NFC');
  if (!off('address-case')) address = address.toLowerCase();
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(at, 0));
  let domain = address.slice(at + 1);
  if (!off('final-dot')) domain = domain.replace(/\.$/, '');
  // Node's function also lowers the case; without that rule it must not.
  if (!off('idn') && (/[^\0-\x7f]/.test(domain) || !off('address-case'))) domain = domainToASCII(domain);
  return local === '' || domain === '' ? undefined : `${local}@${domain}`;
}

/** The addresses in a stored or given value. */
export function addressesIn(value: string, off: Off = keepAll): string[] {
  if (value.length > 1_024 && !off('long-address')) return [];
  const text = off('address-invisible') ? value : value.replace(/\p{Cf}/gu, '');
  const separated = off('quoted') ? text.split(/[,;]/) : (text.match(/(?:"[^"]*"|[^,;])+/g) ?? []);
  return (off('several-addresses') ? [text] : separated)
    .map(part => (off('named-address') ? part : (/<([^<>]*)>/.exec(part)?.[1] ?? part)))
    .map(part => (off('mailto') ? part : part.replace(/^\s*mailto:/i, '')))
    .map(part => canonicalAddress(part, off))
    .filter(isPresent);
}

const addressesOf = (card: Card, off: Off): string[] => valuesOf(card.emails).flatMap(value => addressesIn(value, off));

function isRole(address: string, off: Off): boolean {
  if (off('role-address')) return false;
  const local = address.slice(0, address.lastIndexOf('@'));
  return ROLES.includes(off('role-tag') ? local : local.replace(/\+.*$/, ''));
}

// Numbers

interface Read {
  readonly digits: string;
  readonly country: Country | undefined;
  readonly many: boolean;
  readonly extension: boolean;
}

/** `none`: no number; `country`: it lacks one. */
export type Reading = Read | 'none' | 'country';
export const isRead = (reading: Reading): reading is Read => typeof reading === 'object';

interface Parsed {
  readonly digits: string;
  readonly country: Country | undefined;
  readonly type: string | undefined;
  readonly possible: boolean;
  readonly valid: boolean;
}

const parsed = new Map<string, Parsed | undefined>();

/** What libphonenumber makes of digits, each remembered: the same few numbers stand in thousands of companies. */
function parse(text: string, country?: Country): Parsed | undefined {
  const key = `${country} ${text}`;
  if (!parsed.has(key)) {
    const context = country !== undefined && isSupportedCountry(country) ? { defaultCountry: country } : {};
    const phone = parsePhoneNumberFromString(text, { ...context, extract: false });
    parsed.set(
      key,
      phone && {
        digits: digitsIn(phone.number),
        country: phone.country,
        type: phone.getType(),
        possible: phone.isPossible(),
        valid: phone.isValid(),
      },
    );
  }
  return parsed.get(key);
}

/** A stored value, before it is known where it stands. */
interface Text {
  readonly digits: string;
  readonly international: boolean;
  readonly extension: boolean;
  readonly isNumber: boolean;
}

function textOf(value: string, off: Off): Text {
  let text = off('number-invisible') ? value : value.replace(/\p{Cf}/gu, '');
  if (!off('full-width')) text = text.normalize('NFKC');
  text = (off('dashes') ? text : text.replace(/\p{Pd}/gu, '-')).trim();
  if (!off('tel-uri')) text = text.replace(/^tel:\s*/i, '');
  const extension = off('extension-dropped') ? null : EXTENSION.exec(text);
  if (extension !== null) text = text.slice(0, extension.index);
  const bracket = text.startsWith('(+') && !off('bracket-plus');
  const zeros = text.startsWith('00') && !off('double-zero');
  const digits = digitsIn(zeros ? text.slice(2) : text);
  return {
    digits,
    international: text.startsWith('+') || bracket || zeros,
    extension: extension !== null,
    isNumber:
      (value.length <= 256 || off('long-number')) &&
      (off('extension-dropped') || /^[+\d\s().\-/]*$/.test(text)) &&
      (digits.length >= 7 || (off('seven-digits') && digits !== '')),
  };
}

function isKeypad({ digits, international }: Text, off: Off): boolean {
  return KEYPAD.includes(digits) && !off('keypad') && (international || !off('keypad-without-plus'));
}

function canonicalDigits(digits: string, off: Off): string {
  if (!off('argentina') && /^549\d{10}$/.test(digits)) return `54${digits.slice(3)}`;
  if (!off('mexico') && /^521\d{10}$/.test(digits)) return `52${digits.slice(3)}`;
  return digits;
}

function toRead({ digits, country, type }: Parsed, { extension }: Text, off: Off): Read {
  const rule = type === undefined ? undefined : TYPES_OF_MANY[type];
  return { digits: canonicalDigits(digits, off), country, many: rule !== undefined && !off(rule), extension };
}

function countryOf({ digits, country }: Parsed, off: Off): Country | undefined {
  if (!off('shared-plan')) return country;
  return digits.startsWith('1') ? 'US' : digits.startsWith('44') ? 'GB' : country;
}

function readInternational(text: Text, off: Off): Reading {
  if (!text.isNumber || isKeypad(text, off)) return 'none';
  if (text.digits.startsWith('0') && !off('country-code')) return 'none';
  const phone = parse(`+${text.digits}`);
  if (phone === undefined) {
    if (off('unknown-plan')) return 'none';
    return toRead(
      { digits: text.digits, country: undefined, type: undefined, possible: false, valid: false },
      text,
      off,
    );
  }
  if (off('not-valid') && !phone.valid) return 'none';
  return { ...toRead(phone, text, off), country: countryOf(phone, off) };
}

function readNational(text: Text, country: Country | undefined, off: Off): Reading {
  if (!text.isNumber || isKeypad(text, off)) return 'none';
  if (country === undefined) return off('without-country') ? readInternational(text, off) : 'country';
  const phone = parse(text.digits, country);
  if (phone === undefined) return 'country';
  return phone.possible || off('possible-number') ? toRead(phone, text, off) : 'country';
}

interface Value {
  readonly value: string;
  readonly reading: Reading;
}

/** All numbers of a card, in its own context. */
export function numbersOf(card: Card, country: Country | undefined, off: Off = keepAll): Value[] {
  const texts = valuesOf(card.phone_numbers).map(value => ({ value, text: textOf(value, off) }));
  const internationals = texts
    .filter(({ text }) => text.international)
    .map(({ text }) => ({ text, reading: readInternational(text, off) }))
    .flatMap(({ text, reading }) => (isRead(reading) ? [{ text, read: reading }] : []));
  const countries = [...new Set(internationals.map(({ read }) => read.country).filter(isPresent))];
  const ofCard = off('country-of-card') || (countries.length > 1 && !off('one-country')) ? undefined : countries[0];
  const ofConnection = off('connection-country') ? undefined : country;
  const context = off('country-first') ? (ofCard ?? ofConnection) : (ofConnection ?? ofCard);
  return texts.map(({ value, text }) => {
    if (text.international) return { value, reading: readInternational(text, off) };
    const same = internationals.find(
      ({ text: other, read }) => other.digits === text.digits || read.digits === canonicalDigits(text.digits, off),
    );
    if (same !== undefined && text.isNumber && !off('without-plus'))
      return { value, reading: { ...same.read, extension: text.extension } };
    return { value, reading: readNational(text, context, off) };
  });
}

/** The digits of a number of a call, which is read without a card. */
export function digitsOfCall(
  value: string | null | undefined,
  country: Country | undefined,
  off: Off = keepAll,
): string | undefined {
  const text = textOf(value ?? '', off);
  const context = off('raw-digits-country') ? undefined : country;
  const reading = text.international ? readInternational(text, off) : readNational(text, context, off);
  return isRead(reading) ? reading.digits : undefined;
}

// Names

// Marks are dropped before; without that rule they are a part of their word.
const NO_WORD = /[^\p{L}\p{N}\p{M}]+/u;

function wordsOf({ first_name, last_name }: Card, off: Off): string[] {
  const most = off('long-name') ? undefined : 256;
  let name = [first_name, last_name]
    .map(part => (part ?? '').slice(0, most))
    .join(' ')
    .normalize(off('name-marks') ? 'NFC' : 'NFKD');
  if (!off('name-marks')) name = name.replace(/\p{M}/gu, '');
  if (!off('name-case')) name = name.toLowerCase();
  return name.split(off('name-split') ? /\s+/ : NO_WORD).filter(word => word !== '');
}

function contradictingWords(words: readonly string[], others: readonly string[], off: Off): boolean {
  if (words.length === 0 || others.length === 0) return off('nameless') && words.length !== others.length;
  if (off('one-word')) return words.toSorted().join(' ') !== others.toSorted().join(' ');
  return !words.some((word, index) => (off('name-order') ? others[index] === word : others.includes(word)));
}

/** Remembers what is asked again and again of the same card or number. */
function remembering<K, V>(compute: (key: K) => V): (key: K) => V {
  const known = new Map<K, { readonly value: V }>();
  return key => {
    const found = known.get(key) ?? { value: compute(key) };
    known.set(key, found);
    return found.value;
  };
}

const somePair = (cards: readonly Card[], holds: (one: Card, other: Card) => boolean): boolean =>
  cards.some((one, index) => cards.slice(index + 1).some(other => holds(one, other)));

// Cards, numbers, calls

/** What stands on the cards and in the request, read once. */
function readCompany({ identities, country, areAllByAddress, areAll }: Company, off: Off) {
  const addresses = remembering((card: Card) => addressesOf(card, off));
  const values = remembering((card: Card) => numbersOf(card, country, off));
  const reads = remembering((card: Card) =>
    values(card)
      .map(({ reading }) => reading)
      .filter(isRead),
  );
  const words = remembering((card: Card) => wordsOf(card, off));
  return {
    identities,
    areAllByAddress: areAllByAddress || off('whole-address-search'),
    areAll: areAll || off('whole-search'),
    emails: identities.emails.flatMap(email => addressesIn(email, off)),
    given: identities.phoneNumbers.map(number => readInternational(textOf(number, off), off)).filter(isRead),
    addresses,
    values,
    reads,
    words,
    bears: (card: Card, email: string) => addresses(card).includes(email),
    digitsOf: remembering((card: Card) => reads(card).map(({ digits }) => digits)),
    differ: (one: Card, other: Card) => contradictingWords(words(one), words(other), off),
  };
}

type Facts = ReturnType<typeof readCompany>;

/** Rules 1 to 4 of cards: those under a given address, and the subject's numbers. */
function matchCards(cards: readonly Card[], facts: Facts, off: Off) {
  const { identities, emails, given, areAllByAddress, bears, differ, values } = facts;
  const matched = cards.filter(card => emails.some(email => bears(card, email)));
  const under = (email: string) => matched.filter(card => bears(card, email));
  const isShared = remembering(
    (email: string) =>
      !areAllByAddress || isRole(email, off) || (!off('contradiction') && somePair(under(email), differ)),
  );
  const certain = matched.filter(card => {
    const borne = emails.filter(email => bears(card, email));
    return off('one-own-address') ? !borne.some(isShared) : borne.some(email => !isShared(email));
  });
  const inOrder = matched.toSorted((one, other) => one.id - other.id).flatMap(values);
  const different = new Set([...identities.phoneNumbers, ...inOrder.map(({ value }) => value)]);
  const read = new Set([...different].slice(0, off('most-values') ? undefined : VALUES_MAX));
  const tellers = off('numbers-of-doubtful-cards') ? certain : matched;
  // A value that is not read counts as if it did not stand on the card.
  const toldBy = (those: readonly Card[]) =>
    those.flatMap(values).flatMap(({ value, reading }) => (read.has(value) && isRead(reading) ? reading : []));
  const numbers: ReadonlySet<string> = new Set(
    [...(off('given-numbers') ? [] : given), ...(off('numbers-of-cards') ? [] : toldBy(tellers))].map(
      ({ digits }) => digits,
    ),
  );
  const stored = inOrder.filter(({ value }) => read.has(value));
  const told = toldBy(matched);
  const toldByCertain = toldBy(certain);
  return { matched, certain, numbers, stored, told, toldByCertain, beyond: different.size - read.size };
}

type Matched = ReturnType<typeof matchCards>;

/** Rules 5 and 6 of cards: those outside that bear one of the numbers. */
function findNear(cards: readonly Card[], facts: Facts, { matched, numbers }: Matched, off: Off) {
  const { emails, addresses, words, differ, digitsOf } = facts;
  const near = cards.filter(card => !matched.includes(card) && digitsOf(card).some(digits => numbers.has(digits)));
  const hasAddress = (card: Card) =>
    addresses(card).length > 0 || (off('empty-address') && valuesOf(card.emails).length > 0);
  const eligible = near.filter(
    card => off('eligible') || !hasAddress(card) || (emails.length === 0 && !off('numbers-alone')),
  );
  const eligibleOn = (digits: string) =>
    off('number-only-per-number') ? eligible : eligible.filter(card => digitsOf(card).includes(digits));
  const named = matched.filter(card => words(card).length > 0);
  const isNumberOnlyFor = (card: Card, digits: string) => {
    if (named.length > 0) return off('number-only-name') || !named.some(other => differ(card, other));
    return off('number-only-agree') || !somePair(eligibleOn(digits), differ);
  };
  const numberOnly = eligible.filter(card =>
    digitsOf(card).some(digits => numbers.has(digits) && isNumberOnlyFor(card, digits)),
  );
  const followed = off('not-followed') ? numberOnly.flatMap(digitsOf) : [];
  const allNumbers: ReadonlySet<string> = new Set([...numbers, ...followed]);
  return { near, numberOnly, allNumbers };
}

interface Found extends Omit<Matched, 'numbers'> {
  readonly cards: readonly Card[];
  readonly near: readonly Card[];
  readonly numberOnly: readonly Card[];
  readonly numbers: ReadonlySet<string>;
}

function verdictOnCard(card: Card, { certain, matched, numberOnly }: Found, off: Off): Verdict | undefined {
  if (certain.includes(card)) return 'certain';
  if (matched.includes(card)) return 'shared-address';
  return numberOnly.includes(card) && !off('number-only') ? 'number-only' : undefined;
}

function verdictOnNumber(digits: string, { given, reads, digitsOf, areAll }: Facts, found: Found, off: Off): Verdict {
  const { cards, told, toldByCertain, near, numberOnly } = found;
  const isGiven = given.some(number => number.digits === digits);
  const isThis = (number: Read) => number.digits === digits;
  const stands = (card: Card) => digitsOf(card).includes(digits);
  const others = off('number-only-shares-nothing') ? near : near.filter(card => !numberOnly.includes(card));
  const extended = [
    ...(off('extension-of-request') ? [] : given),
    ...(off('extension-of-her-card') ? cards.flatMap(reads) : told),
  ].filter(isThis);
  const isShared =
    !areAll ||
    [...given, ...cards.flatMap(reads)].filter(isThis).some(({ many }) => many) ||
    (!off('extension') && extended.some(({ extension }) => extension)) ||
    (!off('number-of-somebody-else') && others.some(stands));
  const isOfDoubtfulCard =
    !off('number-of-doubtful-card') && !(isGiven && !off('given-number-certain')) && !toldByCertain.some(isThis);
  if (isOfDoubtfulCard && off('shared-number-first')) return 'shared-address';
  if (isShared && !(isGiven && off('given-number-shared'))) return 'shared-number';
  return isOfDoubtfulCard ? 'shared-address' : 'certain';
}

type VerdictOnCall = readonly [verdict: Verdict, ofCard: number | undefined];

function verdictOnCall(
  { contact, raw_digits, conference_participants }: CallRecord,
  country: Country | undefined,
  found: Found,
  ofNumber: (digits: string) => Verdict,
  off: Off,
): VerdictOnCall | undefined {
  const attached = found.cards.find(({ id }) => id === contact?.id);
  const ofCard = attached && verdictOnCard(attached, found, off);
  if (ofCard === 'certain' && !off('attached-certain')) return ['certain', undefined];
  if (ofCard !== undefined && ofCard !== 'certain')
    return off('attached-doubtful') ? ['certain', undefined] : [ofCard, attached?.id];
  const participants = off('participants') ? [] : (conference_participants ?? []);
  const tried = [raw_digits, ...participants.map(({ phone_number }) => phone_number)]
    .map(value => digitsOfCall(value, country, off))
    .filter(isPresent)
    .filter(digits => found.numbers.has(digits));
  if (tried.length === 0) return undefined;
  if (isPresent(contact) && !off('other-contact')) return ['other-contact', undefined];
  if (off('unattached')) return undefined;
  if (off('number-of-call')) return ['certain', undefined];
  const verdicts = tried.map(ofNumber);
  const order: Verdict[] = ['certain', 'shared-number', 'shared-address'];
  const counts = (off('least-doubtful') ? order.toReversed() : order).find(verdict => verdicts.includes(verdict));
  return counts && [counts, undefined];
}

/** The other digits of a line of Argentina or Mexico, if one of the two is, or may be, a mobile. */
function otherForm(digits: string): string | undefined {
  const [code, mobile] = digits.startsWith('54') ? ['54', '549'] : ['52', '521'];
  if (!digits.startsWith(code) || digits.length !== 12) return undefined;
  const other = `${mobile}${digits.slice(2)}`;
  const types = [digits, other].map(each => parse(`+${each}`)?.type ?? '');
  return types.some(type => ['MOBILE', 'FIXED_LINE_OR_MOBILE'].includes(type)) ? other : undefined;
}

/** What Aircall is searched for, to find a number of the subject. */
export function spellingsOf(digits: string, { stored }: Pick<Matched, 'stored'>): string[] {
  const forms = [digits, otherForm(digits)].filter(isPresent);
  const bare = stored
    .filter(({ reading }) => isRead(reading) && reading.digits === digits)
    .map(({ value }) => textOf(value, keepAll))
    .filter(text => !text.international && forms.includes(text.digits))
    .map(text => text.digits);
  return [...new Set([...forms.map(form => `+${form}`), ...bare])].sort();
}

/** All steps of the judgement of a company, for the oracle and for whoever asks which traps it has. */
export function judge(company: Company, off: Off = keepAll) {
  const { cards, calls, country } = company;
  const facts = readCompany(company, off);
  const matched = matchCards(cards, facts, off);
  const { allNumbers: numbers, ...near } = findNear(cards, facts, matched, off);
  const found: Found = { cards, ...matched, ...near, numbers };
  const ofNumber = remembering((digits: string) => verdictOnNumber(digits, facts, found, off));
  const countOf = (wanted: Reading) => found.stored.filter(({ reading }) => reading === wanted).length;
  const judgedCards = cards.flatMap(card => {
    const verdict = verdictOnCard(card, found, off);
    return verdict === undefined ? [] : [[card.id, verdict] as const];
  });
  const judgedCalls = calls.flatMap(call => {
    const verdict = verdictOnCall(call, country, found, ofNumber, off);
    return verdict === undefined ? [] : [[call.id, ...verdict] as const];
  });
  const verdicts: Verdicts = {
    cards: judgedCards.sort(([one], [other]) => one - other),
    numbers: [...numbers].sort().map(digits => [digits, ofNumber(digits)] as const),
    calls: judgedCalls.sort(([one], [other]) => one - other),
    ignored: countOf('none'),
    withoutCountry: countOf('country'),
    beyond: found.beyond,
  };
  return { ...facts, ...found, verdicts };
}

/** The verdicts on a company by the rules of the page, or without one of them. */
export function verdictsOn(company: Company, without?: Rule): Verdicts {
  return judge(company, rule => rule === without).verdicts;
}

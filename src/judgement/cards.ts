/**
 * Decides whose card it is, and which numbers are the subject's. The rules are docs/judgement.md. It never depends on the order of
 * the cards: they are read by their ids.
 */
import { addressesOf, foldEmail, isRoleAddress } from './addresses';
import type {
  Because,
  Card,
  Country,
  Identities,
  Judged,
  JudgedCard,
  Known,
  Searched,
  SubjectNumber,
} from './judgement';
import { type Names, namesOf } from './names';
import {
  NUMBERS_MAX,
  numberSpellings,
  type Reading,
  readGiven,
  readValues,
  type StoredNumber,
  servesMany,
} from './numbers';

/** The numbers to look up. @param cards all that bear an address of the subject; others are ignored */
export function knownNumbers(identities: Identities, cards: readonly Card[], country: Country | undefined): Known {
  const { own } = divide(identities, cards);
  const { owned, ...counts } = collectNumbers(identities, own, country);
  return { numbers: owned.map(subjectNumber), ...counts };
}

/** Whether one of a card's numbers is one of these. */
export function bearsNumber(card: Card, numbers: readonly SubjectNumber[], country: Country | undefined): boolean {
  const wanted = new Set(numbers.map(({ digits }) => digits));
  return numbersOn(card, country).some(digits => wanted.has(digits));
}

/**
 * Which cards are, or may be, the subject's, and how certain its numbers are.
 * @param cards all that bear an address or one of the subject's numbers; others are ignored
 * @param searched whether these are all that there are
 */
export function judgeCards<C extends Card>(
  identities: Identities,
  cards: readonly C[],
  country: Country | undefined,
  { areAll, areAllByAddress }: Searched = WHOLE_SEARCH,
): Judged<C> {
  const { own, others } = divide(identities, cards);
  const shared = sharedAddresses(own, areAllByAddress);
  const judgedOwn = own.map(card => judgeOwn(card, shared));
  const { owned, ...counts } = collectNumbers(identities, own, country);
  const near = judgeNear(others, { owned, own, country, anyAddress: identities.emails.length === 0 });
  const certain = new Set(judgedOwn.flatMap(({ card, doubt }) => (doubt === undefined ? [card.id] : [])));
  return {
    contacts: [...judgedOwn, ...near.judged].sort((one, other) => one.card.id - other.card.id),
    numbers: owned.map(number => ({
      ...subjectNumber(number),
      doubt: doubtOf(number, { elsewhere: near.elsewhere, certain, areAll }),
    })),
    otherNumbers: near.otherNumbers,
    ...counts,
  };
}

const WHOLE_SEARCH: Searched = { areAll: true, areAllByAddress: true };

/** The canonical numbers of a card, each once, however many. */
export function numbersOn(card: Card, country: Country | undefined): string[] {
  const read = readValues(valuesOf(card), country);
  return [...new Set(read.flatMap(reading => (typeof reading === 'object' ? reading.digits : [])))];
}

/** A card that bears addresses of the subject. */
interface Own<C extends Card = Card> {
  readonly card: C;
  /** Canonical, with their places among those of the request, from 1. */
  readonly addresses: ReadonlyMap<string, number>;
}

/** Cards once each, in the order of their ids. */
function divide<C extends Card>({ emails }: Identities, cards: readonly C[]) {
  const places = new Map(emails.map((email, place) => [foldEmail(email), place + 1] as const).reverse());
  places.delete('');
  const own: Own<C>[] = [];
  const others: C[] = [];
  const once = new Map(cards.map(card => [card.id, card]));
  for (const card of [...once.values()].sort((a, b) => a.id - b.id)) {
    const held = addressesOf(card).flatMap(address => {
      const place = places.get(address);
      return place === undefined ? [] : [[address, place] as const];
    });
    if (held.length > 0) own.push({ card, addresses: new Map(held.sort(([, a], [, b]) => a - b)) });
    else others.push(card);
  }
  return { own, others };
}

/** Addresses that several people use, or may use. */
function sharedAddresses(own: readonly Own[], areAllByAddress: boolean): ReadonlySet<string> {
  const under = new Map<string, Card[]>();
  for (const { card, addresses } of own) for (const address of addresses.keys()) listed(under, address).push(card);
  const shared = [...under].filter(
    ([address, cards]) => !areAllByAddress || isRoleAddress(address) || namesOf(cards).contradictory,
  );
  return new Set(shared.map(([address]) => address));
}

function judgeOwn<C extends Card>({ card, addresses }: Own<C>, shared: ReadonlySet<string>): JudgedCard<C> {
  const certain = [...addresses.keys()].some(address => !shared.has(address));
  return {
    card,
    because: [...addresses.values()].map(place => ({ identity: `email ${place}`, field: 'emails' })),
    doubt: certain ? undefined : 'shared-address',
  };
}

/** A number of the subject, and where it comes from. */
interface OwnedNumber {
  readonly digits: string;
  given: boolean;
  extension: boolean;
  readonly bare: Set<string>;
  /** Ids of the subject's cards that bear it. */
  readonly cards: Set<number>;
}

/** The given numbers, and those of all cards of the subject. */
function collectNumbers({ phoneNumbers }: Identities, own: readonly Own[], country: Country | undefined) {
  const found = new Map<string, OwnedNumber>();
  const read = new Set<string>();
  const beyond = new Set<string>();
  const isRead = (value: string) => {
    if (read.size < NUMBERS_MAX) read.add(value);
    if (!read.has(value)) beyond.add(value);
    return read.has(value);
  };
  const counts = { ignored: 0, withoutCountry: 0 };
  const add = (reading: Reading): OwnedNumber | undefined => {
    if (reading === 'no-number') counts.ignored += 1;
    else if (reading === 'no-country') counts.withoutCountry += 1;
    else return merge(found, reading);
    return undefined;
  };

  for (const value of phoneNumbers.filter(isRead)) {
    const number = add(readGiven(value) ?? 'no-number');
    if (number !== undefined) number.given = true;
  }
  for (const { card } of own) {
    const values = valuesOf(card);
    const within = values.map(isRead);
    if (!within.includes(true)) continue;
    // All values of a card explain each other, those beyond the limit too.
    for (const [place, reading] of readValues(values, country).entries())
      if (within[place]) add(reading)?.cards.add(card.id);
  }
  const owned = [...found.values()].sort((one, other) => (one.digits < other.digits ? -1 : 1));
  return { owned, ...counts, beyond: beyond.size };
}

function merge(found: Map<string, OwnedNumber>, { digits, extension, bare }: StoredNumber): OwnedNumber {
  const number = found.get(digits) ?? { digits, given: false, extension: false, bare: new Set(), cards: new Set() };
  found.set(digits, number);
  if (extension) number.extension = true;
  if (bare !== undefined) number.bare.add(bare);
  return number;
}

function subjectNumber({ digits, bare }: OwnedNumber): SubjectNumber {
  return { digits, spellings: numberSpellings(digits, bare) };
}

/** Cards without an address of the subject: which may be the subject's, and which of the subject's numbers stand on somebody else's. */
function judgeNear<C extends Card>(
  others: readonly C[],
  {
    owned,
    own,
    country,
    anyAddress,
  }: {
    readonly owned: readonly OwnedNumber[];
    readonly own: readonly Own[];
    readonly country: Country | undefined;
    readonly anyAddress: boolean;
  },
): {
  readonly judged: readonly JudgedCard<C>[];
  readonly elsewhere: ReadonlySet<string>;
  readonly otherNumbers: readonly string[];
} {
  const places = new Map(owned.map(({ digits }, place) => [digits, place + 1]));
  const near = others.flatMap(card => {
    const all = numbersOn(card, country);
    const digits = all.filter(number => places.has(number));
    return digits.length === 0 ? [] : [{ card, all, digits, eligible: anyAddress || addressesOf(card).length === 0 }];
  });
  const eligibleOn = new Map<string, Card[]>();
  for (const { card, digits, eligible } of near)
    if (eligible) for (const number of digits) listed(eligibleOn, number).push(card);
  const ownNames = namesOf(own.map(({ card }) => card));
  const namesOn = new Map<string, Names>([...eligibleOn].map(([number, cards]) => [number, namesOf(cards)]));

  const judged: JudgedCard<C>[] = [];
  const elsewhere = new Set<string>();
  const otherNumbers = new Set<string>();
  for (const { card, all, digits, eligible } of near) {
    const contradicted = ownNames.contradictedBy(card);
    const fits = (number: string) => (ownNames.some ? !contradicted : namesOn.get(number)?.contradictory === false);
    const by = eligible ? digits.filter(fits).map(number => places.get(number) ?? 0) : [];
    if (by.length === 0) {
      for (const number of digits) elsewhere.add(number);
      for (const number of all) otherNumbers.add(number);
    } else judged.push({ card, because: by.sort((a, b) => a - b).map(becauseOfNumber), doubt: 'number-only' });
  }
  return { judged, elsewhere, otherNumbers: [...otherNumbers].sort() };
}

function becauseOfNumber(place: number): Because {
  return { identity: `number ${place}`, field: 'phone_numbers' };
}

function doubtOf(
  { digits, given, extension, cards }: OwnedNumber,
  {
    elsewhere,
    certain,
    areAll,
  }: { readonly elsewhere: ReadonlySet<string>; readonly certain: ReadonlySet<number>; readonly areAll: boolean },
): SubjectNumber['doubt'] {
  if (!areAll || servesMany(digits) || extension || elsewhere.has(digits)) return 'shared-number';
  return given || [...cards].some(id => certain.has(id)) ? undefined : 'shared-address';
}

function valuesOf({ phone_numbers }: Card): string[] {
  return (phone_numbers ?? []).flatMap(({ value }) => value ?? []);
}

function listed<K, V>(lists: Map<K, V[]>, key: K): V[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

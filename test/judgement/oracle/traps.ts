/** Which traps does a company hold? Each is a row of a table; a test asserts that each one occurs often enough. */
import type { Card } from '../../../src/judgement/judgement';
import { type Company, KEYPAD_NUMBERS } from './companies';
import { addressesIn, isRead, judge, numbersOf } from './oracle';

type Facts = ReturnType<typeof judge> & {
  readonly company: Company;
  /** Stored values of phone numbers and e-mail addresses of all cards. */
  readonly phones: readonly string[];
  readonly fields: readonly string[];
  /** Verdicts of calls. */
  readonly verdictOf: ReadonlyMap<number, string>;
};

const valuesOf = (values: Card['emails']): string[] => (values ?? []).flatMap(({ value }) => value ?? []);
const isNational = (value: string) => /^\s*[(\d]/.test(value) && !/^(00|\(\+)/.test(value.trim());
const domains = (values: readonly string[]) => values.flatMap(value => value.match(/@[^\s<>;,]+/g) ?? []);

/** A number without country on a card of hers, as it is read without and with the country of the connection. */
const nationals = ({ matched, values }: Facts) =>
  matched.flatMap(card => {
    const alone = numbersOf(card, undefined);
    return values(card).flatMap(({ value, reading }, index) =>
      isNational(value) ? [{ card, reading, alone: alone[index]?.reading ?? 'none' }] : [],
    );
  });
const countriesOn = (card: Card) =>
  new Set(numbersOf(card, undefined).flatMap(({ reading }) => (isRead(reading) ? (reading.country ?? []) : []))).size;
const strangers = ({ near, numberOnly }: Facts) => near.filter(card => !numberOnly.includes(card));
const ofType = (facts: Facts, test: RegExp) => [...facts.numbers].some(digits => test.test(digits));
const pairUnderOneAddress = ({ emails, matched, addresses, words, differ }: Facts, wanted: boolean) =>
  emails.some(email => {
    const cards = matched.filter(card => words(card).length > 0 && addresses(card).includes(email));
    return cards.some((one, index) => cards.slice(index + 1).some(other => differ(one, other) === wanted));
  });
const withCalls = (facts: Facts, verdict: string) => [...facts.verdictOf.values()].includes(verdict);

export const TRAPS = {
  'number without country, read with that of the connection': facts =>
    nationals(facts).some(({ reading, alone }) => isRead(reading) && alone === 'country'),
  'number without country, read with the one country of its card': facts =>
    facts.company.country === undefined && nationals(facts).some(({ reading }) => isRead(reading)),
  'number without country, and no country': facts =>
    nationals(facts).some(({ card, reading }) => reading === 'country' && countriesOn(card) === 0),
  'number without country, and several countries': facts =>
    nationals(facts).some(({ card, reading }) => reading === 'country' && countriesOn(card) > 1),
  'number of a shared plan': facts => ofType(facts, /^(1|44)/),
  extension: facts =>
    facts.matched.some(card => facts.values(card).some(({ reading }) => isRead(reading) && reading.extension)),
  'toll-free number': facts => ofType(facts, /^(33800|1800|800)/),
  'premium rate number': facts => ofType(facts, /^(33899|4487)/),
  'shared cost number': facts => ofType(facts, /^(33820|49180)/),
  'universal access number': facts => ofType(facts, /^443[03]/),
  'possible number that is not valid, or of no known plan': facts => ofType(facts, /^(471999|441632|1555|999)/),
  'number also on a card of somebody else with an address': facts =>
    strangers(facts).some(card => facts.addresses(card).length > 0),
  'number also on a card of somebody else without an address': facts =>
    strangers(facts).some(card => facts.addresses(card).length === 0),
  'given number on a card of somebody else': facts =>
    strangers(facts).some(card =>
      facts
        .values(card)
        .some(({ reading }) => facts.given.some(({ digits }) => isRead(reading) && reading.digits === digits)),
    ),
  'card without address, with her name': facts => facts.numberOnly.some(card => facts.words(card).length > 0),
  'card without address and name': facts =>
    facts.numberOnly.some(card => facts.addresses(card).length === 0 && facts.words(card).length === 0),
  'two cards under one address, contradicting names': facts => pairUnderOneAddress(facts, true),
  'two cards under one address, agreeing names': facts => pairUnderOneAddress(facts, false),
  'role address': facts =>
    facts.company.identities.emails.some(email => /^(info|sales|support|no-reply|contact)\b/i.test(email)),
  'nothing certain but something doubtful': ({ verdicts: { cards, calls } }) =>
    cards.length + calls.length > 0 && ![...cards, ...calls].some(([, verdict]) => verdict === 'certain'),
  'two forms of a number of Argentina or Mexico': facts =>
    ofType(facts, /^5[24]/) && facts.phones.some(value => /^(549|521\d{10})/.test(value.replace(/\D/g, ''))),
  'digits without plus beside the same with plus': ({ matched }) =>
    matched.some(card => {
      const values = valuesOf(card.phone_numbers);
      const plus = new Set(values.filter(value => value.includes('+')).map(value => value.replace(/\D/g, '')));
      return values.some(value => /^\d+$/.test(value) && plus.has(value));
    }),
  'international domain and punycode': ({ company, fields, matched }) =>
    matched.length > 0 &&
    domains([...fields, ...company.identities.emails]).some(domain => /[^\0-\x7f]/.test(domain)) &&
    domains([...fields, ...company.identities.emails]).some(domain => /xn--/i.test(domain)),
  'invisible characters in an address': ({ matched }) =>
    matched.some(card => valuesOf(card.emails).some(value => /\p{Cf}/u.test(value))),
  'invisible characters in a number': facts =>
    facts.company.cards.some(card => valuesOf(card.phone_numbers).some(value => /\p{Cf}/u.test(value))),
  'final dot of a domain': ({ matched }) =>
    matched.some(card => valuesOf(card.emails).some(value => /\.(?=[>;,\s]|$)/.test(value))),
  'name before an address': ({ matched }) =>
    matched.some(card => valuesOf(card.emails).some(value => value.includes('<'))),
  'several addresses in a field': ({ matched }) =>
    matched.some(card => valuesOf(card.emails).some(value => addressesIn(value).length > 1)),
  'letter case': ({ matched }) => matched.some(card => valuesOf(card.emails).some(value => /[A-Z]+@[A-Z]/.test(value))),
  'keypad number on a card': ({ phones }) =>
    phones.some(value => KEYPAD_NUMBERS.some(digits => value.replace(/^(\+|00)/, '') === digits)),
  'no number in the field of a number': ({ verdicts }) => verdicts.ignored > 0,
  'several identities': ({ company: { identities } }) => identities.emails.length + identities.phoneNumbers.length > 1,
  'search with a gap': ({ company, verdicts }) => !company.areAll && verdicts.numbers.length > 0,
  'search for an address with a gap': ({ company, matched }) => !company.areAllByAddress && matched.length > 0,
  'numbers alone': ({ company: { identities } }) => identities.emails.length === 0,
  'call of a certain card': facts =>
    facts.company.calls.some(({ contact }) => facts.certain.some(card => card.id === contact?.id)),
  'call of a doubtful card': facts => withCalls(facts, 'shared-address') || withCalls(facts, 'number-only'),
  'call of somebody else on her number': facts => withCalls(facts, 'other-contact'),
  'call on her number without a contact': facts =>
    facts.company.calls.some(call => !call.contact && facts.verdictOf.get(call.id) === 'certain'),
  'call on a shared number': facts => withCalls(facts, 'shared-number'),
  'participant of a conference': facts =>
    facts.company.calls.some(call => (call.conference_participants ?? []).length > 0 && facts.verdictOf.has(call.id)),
  'hidden caller': ({ company }) =>
    company.calls.some(({ raw_digits }) => KEYPAD_NUMBERS.some(digits => raw_digits?.replace('+', '') === digits)),
  'doubtful number on one of her doubtful cards only': ({ verdicts }) =>
    verdicts.numbers.some(([, verdict]) => verdict === 'shared-address'),
} as const satisfies Record<string, (facts: Facts) => boolean>;

export type Trap = keyof typeof TRAPS;

/** The traps of a company, by the names of the table. */
export function trapsOf(company: Company): string[] {
  const judged = judge(company);
  const facts: Facts = {
    ...judged,
    company,
    phones: company.cards.flatMap(card => valuesOf(card.phone_numbers)),
    fields: company.cards.flatMap(card => valuesOf(card.emails)),
    verdictOf: new Map(judged.verdicts.calls.map(([id, verdict]) => [id, verdict])),
  };
  return Object.entries(TRAPS).flatMap(([name, holds]) => (holds(facts) ? [name] : []));
}

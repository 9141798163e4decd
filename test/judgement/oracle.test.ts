/**
 * The judgement against a second one that was written from docs/judgement.md by somebody who had not read its code, on companies that
 * are made by chance from fixed seeds. Each rule of the page decides some of them: without it the two differ.
 */
import type { Because, CallRecord, Card } from '../../src/judgement/judgement';
import { firstDifference } from './oracle/agreement';
import { type Company, createCompanies, SEED } from './oracle/companies';
import { addressesIn, digitsOfCall, judge, RULES, spellingsOf } from './oracle/oracle';
import { type Asked, askProduct } from './oracle/product';
import { TRAPS, trapsOf } from './oracle/traps';

/** The first of those in test/slow/judgement.test.ts. */
const COMPANIES = 1_000;
/** Enough to count traps, reasons and spellings in. */
const SAMPLE = 500;
const TRAP_PERCENT_LEAST = 5;

const companies = createCompanies(COMPANIES, SEED);
const sample = companies.slice(0, SAMPLE);

/** `email 1` is the first given address, `number 1` the first number, `contact 1` the first contact. */
function createReasonCheck(company: Company, { judged }: Asked) {
  const { addresses, digitsOf } = judge(company);
  const read = (value: string | null | undefined) => digitsOfCall(value, company.country);
  const named = <T>(identity: string, kind: string, list: readonly T[]): T | undefined =>
    list.find((_, index) => identity === `${kind} ${index + 1}`);
  const emailOf = ({ identity }: Because) => addressesIn(named(identity, 'email', company.identities.emails) ?? '');
  const digitsNamed = ({ identity }: Because) => named(identity, 'number', judged.numbers)?.digits ?? 'none';
  return {
    isTrueOfCard: (reason: Because, card: Card) =>
      ({
        emails: emailOf(reason).some(email => addresses(card).includes(email)),
        phone_numbers: digitsOf(card).includes(digitsNamed(reason)),
        contact: false,
        raw_digits: false,
        conference_participants: false,
      })[reason.field],
    isTrueOfCall: (reason: Because, { contact, raw_digits, conference_participants }: CallRecord) =>
      ({
        emails: false,
        phone_numbers: false,
        contact: isSameId(named(reason.identity, 'contact', judged.contacts)?.card.id, contact?.id),
        raw_digits: read(raw_digits) === digitsNamed(reason),
        conference_participants: (conference_participants ?? []).some(
          ({ phone_number }) => read(phone_number) === digitsNamed(reason),
        ),
      })[reason.field],
  };
}

const isSameId = (one: number | undefined, other: number | undefined) => one !== undefined && one === other;

describe('the judgement', () => {
  test(`is that of the oracle on ${COMPANIES} companies: certain and doubtful cards, numbers and calls, with codes and counts`, () => {
    expect(firstDifference(companies)).toBeUndefined();
  });

  test.each(RULES)('is another one without the rule %s (%s)', rule => {
    expect(firstDifference(companies, rule)).toBeDefined();
  });

  test('names the numbers of the person alike before and after it is known who else has them', () => {
    for (const company of sample) {
      const { known, judged } = askProduct(company);
      const bare = judged.numbers.map(({ digits, spellings }) => ({ digits, spellings }));
      expect({ numbers: known.numbers, beyond: known.beyond }).toEqual({ numbers: bare, beyond: judged.beyond });
    }
  });

  test('has true reasons for each record, at least one', () => {
    for (const company of sample) {
      const asked = askProduct(company);
      const { isTrueOfCard, isTrueOfCall } = createReasonCheck(company, asked);
      const checked = [
        ...asked.judged.contacts.map(({ card, because }) => because.map(reason => isTrueOfCard(reason, card))),
        ...asked.calls.map(({ call, because }) => because.map(reason => isTrueOfCall(reason, call))),
      ];
      expect(checked.every(reasons => reasons.length > 0 && reasons.every(Boolean))).toBe(true);
    }
  });

  test('searches a number by all its spellings, and by nothing else', () => {
    for (const company of sample) {
      const oracle = judge(company);
      const { numbers } = askProduct(company).judged;
      const searched = numbers.map(({ spellings }) => [...spellings].sort());
      expect(searched).toEqual(numbers.map(({ digits }) => spellingsOf(digits, oracle)));
    }
  });

  test(`meets each trap in ${TRAP_PERCENT_LEAST} of 100 companies at least`, () => {
    const met = new Map(Object.keys(TRAPS).map(trap => [trap, 0]));
    for (const trap of sample.flatMap(trapsOf)) met.set(trap, (met.get(trap) ?? 0) + 1);
    const least = (SAMPLE * TRAP_PERCENT_LEAST) / 100;
    expect([...met].filter(([, times]) => times < least)).toEqual([]);
  });
});

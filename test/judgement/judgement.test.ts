/** What holds of every judgement, whatever the company. */
import fc from 'fast-check';
import { bearsAddress } from '../../src/judgement/addresses';
import { createCallJudge } from '../../src/judgement/calls';
import { bearsNumber, judgeCards, knownNumbers } from '../../src/judgement/cards';
import type { CallRecord, Card, Identities } from '../../src/judgement/judgement';
import { card } from './support';

const SEED = { seed: 20_26, numRuns: 1_000 };

// Few values, so that cards meet.
const name = fc.constantFrom('', '', 'Anna', 'Anna Example', 'Bob', 'Bob Example', 'Carl');
const email = fc.constantFrom(
  'anna@example.com',
  'ANNA@example.com',
  'info@example.com',
  'second@example.com',
  'x@y.example',
);
const number = fc.constantFrom(
  '+33612345678',
  '0033 6 12 34 56 78',
  '06 12 34 56 78',
  '33612345678',
  '+33612345678 x12',
  '+33698765432',
  '+44 20 7946 0958',
  '+1 800 555 1234',
  '+5491123456789',
  '+541123456789',
  'anonymous',
  '',
);
const some = <T>(item: fc.Arbitrary<T>, maxLength: number) => fc.array(item, { maxLength });
const cards = fc
  .array(fc.record({ name, emails: some(email, 2), numbers: some(number, 3) }), { maxLength: 8 })
  .map(rows => rows.map((row, place) => card(place + 1, row)));
const country = fc.constantFrom(undefined, 'FR', 'GB');
const identities: fc.Arbitrary<Identities> = fc
  .record({
    emails: some(fc.constantFrom('anna@example.com', 'info@example.com', 'second@example.com'), 2),
    phoneNumbers: some(fc.constantFrom('+33612345678', '+33698765432', '+541123456789'), 2),
  })
  .filter(({ emails, phoneNumbers }) => emails.length + phoneNumbers.length > 0);
const call: fc.Arbitrary<CallRecord> = fc.record({
  id: fc.nat(),
  contact: fc.option(fc.record({ id: fc.integer({ min: 1, max: 9 }) })),
  raw_digits: fc.option(number),
  conference_participants: fc.option(
    some(
      number.map(phone_number => ({ phone_number })),
      2,
    ),
  ),
});
const company = fc.record({ of: identities, cards, country, calls: some(call, 10) });
type Company = typeof company extends fc.Arbitrary<infer T> ? T : never;

/** As a request does it: the cards of the addresses first, then those of the numbers. */
function judge({ of, cards, country, calls }: Company) {
  const byAddress = cards.filter(one => bearsAddress(one, of.emails));
  const { numbers } = knownNumbers(of, byAddress, country);
  const found = cards.filter(one => bearsAddress(one, of.emails) || bearsNumber(one, numbers, country));
  const judged = judgeCards(of, found, country);
  return { judged, calls: calls.map(createCallJudge(judged, country)) };
}

/** The cards in some order, some of them twice, as overlapping pages give them. */
const paged = (all: readonly Card[]) =>
  fc
    .tuple(fc.shuffledSubarray([...all], { minLength: all.length }), fc.subarray([...all]))
    .map(([page, again]) => [...page, ...again]);

test('does not depend on the order, the pages and the repetitions of cards, nor on cards that are nobody’s', () => {
  const twoWays = company.chain(one => fc.tuple(fc.constant(one), paged(one.cards)));
  fc.assert(
    fc.property(twoWays, ([one, shuffled]) => {
      const { judged, calls } = judge(one);
      expect(judge({ ...one, cards: shuffled })).toEqual({ judged, calls });
      expect(judgeCards(one.of, shuffled, one.country)).toEqual(judged);
      const places = (found: typeof judged) =>
        JSON.stringify({ ...found, contacts: found.contacts.map(c => c.card.id) });
      expect(places(judgeCards(one.of, shuffled, one.country))).toBe(places(judged));
    }),
    SEED,
  );
});

test('of one page does not depend on what other pages bear', () => {
  fc.assert(
    fc.property(company, fc.nat(), ({ of, cards, country }, at) => {
      const { numbers } = knownNumbers(of, cards, country);
      const bears = (page: readonly Card[]) => page.filter(one => bearsNumber(one, numbers, country));
      const cut = cards.length === 0 ? 0 : at % cards.length;
      expect([...bears(cards.slice(0, cut)), ...bears(cards.slice(cut))]).toEqual(bears(cards));
    }),
    SEED,
  );
});

/** certain: 2, doubtful: 1, not a record: 0 */
const certainty = (record: { readonly doubt?: unknown } | undefined) =>
  record === undefined ? 0 : record.doubt === undefined ? 2 : 1;

test('never makes a card, a number or a call more certain because a stranger has a card', () => {
  const stranger = fc.record({ name, emails: some(email, 2), numbers: some(number, 3) });
  fc.assert(
    fc.property(company, stranger, fc.boolean(), (one, row, first) => {
      // First or last: nothing may depend on its id. Calls may be attached to it.
      const added = card(first ? 1 : 9, row);
      fc.pre(!bearsAddress(added, one.of.emails));
      const others = one.cards.filter(({ id }) => id !== added.id);
      const before = judge({ ...one, cards: others });
      const after = judge({ ...one, cards: [...others, added] });
      const cardsAfter = new Map(after.judged.contacts.map(contact => [contact.card.id, contact]));
      for (const contact of before.judged.contacts)
        expect(certainty(cardsAfter.get(contact.card.id))).toBeLessThanOrEqual(certainty(contact));
      const known = new Set(before.judged.contacts.map(contact => contact.card.id));
      for (const { card: found, doubt } of after.judged.contacts) {
        if (found.id === added.id) expect(doubt).toBe('number-only');
        else expect(known).toContain(found.id);
      }
      expect(after.judged.numbers.map(({ digits }) => digits)).toEqual(
        before.judged.numbers.map(({ digits }) => digits),
      );
      for (const [place, found] of after.judged.numbers.entries())
        expect(certainty(found)).toBeLessThanOrEqual(certainty(before.judged.numbers[place]));
      for (const [place, found] of after.calls.entries())
        if (one.calls[place]?.contact?.id !== added.id)
          expect(certainty(found)).toBeLessThanOrEqual(certainty(before.calls[place]));
        else expect(certainty(found)).toBeLessThanOrEqual(1);
    }),
    SEED,
  );
});

test('never makes a card or a call certain because somebody with another name has an address of the subject', () => {
  fc.assert(
    fc.property(company, some(number, 3), (one, numbers) => {
      const { emails } = one.of;
      fc.pre(emails.length > 0);
      const added = card(9, { name: 'Dora Different', emails, numbers });
      const sure = (found: ReturnType<typeof judge>) => ({
        contacts: found.judged.contacts.flatMap(({ card: { id }, doubt }) => (doubt === undefined ? [id] : [])),
        calls: found.calls.flatMap((verdict, place) => (certainty(verdict) === 2 ? [place] : [])),
      });
      const before = sure(judge({ ...one, cards: one.cards.filter(({ first_name }) => first_name !== '') }));
      const after = sure(judge({ ...one, cards: [...one.cards.filter(({ first_name }) => first_name !== ''), added] }));
      const more = after.contacts.filter(id => !before.contacts.includes(id));
      // Alone under an address it is certain: the judgement sees no contradiction.
      expect(more.filter(id => id !== 9)).toEqual([]);
      if (!after.contacts.includes(9)) expect(after.calls.filter(place => !before.calls.includes(place))).toEqual([]);
    }),
    SEED,
  );
});

test('is the same for the same identities in other spellings', () => {
  fc.assert(
    fc.property(company, one => {
      const spelled = {
        emails: one.of.emails.map(address => ` ${address.toUpperCase()}\u200b`),
        phoneNumbers: one.of.phoneNumbers.map(value => `00 ${value.slice(1, 4)}-${value.slice(4)}`),
      };
      const { judged, calls } = judge(one);
      expect(judge({ ...one, of: spelled })).toEqual({ judged, calls });
    }),
    SEED,
  );
});

test('matches nothing empty: no card, and no call of a card that is not found', () => {
  const empty = fc.constantFrom('', ' ', '\u200b', 'anonymous', '+', '00', null, undefined);
  const blank = fc.record({
    id: fc.integer({ min: 1, max: 50 }),
    first_name: fc.option(name),
    emails: fc.option(
      some(
        empty.map(value => ({ value })),
        3,
      ),
    ),
    phone_numbers: fc.option(
      some(
        empty.map(value => ({ value })),
        3,
      ),
    ),
  });
  fc.assert(
    fc.property(identities, some(blank, 6), some(empty, 6), (of, blanks, digits) => {
      const judged = judgeCards(of, blanks, 'FR');
      expect(judged.contacts).toEqual([]);
      const judgeCall = createCallJudge(judged, 'FR');
      for (const raw_digits of digits) expect(judgeCall({ id: 1, raw_digits })).toBeUndefined();
    }),
    SEED,
  );
});

test('takes a time by the length of a hostile reply', () => {
  const long = 'x'.repeat(1_000_000);
  const cards = Array.from({ length: 1_000 }, (_, index) => ({
    id: index + 1,
    first_name: `Anna ${index} ${long}`,
    emails: [{ value: 'anna@example.com' }, { value: long }],
    phone_numbers: Array.from({ length: 20 }, (_unused, place) => ({
      value: `+33${600_000_000 + index * 20 + place}`,
    })),
  }));
  const judged = judgeCards({ emails: ['anna@example.com'], phoneNumbers: [] }, cards, undefined);
  expect(judged.contacts).toHaveLength(1_000);
  expect(judged.contacts.every(({ doubt }) => doubt === 'shared-address')).toBe(true);
  expect({ numbers: judged.numbers.length, beyond: judged.beyond }).toEqual({ numbers: 200, beyond: 19_800 });
});

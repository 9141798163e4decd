import fc from 'fast-check';
import { NAMES_MAX, namesContradict, namesOf, nameWords } from '../../src/judgement/names';

const SEED = { seed: 20_26, numRuns: 300 };
const named = (first_name: string | null, last_name?: string) => ({ id: 1, first_name, last_name });

test.each([
  ['Anna', 'Example', 'Example', 'ANNA'],
  ['Ren\u00e9e', 'M\u00fcller', 'Renee', 'Muller'],
  ['Anna', 'Example', 'Anna', 'Married'],
  ['Anna-Maria', '', 'Maria', 'Example'],
  ['\uff21\uff4e\uff4e\uff41', '', 'anna', ''],
  ['Anna', 'Example', '', ''],
  ['', '', '', ''],
  ['?!', '-', 'Bob', 'Other'],
])('the names %s %s and %s %s may be one person’s', (first, last, otherFirst, otherLast) => {
  expect(namesContradict(named(first, last), named(otherFirst, otherLast))).toBe(false);
});

test.each([
  ['Anna', 'Example', 'Bob', 'Other'],
  ['Anna', '', 'Annabel', ''],
  ['Anna', '', '\u0410\u043d\u043d\u0430', ''],
])('the names %s %s and %s %s contradict each other', (first, last, otherFirst, otherLast) => {
  expect(namesContradict(named(first, last), named(otherFirst, otherLast))).toBe(true);
});

test('a card without a name has no words', () => {
  expect(nameWords(named(null))).toEqual([]);
  expect(nameWords({ id: 1 })).toEqual([]);
});

test('a contradiction is one in both directions, and nobody contradicts himself', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, other) => {
      expect(namesContradict(named(one), named(other))).toBe(namesContradict(named(other), named(one)));
      expect(namesContradict(named(one, other), named(other, one))).toBe(false);
    }),
    SEED,
  );
});

describe('the names of several cards', () => {
  const word = fc.constantFrom('a', 'b', 'c', 'd', '');
  const cards = fc.array(
    fc.tuple(word, word).map(([first, last]) => named(first, last)),
    { maxLength: 8 },
  );

  test('are compared each with each', () => {
    fc.assert(
      fc.property(cards, fc.tuple(word, word), (several, [first, last]) => {
        const names = namesOf(several);
        expect(names.contradictory).toBe(several.some(one => several.some(other => namesContradict(one, other))));
        expect(names.contradictedBy(named(first, last))).toBe(
          several.some(one => namesContradict(one, named(first, last))),
        );
      }),
      SEED,
    );
  });

  test('that are more than anybody has contradict each other and every other name', () => {
    const several = Array.from({ length: NAMES_MAX + 1 }, (_, index) => named('Anna', `Name${index}`));
    expect(namesOf(several.slice(1)).contradictory).toBe(false);
    const names = namesOf(several);
    expect(names.contradictory).toBe(true);
    expect(names.contradictedBy(named('Anna'))).toBe(true);
    expect(names.contradictedBy(named(''))).toBe(false);
  });
});

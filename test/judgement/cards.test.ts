import { bearsNumber, judgeCards, knownNumbers } from '../../src/judgement/cards';
import { card, contactsOf, numbersOf, person } from './support';

const HERS = 'anna@example.com';
const LINE = '+33 6 12 34 56 78';
const DIGITS = '33612345678';
const OTHER_LINE = '+33 6 98 76 54 32';
const ANNA = card(1, { name: 'Anna Example', emails: [HERS], numbers: [LINE] });

describe('a card under an address of the subject', () => {
  test('is certain, also if it has other addresses, and says by which it is', () => {
    const both = card(2, { name: 'Anna Example', emails: ['x@y.example', 'second@example.com', `A <${HERS}>`] });
    const { contacts } = judgeCards(person([HERS, 'second@example.com']), [both], undefined);
    expect(contacts).toEqual([
      {
        card: both,
        because: [
          { identity: 'email 1', field: 'emails' },
          { identity: 'email 2', field: 'emails' },
        ],
      },
    ]);
  });

  test('is doubtful if another card under it has a name of somebody else', () => {
    const bob = card(2, { name: 'Bob Other', emails: [HERS] });
    const judged = judgeCards(person([HERS]), [ANNA, bob], undefined);
    expect(contactsOf(judged)).toEqual(['1 shared-address', '2 shared-address']);
    expect(numbersOf(judged)).toEqual([`${DIGITS} shared-address`]);
  });

  test('stays certain beside a card without a name, and one that shares a word of the name', () => {
    const nameless = card(2, { emails: [HERS] });
    const married = card(3, { name: 'Married Anna', emails: [HERS] });
    expect(contactsOf(judgeCards(person([HERS]), [ANNA, nameless, married], undefined))).toEqual([
      '1 certain',
      '2 certain',
      '3 certain',
    ]);
  });

  test('is doubtful if the address is one of a function', () => {
    const one = card(1, { name: 'Anna Example', emails: ['Info@example.com'], numbers: [LINE] });
    const judged = judgeCards(person(['info@example.com']), [one], undefined);
    expect(contactsOf(judged)).toEqual(['1 shared-address']);
    expect(numbersOf(judged)).toEqual([`${DIGITS} shared-address`]);
  });

  test('is doubtful if not all cards under the address may have been found: one of them may have another name', () => {
    const judged = judgeCards(person([HERS]), [ANNA], undefined, { areAllByAddress: false, areAll: false });
    expect(contactsOf(judged)).toEqual(['1 shared-address']);
    expect(numbersOf(judged)).toEqual([`${DIGITS} shared-number`]);
    const byNumber = judgeCards(person([HERS]), [ANNA], undefined, { areAllByAddress: true, areAll: false });
    expect(contactsOf(byNumber)).toEqual(['1 certain']);
  });

  test('is certain by one address that nobody shares', () => {
    const one = card(1, { name: 'Anna Example', emails: ['info@example.com', HERS], numbers: [LINE] });
    const bob = card(2, { name: 'Bob Other', emails: ['info@example.com'], numbers: [LINE] });
    const judged = judgeCards(person(['info@example.com', HERS]), [one, bob], undefined);
    expect(contactsOf(judged)).toEqual(['1 certain', '2 shared-address']);
    expect(numbersOf(judged)).toEqual([`${DIGITS} certain`]);
  });

  test('is nobody’s without one, whatever else was found', () => {
    const strangers = [
      card(2, { emails: ['bob@example.com'] }),
      card(3, { emails: [''] }),
      card(4, {}),
      { id: 5, emails: null, phone_numbers: null },
    ];
    expect(contactsOf(judgeCards(person([HERS]), strangers, undefined))).toEqual([]);
    expect(contactsOf(judgeCards(person([HERS]), [...strangers, ANNA], undefined))).toEqual(['1 certain']);
  });
});

describe('a card that has only a number of the subject', () => {
  test('is doubtful if it has no address, and her name or none; the number stays hers', () => {
    const second = card(2, { name: 'Anna', numbers: ['0033612345678'] });
    const nameless = card(3, { emails: [' '], numbers: [LINE] });
    const judged = judgeCards(person([HERS]), [nameless, ANNA, second], undefined);
    expect(contactsOf(judged)).toEqual(['1 certain', '2 number-only', '3 number-only']);
    expect(judged.contacts.at(1)?.because).toEqual([{ identity: 'number 1', field: 'phone_numbers' }]);
    expect(numbersOf(judged)).toEqual([`${DIGITS} certain`]);
  });

  test.each([
    ['another name', card(2, { name: 'Bob Other', numbers: [LINE] })],
    ['an address', card(2, { name: 'Anna Example', emails: ['bob@example.com'], numbers: [LINE] })],
    ['an address and no name', card(2, { emails: ['bob@example.com'], numbers: [LINE] })],
  ])('is somebody else’s with %s, and the number serves both', (_, other) => {
    const judged = judgeCards(person([HERS]), [ANNA, other], undefined);
    expect(contactsOf(judged)).toEqual(['1 certain']);
    expect(numbersOf(judged)).toEqual([`${DIGITS} shared-number`]);
  });

  test('also makes a given number shared', () => {
    const other = card(2, { emails: ['bob@example.com'], numbers: [LINE] });
    expect(numbersOf(judgeCards(person([HERS], LINE), [other], undefined))).toEqual([`${DIGITS} shared-number`]);
  });

  test('brings no numbers of its own', () => {
    const second = card(2, { name: 'Anna', numbers: [LINE, OTHER_LINE] });
    const third = card(3, { name: 'Anna', numbers: [OTHER_LINE] });
    const judged = judgeCards(person([HERS]), [ANNA, second, third], undefined);
    expect(contactsOf(judged)).toEqual(['1 certain', '2 number-only']);
    expect(numbersOf(judged)).toEqual([`${DIGITS} certain`]);
  });
});

describe('of a request by numbers alone, or whose cards have no name', () => {
  test('cards of the number are doubtful if all may bear one name, with an address too', () => {
    const cards = [
      card(1, { name: 'Anna Example', emails: [HERS], numbers: [LINE] }),
      card(2, { name: 'Anna', numbers: [LINE] }),
      card(3, { numbers: [LINE] }),
    ];
    const judged = judgeCards(person([], LINE), cards, undefined);
    expect(contactsOf(judged)).toEqual(['1 number-only', '2 number-only', '3 number-only']);
    expect(numbersOf(judged)).toEqual([`${DIGITS} certain`]);
  });

  test('they are somebody else’s if two names contradict each other, and the number is shared', () => {
    const cards = [card(1, { name: 'Anna', numbers: [LINE] }), card(2, { name: 'Bob', numbers: [LINE] })];
    const judged = judgeCards(person([], LINE), cards, undefined);
    expect(contactsOf(judged)).toEqual([]);
    expect(numbersOf(judged)).toEqual([`${DIGITS} shared-number`]);
  });

  test('a contradiction on one number leaves the card of another number alone', () => {
    const cards = [
      card(1, { name: 'Anna', numbers: [LINE, OTHER_LINE] }),
      card(2, { name: 'Bob', numbers: [LINE] }),
      card(3, { name: 'Anna', numbers: [OTHER_LINE] }),
    ];
    const judged = judgeCards(person([], LINE, OTHER_LINE), cards, undefined);
    expect(contactsOf(judged)).toEqual(['1 number-only', '3 number-only']);
    expect(judged.contacts[0]?.because).toEqual([{ identity: 'number 2', field: 'phone_numbers' }]);
    expect(numbersOf(judged)).toEqual([`${DIGITS} shared-number`, '33698765432 certain']);
  });

  test('cards without address count alone where the subject’s own card has no name', () => {
    const own = card(1, { emails: [HERS], numbers: [LINE] });
    const one = card(2, { name: 'Anna', numbers: [LINE] });
    const addressed = card(3, { name: 'Carl', emails: ['c@example.com'], numbers: [OTHER_LINE] });
    expect(contactsOf(judgeCards(person([HERS]), [own, one, addressed], undefined))).toEqual([
      '1 certain',
      '2 number-only',
    ]);
    const bob = card(4, { name: 'Bob', numbers: [LINE] });
    expect(contactsOf(judgeCards(person([HERS]), [own, one, bob], undefined))).toEqual(['1 certain']);
  });
});

describe('a number of the subject', () => {
  const own = (...numbers: string[]) => card(1, { name: 'Anna', emails: [HERS], numbers });

  test('is doubtful if it serves many people, or a card gives it with an extension', () => {
    const judged = judgeCards(person([HERS]), [own('+1 800 555 1234', `${LINE} ext. 12`, LINE)], undefined);
    expect(numbersOf(judged)).toEqual(['18005551234 shared-number', `${DIGITS} shared-number`]);
  });

  test('is doubtful if the request gives it with an extension, or it serves many people', () => {
    const judged = judgeCards(person([], '+1 479 234 5678 x12', '+1 800 555 1234'), [], undefined);
    expect(numbersOf(judged)).toEqual(['14792345678 shared-number', '18005551234 shared-number']);
  });

  test('is certain if it is given, though it stands on a doubtful card only', () => {
    const role = card(1, { name: 'Anna', emails: ['sales@example.com'], numbers: [LINE, OTHER_LINE] });
    expect(numbersOf(judgeCards(person(['sales@example.com'], LINE), [role], undefined))).toEqual([
      `${DIGITS} certain`,
      '33698765432 shared-address',
    ]);
  });

  test('is counted where it is none, and where it has no country', () => {
    const { ignored, withoutCountry, numbers } = judgeCards(
      person([HERS]),
      [own('anonymous', '12345', '06 12 34 56 78', '+266696687', LINE.replaceAll(' ', '').repeat(30))],
      undefined,
    );
    expect({ ignored, withoutCountry, numbers }).toEqual({ ignored: 4, withoutCountry: 1, numbers: [] });
  });

  test('is the same before and after it is known who else has it', () => {
    const cards = [own(LINE, '+54 11 2345 6789', '0033698765432'), card(2, { numbers: [LINE] })];
    const known = knownNumbers(person([HERS], OTHER_LINE), cards, undefined);
    const judged = judgeCards(person([HERS], OTHER_LINE), cards, undefined);
    expect(judged.numbers.map(({ digits, spellings }) => ({ digits, spellings }))).toEqual(known.numbers);
    expect(known.numbers.map(({ digits }) => digits)).toEqual([DIGITS, '33698765432', '541123456789']);
  });

  test('stands on a card in any spelling, read in the context of that card', () => {
    const { numbers } = knownNumbers(person([], LINE), [], undefined);
    const bears = (country: string | undefined, ...values: string[]) =>
      bearsNumber(card(1, { numbers: values }), numbers, country);
    expect(bears(undefined, '+33 (0)6 12 34 56 78')).toBe(true);
    expect(bears('FR', '06 12 34 56 78')).toBe(true);
    expect(bears(undefined, '06 12 34 56 78', '+33 1 23 45 67 89')).toBe(true);
    expect(bears(undefined, '06 12 34 56 78')).toBe(false);
    expect(bears('DE', '06 12 34 56 78')).toBe(false);
    expect(bears('FR', OTHER_LINE, '', 'anonymous')).toBe(false);
  });
});

import fc from 'fast-check';
import { bearsNumber, knownNumbers } from '../../src/judgement/cards';
import type { Card } from '../../src/judgement/judgement';
import {
  callDigits,
  NUMBERS_MAX,
  numberSpellings,
  PHONE_DIGITS_MIN,
  phoneDigits,
  readValues,
  servesMany,
} from '../../src/judgement/numbers';

const SEED = { seed: 20_26, numRuns: 300 };
const cardWith = (...numbers: string[]): Card => ({
  id: 1,
  emails: [{ value: 'a@b.example' }],
  phone_numbers: numbers.map(value => ({ value })),
});
const known = (...numbers: string[]) =>
  knownNumbers({ emails: ['a@b.example'], phoneNumbers: [] }, [cardWith(...numbers)], undefined);
/** What the last of a card's values is. */
const read = (country: string | undefined, ...values: string[]) => {
  const reading = readValues(values, country).at(-1);
  return typeof reading === 'object' ? reading.digits : reading;
};

/** Valid national numbers of some plans, with their country code and a display grouping. */
const number = fc.oneof(
  fc.integer({ min: 100_000_000, max: 199_999_999 }).map(n => ({ country: '33', national: String(n) })),
  fc.integer({ min: 600_000_000, max: 699_999_999 }).map(n => ({ country: '33', national: String(n) })),
  fc.integer({ min: 2_000_000, max: 9_999_999 }).map(n => ({ country: '1', national: `617${n}` })),
  fc.integer({ min: 100_000, max: 999_999 }).map(n => ({ country: '44', national: `7911${n}` })),
  fc.integer({ min: 1_000_000, max: 9_999_999 }).map(n => ({ country: '49', national: `1512${n}` })),
);
const separator = fc.constantFrom(' ', '-', '.', '\u00a0', '\u2011', '\u2013', '');
const spaced = fc.tuple(number, fc.array(separator, { minLength: 12, maxLength: 12 }), fc.boolean());

describe('a telephone number', () => {
  test('has the same digits in E.164, display, spaced, 00-prefixed and tel: form', () => {
    fc.assert(
      fc.property(spaced, ([{ country, national }, separators, between]) => {
        const digits = `${country}${national}`;
        const apart = [...national]
          .map((digit, index) => `${index > 0 ? (separators[index] ?? '') : ''}${digit}`)
          .join('');
        const grouped = `${country}${between ? ' ' : '-'}${apart}`;
        const forms = [
          `+${digits}`,
          `+${grouped}`,
          ` +${grouped} `,
          `00${digits}`,
          `00${grouped}`,
          `00 ${grouped}`,
          `tel:+${grouped}`,
        ];
        for (const form of forms) expect([form, phoneDigits(form)]).toEqual([form, digits]);
      }),
      SEED,
    );
  });

  test.each([
    ['+1 617-610-5413', '16176105413'],
    ['+44 330 818 6690', '443308186690'],
    ['+1 (617) 610-5413', '16176105413'],
    ['+44 (0)330 818 6690', '443308186690'],
    ['(+33) 1 23 45 67 89', '33123456789'],
    ['\u202a+33 1 23 45 67 89\u202c', '33123456789'],
    ['\uff0b\uff13\uff13123456789', '33123456789'],
    ['+39 06 1234 5678', '390612345678'],
  ])('as Aircall or an address book shows it (%j) has the digits %s', (shown, digits) => {
    expect(phoneDigits(shown)).toBe(digits);
  });

  test('that is possible but not assigned by any plan keeps its digits', () => {
    expect(phoneDigits('+999123456789')).toBe('999123456789');
    expect(phoneDigits('+33 0 00 00 00 00 00')).toMatch(/^330*$/);
  });

  test.each([
    'anonymous',
    'Anonymous',
    'Anna Example',
    'anna@example.com',
    '',
    ' ',
    '+',
    '00',
    '+anonymous',
    'n/a',
    '1234567a',
    '()-',
    '+33 12',
    '33123456789',
    '0000000000',
    '+266696687',
    '+86 28 2452253',
  ])('is not seen in %j', value => {
    expect(phoneDigits(value)).toBeUndefined();
  });

  test('needs seven digits to name a person', () => {
    const few = fc.integer({ min: 0, max: 999_999 });
    fc.assert(
      fc.property(few, fc.constantFrom('', '+', '00', ' '), (n, prefix) => {
        expect(phoneDigits(`${prefix}${n}`)).toBeUndefined();
      }),
      SEED,
    );
    expect(PHONE_DIGITS_MIN).toBe(7);
    expect(phoneDigits('+2901234')).toBe('2901234');
  });

  test('is digits only, at least seven, whatever the value; nothing throws', () => {
    const noise = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...'+0123456789 ()-./x') }),
    );
    fc.assert(
      fc.property(noise, value => {
        expect(phoneDigits(value) ?? '0000000').toMatch(/^\d{7,}$/);
      }),
      { ...SEED, numRuns: 1000 },
    );
  });

  test('of one person is never that of another', () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        const same = `${a.country}${a.national}` === `${b.country}${b.national}`;
        expect(phoneDigits(`+${a.country} ${a.national}`) === phoneDigits(`00${b.country}${b.national}`)).toBe(same);
      }),
      SEED,
    );
  });
});

describe('a stored number without country code', () => {
  test('is read with the country of the connection', () => {
    expect(read('US', '(479) 234-5678')).toBe('14792345678');
    expect(read('FR', '06 12 34 56 78')).toBe('33612345678');
    expect(read('AR', '011 15 2345 6789')).toBe('541123456789');
    expect(read('FR', '+44 20 7946 0958', '06 12 34 56 78')).toBe('33612345678');
  });

  test('is read with the one country that the card’s other numbers name, if the connection has none', () => {
    expect(read(undefined, '+33 1 23 45 67 89', '06 12 34 56 78')).toBe('33612345678');
    expect(read(undefined, '+33 1 23 45 67 89', '0033 1 23 45 67 88', '06 12 34 56 78')).toBe('33612345678');
    expect(read(undefined, '+1 617 610 5413', '+800 1234 5678', '(479) 234-5678')).toBe('14792345678');
    expect(read('ZZ', '+33 1 23 45 67 89', '06 12 34 56 78')).toBe('33612345678');
  });

  test.each([
    ['there is none', undefined, ['06 12 34 56 78']],
    ['there are several', undefined, ['+33 1 23 45 67 89', '+49 1512 1234567', '06 12 34 56 78']],
    ['the others are of a plan without country', undefined, ['+800 1234 5678', '06 12 34 56 78']],
    ['the others are keypad spellings', undefined, ['+266696687', '5812 3456']],
    ['no number of the country is possible', 'FR', ['06 12 34 5']],
    ['no number of the country is that long', 'US', ['(479) 234-5678 / (479) 234-5679']],
  ])('has no country if %s', (_, country, values) => {
    expect(read(country, ...values)).toBe('no-country');
  });

  test('is the international number of its card that has the same digits', () => {
    expect(read('US', '+47 92 34 56 78', '4792345678')).toBe('4792345678');
    expect(read(undefined, '+33 1 23 45 67 89', '+47 92 34 56 78', '47 92345678')).toBe('4792345678');
    expect(read(undefined, '+33 1 23 45 67 89', '+54 11 2345 6789', '5491123456789')).toBe('541123456789');
    expect(read('US', '4792345678')).toBe('14792345678');
  });

  test('that has no country equals no number, not even its own digits', () => {
    const local = fc.integer({ min: 1_000_000, max: 9_999_999_999 }).map(String);
    fc.assert(
      fc.property(local, digits => {
        const { numbers, withoutCountry } = known(digits);
        expect({ numbers, withoutCountry }).toEqual({ numbers: [], withoutCountry: 1 });
        const number = { digits, spellings: [`+${digits}`] };
        expect(bearsNumber(cardWith(digits), [number], undefined)).toBe(false);
        expect(callDigits(digits, undefined)).toBeUndefined();
      }),
      SEED,
    );
  });

  test.each(['anonymous', 'Kunde 4711 0815', '12 34 56', 'room 1234567', '*31#0612345678', '', '266696687'])(
    'is not seen in %j',
    value => {
      expect(read('FR', value)).toBe('no-number');
    },
  );
});

describe('two numbers', () => {
  const mexican = fc.integer({ min: 2_000_000_000, max: 9_999_999_999 });

  test('are equal where Argentina and Mexico write a mobile in two forms', () => {
    fc.assert(
      fc.property(mexican, fc.constantFrom(['549', '54'] as const, ['521', '52'] as const), (n, [long, short]) => {
        expect(phoneDigits(`+${long}${n}`)).toBe(`${short}${n}`);
        expect(phoneDigits(`+${short}${n}`)).toBe(`${short}${n}`);
      }),
      SEED,
    );
  });

  test('are unequal where a prefix only looks like that of a mobile', () => {
    expect(phoneDigits('+52 1 123 4567')).toBe('5211234567');
    expect(phoneDigits('+54 9 123 4567')).toBe('5491234567');
  });

  test('are equal by their canonical digits, which are their own canonical digits', () => {
    const any = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'+0123456789 ()-./x'), maxLength: 24 }).map(text => `+${text}`),
      fc.integer({ min: 0, max: 9_999_999_999_999 }).map(n => `+54${n}`),
      fc.integer({ min: 0, max: 9_999_999_999_999 }).map(n => `+521${n}`),
    );
    fc.assert(
      fc.property(any, value => {
        const digits = phoneDigits(value);
        if (digits !== undefined) expect([value, phoneDigits(`+${digits}`)]).toEqual([value, digits]);
      }),
      { ...SEED, numRuns: 1000 },
    );
  });
});

describe('an extension', () => {
  test.each(['ext. 12', 'x12', ';ext=12', '#12', ' - 12#'])(
    'is read in %j, and the number is the main line',
    written => {
      expect(readValues([`+1 479 234 5678${written}`], undefined)).toEqual([
        { digits: '14792345678', extension: true },
      ]);
      expect(readValues([`479 234 5678${written}`], 'US')).toMatchObject([{ digits: '14792345678', extension: true }]);
    },
  );

  test('is not taken from the digits of the number', () => {
    expect(readValues(['479 234 5612 x12'], 'US')).toMatchObject([{ digits: '14792345612', extension: true }]);
    expect(readValues(['479 234 5612'], 'US')).toMatchObject([{ digits: '14792345612', extension: false }]);
  });
});

test.each([
  ['+1 800 555 1234', true],
  ['+33 800 123 456', true],
  ['+1 900 555 1234', true],
  ['+49 180 1234567', true],
  ['+44 3301 234567', true],
  ['+800 1234 5678', true],
  ['+52 1 800 123 4567', true],
  ['+33 6 12 34 56 78', false],
  ['+1 479 234 5678', false],
  ['+999 123 456 789', false],
])('whether %s serves many people: %s', (value, many) => {
  expect(servesMany(phoneDigits(value) ?? '')).toBe(many);
});

describe('a number is searched for', () => {
  test('with plus, and in both forms where a mobile has two', () => {
    expect(numberSpellings('33612345678', new Set())).toEqual(['+33612345678']);
    expect(numberSpellings('541123456789', new Set())).toEqual(['+541123456789', '+5491123456789']);
    expect(numberSpellings('525512345678', new Set())).toEqual(['+525512345678', '+5215512345678']);
    expect(numberSpellings('528001234567', new Set())).toEqual(['+528001234567']);
  });

  test('without plus if a card of the subject stores it so', () => {
    const spellings = (country: string | undefined, ...values: string[]) =>
      knownNumbers({ emails: ['a@b.example'], phoneNumbers: [] }, [cardWith(...values)], country).numbers.map(
        number => number.spellings,
      );
    expect(spellings(undefined, '33612345678', '+33 6 12 34 56 78')).toEqual([['+33612345678', '33612345678']]);
    expect(spellings('FR', '33 6 12 34 56 78')).toEqual([['+33612345678', '33612345678']]);
    expect(spellings('FR', '06 12 34 56 78')).toEqual([['+33612345678']]);
    expect(spellings(undefined, '5491123456789', '+541123456789')).toEqual([
      ['+541123456789', '+5491123456789', '5491123456789'],
    ]);
  });
});

test('the number of a call is read without a card', () => {
  expect(callDigits('+33 6 12 34 56 78', undefined)).toBe('33612345678');
  expect(callDigits('06 12 34 56 78', 'FR')).toBe('33612345678');
  expect(callDigits('33612345678', undefined)).toBeUndefined();
  expect(callDigits('anonymous', 'FR')).toBeUndefined();
  expect(callDigits('+266696687', 'FR')).toBeUndefined();
});

test('a number with 256 characters is one, and with more it is none', () => {
  const digits = '33123456789';
  expect(phoneDigits(`+${digits}`.padEnd(256))).toBe(digits);
  expect(phoneDigits(`+${digits}`.padEnd(257))).toBeUndefined();
  expect(known(`+${digits}`.padEnd(257))).toEqual({ numbers: [], ignored: 1, withoutCountry: 0, beyond: 0 });
});

test('of one person two hundred different values are read as numbers, and the rest is counted', () => {
  const values = Array.from({ length: 250 }, (_, index) => `+3312345${String(index).padStart(4, '0')}`);
  const { numbers, ignored, beyond } = known('anonymous', ...values, ...values, 'anonymous');
  expect(numbers.map(({ spellings }) => spellings)).toEqual(values.slice(0, NUMBERS_MAX - 1).map(value => [value]));
  expect({ ignored, beyond }).toEqual({ ignored: 2, beyond: 250 - NUMBERS_MAX + 1 });
});

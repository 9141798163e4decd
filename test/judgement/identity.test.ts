import fc from 'fast-check';
import { bearsAddress, emailSpellings, foldEmail } from '../../src/judgement/addresses';
import { knownNumbers } from '../../src/judgement/cards';
import type { Card } from '../../src/judgement/judgement';
import { NUMBERS_MAX, PHONE_DIGITS_MIN, phoneDigits } from '../../src/judgement/numbers';

const SEED = { seed: 20_26, numRuns: 300 };
const blank = fc.constantFrom('', ' ', '   ', '\t', '\n', '\u00a0');
const address = fc.emailAddress();
const hasEmail = (emails: Card['emails'], email: string) => bearsAddress({ id: 1, emails }, [email]);
const cardWith = (...numbers: string[]): Card => ({
  id: 1,
  emails: [{ value: 'a@b.example' }],
  phone_numbers: numbers.map(value => ({ value })),
});
const known = (...numbers: string[]) =>
  knownNumbers({ emails: ['a@b.example'], phoneNumbers: [] }, [cardWith(...numbers)], undefined);

/** The same letters, some of them upper case. */
const anyCase = (text: string) =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map(upper => [...text].map((letter, index) => (upper[index] ? letter.toUpperCase() : letter)).join(''));

describe('an e-mail address', () => {
  test('names the same person in any letter case and with blanks around it', () => {
    const spellings = address.chain(email => fc.tuple(fc.constant(email), anyCase(email), blank, blank));
    fc.assert(
      fc.property(spellings, ([email, spelled, before, after]) => {
        expect(hasEmail([{ value: `${before}${spelled}${after}` }], email)).toBe(true);
        expect(hasEmail([{ value: email }], `${before}${spelled}${after}`)).toBe(true);
        expect(foldEmail(`${before}${spelled}${after}`)).toBe(foldEmail(email));
      }),
      SEED,
    );
  });

  test('does not match an address that only contains it, or that it contains', () => {
    fc.assert(
      fc.property(address, fc.constantFrom('a', 'Z', '0', '-', '+x'), (email, more) => {
        for (const longer of [`${more}${email}`, `${email}${more}`]) {
          expect(hasEmail([{ value: longer }], email)).toBe(false);
          expect(hasEmail([{ value: email }], longer)).toBe(false);
        }
      }),
      SEED,
    );
  });

  test('matches one of several addresses of a contact, wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(address, { minLength: 2, maxLength: 6, selector: foldEmail }),
        fc.nat(),
        (emails, at) => {
          const [wanted = '', ...others] = emails;
          const index = at % emails.length;
          const values = [...others.slice(0, index), wanted, ...others.slice(index)].map(value => ({ value }));
          expect(hasEmail(values, wanted)).toBe(true);
          expect(
            hasEmail(
              others.map(value => ({ value })),
              wanted,
            ),
          ).toBe(false);
        },
      ),
      SEED,
    );
  });

  test.each([[''], [' '], ['\t\n'], ['\u00a0']])(
    'that is empty (%j) matches nobody, not even a contact with an empty address',
    empty => {
      const emails = [
        { value: '' },
        { value: ' ' },
        { value: null },
        { value: undefined },
        {},
        { value: 'a@example.com' },
      ];
      expect(hasEmail(emails, empty)).toBe(false);
    },
  );

  test('matches nobody where a contact has no address or only unusable ones', () => {
    expect(hasEmail([], 'a@example.com')).toBe(false);
    expect(hasEmail([{ value: null }, {}, { value: '' }], 'a@example.com')).toBe(false);
  });

  test('is the same address whether its accents are composed or combined', () => {
    expect(hasEmail([{ value: 'Rene\u0301@example.com' }], 'ren\u00e9@example.com')).toBe(true);
    expect(hasEmail([{ value: 'rene@example.com' }], 'ren\u00e9@example.com')).toBe(false);
  });

  test('is searched for as given and in lower case, each spelling once', () => {
    expect(emailSpellings(' Anna@Example.com ')).toEqual(['Anna@Example.com', 'anna@example.com']);
    expect(emailSpellings('anna@example.com')).toEqual(['anna@example.com']);
  });
});

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

describe('a value beyond any length that a person’s can have is not normalized', () => {
  // The decomposed spelling of a letter is longer than the letter.
  const composed = '\u1f82';
  const decomposed = composed.normalize('NFD');

  test('the longest address matches in its longest spelling, and a longer value does not', () => {
    const email = `${composed.repeat(242)}@example.com`;
    const spelled = `${decomposed.repeat(242)}@example.com`;
    expect({ length: email.length, spelled: spelled.length }).toEqual({ length: 254, spelled: 980 });
    expect(hasEmail([{ value: `${' '.repeat(2_000)}${spelled}` }], email)).toBe(true);
    const longer = `a@${'a'.repeat(1_022)}`;
    expect(hasEmail([{ value: longer }], longer)).toBe(true);
    expect(hasEmail([{ value: `${longer}a` }], `${longer}a`)).toBe(false);
  });

  test('a number with 256 characters is one, and with more it is none', () => {
    const digits = '33123456789';
    expect(phoneDigits(`+${digits}`.padEnd(256))).toBe(digits);
    expect(phoneDigits(`+${digits}`.padEnd(257))).toBeUndefined();
    expect(known(`+${digits}`.padEnd(257))).toEqual({ numbers: [], ignored: 1, withoutCountry: 0, beyond: 0 });
  });
});

test('of one person two hundred different values are read as numbers, and the rest is counted', () => {
  const values = Array.from({ length: 250 }, (_, index) => `+3312345${String(index).padStart(4, '0')}`);
  const { numbers, ignored, beyond } = known('anonymous', ...values, ...values, 'anonymous');
  expect(numbers.map(({ spellings }) => spellings)).toEqual(values.slice(0, NUMBERS_MAX - 1).map(value => [value]));
  expect({ ignored, beyond }).toEqual({ ignored: 2, beyond: 250 - NUMBERS_MAX + 1 });
});

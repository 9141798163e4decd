import fc from 'fast-check';
import { addressesIn, bearsAddress, emailSpellings, foldEmail, isRoleAddress } from '../../src/judgement/addresses';
import type { Card } from '../../src/judgement/judgement';

const SEED = { seed: 20_26, numRuns: 300 };
const blank = fc.constantFrom('', ' ', '   ', '\t', '\n', '\u00a0');
const address = fc.emailAddress();
const hasEmail = (emails: Card['emails'], email: string) => bearsAddress({ id: 1, emails }, [email]);

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

  test.each([
    ['anna@m\u00fcller.example', 'ANNA@XN--MLLER-KVA.example'],
    ['anna@m\u00fcller.example', 'anna@mu\u0308ller.example.'],
    ['anna@example.com', 'anna@example.com.'],
    ['anna@example.com', '\u200banna\u200d@exam\u00adple.com\ufeff'],
    ['\u01f0@example.com', 'J\u030c@example.com'],
  ])('is the same in every spelling: %j and %j', (one, other) => {
    expect(foldEmail(one)).toBe(foldEmail(other));
    expect(hasEmail([{ value: other }], one)).toBe(true);
    expect(hasEmail([{ value: one }], other)).toBe(true);
  });

  test('has one canonical form, which is its own canonical form', () => {
    fc.assert(
      fc.property(fc.oneof(address, fc.string({ unit: 'binary' })), spelled => {
        const canonical = foldEmail(spelled);
        // Of several dots at the end one is dropped: such a text is no address.
        fc.pre(!/[.\s]$/.test(canonical));
        expect(foldEmail(canonical)).toBe(canonical);
      }),
      SEED,
    );
  });

  test('with a domain in ASCII is never read as an IP address or a part of a domain', () => {
    expect(foldEmail('a@1')).toBe('a@1');
    expect(foldEmail('a@\u00fc.example/b')).not.toBe(foldEmail('a@\u00fc.example'));
  });

  test.each([
    ['Anna <a@b.example>; c@d.example', ['a@b.example', 'c@d.example']],
    ['a@b.example,c@d.example a@B.example', ['a@b.example', 'c@d.example']],
    ['mailto:A@b.example', ['a@b.example']],
    ['Anna (a@b.example)', ['a@b.example']],
    ['"Anna, not@her.example" <a@b.example>', ['a@b.example']],
    ['"a b"@c.example', ['"a b"@c.example']],
    ['"a@b.example', ['a@b.example']],
    ['a@b@c.example', []],
    ['Anna', []],
    ['@b.example', []],
    ['a@', []],
    ['a@.', []],
    ['', []],
  ])('is each of those that a stored field holds: %j', (value, addresses) => {
    expect(addressesIn(value)).toEqual(addresses);
  });

  test('of an international domain is searched for in both spellings of the domain', () => {
    expect(emailSpellings('Anna@M\u00fcller.example')).toEqual([
      'Anna@M\u00fcller.example',
      'anna@m\u00fcller.example',
      'Anna@xn--mller-kva.example',
      'anna@xn--mller-kva.example',
    ]);
    expect(emailSpellings('anna@xn--mller-kva.example')).toEqual([
      'anna@xn--mller-kva.example',
      'anna@m\u00fcller.example',
    ]);
  });

  test('belongs to a function if its local part says so, with any tag', () => {
    for (const role of ['info', 'sales', 'support', 'contact', 'noreply', 'no-reply', 'admin', 'office', 'billing'])
      expect([role, isRoleAddress(foldEmail(`${role.toUpperCase()}+tag@example.com`))]).toEqual([role, true]);
    for (const person of ['anna', 'info.anna', 'information1', '+info', 'info@anna'])
      expect([person, isRoleAddress(`${person}@example.com`)]).toEqual([person, false]);
  });

  test('in a field of hostile text takes a moment', () => {
    const fields = ['"', '@', 'a@', '"@', '<"a', ' ', '\u0301'].map(part => part.repeat(1_024).slice(0, 1_024));
    for (let round = 0; round < 300; round += 1) for (const field of fields) addressesIn(field);
    expect(fields.flatMap(addressesIn)).toEqual([]);
  });
});

describe('a value beyond any length that an address can have is not normalized', () => {
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
});

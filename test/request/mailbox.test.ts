/** An address that nobody can have is refused before anything is sent, with what to do; one that somebody may have is taken. */
import fc from 'fast-check';
import { addressesIn, foldEmail } from '../../src/judgement/addresses';
import { mailboxFault } from '../../src/request/mailbox';

describe('an address', () => {
  test.each([
    'person@example.com',
    'Person.With-Dots@Sub.Example.co.uk',
    "o'neil+tag@example.com",
    'a@b.example',
    '*star@example.com',
    'st*ar@example.com',
    '!#$%&*/=?^_`{|}~@example.com',
    'i@xn--mnchen-3ya.example',
    'ren\u00e9@m\u00fcnchen.example',
    'rene\u0301@mu\u0308nchen.example',
    '\u7528\u6237@\u4f8b\u5b50.\u6d4b\u8bd5',
    '\u0645\u062b\u0627\u0644@\u0645\u062b\u0627\u0644.\u0645\u0635\u0631',
    '\u{1F600}@example.com',
    '"john doe"@example.com',
    '"a..b"@example.com',
    '"john@home"@example.com',
    `${'l'.repeat(64)}@example.com`,
    `a@${'d'.repeat(63)}.example`,
    `a@${'1'.repeat(3)}.example`,
  ])('that somebody may have is taken: %j', address => {
    expect(mailboxFault(address)).toBeUndefined();
  });

  test.each([
    ['', /give the name before the @ and the domain after it/],
    ['person', /before the @ and the domain after/],
    ['@example.com', /before the @ and the domain after/],
    ['person@', /full name of a domain/],
    ['mailto:person@example.com', /leave out mailto:/],
    ['MAILTO:person@example.com', /leave out mailto:/],
    ['Person <person@example.com>', /leave out the name and the brackets/],
    ['"Person" <person@example.com>', /leave out the name and the brackets/],
    ['<person@example.com>', /leave out the name and the brackets/],
    ['person(work)@example.com', /leave out the comment/],
    ['person@example.com(work)', /leave out the comment/],
    ['a@example.com,b@example.com', /each address on its own/],
    ['a@example.com; b@example.com', /each address on its own/],
    ['a@example.com\uff1bb@example.com', /each address on its own/],
    ['a@example.com b@example.com', /each address on its own/],
    ['a@b@example.com', /each address on its own/],
    ['"a b"@example.com,c@example.com', /each address on its own/],
    ['anna smith@example.com', /leave out the blanks/],
    ['anna@example.com\tx', /leave out the blanks/],
    ['anna\u00a0smith@example.com', /leave out the blanks/],
    ['an\u200bna@example.com', /invisible characters/],
    ['anna@exam\u00adple.com', /invisible characters/],
    ['anna@example\u2060.com', /invisible characters/],
    ['an\u3164na@example.com', /invisible characters/],
    ['an\u0000na@example.com', /invisible characters/],
    ['an\u0007na@example.com', /invisible characters/],
    ['a@b..c', /correct its dots/],
    ['a..b@example.com', /correct its dots/],
    ['.a@example.com', /correct its dots/],
    ['a.@example.com', /correct its dots/],
    ['a@.example.com', /correct its dots/],
    ['a@example.com.', /correct its dots/],
    ['*@*', /\* stands for no other characters/],
    ['*@example.com', /\* stands for no other characters/],
    ['**@example.com', /\* stands for no other characters/],
    ['*.*@example.com', /\* stands for no other characters/],
    ['"*"@example.com', /\* stands for no other characters/],
    ['a@*.example.com', /\* stands for no other characters/],
    ['a@ex*mple.com', /\* stands for no other characters/],
    ['a:b@example.com', /characters before the @/],
    ['a[b]@example.com', /characters before the @/],
    ['a\ud800@example.com', /characters before the @/],
    ['"anna"@example.com', /leave them out if it needs none/],
    ['""@example.com', /correct its quotes/],
    ['" "@example.com', /correct its quotes/],
    ['"a\\b"@example.com', /correct its quotes/],
    ['"say\\"hi\\""@example.com', /correct its quotes/],
    ['"a"b@example.com', /correct its quotes/],
    ['a\\b@example.com', /correct its quotes/],
    ['anna@example', /full name of a domain/],
    ['anna@localhost', /full name of a domain/],
    ['anna@192.0.2.1', /full name of a domain/],
    ['anna@0x7f.1', /full name of a domain/],
    ['anna@[192.0.2.1]', /full name of a domain/],
    ['anna@exa_mple.com', /full name of a domain/],
    ['anna@ex%61mple.com', /full name of a domain/],
    ['anna@-example.com', /full name of a domain/],
    ['anna@example-.com', /full name of a domain/],
    ['anna@example.com/path', /full name of a domain/],
    ['anna@xn--zz.com', /full name of a domain/],
    [`anna@${'d'.repeat(64)}.example`, /full name of a domain/],
    [`${'l'.repeat(65)}@example.com`, /at most 254 bytes, and 64 before the @/],
    [`${'\u00e9'.repeat(33)}@example.com`, /at most 254 bytes, and 64 before the @/],
    [`anna@${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}.example`, /at most 254 bytes/],
  ])('that nobody can have is refused, with what to do: %j', (address, remedy) => {
    expect(mailboxFault(address)).toMatch(remedy);
  });

  test('that is taken is found on a card that holds it, and is equal to no other in the same field', () => {
    const part = fc.constantFrom(
      'anna',
      '.',
      '*',
      '"',
      ' ',
      ',',
      '+tag',
      "'",
      '\u00e9',
      '\u4f8b',
      'mailto:',
      '\u0130',
      ';',
    );
    const local = fc.array(part, { minLength: 1, maxLength: 5 }).map(parts => parts.join(''));
    const quoted = local.map(text => `"${text.replaceAll('"', '')}"`);
    const domain = fc.constantFrom(
      'example.com',
      'M\u00fcnchen.example',
      'xn--mnchen-3ya.example',
      '\u4f8b\u5b50.\u6d4b\u8bd5',
    );
    const taken = fc
      .tuple(fc.oneof(local, quoted), domain)
      .map(parts => parts.join('@'))
      .filter(address => mailboxFault(address) === undefined);
    fc.assert(
      fc.property(taken, address => {
        expect(addressesIn(address)).toEqual([foldEmail(address)]);
        expect(addressesIn(`Anna <${address}>; other@example.org`)).toEqual([foldEmail(address), 'other@example.org']);
      }),
      { seed: 16, numRuns: 500 },
    );
  });

  test('is never repeated, and takes no long time, whatever it is', () => {
    const part = fc.constantFrom('@', '.', '*', '"', '\\', ' ', '<', ',', '[', 'secret', '\u200b', '\u00e9', '\ud800');
    const text = fc.array(part, { maxLength: 300 }).map(parts => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary', maxLength: 300 })), address => {
        const fault = mailboxFault(address) ?? '';
        expect(fault).not.toContain('secret');
        expect(fault).not.toContain(';'); // it separates the refusals of several fields
      }),
      { seed: 16, numRuns: 2_000 },
    );
  });
});

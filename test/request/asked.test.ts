/** Two requests are the same if they name the same people and the same options; what differs is named by its field alone. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { askedOf, differingFields, wordsOfConflict } from '../../src/request/asked';
import { canonicalIdentities, identityHashesOf, searchedAddresses } from '../../src/request/identities';
import { parseInput } from '../../src/request/input';
import type { GivenSubject } from '../../src/request/model';

const hash = (value: string) => createHmac('sha256', 'a key').update(value).digest('hex').slice(0, 32);
const request = { requestId: 'r-1', connection: 'acme' };
const email = 'anna@example.com';

const access = (subject: GivenSubject, options: object = {}) =>
  askedOf(hash, parseInput('access', { kind: 'access', ...request, subject, ...options }));
const deletion = (subject: GivenSubject, options: object = {}) =>
  askedOf(hash, parseInput('deletion', { kind: 'deletion', ...request, subject, ...options }));

describe('the same request', () => {
  const identities: readonly GivenSubject[] = [
    { email, emails: ['Berta@Example.com'], phoneNumbers: ['+33123456789', '+4930123456'] },
    { emails: ['berta@example.com', email], phoneNumbers: ['+49 30 123456', '+33 1 23 45 67 89'] },
    {
      emails: ['BERTA@example.com', email, 'Anna@example.com'],
      phoneNumbers: ['+4930123456', '+33123456789', '+49 (30) 123456'],
    },
  ];

  test.each(identities)('names the same identities, in any order, spelling and number: %j', subject => {
    expect(differingFields(access(identities[0] ?? {}), access(subject))).toEqual([]);
    expect(access(subject)).toEqual(access(identities[0] ?? {}));
  });

  test('is named by its first address, whatever else is given with it', () => {
    const [first] = identityHashesOf(hash, { connection: 'acme', subject: { emails: [email], phoneNumbers: [] } });
    for (const subject of identities) expect(access(subject).subjectHash).toBe(first);
    const alone = access({ phoneNumbers: ['+33 1 23 45 67 89'] });
    expect(alone.identityHashes).toEqual([alone.subjectHash]);
  });

  test('has its options in any order', () => {
    const one = access({ email }, { calls: 'company', from: '2026-01-01' });
    expect(differingFields(one, access({ email }, { from: '2026-01-01', calls: 'company' }))).toEqual([]);
    expect(differingFields(one, access({ email }, { from: '2026-01-01', calls: 'company', to: undefined }))).toEqual(
      [],
    );
  });
});

describe('another request', () => {
  test.each<[string, GivenSubject]>([
    ['another address', { email: 'berta@example.com' }],
    ['one address more', { email, emails: ['berta@example.com'] }],
    ['a number besides', { email, phoneNumbers: ['+33123456789'] }],
    ['a number instead', { phoneNumbers: ['+33123456789'] }],
  ])('names somebody else: %s', (_, subject) => {
    expect(differingFields(access({ email }), access(subject))).toEqual(['subject']);
    expect(differingFields(access(subject), access({ email }))).toEqual(['subject']);
  });

  test('has another option, or one that was not given, even if that is the default', () => {
    const one = deletion({ email }, { settleSeconds: 0, regime: 'gdpr' });
    const differing = (options: object) => differingFields(one, deletion({ email }, options));
    expect(differing({ settleSeconds: 1, regime: 'gdpr' })).toEqual(['settleSeconds']);
    expect(differing({})).toEqual(['regime', 'settleSeconds']);
    expect(differing({ settleSeconds: 0, regime: 'gdpr', dryRun: false })).toEqual(['dryRun']);
    expect(differingFields(access({ email }), access({ email }, { calls: 'by-number' }))).toEqual(['calls']);
    expect(differingFields(access({ email }), access({ email }, { priority: 'batch' }))).toEqual(['priority']);
  });

  test('is told by all fields that differ, and by no value', () => {
    const one = access({ email }, { calls: 'company', from: '2026-01-01' });
    const other = access({ phoneNumbers: ['+33123456789'] }, { calls: 'by-number' });
    expect(wordsOfConflict(differingFields(one, other))).toBe('was used with other values of subject, calls, from');
  });

  test('keeps what decides who approves its plan as it is, with the defaults of what was left out', () => {
    expect(deletion({ email }).need).toEqual({ requireApproval: false, matchesMax: 5 });
    const given = { requireApproval: true, matchesMax: 7, plan: 'f'.repeat(32) };
    expect(deletion({ email }, given).need).toEqual(given);
    expect(access({ email }, { requireApproval: true }).need).toMatchObject({ requireApproval: true });
  });

  test('keeps nothing of who or what it is about that anybody without the key could find out', () => {
    const kept = JSON.stringify(access({ email, phoneNumbers: ['+33123456789'] }, { from: '2026-01-01' }));
    for (const part of ['anna', 'example', '3312', '2026']) expect(kept).not.toContain(part);
    const theirs = (value: string) => createHmac('sha256', 'another key').update(value).digest('hex').slice(0, 32);
    const input = parseInput('access', { kind: 'access', ...request, subject: { email }, calls: 'company' });
    const [mine, other] = [askedOf(hash, input), askedOf(theirs, input)];
    expect(mine.subjectHash).not.toBe(other.subjectHash);
    expect(mine.optionDigests.calls).not.toBe(other.optionDigests.calls);
  });
});

test('the same option has another digest in another connection, as a person has another hash', () => {
  const of = (connection: string) =>
    askedOf(
      hash,
      parseInput('access', { kind: 'access', ...request, connection, subject: { email }, calls: 'company' }),
    );
  expect(of('acme').optionDigests.calls).not.toBe(of('beta').optionDigests.calls);
  expect(of('acme').identityHashes).not.toEqual(of('beta').identityHashes);
});

test('the spellings of all addresses are searched for, in their order, each once', () => {
  expect(searchedAddresses(['Anna@Example.com', 'berta@example.com', 'anna@example.com'])).toEqual([
    'Anna@Example.com',
    'anna@example.com',
    'berta@example.com',
  ]);
  expect(searchedAddresses([])).toEqual([]);
});

test('identities have one order, addresses first, however they are given', () => {
  const emails = fc.uniqueArray(fc.emailAddress(), { maxLength: 5 });
  const phoneNumbers = fc.uniqueArray(
    fc.integer({ min: 1_000_000, max: 9_999_999 }).map(n => `+4930${n}`),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(emails, phoneNumbers, (addresses, numbers) => {
      const canonical = canonicalIdentities({ emails: addresses, phoneNumbers: numbers });
      expect(canonicalIdentities({ emails: addresses.toReversed(), phoneNumbers: numbers.toReversed() })).toEqual(
        canonical,
      );
      const places = canonical.map(identity => identity.includes('@'));
      expect(places.toSorted((a, b) => Number(b) - Number(a))).toEqual(places);
    }),
    { seed: 16 },
  );
});

import fc from 'fast-check';
import { endOf, InvalidInput, instantMs, parseInput, refuseImpossibleTimes } from '../../src/request/input';
import type { GivenSubject } from '../../src/request/model';
import type { Kind } from '../../src/request/names';
import { unusable } from '../../src/unusable';

const subject = { email: 'anna.secret@example.com' };
const asked = { requestId: 'r-1', connection: 'acme', subject };
const good = { kind: 'access', ...asked } as const;
const goodDeletion = { kind: 'deletion', ...asked } as const;

/** The message of the refusal, or undefined where the input is taken. */
function refusal(kind: Kind, input: unknown): string | undefined {
  try {
    parseInput(kind, input);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidInput) return error.message;
    throw error;
  }
}

const subjectFrom = (given: GivenSubject) => parseInput('access', { ...good, subject: given }).subject;

/** Every string and number in a value, as text. */
function valuesIn(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (typeof value === 'object') return Object.values(value).flatMap(valuesIn);
  const text = String(value);
  return text.length > 3 ? [text] : [];
}

const access: Kind = 'access';
const deletion: Kind = 'deletion';
const tooManyAddresses = Array.from({ length: 21 }, (_, index) => `anna${index}@example.com`);
const tooManyNumbers = Array.from({ length: 21 }, (_, index) => `+4915129876${100 + index}`);

describe('an input that is not good', () => {
  test.each([
    ['no request id', access, { ...good, requestId: undefined }, 'requestId'],
    ['an e-mail address as request id', access, { ...good, requestId: 'anna.secret@example.com' }, 'requestId'],
    ['a path as request id', deletion, { ...goodDeletion, requestId: '../secret-path' }, 'requestId'],
    ['a dot as request id', deletion, { ...goodDeletion, requestId: '.' }, 'requestId'],
    ['a long request id', access, { ...good, requestId: 'x'.repeat(65) }, 'requestId'],
    ['a number as request id', access, { ...good, requestId: 123_456 }, 'requestId'],
    ['no connection', deletion, { ...goodDeletion, connection: undefined }, 'connection'],
    ['two dots as connection', deletion, { ...goodDeletion, connection: '..' }, 'connection'],
    ['a colon in the connection', access, { ...good, connection: 'acme:secret' }, 'connection'],
    ['no subject', access, { ...good, subject: undefined }, 'subject'],
    ['a subject that is text', deletion, { ...goodDeletion, subject: 'anna.secret@example.com' }, 'subject'],
    ['a subject that is a list', deletion, { ...goodDeletion, subject: ['anna.secret@example.com'] }, 'subject'],
    ['nobody', deletion, { ...goodDeletion, subject: {} }, 'subject'],
    ['empty lists', deletion, { ...goodDeletion, subject: { emails: [], phoneNumbers: [] } }, 'subject'],
    [
      'a bad one of several e-mails',
      access,
      { ...good, subject: { emails: ['anna@example.com', 'x'] } },
      'subject.emails.1',
    ],
    ['one e-mail outside a list', access, { ...good, subject: { emails: 'anna@example.com' } }, 'subject.emails'],
    ['too many e-mails', access, { ...good, subject: { emails: tooManyAddresses } }, 'subject.emails'],
    [
      'one e-mail more than that',
      access,
      { ...good, subject: { ...subject, emails: tooManyAddresses.slice(1) } },
      'subject.emails',
    ],
    [
      'far too many spellings',
      access,
      { ...good, subject: { emails: Array(101).fill('anna@example.com') } },
      'subject.emails',
    ],
    ['an empty e-mail', deletion, { ...goodDeletion, subject: { email: '' } }, 'subject.email'],
    ['a blank e-mail', deletion, { ...goodDeletion, subject: { email: ' \t ' } }, 'subject.email'],
    ['null as e-mail', deletion, { ...goodDeletion, subject: { email: null } }, 'subject.email'],
    ['an e-mail without @', deletion, { ...goodDeletion, subject: { email: 'annasecret' } }, 'subject.email'],
    [
      'an e-mail with nothing before @',
      deletion,
      { ...goodDeletion, subject: { email: '@annasecret.test' } },
      'subject.email',
    ],
    [
      'an e-mail with nothing after @',
      deletion,
      { ...goodDeletion, subject: { email: 'annasecret@' } },
      'subject.email',
    ],
    [
      'two e-mails',
      deletion,
      { ...goodDeletion, subject: { email: 'anna@example.com,berta@example.com' } },
      'subject.email',
    ],
    ['two @', deletion, { ...goodDeletion, subject: { email: 'anna@berta@example.com' } }, 'subject.email'],
    [
      'an e-mail with a display name',
      access,
      { ...good, subject: { email: 'Anna <anna@example.com>' } },
      'subject.email',
    ],
    ['a blank inside the e-mail', access, { ...good, subject: { email: 'anna secret@example.com' } }, 'subject.email'],
    ['a long e-mail', access, { ...good, subject: { email: `${'a'.repeat(250)}@example.com` } }, 'subject.email'],
    ['a list of e-mails', access, { ...good, subject: { email: ['anna@example.com'] } }, 'subject.email'],
    [
      'a national number',
      access,
      { ...good, subject: { ...subject, phoneNumbers: ['015129876543'] } },
      'subject.phoneNumbers.0',
    ],
    [
      'a number too short',
      access,
      { ...good, subject: { ...subject, phoneNumbers: ['+4915129876543', '+49 15'] } },
      'subject.phoneNumbers.1',
    ],
    [
      'two numbers in one text',
      access,
      { ...good, subject: { ...subject, phoneNumbers: ['+4915129876543 015129876544'] } },
      'subject.phoneNumbers.0',
    ],
    [
      'anonymous as number',
      access,
      { ...good, subject: { ...subject, phoneNumbers: ['anonymous'] } },
      'subject.phoneNumbers.0',
    ],
    [
      'a sign of a hidden caller',
      access,
      { ...good, subject: { phoneNumbers: ['+266696687'] } },
      'subject.phoneNumbers.0',
    ],
    [
      'a number that is a number',
      access,
      { ...good, subject: { ...subject, phoneNumbers: [4_915_129_876_543] } },
      'subject.phoneNumbers.0',
    ],
    [
      'too many numbers',
      access,
      { ...good, subject: { ...subject, phoneNumbers: tooManyNumbers } },
      'subject.phoneNumbers',
    ],
    [
      'one number outside a list',
      access,
      { ...good, subject: { ...subject, phoneNumbers: '+4915129876543' } },
      'subject.phoneNumbers',
    ],
    [
      'an unknown field of the subject',
      access,
      { ...good, subject: { ...subject, 'anna.other@example.com': 1 } },
      'subject',
    ],
    ['a deadline of 0 days', access, { ...good, deadlineDays: 0 }, 'deadlineDays'],
    ['a deadline of 366 days', access, { ...good, deadlineDays: 366 }, 'deadlineDays'],
    ['a deadline as text', access, { ...good, deadlineDays: '30 days' }, 'deadlineDays'],
    ['a deadline that is no number', access, { ...good, deadlineDays: Number.NaN }, 'deadlineDays'],
    ['an unknown priority', deletion, { ...goodDeletion, priority: 'highest' }, 'priority'],
    ['an unknown way to find calls', access, { ...good, calls: 'by-contact' }, 'calls'],
    ['a date in another form', access, { ...good, from: '31/01/2026' }, 'from'],
    ['a day that does not exist', access, { ...good, from: '2026-02-30' }, 'from'],
    ['a timestamp in seconds', access, { ...good, to: 1_769_860_800 }, 'to'],
    ['a window that ends before it starts', access, { ...good, from: '2026-02-01', to: '2026-01-31' }, 'from'],
    ['a dry run as text', deletion, { ...goodDeletion, dryRun: 'no, thanks' }, 'dryRun'],
    ['a dry run as null', deletion, { ...goodDeletion, dryRun: null }, 'dryRun'],
    ['a settle delay below 0', deletion, { ...goodDeletion, settleSeconds: -1 }, 'settleSeconds'],
    ['a settle delay above an hour', deletion, { ...goodDeletion, settleSeconds: 3601 }, 'settleSeconds'],
    [
      'an endless settle delay',
      deletion,
      { ...goodDeletion, settleSeconds: Number.POSITIVE_INFINITY },
      'settleSeconds',
    ],
  ])('with %s is refused: the message names the field and repeats no value', (_what, kind, input, field) => {
    const message = refusal(kind, input) ?? '';
    expect(message.split('; ').map(part => part.split(' ')[0])).toContain(field);
    for (const value of valuesIn(input)) expect(message).not.toContain(value);
    for (const part of ['anna', 'secret', 'berta', '151298']) expect(message).not.toContain(part);
  });

  test.each(['dryrun', 'dry_run', 'dryRun ', 'DryRun', 'dry-run'])(
    'because dryRun is misspelt %j never starts a deletion',
    misspelt => {
      expect(refusal('deletion', { ...goodDeletion, [misspelt]: true })).toBe('the input has an unknown field');
    },
  );

  test.each([
    [deletion, { calls: 'company' }],
    [deletion, { from: '2026-01-01' }],
    [access, { plan: '0'.repeat(32) }],
    [access, { settleSeconds: 5 }],
  ])('because it has a field of the other kind of request (%s %j) is refused', (kind, extra) => {
    expect(refusal(kind, { ...good, kind, ...extra })).toBe('the input has an unknown field');
  });

  test.each([undefined, null, 'anna.secret@example.com', 42, true, [], [good]])(
    'because it is %j is refused',
    input => {
      expect(refusal('deletion', input)).toMatch(/^the input must be one JSON object/);
    },
  );

  test.each(['not-encrypted', 'broken', 'misplaced'] as const)('because nobody can use it (%s) is refused', why => {
    expect(refusal('access', unusable(why))).toMatch(/unknown field/);
  });

  test.each([
    [access, goodDeletion],
    [deletion, good],
    [access, asked],
    [deletion, asked],
  ])('for %s because it is for another kind of request, or for none, is refused: %j', (kind, input) => {
    expect(refusal(kind, input)).toBe('kind takes access or deletion, as the type of the workflow');
  });

  test('is refused whatever it is, and never by another error', () => {
    fc.assert(
      fc.property(fc.anything({ maxDepth: 3 }), fc.constantFrom(access, deletion), (input, kind) => {
        expect(refusal(kind, input)).toEqual(expect.any(String));
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  test('names every wrong field, each once', () => {
    const message =
      refusal('deletion', {
        kind: 'deletion',
        requestId: '',
        connection: 'a b',
        subject: { email: `${'x'.repeat(300)}` },
        dryRun: 1,
      }) ?? '';
    expect(message.split('; ').map(part => part.split(' ')[0])).toEqual([
      'requestId',
      'connection',
      'subject.email',
      'dryRun',
    ]);
  });
});

describe('a good input', () => {
  test.each([
    [access, good],
    [deletion, goodDeletion],
    [access, { ...good, calls: 'company', from: '2026-01-31', to: '2026-01-31' }],
    [access, { ...good, from: '2026-01-31T12:00:00Z', to: '2026-01-31' }],
    [access, { ...good, from: '2026-01-31T12:00:00+02:00', to: '2026-01-31T10:00:00Z', deadlineDays: 365 }],
    [access, { ...good, subject: { ...subject, phoneNumbers: ['+33 1 23 45 67 89', '+999123456789'] } }],
    [
      deletion,
      { ...goodDeletion, subject: { ...subject, phoneNumbers: [] }, dryRun: true, settleSeconds: 0, deadlineDays: 1 },
    ],
    [deletion, { ...goodDeletion, dryRun: false, settleSeconds: 3600 }],
    [access, { ...good, priority: 'batch' }],
    [deletion, { ...goodDeletion, priority: 'batch' }],
    [deletion, { ...goodDeletion, subject: { email: "o'neil+tag@sub.example.co.uk" } }],
    [access, { ...good, subject: { emails: ['anna@example.com', 'anna@work.example'] } }],
    [access, { ...good, subject: { email: 'anna@example.com', emails: ['anna@work.example'] } }],
    [deletion, { ...goodDeletion, subject: { phoneNumbers: ['+33123456789'] } }],
  ])('for %s passes, with its identities in lists and the rest as it is: %j', (kind, input) => {
    const { email, emails = [], phoneNumbers = [] }: GivenSubject = input.subject;
    const all = { emails: [...(email === undefined ? [] : [email]), ...emails], phoneNumbers };
    const parsed = parseInput(kind, input);
    expect(parsed).toEqual({ ...input, subject: all });
    expect(parseInput(kind, parsed)).toEqual(parsed);
  });

  test('is taken with blanks and invisible characters around an e-mail, which are dropped', () => {
    expect(subjectFrom({ email: '\u200b Anna@Example.com\u200f\n' }).emails).toEqual(['Anna@Example.com']);
  });

  test('names each identity once, in the first spelling and the order in which they were given', () => {
    const { emails, phoneNumbers } = subjectFrom({
      email: 'Anna@Example.com',
      emails: ['b@example.com', 'anna@example.COM', 'B@example.com', 'c@example.com'],
      phoneNumbers: ['+33 1 23 45 67 89', '+4930123456', '+33123456789'],
    });
    expect(emails).toEqual(['Anna@Example.com', 'b@example.com', 'c@example.com']);
    expect(phoneNumbers).toEqual(['+33 1 23 45 67 89', '+4930123456']);
    const extended = ['+33123456789', '+33123456789 ext. 12', '+33 1 23 45 67 89 x12'];
    expect(subjectFrom({ phoneNumbers: extended }).phoneNumbers).toEqual(extended.slice(0, 2));
    const spellings = Array.from({ length: 99 }, (_, index) => (index % 2 === 0 ? 'a@example.com' : 'A@example.com'));
    expect(subjectFrom({ emails: spellings }).emails).toEqual(['a@example.com']);
  });

  test('is anything but an empty object, whose refusal has the code invalid-input', () => {
    expect(() => parseInput('access', {})).toThrow(
      expect.objectContaining({ name: 'InvalidInput', code: 'invalid-input' }),
    );
  });

  test('that ends on a bare date includes that whole day', () => {
    expect(new Date(endOf('2026-01-31')).toISOString()).toBe('2026-01-31T23:59:59.999Z');
    expect(new Date(endOf('2026-01-31T12:00:00Z')).toISOString()).toBe('2026-01-31T12:00:00.000Z');
  });
});

test('calls of the future are refused', () => {
  const nowMs = Date.parse('2026-01-31T12:00:00Z');
  const check = (given: object) => () => refuseImpossibleTimes(parseInput('access', { ...good, ...given }), nowMs);
  expect(check({ from: '2026-01-31T12:00:01Z' })).toThrow(InvalidInput);
  expect(check({ from: '2026-01-31T12:00:00' })).not.toThrow();
  expect(check({})).not.toThrow();
});

test('a submission of the future is refused, but for what two clocks may differ by; so is one of ages ago', () => {
  const nowMs = Date.parse('2026-01-31T12:00:00Z');
  const check = (submittedAt: string) => () =>
    refuseImpossibleTimes(parseInput('access', { ...good, submittedAt }), nowMs);
  expect(check('2026-01-31T12:05:00Z')).not.toThrow();
  expect(check('2026-01-31T12:05:01Z')).toThrow('submittedAt takes a time that has passed');
  expect(check('2026-01-31')).not.toThrow();
  expect(check('0026-01-31')).toThrow('submittedAt takes a time of the last 10 years');
});

test('a time without an offset is UTC, wherever the service runs', () => {
  expect(instantMs('2025-12-24T18:30:00')).toBe(Date.UTC(2025, 11, 24, 18, 30));
  expect(instantMs('2025-12-24T18:30:00+02:00')).toBe(Date.UTC(2025, 11, 24, 16, 30));
  expect(instantMs('2025-12-24')).toBe(Date.UTC(2025, 11, 24));
});

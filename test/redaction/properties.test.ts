import fc from 'fast-check';
import type { Whose } from '../../src/redaction/findings';
import { formsOf, foundIn, numberForms } from '../support/canaries';
import { asStored, type Plain, redactPlain } from './stored';

const SEED = { seed: 20_26, numRuns: 200 };

/** Names of two words that nobody else has. */
const nameOf = (word: string, n: number) => `${word}${n}qx Zork${n}qz`;
const agent = (n: number) => ({
  id: 9_000_000 + n,
  name: nameOf('Aga', n),
  email: `aga${n}@company.example`,
  available: true,
  direct_link: `https://api.aircall.io/v1/users/${9_000_000 + n}`,
  nickname: `Nick${n}qy`,
});
const other = (n: number) => ({
  id: 8_000_000 + n,
  name: nameOf('Oth', n),
  email: `oth${n}@other.example`,
  phone: `+1617555${1_000 + n}`,
});
const AGENTS = [0, 1, 2, 3].map(agent);
const OTHERS = [0, 1, 2, 3].map(other);
const SUBJECT = { email: 'sub.ject@example.org', phone: '+44 20 7946 0958', name: 'Suzy Jectson' };
const WHOSE: Whose = {
  emails: [SUBJECT.email],
  numbers: ['442079460958'],
  otherNumbers: OTHERS.map(({ phone }) => phone.slice(1)),
  decidedRecordings: [],
  withheld: { contacts: [], calls: [] },
};
const CARD = {
  id: 1,
  first_name: 'Suzy',
  last_name: 'Jectson',
  emails: [{ value: SUBJECT.email }],
  phone_numbers: [{ value: SUBJECT.phone }],
};

const anAgent = fc.constantFrom(...AGENTS);
const anOther = fc.constantFrom(...OTHERS);
const order = fc.integer({ min: 4_500_000_000, max: 4_599_999_999 }).map(n => `order ${n}`);
const OF_SUBJECT = [SUBJECT.email, '+442079460958', '+44 20 7946 0958', '020 7946 0958', SUBJECT.name];
const word = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...OF_SUBJECT) },
  { weight: 3, arbitrary: order },
  { weight: 2, arbitrary: anAgent.map(({ name }) => name.toUpperCase()) },
  { weight: 2, arbitrary: anAgent.map(({ email }) => email) },
  { weight: 2, arbitrary: anOther.map(({ email }) => `<${email}>`) },
  { weight: 2, arbitrary: anOther.map(({ phone }) => phone) },
  { weight: 2, arbitrary: anOther.map(({ phone }) => `(${phone.slice(2, 5)}) ${phone.slice(5, 8)}-${phone.slice(8)}`) },
  { weight: 1, arbitrary: fc.constant('DE89 3704 0044 0532 0130 00') },
  { weight: 1, arbitrary: fc.constant('https://s.amazonaws.com/a?X-Amz-Signature=deadbeefcafe') },
);
/** Words with something between that is part of none. */
const text = fc.array(word, { maxLength: 5 }).map(words => words.join(' ; '));
const user = fc.oneof(
  anAgent,
  anAgent.map(({ id }) => id),
  anAgent.map(({ email }) => ({ email })),
  fc.constant(null),
);
const party = fc.constantFrom(SUBJECT.phone, 'anonymous', ...OTHERS.map(({ phone }) => phone));
const participant = fc.oneof(
  anOther.map(({ name, phone, email }) => ({ type: 'external', name, phone_number: phone, email })),
  anAgent.map(each => ({ ...each, type: 'user', phone_number: null })),
  fc.constant({ type: 'external', name: SUBJECT.name, phone_number: SUBJECT.phone }),
);
const unknown = fc.letrec(tie => ({
  any: fc.oneof({ maxDepth: 3 }, fc.oneof(text, fc.integer(), fc.boolean(), user), tie('list'), tie('record')),
  list: fc.array(tie('any'), { maxLength: 3 }),
  record: fc.dictionary(fc.constantFrom('a', 'b', 'note', 'aga1@company.example'), tie('any'), { maxKeys: 3 }),
})).any;

const call = fc.record(
  {
    raw_digits: party,
    contact: fc.oneof(
      fc.constantFrom(CARD, null),
      anOther.map(({ id, name, email, phone }) => ({
        id,
        first_name: name,
        emails: [{ value: email }],
        phone_numbers: [{ value: phone }],
      })),
    ),
    user,
    assigned_to: user,
    comments: fc.array(fc.record({ content: text, posted_by: user }), { maxLength: 2 }),
    tags: fc.array(fc.record({ name: text, tagged_by: user }), { maxLength: 2 }),
    teams: fc.array(fc.record({ name: text, users: fc.array(user) }), { maxLength: 1 }),
    conference_participants: fc.array(participant, { maxLength: 2 }),
    evaluations: unknown,
    extra: unknown,
    number: fc.record({ digits: fc.constant('+33 1 76 36 06 95'), users: fc.array(user, { maxLength: 2 }) }),
    recording: fc.constant('https://s.amazonaws.com/b?X-Amz-Signature=deadbeefcafe'),
  },
  { requiredKeys: ['raw_digits'] },
);
const spoken = fc.array(
  fc.oneof(
    fc.record({ participant_type: fc.constant('external'), phone_number: party, text }),
    fc.record({ type: fc.constant('external'), text }),
    fc.record({ type: fc.constant('internal'), user_id: anAgent.map(({ id }) => id), text }),
    fc.record({ participant_type: fc.constant('internal'), user_id: anAgent.map(({ id }) => id), text }),
  ),
  { maxLength: 3 },
);

const findings: fc.Arbitrary<Plain> = fc
  .record({
    information: text,
    // An address that stands alone would be the subject's.
    extra: fc.oneof(
      text.map(words => `seen ${words}`),
      user,
      party,
    ),
    calls: fc.array(call, { maxLength: 4 }),
    content: fc.record({ utterances: spoken, raw: unknown }),
  })
  .map(({ information, extra, calls, content }) => ({
    contacts: [{ ...CARD, information, extra }],
    calls: calls.map((fields, place) => ({ id: 10 + place, ...fields })),
    // Whoever works here appears somewhere as a user, as at Aircall.
    transcripts: [{ call: 10, content }],
    insights: [{ call: 10, kind: 'summary', content: { summary: { content: information }, users: AGENTS } }],
  }));

const CANARIES = new Map<string, readonly Buffer[]>([
  ...AGENTS.flatMap(each => [each.name, each.email, each.nickname, String(each.id)]).map(
    canary => [canary, formsOf(canary)] as const,
  ),
  ...OTHERS.flatMap(each => [each.email, String(each.id)]).map(canary => [canary, formsOf(canary)] as const),
  ...OTHERS.map(({ phone }) => [phone, numberForms(phone)] as const),
  ['signature', formsOf('deadbeefcafe')],
  ['iban', formsOf('3704 0044 0532')],
]);

const redact = (given: Plain, whose: Whose) => redactPlain(asStored(given), whose);
const recordsOf = ({ redactions: _, ...records }: ReturnType<typeof redact>): Plain =>
  JSON.parse(JSON.stringify(records));
const withoutNumbers = (value: unknown) => JSON.parse(JSON.stringify(value).replace(/(Agent|Person) \d+/g, '$1'));

test('nothing of an agent, of another person, and no link survives anywhere, the list of redactions included', () => {
  fc.assert(
    fc.property(findings, given => {
      expect(foundIn(Buffer.from(JSON.stringify(redact(given, WHOSE))), CANARIES)).toEqual([]);
    }),
    SEED,
  );
});

test('the canaries are there before', () => {
  const found = new Set<string>();
  for (const given of fc.sample(findings, { ...SEED, numRuns: 50 }))
    for (const name of foundIn(Buffer.from(JSON.stringify(given)), CANARIES)) found.add(name);
  expect([...found].sort()).toEqual([...CANARIES.keys()].sort());
});

test("what is the subject's and order numbers survive, in cards and texts", () => {
  fc.assert(
    fc.property(findings, fc.array(fc.oneof(fc.constantFrom(...OF_SUBJECT), order)), (given, words) => {
      const own = words.join(' ; ');
      const [first, ...others] = given.calls;
      const calls = [{ id: 9, ...first, comments: [{ content: own }] }, ...others];
      const redacted = redact({ ...given, calls }, WHOSE);
      expect(redacted.contacts[0]).toMatchObject(CARD);
      expect(redacted.calls[0]).toMatchObject({ comments: [{ content: own }] });
    }),
    SEED,
  );
});

test('words that no number shows to be theirs survive if nobody else may be heard, or a person decided so', () => {
  const words = 'Hushqx wordqz';
  const transcripts = [
    { call: 9, content: { utterances: [{ participant_type: 'external', text: words }], raw: words } },
  ];
  const insights = [{ call: 9, kind: 'summary', content: { content: words } }];
  fc.assert(
    fc.property(findings, fc.boolean(), (given, isDecided) => {
      const [first, ...others] = given.calls;
      const calls = [{ ...first, id: 9 }, ...others];
      const redacted = redact(
        { ...given, calls, transcripts, insights },
        { ...WHOSE, decidedRecordings: isDecided ? [9] : [] },
      );
      const isAlone = (first?.conference_participants ?? []).length === 0;
      const left = JSON.stringify([redacted.transcripts, redacted.insights]).match(/Hushqx wordqz/g) ?? [];
      expect(left).toHaveLength(isAlone || isDecided ? 3 : 0);
    }),
    SEED,
  );
});

test('what was redacted stays as it is', () => {
  fc.assert(
    fc.property(findings, given => {
      const once = recordsOf(redact(given, WHOSE));
      expect(recordsOf(redactPlain(once, WHOSE))).toEqual(once);
    }),
    SEED,
  );
});

test('the order of records changes nothing but the numbers of labels', () => {
  fc.assert(
    fc.property(findings, given => {
      const there = recordsOf(redact(given, WHOSE));
      const back = recordsOf(redact({ ...given, calls: given.calls.toReversed() }, WHOSE));
      expect(withoutNumbers({ ...back, calls: back.calls.toReversed() })).toEqual(withoutNumbers(there));
    }),
    SEED,
  );
});

test('paths point at what is there, or at a place whose parent is', () => {
  fc.assert(
    fc.property(findings, given => {
      const redacted = redact(given, WHOSE);
      for (const { path } of redacted.redactions) {
        const names = path.split('/').slice(1, -1);
        let value: unknown = redacted;
        for (const name of names) value = Object.entries(Object(value)).find(([key]) => key === name)?.[1];
        expect([path, typeof value]).toEqual([path, 'object']);
      }
    }),
    SEED,
  );
});

test('the input stays as it is', () => {
  fc.assert(
    fc.property(findings, given => {
      const before = structuredClone(given);
      redact(given, WHOSE);
      expect(given).toEqual(before);
    }),
    { ...SEED, numRuns: 50 },
  );
});

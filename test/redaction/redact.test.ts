import type { Whose } from '../../src/redaction/findings';
import { countReasons, type Redaction } from '../../src/redaction/reasons';
import { atOnce } from '../../src/slices';
import { asStored, type Plain, redactPlain } from './stored';

const JULIE = {
  id: 123_456,
  direct_link: 'https://api.aircall.io/v1/users/123456',
  name: 'Julie Martin',
  email: 'julie.martin@company.example',
  available: true,
};
const OMAR = { id: 123_457, name: 'Omar', email: 'omar@company.example', available: false };
/** Of a user, what some records of Aircall hold. */
const ABRIDGED = { name: 'Omar', email: OMAR.email, direct_link: 'https://api.aircall.io/v1/users/123457' };
const ANNA = {
  id: 1,
  first_name: 'Anna',
  last_name: 'Berg',
  emails: [{ id: 3, label: 'Work', value: 'anna@example.org' }],
  phone_numbers: [{ id: 4, label: 'Home', value: '+1 415-555-0123' }],
};
const CALL = { id: 11, raw_digits: '+1 415-555-0123', contact: { id: 1 } };
const WHOSE: Whose = {
  emails: ['anna@example.org'],
  numbers: ['14155550123'],
  otherNumbers: [],
  decidedRecordings: [],
  withheld: { contacts: [], calls: [] },
};
const NOTHING: Plain = { contacts: [ANNA], calls: [], transcripts: [], insights: [] };

const redact = (findings: Plain, whose: Whose) => redactPlain(asStored(findings), whose);
const countsOf = (redactions: Iterable<Redaction>): Record<string, number> =>
  Object.fromEntries(atOnce(countReasons(redactions)).map(({ reason, count }) => [reason, count]));

const calls = (...given: object[]) =>
  redact({ ...NOTHING, calls: given.map((fields, place) => ({ ...CALL, id: 11 + place, ...fields })) }, WHOSE);
const call = (fields: object) => {
  const { calls: redacted, redactions } = calls(fields);
  return { call: redacted[0], redactions };
};
const card = (fields: object) => redact({ ...NOTHING, contacts: [{ ...ANNA, ...fields }] }, WHOSE).contacts[0];
const said = (...utterances: object[]) =>
  redact({ ...NOTHING, calls: [CALL], transcripts: [{ call: 11, content: { any: { utterances } } }] }, WHOSE);

describe('an agent', () => {
  test('has one label, wherever and however records name them', () => {
    const { calls: redacted } = calls(
      {
        user: OMAR,
        assigned_to: JULIE,
        comments: [{ content: 'JULIE  MARTIN called', posted_by: { name: 'Julie Martin' } }],
      },
      { user: { id: JULIE.id }, archived_by: JULIE.email, transferred_to: null, tags: [{ id: 5, tagged_by: OMAR.id }] },
    );
    expect(redacted).toEqual([
      {
        ...CALL,
        user: { name: 'Agent 1' },
        assigned_to: { name: 'Agent 2' },
        comments: [{ content: 'Agent 2 called', posted_by: { name: 'Agent 2' } }],
      },
      {
        ...CALL,
        id: 12,
        user: { name: 'Agent 2' },
        archived_by: 'Agent 2',
        transferred_to: null,
        tags: [{ id: 5, tagged_by: 'Agent 1' }],
      },
    ]);
  });

  test('is one person if two records join what others know of them', () => {
    const { calls: redacted } = calls(
      { user: { id: 123_456 } },
      { user: { email: JULIE.email } },
      { user: JULIE },
      { user: OMAR },
    );
    expect(redacted.map(({ user }) => user)).toEqual(
      ['Agent 1', 'Agent 1', 'Agent 1', 'Agent 2'].map(name => ({ name })),
    );
  });

  test('who is the subject is the subject', () => {
    const user = { id: 5, name: 'Anna Berg', email: 'Anna@Example.org' };
    expect(call({ user }).call).toEqual({ ...CALL, user });
  });

  test('with a label of ours as name still has a label of their own', () => {
    const { calls: redacted } = calls({ user: { id: 123_459, name: 'Agent 2' } }, { user: OMAR });
    expect(redacted.map(({ user }) => user)).toEqual([{ name: 'Agent 1' }, { name: 'Agent 2' }]);
  });

  test.each([
    ['their name', { note: 'Omar' }],
    ['their address', { deep: [{ note: 'mail omar@company.example' }] }],
    ['their id', { handled: { id: 123_457, pet: 'Rex' } }],
    ['their link', { link: 'https://api.example/users/123457' }],
    ['their name as a name of a field', { scores: { Omar: 3 } }],
  ])('takes a field that nobody knows with them, if it holds %s', (_what, fields) => {
    const [name = ''] = Object.keys(fields);
    const { call: redacted, redactions } = call({ user: OMAR, ...fields });
    expect(redacted).toEqual({ ...CALL, user: { name: 'Agent 1' } });
    expect(redactions).toContainEqual({ path: `/calls/0/${name}`, reason: 'agent' });
  });

  test.each([
    ['a call', { calls: [{ ...CALL, handled: ABRIDGED }] }],
    ['what is nested in a call', { calls: [{ ...CALL, steps: [{ taken: [ABRIDGED] }] }] }],
    ['a card', { contacts: [{ ...ANNA, keeper: ABRIDGED }] }],
    ['a transcript', { calls: [CALL], transcripts: [{ call: 11, content: { by: ABRIDGED } }] }],
    ['an insight', { calls: [CALL], insights: [{ call: 11, kind: 'summary', content: { by: ABRIDGED } }] }],
  ])('is known by their link alone, in a field of %s that nobody knows', (_what, fields) => {
    const { redactions, ...records } = redact({ ...NOTHING, ...fields }, WHOSE);
    expect(JSON.stringify(records)).not.toMatch(/Omar|omar@|123457/);
    expect(countsOf(redactions)).toEqual({ agent: 1 });
  });

  test('whom a record names by a link alone is the one that others name by their id', () => {
    const { calls: redacted } = calls({ user: { direct_link: ABRIDGED.direct_link } }, { user: JULIE }, { user: OMAR });
    expect(redacted.map(({ user }) => user)).toEqual(['Agent 1', 'Agent 2', 'Agent 1'].map(name => ({ name })));
  });

  test('who shares the name of the subject does not take it from them', () => {
    expect(call({ user: { id: 123_458, name: 'Anna Berg' }, comments: [{ content: 'Anna Berg rang' }] }).call).toEqual({
      ...CALL,
      user: { name: 'Agent 1' },
      comments: [{ content: 'Anna Berg rang' }],
    });
  });
});

describe('an agent whom no other record names', () => {
  const HIDDEN = { name: 'Zora Quill', email: 'zora@company.example' };
  const everywhere = (fields: object) =>
    redact(
      {
        contacts: [{ ...ANNA, ...{ synced: { from: [fields] } } }],
        calls: [{ ...CALL, ...{ extra: [{ deep: fields }] } }],
        transcripts: [{ call: 11, content: { raw: fields } }],
        insights: [
          { call: 11, kind: 'action_items', content: { action_items: [{ content: 'Call back', ...fields }] } },
        ],
      },
      WHOSE,
    );

  test.each([
    ...['assigned_to', 'transferred_to', 'transferred_by', 'assignedTo', 'Transferred to'],
    ...['assigned_user', 'assignedUser', 'assignedUsers', 'AssignedUser', 'assigned-user', 'createdBy', 'author'],
    ...['created_by_name', 'createdByName', 'assigned_user_name', 'assignedUser.name', 'assignedToName', 'owner'],
    ...['agentName', 'authorName', 'ownerEmail', 'userName', 'assignee', 'Assignees'],
  ])('is one in the field `%s` of any record, at any depth', name => {
    for (const [value, becomes] of [
      [HIDDEN, { name: 'Agent 1' }],
      [HIDDEN.name, 'Agent 1'],
      [[HIDDEN.name], ['Agent 1']],
    ]) {
      const { redactions, ...records } = everywhere({ [name]: value });
      expect(JSON.stringify(records)).not.toMatch(/zora|quill/i);
      expect(records.insights).toMatchObject([{ content: { action_items: [{ [name]: becomes }] } }]);
      expect(countsOf(redactions)).toEqual({ agent: 4 });
    }
  });

  test('is none if it is the subject who has something to do', () => {
    const fields = { assigned_to: 'Anna Berg', createdBy: ['anna@example.org'] };
    const { redactions, insights } = everywhere(fields);
    expect(insights).toMatchObject([{ content: { action_items: [{ content: 'Call back', ...fields }] } }]);
    expect(redactions).toEqual([]);
  });

  test.each(['authority', 'ownership', 'users_guide', 'stand_by_days', 'assigned_topic', 'reusers'])(
    'is none in the field `%s`',
    name => {
      expect(call({ [name]: 'seven' })).toEqual({ call: { ...CALL, [name]: 'seven' }, redactions: [] });
    },
  );
});

describe('of a call', () => {
  test('fields that nobody knows stay, and so does the line', () => {
    const fields = {
      queue: { seconds: 40, steps: ['a', null, true] },
      number: { id: 5, digits: '+33 1 76 36 06 95', availability_status: 'open' },
    };
    expect(call(fields)).toEqual({ call: { ...CALL, ...fields }, redactions: [] });
  });

  test('a team keeps its name', () => {
    expect(call({ teams: [{ id: 4, name: 'Front desk', users: [JULIE] }] })).toEqual({
      call: { ...CALL, teams: [{ name: 'Front desk' }] },
      redactions: [{ path: '/calls/0/teams/0', reason: 'team' }],
    });
  });

  test('assessments are left out', () => {
    expect(call({ evaluations: [{ score: 3 }], playbook_result: 'bad' })).toEqual({
      call: CALL,
      redactions: ['evaluations', 'playbook_result'].map(name => ({ path: `/calls/0/${name}`, reason: 'assessment' })),
    });
  });

  test('the number and the card of somebody else are one person', () => {
    const other = { id: 2, first_name: 'Carl', last_name: 'Max', phone_numbers: [{ value: '+4722334455' }] };
    expect(call({ raw_digits: '+47 22 33 44 55', contact: other }).call).toEqual({
      id: 11,
      raw_digits: 'Person 1',
      contact: { name: 'Person 1' },
    });
  });

  test.each(['anonymous', '+1 415-555-0123', null])('%j stays as its number', party => {
    expect(call({ raw_digits: party, contact: null }).call).toEqual({ id: 11, raw_digits: party, contact: null });
  });

  test('that Aircall attached to the subject the number is theirs, unless it is on another card', () => {
    const fields = { raw_digits: '+47 22 33 44 55', comments: [{ content: 'back to +4722334455' }] };
    expect(call(fields).call).toEqual({ ...CALL, ...fields });
    const shared = redact({ ...NOTHING, calls: [{ ...CALL, ...fields }] }, { ...WHOSE, otherNumbers: ['4722334455'] });
    expect(shared.calls[0]).toMatchObject({
      raw_digits: 'Person 1',
      comments: [{ content: 'back to [phone number removed]' }],
    });
  });

  test('other participants are persons, and the subject is not', () => {
    const own = { type: 'external', name: 'Anna', phone_number: '+14155550123' };
    expect(
      call({
        conference_participants: [
          own,
          { type: 'external', name: 'Carl Max', phone_number: '+4722334455', mood: 'bad' },
          { type: 'user', id: 123_456, name: 'Julie Martin' },
          'Carl Max',
        ],
        comments: [{ content: 'Carl Max hung up' }],
      }).call,
    ).toEqual({
      ...CALL,
      conference_participants: [
        own,
        { type: 'external', name: 'Person 1' },
        { type: 'user', name: 'Agent 1' },
        'Person 1',
      ],
      comments: [{ content: 'Person 1 hung up' }],
    });
  });

  test('a field whose name is an address is left out, and no path says it', () => {
    expect(call({ 'bob@example.net': 1, __proto__x: 2, 'a/b~c': 'bob@example.net' })).toEqual({
      call: { ...CALL, __proto__x: 2, 'a/b~c': '[email removed]' },
      redactions: [
        { path: '/calls/0', reason: 'other-person' },
        { path: '/calls/0/a~1b~0c', reason: 'email' },
      ],
    });
  });

  test('what is nested too deep is left out', () => {
    let deep: unknown = 'bottom';
    for (let level = 0; level < 20_000; level += 1) deep = [deep];
    const { calls: redacted, redactions } = redactPlain({ ...NOTHING, calls: [{ ...CALL, ...{ deep } }] }, WHOSE);
    expect(JSON.stringify(redacted)).not.toContain('bottom');
    expect(countsOf(redactions)).toEqual({ 'too-deep': 1 });
  });
});

describe('of a card', () => {
  test('known fields stay, and an address that stands alone in another one', () => {
    const fields = { company_name: 'bob@example.net', whatsapp: '+33 6 99 99 99 99', second: 'a.berg@example.net' };
    expect(card(fields)).toEqual({ ...ANNA, ...fields });
  });

  test.each(['+33 6 99 99 99 99\n+33 6 99 99 99 98', '+33699999999 +33699999998', '06 99 99 99 99 06 99 99 99 98 1'])(
    'several numbers in one field stand not alone: %j',
    numbers => {
      const given = { ...NOTHING, contacts: [{ ...ANNA, whatsapp: numbers }] };
      const others = ['33699999999', '33699999998'];
      const [redacted] = redact(given, { ...WHOSE, otherNumbers: others }).contacts;
      expect(String(redacted?.whatsapp)).not.toMatch(/9999/);
    },
  );

  test('a text may name somebody with either name first', () => {
    const users = { user: JULIE, assigned_to: { id: 123_460, name: 'Ana Maria de Souza' } };
    const content = 'Martin, Julie and MARTIN julie; Souza, Ana Maria de; Maria de Souza Ana; Julie, Martin';
    const { call: redacted } = call({ ...users, comments: [{ content }], note: 'Martin Julie' });
    expect(redacted?.comments).toEqual([{ content: 'Agent 1 and Agent 1; Agent 2; Agent 2; Agent 1' }]);
    expect(redacted).not.toHaveProperty('note');
  });

  test('texts lose what names others', () => {
    expect(card({ information: 'wife of bob@example.net, +33 6 99 99 99 99', more: 'or ask bob@example.net' })).toEqual(
      {
        ...ANNA,
        information: 'wife of [email removed], [phone number removed]',
        more: 'or ask [email removed]',
      },
    );
  });
});

describe('of a transcript', () => {
  test('the words of others are withheld, those of agents are of an agent', () => {
    const own = { start_time: 1, text: 'It is me', participant_type: 'external', phone_number: '+1 415 555 0123' };
    const hidden = { text: 'Who is there', participant_type: 'external', phone_number: 'anonymous' };
    const { transcripts, redactions } = said(
      own,
      hidden,
      {
        start_time: 2,
        end_time: 3,
        text: 'My secret',
        participant_type: 'external',
        phone_number: '+4722334455',
        mood: 1,
      },
      { text: 'Call bob@example.net', participant_type: 'internal', user_id: 123_456, phone_number: '+331' },
    );
    expect(transcripts).toEqual([
      {
        call: 11,
        content: {
          any: {
            utterances: [
              own,
              hidden,
              {
                start_time: 2,
                end_time: 3,
                text: '[withheld]',
                participant_type: 'external',
                phone_number: 'Person 1',
              },
              { text: 'Call [email removed]', participant_type: 'internal', user_id: 'Agent 1' },
            ],
          },
        },
      },
    ]);
    expect(countsOf(redactions)).toEqual({ 'other-person': 1, agent: 2, email: 1 });
  });
});

describe('of what agents say or are in a transcript', () => {
  const nobody = { speaker: 'Zora', display: { name: 'Zora Quill' }, zora: 1, phone_number: '+331', id: 7 };

  test.each([
    ['an utterance', { participant_type: 'internal', user_id: 3, text: 'Hello', start_time: 1.5, end_time: 2 }],
    ['an utterance that only has the user', { user_id: 3, text: 'Hello' }],
    ["Aircall's own voice", { participant_type: 'ai_voice_agent', text: 'Hello' }],
    ['a participant', { type: 'internal' }],
    ['a participant that is a user', { type: 'user' }],
    ['a participant that is an agent', { participant_type: 'agent', user_id: 3 }],
  ])('only the known fields of %s stay', (_what, fields) => {
    const kept = { ...fields, ...('user_id' in fields && { user_id: 'Agent 1' }) };
    const { transcripts, redactions } = said({ ...nobody, name: 'Zora', ...fields });
    expect(transcripts).toEqual([{ call: 11, content: { any: { utterances: [kept] } } }]);
    expect(redactions).toContainEqual({ path: '/transcripts/0/content/any/utterances/0', reason: 'agent' });
    expect(said(fields).redactions).not.toContainEqual({
      path: '/transcripts/0/content/any/utterances/0',
      reason: 'agent',
    });
  });

  test.each([
    [{ name: 'Zora Quill' }],
    [{ speaker: 'Quill, Zora' }],
    [{ first_name: 'Zora', last_name: 'Quill', user_id: 3 }],
  ])('texts lose their name too: %j', fields => {
    const own = { participant_type: 'external', phone_number: '+14155550123', text: 'Is it Zora Quill?' };
    const { transcripts } = said({ type: 'internal', ...fields }, own);
    expect(JSON.stringify(transcripts)).toContain('Is it Agent 1?');
  });

  test('a single word is no name of theirs, and what the subject says stays with all its fields', () => {
    const own = { participant_type: 'external', phone_number: '+14155550123', text: 'An agent?', speaker: 'Anna' };
    const { transcripts } = said({ type: 'internal', speaker: 'Agent' }, own);
    expect(transcripts).toEqual([{ call: 11, content: { any: { utterances: [{ type: 'internal' }, own] } } }]);
  });
});

describe("the subject's number without a plus", () => {
  const wordsOf = (phone_number: unknown, otherNumbers: readonly string[] = [], country?: string) => {
    const content = { utterances: [{ text: 'It is me', participant_type: 'external', phone_number }] };
    const given = { ...NOTHING, contacts: [], calls: [{ id: 11 }], transcripts: [{ call: 11, content }] };
    const whose = { ...WHOSE, numbers: ['33612345678'], otherNumbers, country };
    return JSON.stringify(redact(given, whose).transcripts);
  };

  test.each([undefined, 'FR', 'US', 'DE'])('is theirs, whatever the country of the connection: %s', country => {
    for (const number of ['33612345678', 33_612_345_678, '0033612345678', '06 12 34 56 78', '+33612345678'])
      expect(wordsOf(number, [], country)).toContain('It is me');
  });

  test.each([undefined, 'FR', 'US', 'DE'])('is not, if it may be a number of somebody else: %s', country => {
    for (const number of ['+612345678', '+33612345679', '0612345679', '612345'])
      expect(wordsOf(number, [], country)).not.toContain('It is me');
    if (country !== 'FR') expect(wordsOf('06 12 34 56 78', ['49612345678'], country)).not.toContain('It is me');
  });

  test('is shown as the party of a call', () => {
    const [redacted] = redact({ ...NOTHING, calls: [{ ...CALL, raw_digits: '14155550123' }] }, WHOSE).calls;
    expect(redacted?.raw_digits).toBe('14155550123');
  });
});

describe('of insights', () => {
  test.each(['participant_type', 'type'])('how agents and others felt is left out, if `%s` says who they are', role => {
    const own = { phone_number: '+14155550123', value: 'NEGATIVE', [role]: 'external' };
    const content = {
      id: 7,
      participants: [
        { user_id: 3, value: 'POSITIVE', [role]: 'internal' },
        { phone_number: '+331', value: 'POSITIVE', [role]: 'internal' },
        { value: 'POSITIVE', [role]: 'ai_voice_agent' },
        own,
        { phone_number: '+4722334455', value: 'NEUTRAL', [role]: 'external' },
        { phone_number: '+4722334455', value: 'NEUTRAL' },
      ],
    };
    const given = { ...NOTHING, calls: [CALL], insights: [{ call: 11, kind: 'sentiments', content }] };
    const { insights, redactions } = redact(given, WHOSE);
    const agent = { [role]: 'internal' };
    const participants = [
      ...[agent, agent, agent, own],
      { [role]: 'external', phone_number: 'Person 1' },
      { type: 'external', phone_number: 'Person 1' },
    ];
    expect(insights).toEqual([{ call: 11, kind: 'sentiments', content: { id: 7, participants } }]);
    expect(countsOf(redactions)).toEqual({ assessment: 3, 'other-person': 2 });
  });

  test('a type that says nothing of a person is kept', () => {
    const content = { type: 'short', content: 'They spoke of a bill.' };
    const given = { ...NOTHING, calls: [CALL], insights: [{ call: 11, kind: 'summary', content }] };
    expect(redact(given, WHOSE)).toMatchObject({ insights: [{ content }], redactions: [] });
  });
});

describe('of a call in which others may be heard', () => {
  const own = { start_time: 1, text: 'It is me', participant_type: 'external', phone_number: '+14155550123' };
  const utterances = [
    own,
    { start_time: 2, end_time: 3, text: 'Who?', participant_type: 'external', mood: 1 },
    { text: 'Who?', participant_type: 'external', phone_number: 'anonymous' },
    { text: 'Who?', participant_type: null, phone_number: null },
    { text: 'Who?', participant_type: 'external', phone_number: '+4722334455' },
    { text: 'Who?', speaker: 'Carl' },
    { text: 'Welcome', participant_type: 'internal', user_id: 123_456 },
    { text: 'Please hold', participant_type: 'ai_voice_agent' },
  ];
  const insights = [
    { call: 11, kind: 'summary', content: { content: 'Who?' } },
    { call: 11, kind: 'topics', content: { content: ['Who?'] } },
    { call: 11, kind: 'action_items', content: [{ content: 'Who?' }] },
    { call: 11, kind: 'custom_summary_result', content: { raw: { custom_summary: { name: 'Who?' } } } },
    { call: 11, kind: 'sentiments', content: { participants: [{ value: 'Who?', type: 'external' }] } },
    { call: 11, kind: 'predicted_csat', content: { raw: 'Who?' } },
  ];
  const found = (fields: object, decidedRecordings: readonly number[] = []) => {
    const content = { type: 'call', call_id: 11, content: { language: 'en', utterances } };
    const transcripts = [
      { call: 11, content },
      { call: 11, content: { raw: { said: ['Who?'] } } },
    ];
    const given = { ...NOTHING, calls: [{ ...CALL, ...fields }], transcripts, insights };
    return redact(given, { ...WHOSE, decidedRecordings });
  };
  const SHARED: readonly (readonly [string, object])[] = [
    ['was transferred to an agent', { transferred_to: JULIE }],
    ['was transferred by an agent', { transferred_by: JULIE }],
    ['was transferred to another number', { external_transferred_to: '+47 22 33 44 55' }],
    ['is a conference', { conference_participants: [{ type: 'external', phone_number: '+4722334455' }] }],
    [
      'is a conference on the number of somebody else',
      { raw_digits: '+4722334455', contact: null, conference_participants: [{ phone_number: '+14155550123' }] },
    ],
  ];

  test.each(SHARED)('that %s, only what a number shows to be the subject is theirs', (_what, fields) => {
    const { transcripts, insights: made, redactions } = found(fields);
    expect(transcripts).toEqual([
      {
        call: 11,
        content: {
          type: 'call',
          call_id: 11,
          content: {
            language: 'en',
            utterances: [
              own,
              { start_time: 2, end_time: 3, participant_type: 'external', text: '[withheld]' },
              { participant_type: 'external', text: '[withheld]' },
              { type: 'external', text: '[withheld]' },
              { participant_type: 'external', phone_number: 'Person 1', text: '[withheld]' },
              { speaker: '[withheld]', text: '[withheld]' },
              { text: 'Welcome', participant_type: 'internal', user_id: expect.stringMatching(/^Agent \d$/) },
              { text: 'Please hold', participant_type: 'ai_voice_agent' },
            ],
          },
        },
      },
      { call: 11, content: { raw: { said: ['[withheld]'] } } },
    ]);
    expect(made).toEqual(insights.map(each => ({ ...each, content: '[withheld]' })));
    const paths = redactions.filter(({ reason }) => reason === 'other-person').map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        ...[1, 2, 3, 4].map(place => `/transcripts/0/content/content/utterances/${place}`),
        '/transcripts/1/content/raw/said/0',
        ...insights.map((_each, place) => `/insights/${place}/content`),
      ]),
    );
  });

  test.each(SHARED)(
    'that %s, a decision to hand over its recording is one for all that nobody is named for',
    (_what, fields) => {
      const { transcripts, insights: made } = found(fields, [11]);
      expect(made).toEqual(insights);
      const [first, second] = transcripts;
      expect(JSON.stringify(first).match(/Who\?/g)).toHaveLength(4);
      expect(JSON.stringify(first).match(/\[withheld\]/g)).toHaveLength(1);
      expect(second).toEqual({ call: 11, content: { raw: { said: ['Who?'] } } });
    },
  );

  test('a decision about another call changes nothing', () => {
    const fields = { transferred_to: JULIE };
    expect(found(fields, [12])).toEqual(found(fields));
  });

  test('what was made of a call that is not handed over is withheld too', () => {
    const given = { ...NOTHING, insights: insights.slice(0, 1) };
    expect(redact(given, WHOSE).insights).toEqual([{ call: 11, kind: 'summary', content: '[withheld]' }]);
  });
});

describe('links that are keys', () => {
  const media = 'https://store.s3.us-west-2.amazonaws.com/a.mp3?X-Amz-Signature=0123';
  const record = {
    ...CALL,
    direct_link: 'https://api.aircall.io/v1/calls/11',
    recording: 'http://127.0.0.1:8080/a.mp3',
    voicemail: null,
    voicemail_short_url: 'https://short-urls.aircall.io/v1/1',
    number: { messages: { welcome: 'https://media-web.aircall.io/w.mp3' } },
    comments: [{ content: `listen: ${media}` }],
    unknown: { file: [media] },
  };
  const removed = '[link removed]';
  const stripped = {
    ...CALL,
    direct_link: removed,
    recording: removed,
    voicemail: null,
    voicemail_short_url: removed,
    number: { messages: { welcome: removed } },
    comments: [{ content: `listen: ${removed}` }],
    unknown: { file: [removed] },
  };

  const unstored = (fields: typeof record | typeof stripped) => redactPlain({ ...NOTHING, calls: [fields] }, WHOSE);

  test('are listed, whether or not they were taken out before', () => {
    const { redactions } = unstored(record);
    expect(countsOf(redactions)).toEqual({ link: 6 });
    expect(unstored(stripped).calls).toEqual([stripped]);
    expect(countsOf(unstored(stripped).redactions).link).toBe(4);
  });
});

test('a link that lost its signature when it was stored is listed too, whatever signed it', () => {
  const signed = ['X-Amz-Signature', 'token', 'access_token', 'Key-Pair-Id'].map(
    name => `https://files.example/a.mp3?b=1&${name}=cafe`,
  );
  const { call: redacted, redactions } = call({ screen: signed, comments: [{ content: `at ${signed[1]}` }] });
  expect(redacted).toEqual({
    ...CALL,
    screen: signed.map(() => '[link removed]'),
    comments: [{ content: 'at [link removed]' }],
  });
  expect(countsOf(redactions)).toEqual({ link: 5 });
});

test('a link of a call that was never stored is listed where a mark says that it was there', () => {
  const fields = { recording: 'https://files.example/a.mp3', asset: 'https://files.example/1', voicemail: null };
  const { call: redacted, redactions } = call(fields);
  expect(redacted).toMatchObject({ recording: true, asset: true, voicemail: null });
  expect(redactions).toEqual(['recording', 'asset'].map(name => ({ path: `/calls/0/${name}`, reason: 'link' })));
});

test("a contact's own field with the name of a link is listed where it holds one, and stays where it holds something else", () => {
  const asset = 'https://files.example/drawing.pdf';
  const { contacts, redactions } = redact({ ...NOTHING, contacts: [{ ...ANNA, ...{ asset, recording: 12 } }] }, WHOSE);
  expect(contacts).toEqual([{ ...ANNA, asset: '[link removed]', recording: 12 }]);
  expect(redactions).toEqual([{ path: '/contacts/0/asset', reason: 'link' }]);
});

test('reasons are counted, the most frequent first, and not all of many in one slice', () => {
  const redactions = ['link', 'team', 'agent', 'team', 'agent', 'email'].map(reason => ({ reason }));
  expect(atOnce(countReasons(redactions))).toEqual([
    { reason: 'agent', count: 2 },
    { reason: 'team', count: 2 },
    { reason: 'email', count: 1 },
    { reason: 'link', count: 1 },
  ]);
  expect(atOnce(countReasons([]))).toEqual([]);
  const many = countReasons(Array.from({ length: 2_500 }, () => ({ reason: 'link' })));
  expect([many.next().done, many.next().done]).toEqual([false, false]);
  expect(many.next()).toEqual({ done: true, value: [{ reason: 'link', count: 2_500 }] });
});

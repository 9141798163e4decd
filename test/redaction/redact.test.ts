import type { Findings, Whose } from '../../src/redaction/findings';
import { countReasons, REASONS } from '../../src/redaction/reasons';
import { redact as inSlices } from '../../src/redaction/redact';
import { atOnce } from '../../src/slices';

const JULIE = {
  id: 123_456,
  direct_link: 'https://api.aircall.io/v1/users/123456',
  name: 'Julie Martin',
  email: 'julie.martin@company.example',
  available: true,
};
const OMAR = { id: 123_457, name: 'Omar', email: 'omar@company.example', available: false };
const ANNA = {
  id: 1,
  first_name: 'Anna',
  last_name: 'Berg',
  emails: [{ id: 3, label: 'Work', value: 'anna@example.org' }],
  phone_numbers: [{ id: 4, label: 'Home', value: '+1 415-555-0123' }],
};
const CALL = { id: 11, raw_digits: '+1 415-555-0123', contact: { id: 1 } };
const WHOSE: Whose = { emails: ['anna@example.org'], numbers: ['14155550123'], otherNumbers: [] };
const NOTHING: Findings = { contacts: [ANNA], calls: [], transcripts: [], insights: [] };

const redact = (findings: Findings, whose: Whose) => atOnce(inSlices(findings, whose));

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

  test('who shares the name of the subject does not take it from them', () => {
    expect(call({ user: { id: 123_458, name: 'Anna Berg' }, comments: [{ content: 'Anna Berg rang' }] }).call).toEqual({
      ...CALL,
      user: { name: 'Agent 1' },
      comments: [{ content: 'Anna Berg rang' }],
    });
  });
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
    const { call: redacted, redactions } = call({ deep });
    expect(JSON.stringify(redacted)).not.toContain('bottom');
    expect(countReasons(redactions)).toEqual({ 'too-deep': 1 });
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
    expect(countReasons(redactions)).toEqual({ 'other-person': 1, agent: 2, email: 1 });
  });
});

test('of insights, how agents and others felt is left out', () => {
  const own = { participant_type: 'external', phone_number: '+14155550123', value: 'NEGATIVE' };
  const content = {
    participants: [
      { participant_type: 'internal', user_id: 3, value: 'POSITIVE' },
      own,
      { participant_type: 'external', phone_number: '+4722334455', value: 'NEUTRAL' },
    ],
  };
  const { insights, redactions } = redact({ ...NOTHING, insights: [{ call: 11, kind: 'sentiments', content }] }, WHOSE);
  expect(insights).toEqual([
    {
      call: 11,
      kind: 'sentiments',
      content: {
        participants: [
          { participant_type: 'internal' },
          own,
          { participant_type: 'external', phone_number: 'Person 1' },
        ],
      },
    },
  ]);
  expect(countReasons(redactions)).toEqual({ assessment: 1, 'other-person': 1 });
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

  test('are listed, whether or not they were taken out before', () => {
    const { redactions } = call(record);
    expect(countReasons(redactions)).toEqual({ link: 6 });
    expect(call(stripped).call).toEqual(stripped);
    expect(countReasons(call(stripped).redactions).link).toBe(4);
  });
});

test('every reason is counted by its id', () => {
  expect(countReasons(REASONS.map(reason => ({ path: '', reason })))).toEqual(
    Object.fromEntries(REASONS.map(reason => [reason, 1])),
  );
});

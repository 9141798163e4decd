/** The steps that judge what was found and plan what to do with it: they tell counts and places, and depend on no order. */
import fc from 'fast-check';
import type { Read } from '../../src/activities/case-objects';
import type { Searched } from '../../src/judgement/judgement';
import type { ListName } from '../../src/request/sources';
import type { CaseRef } from '../../src/vault/cases';
import { attempt as attemptAs, failureOf, infoOf, type Steps, startSteps } from './support/steps';

const EMAIL = 'zoe.nunez@example.com';
const SEEDED = { seed: 20_260_131, numRuns: 15 };

let steps: Steps;
beforeEach(async () => {
  steps = await startSteps({ kind: 'deletion' });
});
afterEach(async () => steps.stop());

const attempt = <T>(step: () => Promise<T>) => attemptAs(step, infoOf(steps.request, 'run-0'));
const listingOf = (of: ListName, records: readonly { readonly id: number }[], readMs = 1) =>
  steps.write(of, { ids: [], records: [...records], unreadable: [], unnamed: 0, readMs });
const subjectWith = (...phoneNumbers: string[]) => steps.write('subject', { emails: [EMAIL], phoneNumbers });

interface CardDraft {
  readonly id: number;
  readonly name?: string;
  readonly email?: string;
  readonly phones?: readonly string[];
}
const cardOf = ({ id, name, email, phones = [] }: CardDraft) => ({
  id,
  first_name: name ?? null,
  last_name: null,
  emails: email === undefined ? [] : [{ value: email }],
  phone_numbers: phones.map(value => ({ value })),
});
const hers = (id: number, ...phones: string[]) => cardOf({ id, name: 'Zoe', email: EMAIL, phones });

async function judge(cards: readonly { readonly id: number }[], ...phoneNumbers: string[]) {
  return judgeFound(cards, { phoneNumbers, areAllByAddress: true, areAll: true });
}

async function judgeFound(
  cards: readonly { readonly id: number }[],
  { phoneNumbers, ...searched }: Searched & { readonly phoneNumbers: readonly string[] },
) {
  const { request } = steps;
  const subject = await subjectWith(...phoneNumbers);
  const contacts = await listingOf('contacts', cards);
  const known = await attempt(() => steps.local.identifyNumbers({ request, subject, contacts }));
  const numbers = known.numbers;
  const answer = await attempt(() => steps.local.judgePeople({ request, subject, numbers, contacts, ...searched }));
  return { subject, known, answer, people: await steps.read(answer.people, 'people') };
}

async function plan(people: CaseRef, calls?: readonly { readonly id: number }[]) {
  const { request } = steps;
  const input = { request, people, ...(calls && { calls: await listingOf('calls', calls) }) };
  const made = await attempt(() => steps.local.makePlan(input));
  return { made, rows: (await steps.read(made.plan, 'plan')).rows };
}

describe('identifying the numbers of the subject', () => {
  test('takes a list of contacts, and no other object of the request', async () => {
    const { request } = steps;
    const subject = await subjectWith();
    for (const contacts of [subject, await listingOf('calls', [{ id: 1 }]), await steps.people([])]) {
      const failure = await failureOf(attempt(() => steps.local.identifyNumbers({ request, subject, contacts })));
      expect(failure).toMatchObject({ code: 'case-file-broken', nonRetryable: true });
    }
  });

  test('names the spellings that a search has not been made for, and counts numbers that the request does not name', async () => {
    const { request } = steps;
    const subject = await subjectWith('+14155550123');
    const identify = async (before: CaseRef | undefined, ...cards: { readonly id: number }[]) => {
      const contacts = await listingOf('contacts', cards);
      return attempt(() => steps.local.identifyNumbers({ request, subject, contacts, ...(before && { before }) }));
    };
    const first = await identify(undefined);
    expect(first).toMatchObject({ found: 0, unsearched: [0], spellings: 1 });
    const second = await identify(first.numbers, hers(1, '+1 415 555 0123', '+13105550142'));
    expect(second).toMatchObject({ found: 1, unsearched: [0], spellings: 2 });
    expect((await steps.read(second.numbers, 'numbers')).numbers.map(({ digits }) => digits)).toEqual([
      '13105550142',
      '14155550123',
    ]);
    expect(await identify(second.numbers, hers(1, '+13105550142'))).toMatchObject({ unsearched: [] });
  });

  test('reads numbers as of the country of the connection, by one country for the whole request', async () => {
    const { request } = steps;
    const { answer } = await judge([hers(1, '06 39 98 12 34')]);
    expect(answer).toMatchObject({ numbers: 0, numbersWithoutCountry: 1 });
    await steps.connect(undefined, { country: 'FR' });
    const { known, people } = await judge([hers(1, '06 39 98 12 34')]);
    expect(people).toMatchObject({ country: 'FR', numbers: [{ digits: '33639981234' }] });
    await steps.connect(undefined, { country: 'US' });
    const contacts = await listingOf('contacts', [hers(1, '06 39 98 12 34')]);
    const input = { request, subject: await subjectWith(), contacts, before: known.numbers };
    const again = await attempt(() => steps.local.identifyNumbers(input));
    expect(await steps.read(again.numbers, 'numbers')).toMatchObject({ country: 'FR' });
  });
});

describe('judging', () => {
  test('counts who is certain and who is not, and keeps both in the order of their ids with the time of their reading', async () => {
    const cards = [
      hers(5, '+14155550123', 'anonymous'),
      cardOf({ id: 3, phones: ['+14155550123'] }),
      cardOf({ id: 4 }),
    ];
    const { answer, people } = await judge(cards);
    expect(answer).toMatchObject({ contacts: 2, certain: 1, numbers: 1, spellings: 1, ignoredNumbers: 1 });
    expect(people.contacts.map(({ card, doubt, readMs }) => [card.id, doubt, readMs])).toEqual([
      [3, 'number-only', 1],
      [5, undefined, 1],
    ]);
    expect(people.contacts[1]?.because).toEqual([{ identity: 'email 1', field: 'emails' }]);
  });

  test('calls no number certain if the search was not complete, and no card if that for addresses was not: nobody knows who else has them', async () => {
    const cards = [hers(1, '+14155550123')];
    const doubtsOf = async (searched: Searched) => {
      const { people } = await judgeFound(cards, { phoneNumbers: ['+13105550142'], ...searched });
      return [people.contacts, people.numbers].map(records => records.map(({ doubt }) => doubt));
    };
    const certain = [undefined, undefined];
    expect(await doubtsOf({ areAllByAddress: true, areAll: true })).toEqual([[undefined], certain]);
    const shared = ['shared-number', 'shared-number'];
    expect(await doubtsOf({ areAllByAddress: true, areAll: false })).toEqual([[undefined], shared]);
    expect(await doubtsOf({ areAllByAddress: false, areAll: false })).toEqual([['shared-address'], shared]);
  });

  test('names contacts by the same places, and the plan by the same digest, in whatever order they were found', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 8 }),
        fc.string(),
        async (ids, information) => {
          const one = await judge(ids.map(id => hers(id)));
          const two = await judge([...ids].reverse().map(id => ({ ...hers(id), information })));
          expect(one.people.contacts.map(({ card }) => card.id)).toEqual(
            two.people.contacts.map(({ card }) => card.id),
          );
          const digestOf = async ({ answer }: typeof one) => (await plan(answer.people)).made.planDigest;
          expect(await digestOf(one)).toBe(await digestOf(two));
          const other = await judge([...ids, 10_001].map(id => hers(id)));
          expect(await digestOf(other)).not.toBe(await digestOf(one));
        },
      ),
      SEEDED,
    );
  });
});

describe('the plan', () => {
  test('has a row for each contact and call that is, or may be, the subject’s, with its reason: contacts first, then the newest call', async () => {
    const { answer } = await judge([hers(5, '+14155550123'), cardOf({ id: 3, phones: ['+14155550123'] })]);
    const calls = [
      { id: 1, started_at: 100, raw_digits: '+1 415-555-0123', contact: null },
      { id: 2, started_at: 200, raw_digits: '+1 415-555-0123', contact: { id: 99 } },
      { id: 3, started_at: 200, raw_digits: null, contact: { id: 3 } },
      { id: 4, started_at: 300, raw_digits: '+13105550142', contact: null },
    ];
    const { made, rows } = await plan(answer.people, calls);
    expect(made).toMatchObject({ certain: { contacts: 1, calls: 1 } });
    expect(made.doubts).toEqual([
      { code: 'number-only', source: 'contacts', records: 1 },
      { code: 'number-only', source: 'calls', records: 1 },
      { code: 'other-contact', source: 'calls', records: 1 },
    ]);
    expect(rows.map(({ ref, id, verb, doubt, of }) => [ref, id, verb, doubt, of])).toEqual([
      ['contact 1', 3, 'delete', 'number-only', undefined],
      ['contact 2', 5, 'delete', undefined, undefined],
      ['call 1', 3, 'delete', 'number-only', 'contact 1'],
      ['call 2', 2, 'delete', 'other-contact', undefined],
      ['call 3', 1, 'delete', undefined, undefined],
    ]);
    expect((await plan(answer.people, [...calls].reverse())).made.planDigest).toBe(made.planDigest);
    expect((await plan(answer.people)).made.planDigest).not.toBe(made.planDigest);
  });

  test('does not take the ids 1 and 23 for 12 and 3', async () => {
    const digests = await Promise.all(
      [[1, 23], [12, 3], [123]].map(async ids => {
        const { answer } = await judge(ids.map(id => hers(id)));
        return (await plan(answer.people)).made.planDigest;
      }),
    );
    expect(new Set(digests).size).toBe(3);
  });

  test('takes what is certain and keeps what is doubtful, where nobody was asked', async () => {
    const { request } = steps;
    const row = { verb: 'delete', because: [] } as const;
    const contact = { ...row, record: 'contact' } as const;
    const call = { ...row, record: 'call', verb: 'deliver' } as const;
    const rows: Read['plan']['rows'] = [
      { ...contact, ref: 'contact 1', id: 7, doubt: 'number-only' },
      { ...contact, ref: 'contact 2', id: 8 },
      { ...call, ref: 'call 1', id: 9, doubt: 'shared-number' },
      { ...call, ref: 'call 2', id: 10 },
      { ...call, ref: 'call 3', id: 11, doubt: 'shared-number' },
    ];
    const input = { request, plan: await steps.write('plan', { rows }) };
    const counts = { taken: 0, kept: 1, undecided: 1 };
    expect(await attempt(() => steps.local.decidePlan(input))).toEqual({
      take: [1],
      taken: { contacts: 1, calls: 1 },
      exceptions: [
        { code: 'number-only', source: 'contacts', ...counts, places: [0] },
        { code: 'shared-number', source: 'calls', ...counts, kept: 2, undecided: 2, places: [0, 2] },
      ],
    });
  });
});

describe('recognising contacts that are found again', () => {
  async function begin() {
    const { request } = steps;
    const { subject, answer, people } = await judge([hers(30, '+14155550123'), hers(10)]);
    const { made } = await plan(answer.people);
    const recogniseAs = async (approval: CaseRef | undefined, ...records: { readonly id: number }[]) => {
      const found = await listingOf('contacts', records, 2);
      const planned = { plan: made.plan, ...(approval && { approval }) };
      const input = { request, subject, people: answer.people, ...planned, found };
      return attempt(() => steps.local.recogniseContacts(input));
    };
    const recognise = (...records: { readonly id: number }[]) => recogniseAs(undefined, ...records);
    return { answer, people, made, recognise, recogniseAs };
  }

  test('leaves every place as it is, puts those that are, or may be, the subject’s behind, and plans those that are', async () => {
    const { answer, people, made, recognise } = await begin();
    const same = { people: answer.people, plan: made.plan };
    expect(await recognise()).toEqual({ ...same, known: [], fresh: [] });
    expect(await recognise(hers(30), hers(10))).toEqual({ ...same, known: [0, 1], fresh: [] });
    const grown = await recognise(
      hers(30),
      hers(9),
      cardOf({ id: 5, name: 'Zoe', phones: ['+14155550123'] }),
      cardOf({ id: 6, name: 'Ann', email: 'ann@example.org', phones: ['+14155550123'] }),
    );
    expect(grown).toMatchObject({ known: [1], fresh: [{ contact: 2, kept: 'number-only' }, { contact: 3 }] });
    const after = await steps.read(grown.people, 'people');
    expect(after.contacts.slice(0, 2)).toEqual(people.contacts);
    expect(after.contacts.slice(2).map(({ card, readMs }) => [card.id, readMs])).toEqual([
      [5, 2],
      [9, 2],
    ]);
    const { rows } = await steps.read(grown.plan, 'plan');
    expect(rows.map(({ ref, id }) => [ref, id])).toEqual([
      ['contact 1', 10],
      ['contact 2', 30],
      ['contact 4', 9],
    ]);
  });

  test('judges new ones together with those that may be deleted meanwhile: whose number it was is not forgotten', async () => {
    const { recognise } = await begin();
    const alone = cardOf({ id: 5, phones: ['+14155550123'] });
    expect((await recognise(alone)).fresh).toEqual([{ contact: 2, kept: 'number-only' }]);
    const another = cardOf({ id: 6, name: 'Tom', email: EMAIL });
    expect((await recognise(another)).fresh).toEqual([{ contact: 2, kept: 'shared-address' }]);
  });

  test('plans no more of them than need no person, of what the request may delete alone', async () => {
    const { made, recognise } = await begin();
    const grown = await recognise(...[1, 2, 3, 4].map(id => hers(id)));
    expect(grown.fresh.map(({ kept }) => kept)).toEqual([undefined, undefined, undefined, 'after-plan']);
    expect((await steps.read(grown.plan, 'plan')).rows.map(({ id }) => id)).toEqual([10, 30, 1, 2, 3]);
    await steps.connect(undefined, { approvals: 1 });
    expect(await recognise(hers(1))).toMatchObject({ plan: made.plan, fresh: [{ contact: 2, kept: 'after-plan' }] });
  });

  test('plans none of them if the request names its plan', async () => {
    await steps.stop();
    steps = await startSteps({ kind: 'deletion', need: { plan: 'f'.repeat(32) } });
    const { made, recognise } = await begin();
    expect(await recognise(hers(1))).toMatchObject({ plan: made.plan, fresh: [{ contact: 2, kept: 'after-plan' }] });
  });

  test('plans none of them if people have approved the plan: it stays what its digest names', async () => {
    const { made, recogniseAs } = await begin();
    const said = { planDigest: made.planDigest, decisions: {}, approvals: [{ at: '2026-01-31T12:00:00.000Z' }] };
    const again = await recogniseAs(await steps.write('approval', said), hers(1));
    expect(again).toMatchObject({ plan: made.plan, fresh: [{ contact: 2, kept: 'after-plan' }] });
  });
});

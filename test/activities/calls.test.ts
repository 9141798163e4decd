/** The step that fetches a page of calls: whose they are, by one number or among all of the company. */
import type { CaseRef } from '../../src/vault/cases';
import { callOf } from '../support/requests';
import { attempt, cardsOf, failureOf, peopleOf, type Steps, startSteps } from './support/steps';

const NUMBERS = ['14155550123', '442079460958', '33639981234', '14155550199'];

let steps: Steps;
let people: CaseRef;
beforeEach(async () => {
  steps = await startSteps();
  people = await steps.people(cardsOf(steps.company, steps.company.truth.contactIds), NUMBERS);
});
afterEach(async () => steps.stop());

async function fetchAll(number: number | null, of = people) {
  const { request } = steps;
  const listings = [];
  for (let page = 1, total = 1; (page - 1) * 50 < total; page += 1) {
    const input = { request, people: of, number, window: {}, page };
    const report = await attempt(() => steps.api.fetchCalls(input));
    total = report.total;
    listings.push(await steps.read(report.object, 'calls'));
  }
  return listings;
}

const numbersOf = (lists: readonly (readonly number[])[]) => [...new Set(lists.flat())].sort((a, b) => a - b);

test.each(['by her numbers', 'among all calls of the company'])(
  'the subject’s calls are found %s, and those on a number that she shares, which may be somebody else’s',
  async how => {
    const asked = how === 'by her numbers' ? NUMBERS.map((_, index) => index) : [null];
    const listings = (await Promise.all(asked.map(number => fetchAll(number)))).flat();
    const { callIds, ambiguousCallIds } = steps.company.truth;
    expect(numbersOf(listings.map(({ records }) => records.map(({ id }) => id)))).toEqual(
      numbersOf([callIds, ambiguousCallIds]),
    );
    expect(ambiguousCallIds.length).toBeGreaterThan(0);
  },
);

test('nobody’s anonymous calls are hers, not even where a contact of hers has such a number', async () => {
  const odd = await steps.people([], ['anonymous']);
  const listings = await fetchAll(null, odd);
  const anonymous = steps.company.calls().filter(({ raw_digits }) => raw_digits === 'anonymous');
  expect(anonymous.length).toBeGreaterThan(0);
  const seen = new Set(listings.flatMap(({ ids }) => ids));
  expect(anonymous.every(({ id }) => seen.has(id))).toBe(true);
  expect(listings.flatMap(({ records }) => records)).toEqual([]);
});

test('a call is hers by its contact alone, whatever its number', async () => {
  const byContact = await steps.people(cardsOf(steps.company, steps.company.truth.contactIds));
  const found = numbersOf((await fetchAll(null, byContact)).map(({ records }) => records.map(({ id }) => id)));
  const attached = steps.company
    .calls()
    .filter(({ id, contact }) => steps.company.truth.callIds.includes(id) && contact !== null);
  expect(attached.length).toBeLessThan(steps.company.truth.callIds.length);
  expect(found).toEqual(numbersOf([attached.map(({ id }) => id)]));
});

test('a page says of how many of her calls there may be a transcript', async () => {
  const { request } = steps;
  const report = await attempt(() => steps.api.fetchCalls({ request, people, number: 2, window: {}, page: 1 }));
  const { records } = await steps.read(report.object, 'calls');
  const spoken = records.filter(({ recording, voicemail }) => recording !== null || voicemail !== null);
  expect(spoken.length).toBeGreaterThan(3);
  expect(spoken.length).toBeLessThan(records.length);
  expect(report.spoken).toBe(spoken.length);
});

/** The JSON of a value without members of some names, however deep. */
const withoutMembers = (value: unknown, ...names: string[]): unknown =>
  JSON.parse(JSON.stringify(value, (name, member: unknown) => (names.includes(name) ? undefined : member)));

test('a call is kept with every field that Aircall gave, its contact included, but for links', async () => {
  const [listing] = await fetchAll(2);
  const record = listing?.records.find(({ recording }) => recording !== null);
  const original = steps.company.calls().find(({ id }) => id === record?.id);
  const links = ['direct_link', 'recording', 'asset'];
  expect(withoutMembers(record, ...links)).toEqual(withoutMembers(original, ...links));
  expect(original?.contact).not.toBeNull();
  expect(record).toMatchObject({ recording: true, voicemail: null, asset: true });
  const stored = JSON.stringify(listing?.records);
  expect(stored).not.toMatch(/X-Amz|assets\.aircall\.io|"direct_link":"(?!users\/\d+")/);
});

describe('links to recordings and voicemails', () => {
  async function sealed(number: number | null, of = people, activityId = 'page-1') {
    const { request } = steps;
    const input = { request, people: of, number, window: {}, page: 1, audio: ['recording', 'voicemail'] as const };
    const report = await attempt(() => steps.api.fetchCalls(input), { activityId });
    const links = report.links === undefined ? [] : await steps.read(report.links.object, 'links');
    expect(report.links?.count ?? 0).toBe(links.length);
    return { links, records: (await steps.read(report.object, 'calls')).records };
  }

  test('are kept apart and live, of all calls of the page that are certain', async () => {
    const { links, records } = await sealed(2);
    const expected = records.flatMap(({ id, recording, voicemail }) => [
      ...(recording === true ? [`${id} recording`] : []),
      ...(voicemail === true ? [`${id} voicemail`] : []),
    ]);
    expect(links.map(({ call, kind }) => `${call} ${kind}`).sort()).toEqual(expected.sort());
    expect(links.length).toBeGreaterThan(3);
    for (const { url } of links) expect((await fetch(url)).status).toBe(200);
  });

  test('are kept of the first page that names a call, if the number has two spellings and so two lists', async () => {
    const [digits = ''] = NUMBERS.slice(2);
    const numbers = [{ digits, spellings: [`+${digits}`, digits] }];
    const twice = await steps.write('people', {
      ...peopleOf(cardsOf(steps.company, steps.company.truth.contactIds)),
      numbers,
    });
    const [one, again, other] = [
      await sealed(0, twice, 'page-1'),
      await sealed(0, twice, 'page-1'), // its result was lost
      await sealed(1, twice, 'page-2'),
    ];
    const names = ({ links }: typeof one) => links.map(({ call, kind }) => `${call} ${kind}`);
    expect(one.links.length).toBeGreaterThan(3);
    expect(names(again)).toEqual(names(one));
    expect(other.records).toEqual(one.records);
    expect(other.links).toEqual([]);
  });

  test('are not kept if nobody asks for them', async () => {
    const { request } = steps;
    const report = await attempt(() => steps.api.fetchCalls({ request, people, number: 2, window: {}, page: 1 }));
    expect(report).not.toHaveProperty('links');
  });

  test('are not kept of calls that may be somebody else’s, or in which others may be heard', async () => {
    const { company } = steps;
    const [line = 0] = company.calls().map(({ number }) => number.id);
    const call = callOf('+1 415-555-0123', Math.floor(Date.now() / 1_000) - 60);
    const recorded = { ...call, recording: true, lineId: line };
    company.addCall({ ...recorded, id: 71 });
    company.addCall({ ...recorded, id: 72, participants: [{ type: 'external', phone_number: '+1 303-555-0101' }] });
    const [agent = 0] = company.calls().flatMap(({ user }) => user?.id ?? []);
    company.addCall({ ...recorded, id: 73, transferredTo: agent });
    company.addCall({ ...recorded, id: 74, contactId: company.contacts().at(-1)?.id ?? 0 });
    const { links, records } = await sealed(0);
    expect(records.map(({ id }) => id)).toEqual(expect.arrayContaining([71, 72, 73, 74]));
    expect(links.map(({ call: id }) => id).filter(id => id < 100)).toEqual([71]);
  });
});

test('a search names its number, and the first second of its window is part of it', async () => {
  const { request, company } = steps;
  const hers = company.calls().filter(({ id }) => company.truth.callIds.includes(id));
  const call = hers.find(({ raw_digits }) => raw_digits.startsWith('+33'));
  const at = call?.started_at ?? 0;
  const report = await attempt(() =>
    steps.api.fetchCalls({ request, people, number: 2, window: { from: at, to: at }, page: 1 }),
  );
  const { records } = await steps.read(report.object, 'calls');
  expect(records.map(({ id }) => id)).toContain(call?.id);
  expect(steps.sandbox.requests()).toMatchObject([
    {
      path: '/v1/calls/search',
      query: {
        phone_number: '+33639981234',
        from: String(at - 1),
        to: String(at),
        fetch_contact: 'true',
        order: 'desc',
      },
    },
  ]);
});

test.each([4, -1, 0.5])(
  'a number that is not in the case file (%d) is never searched for: that would list every call',
  async number => {
    const { request } = steps;
    const input = { request, people, number, window: {}, page: 1 };
    const failure = await failureOf(attempt(() => steps.api.fetchCalls(input)));
    expect(failure).toMatchObject({ code: 'case-file-broken', detail: { apiRequests: 0 } });
    expect(steps.sandbox.requests()).toHaveLength(0);
  },
);

test('a call that cannot be read is counted, and the others are kept', async () => {
  const [whole] = await fetchAll(2);
  steps.sandbox.setFaults({ rules: [{ action: 'bad-record' }] });
  const [spoiled] = await fetchAll(2);
  expect(spoiled?.unreadable).toEqual([whole?.ids[0]]);
  expect(spoiled?.records.map(({ id }) => id)).toEqual(whole?.records.slice(1).map(({ id }) => id));
});

test('of a call that is nested deeper than anybody reads the rest is kept', async () => {
  const [whole] = await fetchAll(2);
  steps.sandbox.setFaults({ rules: [{ action: 'deep-record' }] });
  const [deepened] = await fetchAll(2);
  expect(deepened).toMatchObject({ ids: whole?.ids, unreadable: [], unnamed: 0 });
  const [first, ...others] = deepened?.records ?? [];
  expect(others).toEqual(whole?.records.slice(1));
  expect(withoutMembers(first, 'deep')).toEqual(whole?.records[0]);
  const stored = JSON.stringify(first?.deep);
  expect(stored).toMatch(/^\[{500}null\]{500}$/);
});

test('a failure of the vault after the reply counts the API request that was sent', async () => {
  const { request } = steps;
  Object.assign(steps.driver, { putIfAbsent: () => Promise.reject(new Error(`disk full at ${NUMBERS[0]}`)) });
  const input = { request, people, number: 2, window: {}, page: 1 };
  const failure = await failureOf(
    attempt(() => steps.api.fetchCalls(input), { heartbeatDetails: { sent: 2, uncertain: false } }),
  );
  expect(failure).toMatchObject({ code: 'local-failure', nonRetryable: false, detail: { apiRequests: 3 } });
  expect(failure.message).not.toContain(NUMBERS[0]);
});

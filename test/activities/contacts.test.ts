/** The steps that search, look at and delete contacts, against the sandbox over real HTTP. */
import type { CaseRef } from '../../src/vault/cases';
import { rightNowMs } from '../support/clocks';
import { attempt, cardsOf, failureOf, infoOf, type Steps, startSteps } from './support/steps';

const MODES = ['exact', 'case-sensitive', 'substring', 'ignores-filter'] as const;
/** Spelled as one of her contacts has it; the other has it in lower case. */
const EMAIL = 'Zoe.Nunez@Example.com';

let steps: Steps;
beforeEach(async () => {
  steps = await startSteps();
});
afterEach(async () => steps.stop());

const subjectOf = (email: string) => steps.write('subject', { emails: [email], phoneNumbers: [] });

/** All pages of one spelling's search. */
async function searchAll(subject: CaseRef, place: number) {
  const { request } = steps;
  const pages = [];
  for (let page = 1, total = 1; (page - 1) * 50 < total; page += 1) {
    const input = { request, subject, by: 'address', place, window: {}, page } as const;
    const report = await attempt(() => steps.api.searchContacts(input));
    total = report.total;
    pages.push({ report, listing: await steps.read(report.object, 'contacts') });
  }
  return pages;
}

describe('a contact search', () => {
  test.each(MODES)(
    'keeps only contacts that hold the address themselves, where Aircall’s search is %s',
    async search => {
      steps.company.behave({ search });
      const subject = await subjectOf(EMAIL);
      const pages = [...(await searchAll(subject, 0)), ...(await searchAll(subject, 1))];
      const kept = new Set(pages.flatMap(({ listing }) => listing.records.map(({ id }) => id)));
      expect([...kept].sort()).toEqual([...steps.company.truth.contactIds].sort());
      const seen = new Set(pages.flatMap(({ listing }) => listing.ids));
      const shared = steps.company.contacts().filter(({ is_shared }) => is_shared);
      const expected = { exact: 2, 'case-sensitive': 2, substring: 3, 'ignores-filter': shared.length }[search];
      expect(seen.size).toBe(expected);
      expect(steps.sandbox.requests()).toHaveLength(pages.length);
      expect(pages.every(({ report }) => report.apiRequests === 1)).toBe(true);
    },
  );

  test('keeps the record in the case file, whole but for its link, and tells the workflow counts and a reference only', async () => {
    const { request, company } = steps;
    const subject = await subjectOf(EMAIL);
    const input = { request, subject, by: 'address', place: 0, window: {}, page: 1 } as const;
    const report = await attempt(() => steps.api.searchContacts(input));
    expect(report).toEqual({
      object: report.object,
      ...{ rows: 2, total: 2, distinct: 2, records: 2, unreadable: 0 },
      apiRequests: 1,
    });
    expect(Object.keys(report.object).sort()).toEqual(['digest', 'ref', 'sizeBytes']);
    const { records } = await steps.read(report.object, 'contacts');
    const hers = company.contacts().filter(({ id }) => company.truth.contactIds.includes(id));
    expect([...records].sort((a, b) => a.id - b.id)).toEqual(hers.map(({ direct_link: _, ...kept }) => kept));
  });

  test('asks for one spelling, one page and one window', async () => {
    const { request } = steps;
    const subject = await subjectOf(` ${EMAIL} `);
    const window = { from: 1_700_000_000, to: 1_800_000_000 };
    await attempt(() => steps.api.searchContacts({ request, subject, by: 'address', place: 1, window, page: 3 }));
    expect(steps.sandbox.requests()).toMatchObject([
      {
        path: '/v1/contacts/search',
        query: {
          email: EMAIL.toLowerCase(),
          from: '1700000000',
          to: '1800000000',
          page: '3',
          per_page: '50',
          order: 'desc',
        },
      },
    ]);
  });

  test('counts a contact that cannot be read, and keeps the others', async () => {
    steps.sandbox.setFaults({ rules: [{ action: 'bad-record' }] });
    const { request } = steps;
    const subject = await subjectOf(EMAIL);
    const report = await attempt(() =>
      steps.api.searchContacts({ request, subject, by: 'address', place: 0, window: {}, page: 1 }),
    );
    const listing = await steps.read(report.object, 'contacts');
    expect(report.rows).toBe(2);
    expect(listing.unreadable).toHaveLength(1);
    expect(listing.records).toHaveLength(1);
    expect([...listing.unreadable, ...listing.records.map(({ id }) => id)].sort()).toEqual(
      [...steps.company.truth.contactIds].sort(),
    );
  });

  test('sends nothing where the case file names another subject than the history', async () => {
    const { request } = steps;
    const subject = await subjectOf(EMAIL);
    const { digest } = await subjectOf('somebody.else@example.com');
    const input = { request, subject: { ...subject, digest }, by: 'address', place: 0, window: {}, page: 1 } as const;
    const failure = await failureOf(attempt(() => steps.api.searchContacts(input)));
    expect(failure).toMatchObject({ code: 'case-file-broken', nonRetryable: true, detail: { apiRequests: 0 } });
    expect(steps.sandbox.requests()).toHaveLength(0);
  });
});

describe('deleting a contact', () => {
  const remove = (of: CaseRef, contact = 0, heartbeatDetails?: unknown, heartbeats: unknown[] = []) =>
    attempt(
      () => steps.api.deleteContact({ request: steps.request, people: of, plan, contact }),
      { ...infoOf(steps.request, 'run-0'), heartbeatDetails },
      heartbeats,
    );
  const exists = (id: number) => steps.company.contacts().some(contact => contact.id === id);
  let id: number;
  let people: CaseRef;
  let plan: CaseRef;
  beforeEach(async () => {
    await steps.stop();
    steps = await startSteps({ kind: 'deletion' });
    id = steps.company.truth.contactIds[1] ?? 0;
    const cards = [{ id: 1 }, ...cardsOf(steps.company, [id])];
    people = await steps.people(cards);
    plan = await steps.plan(cards);
  });

  test('deletes that contact, by its place, and says so', async () => {
    expect(await remove(people, 1)).toEqual({ outcome: 'deleted', apiRequests: 1 });
    expect(exists(id)).toBe(false);
    expect(steps.sandbox.requests()).toMatchObject([{ method: 'DELETE', path: `/v1/contacts/${id}` }]);
  });

  test('finds it already absent where somebody else deleted it', async () => {
    steps.company.removeContact(id);
    expect(await remove(people, 1)).toEqual({ outcome: 'already-absent', apiRequests: 1 });
  });

  test('hands on, before it asks, that it may have taken effect', async () => {
    const heartbeats: unknown[] = [];
    steps.sandbox.setFaults({ rules: [{ action: 'drop' }] });
    expect((await failureOf(remove(people, 1, undefined, heartbeats))).code).toBe('unreachable');
    expect(heartbeats).toEqual([
      { sent: 1, uncertain: true },
      { sent: 1, uncertain: true },
    ]);
  });

  test('claims the deletion whose reply was lost', async () => {
    steps.sandbox.setFaults({ rules: [{ action: 'drop-after', times: 1 }] });
    const heartbeats: unknown[] = [];
    const failure = await failureOf(remove(people, 1, undefined, heartbeats));
    expect(failure).toMatchObject({ code: 'unreachable', nonRetryable: false, detail: { apiRequests: 1 } });
    expect(exists(id)).toBe(false);
    expect(await remove(people, 1, heartbeats.at(-1))).toEqual({ outcome: 'deleted', apiRequests: 2 });
  });

  test.each([429, 401, 403, 422])('claims nothing after an attempt that was refused with %i', async status => {
    steps.sandbox.setFaults({ rules: [{ action: 'status', status, times: 1 }] });
    const heartbeats: unknown[] = [];
    await failureOf(remove(people, 1, undefined, heartbeats));
    expect(heartbeats.at(-1)).toEqual({ sent: 1, uncertain: false });
    steps.company.removeContact(id);
    steps.advance(600_000); // past the gate of the 429
    people = await steps.people([{ id: 1 }, { id }], [], { readMs: rightNowMs() + 600_000 });
    await steps.connect(); // past that of the 401
    expect(await remove(people, 1, heartbeats.at(-1))).toEqual({ outcome: 'already-absent', apiRequests: 2 });
  });

  test('stays uncertain through a later attempt that was refused', async () => {
    steps.sandbox.setFaults({ rules: [{ action: 'status', status: 429, times: 1 }] });
    const heartbeats: unknown[] = [];
    await failureOf(remove(people, 1, { sent: 1, uncertain: true }, heartbeats));
    expect(heartbeats.at(-1)).toEqual({ sent: 2, uncertain: true });
  });

  test('refuses a place that the case file does not have, without an API request', async () => {
    expect(await failureOf(remove(people, 2))).toMatchObject({ code: 'case-file-broken', detail: { apiRequests: 0 } });
    expect(steps.sandbox.requests()).toHaveLength(0);
  });

  test('takes the plan of the request only: no list that it was made of, and no other object', async () => {
    const listing = { ids: [id], records: [{ id }], unreadable: [], unnamed: 0, readMs: 1 };
    const others = [
      await subjectOf(EMAIL),
      await steps.write('contacts', listing),
      await steps.write('calls', listing),
    ];
    for (const other of others)
      expect(await failureOf(remove(other))).toMatchObject({ code: 'case-file-broken', detail: { apiRequests: 0 } });
    expect(steps.sandbox.requests()).toHaveLength(0);
  });

  test('claims it after a heartbeat that nobody can read: an attempt may be hidden in it', async () => {
    steps.company.removeContact(id);
    expect(await remove(people, 1, { 'aircall-dsr: unusable payload': 'broken' })).toMatchObject({
      outcome: 'deleted',
    });
  });

  test('is refused by Aircall for one contact as forbidden, which condemns no credential', async () => {
    steps.company.behave({ refuseContacts: [id] });
    expect(await failureOf(remove(people, 1))).toMatchObject({ code: 'forbidden', nonRetryable: true });
    expect(await failureOf(remove(people, 1))).toMatchObject({ code: 'forbidden' });
    expect(steps.sandbox.requests()).toHaveLength(2);
  });
});

describe('what may be deleted', () => {
  const info = () => infoOf(steps.request, 'run-0');
  const refusalOf = (input: Parameters<typeof steps.api.deleteContact>[0]) =>
    failureOf(attempt(() => steps.api.deleteContact(input), info()));
  const OLD = { readMs: rightNowMs() - 130_000 };
  let cards: ReturnType<typeof cardsOf>;
  let plan: CaseRef;
  beforeEach(async () => {
    await steps.stop();
    steps = await startSteps({ kind: 'deletion' });
    cards = cardsOf(steps.company, steps.company.truth.contactIds);
    plan = await steps.plan(cards);
  });
  const sent = () => steps.sandbox.requests().map(({ method }) => method);

  test('is what the plan takes: no doubtful row, no row of another contact, and no row that is to be delivered', async () => {
    const { request } = steps;
    const people = await steps.people(cards);
    const plans = [
      await steps.plan(cards, { doubt: 'shared-address' }),
      await steps.plan([...cards].reverse()),
      await steps.plan(cards, { verb: 'deliver' }),
      await steps.plan([]),
    ];
    for (const other of plans)
      expect(await refusalOf({ request, people, plan: other, contact: 0 })).toMatchObject({
        code: 'deletion-not-asked',
        nonRetryable: true,
        detail: { apiRequests: 0 },
      });
    expect(sent()).toEqual([]);
  });

  test('is what was read within the last two minutes, by a search or by itself', async () => {
    const { request } = steps;
    const people = await steps.people(cards, [], OLD);
    const input = { request, people, plan, contact: 0 };
    expect(await refusalOf(input)).toMatchObject({
      code: 'read-first',
      nonRetryable: true,
      detail: { apiRequests: 0 },
    });
    const { present, reading } = await attempt(() => steps.api.getContact(input), info());
    expect(present).toBe('as-judged');
    if (reading === undefined) throw new Error('nothing was read');
    const other = { ...input, contact: 1, reading };
    expect(await refusalOf(other)).toMatchObject({ code: 'case-file-broken' });
    const late = { ...info(), currentAttemptScheduledTimestampMs: rightNowMs() + 130_000 };
    const failure = await failureOf(attempt(() => steps.api.deleteContact({ ...input, reading }), late));
    expect(failure).toMatchObject({ code: 'read-first' });
    expect(sent()).toEqual(['GET']);
  });

  test('is deleted after a fresh reading', async () => {
    const { request } = steps;
    const input = { request, people: await steps.people(cards, [], OLD), plan, contact: 0 };
    const { reading } = await attempt(() => steps.api.getContact(input), info());
    const fresh = { ...input, ...(reading && { reading }) };
    expect(await attempt(() => steps.api.deleteContact(fresh), info())).toMatchObject({ outcome: 'deleted' });
    expect(sent()).toEqual(['GET', 'DELETE']);
  });

  test('is what was judged: a contact with another name, address or number since is not deleted', async () => {
    const { request } = steps;
    const [card] = cards;
    if (card === undefined) throw new Error('there is no contact');
    const changes = [
      { first_name: 'Somebody' },
      { last_name: null },
      { emails: [] },
      { phone_numbers: [...card.phone_numbers, { id: 1, label: 'Work', value: '+13105550142' }] },
    ];
    for (const change of changes) {
      const people = await steps.people([{ ...card, ...change }, ...cards.slice(1)]);
      const input = { request, people, plan, contact: 0 };
      const { present, reading } = await attempt(() => steps.api.getContact(input), info());
      expect(present).toBe('changed');
      expect(await refusalOf({ ...input, ...(reading && { reading }) })).toMatchObject({ code: 'read-first' });
    }
    expect(new Set(sent())).toEqual(new Set(['GET']));
  });

  test('a refusal to delete says whether an earlier attempt may have done so', async () => {
    const { request } = steps;
    const input = { request, people: await steps.people(cards, [], OLD), plan, contact: 0 };
    const before = { ...info(), heartbeatDetails: { sent: 2, uncertain: true } };
    const error: unknown = await attempt(() => steps.api.deleteContact(input), before).catch(reason => reason);
    expect(error).toMatchObject({ type: 'read-first', details: [{ apiRequests: 2, uncertain: true }] });
  });
});

describe('reading a contact', () => {
  const look = async (id: number) => {
    const people = await steps.people(id === 1 ? [{ id }] : cardsOf(steps.company, [id]));
    return attempt(() => steps.api.getContact({ request: steps.request, people, contact: 0 }));
  };

  test('says whether it still exists, and keeps when it was read', async () => {
    const [id = 0] = steps.company.truth.contactIds;
    const { reading, ...read } = await look(id);
    expect(read).toEqual({ present: 'as-judged', apiRequests: 1 });
    if (reading === undefined) throw new Error('nothing was read');
    const { readMs, ...kept } = await steps.read(reading, 'reading');
    expect(kept).toEqual({ id, asJudged: true });
    expect(Math.abs(readMs - rightNowMs())).toBeLessThan(60_000);
    expect(await look(1)).toEqual({ present: 'no', apiRequests: 1 });
  });

  test('takes one that cannot be read for changed: it is not gone', async () => {
    steps.sandbox.setFaults({ rules: [{ action: 'bad-record' }] });
    expect(await look(steps.company.truth.contactIds[0] ?? 0)).toMatchObject({ present: 'changed', apiRequests: 1 });
  });

  test('never takes a reply that is none for an absence', async () => {
    steps.sandbox.setFaults({ rules: [{ action: 'wrong-shape' }] });
    const failure = await failureOf(look(steps.company.truth.contactIds[0] ?? 0));
    expect(failure).toMatchObject({ code: 'unexpected-reply', nonRetryable: false, detail: { apiRequests: 1 } });
  });
});

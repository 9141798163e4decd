/** A company, or what answers in its name, that sends what no company has: its own request suffers, and nobody else's. */
import { createCompanySeed, type FaultRule, type SandboxCompany } from '../../sandbox';
import { NUMBERS_MAX } from '../../src/judgement/numbers';
import { WINDOWS_MAX } from '../../src/request/paging';
import { until } from '../support/patience';
import { documentOf, eventsOf, expectHonestCounts, idsOf, runToEnd, sorted } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const NAMES = ['honest', 'endless', 'flooding', 'constant', 'boasting', 'crowded'];

let service: TestService;
beforeAll(async () => {
  const companies = NAMES.map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 20, calls: 170, now: Date.now() }),
  );
  service = await startTestService({ shares: true, sandbox: { companies }, company: 'honest' });
});
afterEach(() => service.sandbox.setFaults(undefined));
afterAll(async () => service.stop());

let honestRequests = 0;

/** Another company's request, from its start to its end, while the request goes on that this is done beside. */
async function expectOthersServed(): Promise<void> {
  honestRequests += 1;
  const { company, connection, client } = service;
  const subject = { email: company.truth.subjectEmail };
  const { workflowId } = await client.start('access', { requestId: `beside-${honestRequests}`, connection, subject });
  expect((await client.result(workflowId)).status).toBe('completed');
  expect(service.problems()).toEqual([]);
}

const allCalls = (name: string, rule: Omit<FaultRule, 'company' | 'path'>): FaultRule => ({
  company: name,
  path: '/v1/calls$',
  ...rule,
});

const askedWindows = (company: SandboxCompany) => {
  const lists = company.requests().filter(({ path }) => path === '/v1/calls');
  return new Set(lists.map(({ query }) => `${query.from} ${query.to}`)).size;
};

test.each([
  ['a count that no company has', 'endless', { action: 'wrong-total', total: Number.MAX_SAFE_INTEGER }],
  ['a page of a million rows', 'flooding', { action: 'many-rows', rows: 1_000_000 }],
] as const)('%s is an unexpected reply, asked for again; other companies are served', async (_, name, fault) => {
  const company = service.sandbox.company(name);
  const connection = await service.connectCompany(name);
  service.sandbox.setFaults({ rules: [allCalls(name, { ...fault, times: 2 })] });
  const ended = await runToEnd(service, company, async () => {
    const started = await service.client.start('access', {
      requestId: name,
      connection,
      subject: { email: company.truth.subjectEmail },
      calls: 'company',
    });
    await until(
      'it was answered so twice',
      () => company.requests().filter(({ fault }) => fault !== null).length === 2,
    );
    await expectOthersServed();
    return started;
  });
  expect(ended.result.status).toBe('completed');
  expect(idsOf((await documentOf(service, ended.result)).calls)).toEqual(sorted(company.truth.callIds));
  const events = await eventsOf(service.temporal, ended.workflowId);
  const causes = events.map(event => event.activityTaskStartedEventAttributes?.lastFailure);
  expect(causes.flatMap(cause => cause?.applicationFailureInfo?.type ?? [])).toContain('unexpected-reply');
  await expectHonestCounts(service, ended);
});

test('counts of parts that are more than the whole are not believed: they are split no further', async () => {
  const company = service.sandbox.company('constant');
  const connection = await service.connectCompany('constant');
  service.sandbox.setFaults({ rules: [allCalls('constant', { action: 'wrong-total', total: 20_000 })] });
  const ended = await runToEnd(service, company, async () => {
    const started = await service.client.start('access', {
      requestId: 'constant',
      connection,
      subject: { email: company.truth.subjectEmail },
      calls: 'company',
      from: '2026-01-01T00:00:00Z',
      to: '2026-01-01T00:00:08Z',
    });
    await expectOthersServed();
    return started;
  });
  // Nine seconds in three parts; only the first part is split again, into seconds.
  expect(askedWindows(company)).toBe(1 + 3 + 3);
  expect(ended.result).toMatchObject({
    status: 'partial',
    coverage: { calls: { state: 'partial', gaps: [{ code: 'too-many-at-once', count: 5 * 20_000 }] } },
  });
  await expectHonestCounts(service, ended);
});

test('a list that is said to be longer than all windows of a request is read in as many as it may have', async () => {
  const company = service.sandbox.company('boasting');
  const connection = await service.connectCompany('boasting');
  const rule = allCalls('boasting', { action: 'wrong-total', total: 100_000_000, occurrences: 1 });
  service.sandbox.setFaults({ rules: [rule] });
  const ended = await runToEnd(service, company, async () => {
    const started = await service.client.start('access', {
      requestId: 'boasting',
      connection,
      subject: { email: company.truth.subjectEmail },
      calls: 'company',
    });
    await expectOthersServed();
    return started;
  });
  // One window is the list itself; the others are its parts. Before it come the searches for her address and her numbers.
  const listsBefore = 1 + 4 + 1;
  expect(askedWindows(company)).toBeGreaterThan(WINDOWS_MAX - listsBefore);
  expect(askedWindows(company)).toBeLessThanOrEqual(WINDOWS_MAX);
  expect(ended.result).toMatchObject({ status: 'completed', coverage: { calls: { state: 'complete', gaps: [] } } });
  expect(idsOf((await documentOf(service, ended.result)).calls)).toEqual(sorted(company.truth.callIds));
  await expectHonestCounts(service, ended);
});

test('of a person with more numbers than are searched, the rest is a named gap; a contact with too many is unreadable', async () => {
  const company = service.sandbox.company('crowded');
  const connection = await service.connectCompany('crowded');
  const email = 'crowd@example.com';
  const numbersFrom = (first: number, count: number) =>
    Array.from({ length: count }, (_, index) => `+3316000${String(first + index).padStart(4, '0')}`);
  for (const first of [0, 100, 200]) company.addContact({ emails: [email], phone_numbers: numbersFrom(first, 90) });
  const { id } = company.addContact({ emails: [email], phone_numbers: numbersFrom(300, 101) });
  const ended = await runToEnd(service, company, async () => {
    const started = await service.client.start('access', { requestId: 'crowded', connection, subject: { email } });
    await expectOthersServed();
    return started;
  });
  expect(company.requests().filter(({ path }) => path === '/v1/calls/search')).toHaveLength(NUMBERS_MAX);
  expect(ended.result).toMatchObject({
    status: 'partial',
    counts: { contacts: 3, failed: 1 },
    coverage: {
      contacts: { state: 'partial', gaps: [{ code: 'unexpected-record', count: 1 }] },
      calls: { state: 'partial', gaps: [{ code: 'too-many-numbers', count: 270 - NUMBERS_MAX }] },
    },
  });
  expect(idsOf((await documentOf(service, ended.result)).contacts)).not.toContain(id);
  await expectHonestCounts(service, ended);
});

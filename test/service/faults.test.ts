/** A misbehaving Aircall: what is retried ends complete, what cannot be had is listed, and nothing is lost in silence. */
import { createCompanySeed, type FaultAction, type FaultRule } from '../../sandbox';
import { until } from '../support/patience';
import { documentOf, type Ended, expectHonestCounts, idsOf, runToEnd, sorted } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

/**
 * Each strikes every third API request of its company, and passes when it is asked again: refused, done without a reply, and a
 * reply that cannot be read. How a step ends on each sort of fault: test/activities/boundary.test.ts.
 */
const PASSING: readonly FaultAction[] = ['status', 'drop-after', 'wrong-shape'];
const OTHERS = [
  'bad-calls',
  'bad-contact',
  'undeletable',
  'redirected',
  'rejected',
  'unsearched',
  'half-searched',
  'limited-a',
  'limited-b',
  'limited-long',
  'oversize',
];
const NOW_MS = Date.now();

let service: TestService;
const connections = new Map<string, string>();
const ended = new Map<string, Promise<Ended>>();

const key = (kind: string, action: string) => `${kind}-${action}`;

beforeAll(async () => {
  const names = [...PASSING.flatMap(action => [key('access', action), key('deletion', action)]), ...OTHERS];
  const companies = names.map((name, seed) => createCompanySeed({ name, seed, contacts: 20, calls: 170, now: NOW_MS }));
  const passing = PASSING.flatMap((action): FaultRule[] =>
    ['access', 'deletion'].map(kind => ({
      company: key(kind, action),
      every: 3,
      action,
      // With an end: deleting, looking and searching are three, so that a reply that lies would meet each repetition.
      times: kind === 'deletion' ? 2 : 4,
      ...(action === 'status' && { status: 500 }),
    })),
  );
  const rules: readonly FaultRule[] = [
    ...passing,
    { company: 'bad-calls', path: '/calls', action: 'bad-record' },
    { company: 'bad-contact', path: '/contacts/search', action: 'bad-record' },
    { company: 'undeletable', method: 'DELETE', occurrences: 1, action: 'status', status: 422 },
    { company: 'redirected', action: 'redirect' },
    { company: 'rejected', path: '/calls', occurrences: 2, action: 'status', status: 400 },
    { company: 'unsearched', path: '/contacts/search.*phone_number=', occurrences: 1, action: 'status', status: 400 },
    { company: 'half-searched', path: '/contacts/search.*email=', occurrences: 1, action: 'status', status: 400 },
    { company: 'oversize', requests: 1, action: 'oversize' },
  ];
  service = await startTestService({ shares: true, sandbox: { companies, faults: { rules } }, company: 'redirected' });
  for (const name of names) connections.set(name, await service.connectCompany(name));
  // Side by side, because the pauses between attempts are real.
  for (const action of PASSING) {
    for (const kind of ['access', 'deletion'] as const) {
      const name = key(kind, action);
      const running = run(kind, name);
      running.catch(() => {}); // told by the test that waits for it
      ended.set(name, running);
    }
  }
});
afterAll(async () => service.stop());

async function run(kind: 'access' | 'deletion', name: string, given?: string): Promise<Ended> {
  const company = service.sandbox.company(name);
  const email = given ?? company.truth.subjectEmail;
  const input = { requestId: 'faulty', connection: connections.get(name) ?? '', subject: { email } };
  return runToEnd(service, company, () =>
    kind === 'access' ? service.client.start(kind, input) : service.client.start(kind, { ...input, settleSeconds: 0 }),
  );
}

async function endOf(name: string): Promise<Ended> {
  const running = ended.get(name);
  if (running === undefined) throw new Error(`nothing was started for ${name}`);
  return running;
}

describe('where every third API request fails and passes when it is repeated', () => {
  it.each(PASSING)('an access request is complete all the same (%s)', async action => {
    const done = await endOf(key('access', action));
    const { company, result } = done;
    expect(company.requests().filter(({ fault }) => fault === action).length).toBeGreaterThanOrEqual(2);
    expect(result).toMatchObject({ status: 'completed', coverage: { calls: { gaps: [] } } });
    expect(result.outcomes.filter(({ outcome }) => outcome !== 'withheld')).toEqual([]);
    const document = await documentOf(service, result);
    expect(idsOf(document.contacts)).toEqual(sorted(company.truth.contactIds));
    expect(idsOf(document.calls)).toEqual(sorted(company.truth.callIds));
    await expectHonestCounts(service, done);
  });

  it.each(PASSING)('a deletion request is complete all the same (%s)', async action => {
    const done = await endOf(key('deletion', action));
    const { company, result } = done;
    expect(company.requests().filter(({ fault }) => fault === action).length).toBeGreaterThanOrEqual(1);
    expect(result).toMatchObject({
      status: 'completed',
      counts: { contacts: 2, deleted: 2, failed: 0 },
      verification: { state: 'verified' },
    });
    const left = idsOf(company.contacts());
    expect(left).toHaveLength(18);
    for (const id of company.truth.contactIds) expect(left).not.toContain(id);
    await expectHonestCounts(service, done);
  });
});

describe('a record that does not have the shape of one', () => {
  it('is listed as failed among calls, and all the others are handed over', async () => {
    const done = await run('access', 'bad-calls');
    const { company, result } = done;
    const { truth } = company;
    const delivered = idsOf((await documentOf(service, result)).calls);
    expect(result.status).toBe('partial');
    expect(result.counts.failed).toBeGreaterThanOrEqual(4);
    expect(result.coverage.calls).toMatchObject({
      state: 'partial',
      gaps: [{ code: 'unexpected-record', count: result.counts.failed }],
    });
    expect(result.outcomes.filter(({ outcome }) => outcome === 'failed')).toHaveLength(result.counts.failed);
    expect(delivered.filter(id => !truth.callIds.includes(id))).toEqual([]);
    const told = delivered.length + result.counts.failed + (result.coverage.calls?.ambiguous ?? 0);
    expect(told).toBe(truth.callIds.length + truth.ambiguousCallIds.length);
    await expectHonestCounts(service, done);
  });

  it('is listed as failed among contacts and keeps a deletion from calling itself verified', async () => {
    const done = await run('deletion', 'bad-contact');
    const { company, result } = done;
    expect(result).toMatchObject({
      status: 'partial',
      counts: { contacts: 1, deleted: 1, failed: 1 },
      coverage: { contacts: { state: 'partial', gaps: [{ code: 'unexpected-record', count: 1 }] } },
      verification: { state: 'residual' },
    });
    expect(company.contacts().filter(({ id }) => company.truth.contactIds.includes(id))).toHaveLength(1);
    await expectHonestCounts(service, done);
  });
});

describe('a reply that no repetition can better', () => {
  it('makes a page of calls a named gap', async () => {
    const done = await run('access', 'rejected');
    const { company, result } = done;
    expect(result).toMatchObject({
      status: 'partial',
      coverage: { calls: { state: 'partial', gaps: [{ code: 'rejected', count: 1 }] } },
    });
    const delivered = idsOf((await documentOf(service, result)).calls);
    expect(delivered.length).toBeLessThan(company.truth.callIds.length);
    expect(delivered.filter(id => !company.truth.callIds.includes(id))).toEqual([]);
    await expectHonestCounts(service, done);
  });

  it('to a search for the contacts of a number makes its calls doubtful, unless they are attached to a contact of the person', async () => {
    const done = await run('access', 'unsearched');
    const { company, result } = done;
    expect(result).toMatchObject({
      status: 'partial',
      coverage: { contacts: { state: 'partial', gaps: [{ code: 'rejected', count: 1 }] } },
    });
    const isHers = (id: number) =>
      company.calls().some(call => call.id === id && company.truth.contactIds.includes(call.contact?.id ?? 0));
    const delivered = idsOf((await documentOf(service, result)).calls);
    expect(delivered).toEqual(sorted(company.truth.callIds.filter(isHers)));
    const unattached = company.truth.callIds.length - delivered.length;
    expect(unattached).toBeGreaterThan(0);
    expect(result.doubts.find(({ code }) => code === 'shared-number')?.kept).toBeGreaterThanOrEqual(unattached);
    await expectHonestCounts(service, done);
  });

  it('to a search for one spelling of an address leaves the contacts that the other one finds: nobody knows who else is under it', async () => {
    const done = await run('deletion', 'half-searched', 'Zoe.Nunez@Example.com');
    const { company, result } = done;
    expect(result).toMatchObject({
      status: 'partial',
      counts: { contacts: 2, deleted: 0, retained: 2 },
      coverage: { contacts: { state: 'partial', gaps: [{ code: 'rejected', count: 1 }] } },
      doubts: [{ code: 'shared-address', records: 2, taken: 0, kept: 2 }],
    });
    expect(idsOf(company.contacts()).filter(id => company.truth.contactIds.includes(id))).toHaveLength(2);
    await expectHonestCounts(service, done);
  });

  it('is a redirect, which is never followed: the request fails after one API request', async () => {
    const done = await run('access', 'redirected');
    expect(done.result).toMatchObject({ status: 'failed', failure: { code: 'redirected' }, apiRequests: 1 });
    await expectHonestCounts(service, done);
  });

  it('makes a contact that it answers a deletion with refused', async () => {
    const done = await run('deletion', 'undeletable');
    expect(done.result).toMatchObject({
      status: 'partial',
      counts: { contacts: 2, deleted: 1, refused: 1 },
      verification: { state: 'residual' },
    });
    await expectHonestCounts(service, done);
  });
});

it('gives up a reply without end, and asks again', async () => {
  const done = await run('access', 'oversize');
  expect(done.result.status).toBe('completed');
  expect(done.company.requests()[0]?.fault).toBe('oversize');
  await expectHonestCounts(service, done);
});

describe('a 429', () => {
  it.each([
    ['limited-a', 'the time of its reset', (resetMs: number) => ({ 'X-AircallApi-Reset': String(resetMs / 1_000) })],
    ['limited-b', 'the seconds to wait', () => ({ 'Retry-After': '6' })],
  ])('closes the connection for all requests until then (%s: %s)', async (name, _, headers) => {
    const company = service.sandbox.company(name);
    const resetMs = (Math.floor(Date.now() / 1_000) + 7) * 1_000;
    service.sandbox.setFaults({
      rules: [{ company: name, requests: 1, action: 'status', status: 429, headers: headers(resetMs) }],
    });
    const first = run('access', name);
    await until('the limit is hit', () => company.requests().length === 1);
    const [hit] = company.requests();
    const opensMs = name === 'limited-a' ? resetMs : (hit?.at ?? 0) + 6_000;
    const second = await startDryRun(name);
    const [{ result }, other] = [await first, await service.client.result(second.workflowId)];
    expect(result.status).toBe('completed');
    expect(other.status).toBe('planned');
    const later = company.requests().slice(1);
    expect(later.filter(({ at }) => at < opensMs)).toEqual([]);
    expect(result.apiRequests + other.apiRequests).toBe(company.requests().length);
  });

  it('is what a second request waits for, and says, without an API request of its own', async () => {
    const name = 'limited-long';
    const company = service.sandbox.company(name);
    service.sandbox.setFaults({
      rules: [{ company: name, action: 'status', status: 429, headers: { 'Retry-After': '300' } }],
    });
    const connection = connections.get(name) ?? '';
    const subject = { email: company.truth.subjectEmail };
    const first = await service.client.start('access', { requestId: 'first', connection, subject });
    await until('the limit is hit', () => company.requests().length === 1);
    const second = await startDryRun(name);
    await until('the second request tells what it waits for', async () => {
      const { waitingFor } = await service.client.status(second.workflowId);
      return waitingFor?.cause === 'rate-limit';
    });
    for (const { workflowId } of [first, second]) {
      await service.client.cancel(workflowId);
      expect((await service.client.result(workflowId)).status).toBe('cancelled');
    }
    expect(company.requests()).toHaveLength(1);
  });

  const startDryRun = (name: string) =>
    service.client.start('deletion', {
      requestId: 'meanwhile',
      connection: connections.get(name) ?? '',
      subject: { email: service.sandbox.company(name).truth.subjectEmail },
      dryRun: true,
    });
});

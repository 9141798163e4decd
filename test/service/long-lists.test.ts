/** Lists beyond the 10,000 rows that Aircall pages through, and lists that change while they are read. */
import { createCompanySeed, type FaultRule } from '../../sandbox';
import { until } from '../support/patience';
import { apiAttempts, documentOf, eventsOf, expectHonestCounts, idsOf, runToEnd, sorted } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const NOW_MS = Date.now();

let service: TestService;
beforeAll(async () => {
  const companies = [
    createCompanySeed({ name: 'calls', seed: 1, contacts: 20, calls: 10_200, now: NOW_MS }),
    {
      ...createCompanySeed({ name: 'moving', seed: 3, contacts: 130, calls: 170, now: NOW_MS }),
      behaviour: { search: 'ignores-filter' as const },
    },
  ];
  service = await startTestService({ shares: true, sandbox: { companies }, company: 'calls' });
});
afterAll(async () => service.stop());

describe('a list of more than 10,000 rows', () => {
  it('of calls is read whole, in windows and by child workflows', async () => {
    const company = service.sandbox.company('calls');
    const ended = await runToEnd(service, company, () =>
      service.client.start('access', {
        requestId: 'long',
        connection: service.connection,
        subject: { email: company.truth.subjectEmail },
        calls: 'company',
      }),
    );
    expect(ended.result.status).toBe('completed');
    expect(ended.result.coverage.calls).toMatchObject({ state: 'complete', gaps: [] });
    expect(idsOf((await documentOf(service, ended.result)).calls)).toEqual(sorted(company.truth.callIds));
    await expectHonestCounts(service, ended);
    const lists = company.requests().filter(({ path }) => path === '/v1/calls');
    expect(new Set(lists.map(({ query }) => `${query.from} ${query.to}`)).size).toBeGreaterThanOrEqual(3);
    expect(lists.every(({ query }) => Number(query.page) * Number(query.per_page) <= 10_000)).toBe(true);
    // The request's own history stays short.
    const { events } = await service.temporal.workflow.getHandle(ended.workflowId).fetchHistory();
    expect((await eventsOf(service.temporal, ended.workflowId)).length).toBeGreaterThan(500);
    expect(events?.length).toBeLessThan(250);
  });
});

describe('a list whose rows move while it is read', () => {
  const moving = { company: 'moving', path: '/contacts/search' };

  async function readWhileOneGoes(requestId: string, rules: readonly FaultRule[]) {
    const company = service.sandbox.company('moving');
    const connection = await service.connectCompany('moving');
    service.sandbox.setFaults({
      rules: [{ ...moving, occurrences: [2, 3], action: 'hold' }, ...rules],
    });
    const before = company.requests().length;
    const [, newest] = company
      .contacts()
      .filter(({ id, is_shared }) => is_shared && !company.truth.contactIds.includes(id))
      .reverse();
    const running = runToEnd(service, company, () =>
      service.client.start('access', { requestId, connection, subject: { email: company.truth.subjectEmail } }),
    );
    // Pages 2 and 3 are asked for and not yet answered: every row behind the first page moves up by one.
    await until('the later pages are asked for', () => company.requests().length >= before + 3);
    company.removeContact(newest?.id ?? 0);
    service.sandbox.release();
    const ended = await running;
    service.sandbox.setFaults(undefined);
    return {
      company,
      ended,
      rereadings: company.requests().filter(({ query }) => query.page === '1' && 'email' in query),
    };
  }

  it('is read again until no row is missing', async () => {
    const { company, ended, rereadings } = await readWhileOneGoes('moving', []);
    expect(rereadings.length).toBe(2);
    expect(ended.result).toMatchObject({
      status: 'completed',
      coverage: { contacts: { state: 'complete', gaps: [] } },
    });
    expect(idsOf((await documentOf(service, ended.result)).contacts)).toEqual(sorted(company.truth.contactIds));
    await expectHonestCounts(service, ended);
  });

  it('has a named gap where it cannot be read again', async () => {
    const { ended } = await readWhileOneGoes('moving-refused', [
      { ...moving, occurrences: 4, action: 'status', status: 422 },
    ]);
    expect(ended.result).toMatchObject({
      status: 'partial',
      coverage: { contacts: { state: 'partial', gaps: [{ code: 'rejected', count: 1 }] } },
    });
    expect(await apiAttempts(service.temporal, ended.workflowId)).toBe(ended.result.apiRequests);
  });
});

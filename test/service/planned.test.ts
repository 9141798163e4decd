/** Dry runs, and deletions of the plan that one showed, through the client on a real server. */
import { createCompanySeed } from '../../sandbox';
import type { Given } from '../../src/request/input';
import { type Ended, idsOf, runToEnd, sorted } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const COMPANIES = ['asks', 'same', 'changed', 'gone'] as const;
const NOW_MS = Date.now();
const EMAIL = 'Zoe.Nunez@Example.com';

let service: TestService;
beforeAll(async () => {
  const companies = COMPANIES.map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 60, calls: 80, now: NOW_MS }),
  );
  service = await startTestService({ shares: true, sandbox: { companies }, company: 'asks' });
});
afterAll(async () => service.stop());

async function remove(name: string, options: Partial<Given<'deletion'>>): Promise<Ended> {
  const connection = await service.connectCompany(name);
  const input = { requestId: 'r', connection, subject: { email: EMAIL }, settleSeconds: 0, ...options };
  return runToEnd(service, service.sandbox.company(name), () => service.client.start('deletion', input));
}

async function ask(name: string, options: Partial<Given<'access'>>): Promise<Ended> {
  const connection = await service.connectCompany(name);
  const input = { requestId: 'a', connection, subject: { email: EMAIL }, ...options };
  return runToEnd(service, service.sandbox.company(name), () => service.client.start('access', input));
}

const methods = (name: string) =>
  service.sandbox
    .company(name)
    .requests()
    .map(({ method }) => method);
const hers = (name: string) => {
  const company = service.sandbox.company(name);
  return idsOf(company.contacts()).filter(id => company.truth.contactIds.includes(id));
};

describe('a dry run of an access request', () => {
  it('searches contacts, counts calls, tells its plan, and hands over nothing', async () => {
    const company = service.sandbox.company('asks');
    const { result, workflowId } = await ask('asks', { requestId: 'dry', dryRun: true });
    expect(result).toMatchObject({
      status: 'planned',
      dryRun: true,
      counts: { contacts: 2 },
      plan: {
        counts: { contacts: 2, numbers: expect.any(Number), calls: expect.any(Number) },
        cost: { apiRequests: expect.any(Number), pages: expect.any(Number), hours: expect.any(Number) },
      },
      planDigest: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(result.package).toBeUndefined();
    expect(result.coverage.calls?.state).toBe('skipped');
    const lists = company.requests().filter(({ path }) => path.includes('/calls'));
    expect(new Set(lists.map(({ query }) => query.phone_number)).size).toBe(lists.length);
    expect(lists.every(({ method, query }) => method === 'GET' && query.page === '1')).toBe(true);
    expect(await service.client.status(workflowId)).toMatchObject({ status: 'planned', dryRun: true });
    const listed = await service.client.list();
    expect(listed.find(each => each.workflowId === workflowId)).toMatchObject({ status: 'planned', dryRun: true });
  });

  it('never answers for the access request itself, is planned if it finds nobody, and says what is not asked for', async () => {
    await expect(ask('asks', { requestId: 'dry' })).rejects.toMatchObject({ code: 'request-conflict' });
    const { result } = await ask('asks', {
      requestId: 'nobody',
      dryRun: true,
      include: ['voicemails'],
      subject: { emails: ['nobody.at.all@example.org'], phoneNumbers: [] },
    });
    expect(result).toMatchObject({
      status: 'planned',
      plan: { counts: { contacts: 0, calls: 0 }, cost: { apiRequests: 0 } },
      coverage: {
        calls: { state: 'skipped', gaps: [{ code: 'no-number-known' }] },
        recordings: { state: 'not-asked' },
      },
    });
    expect(result.coverage.voicemails).toBeUndefined();
  });
});

describe('a deletion of a plan', () => {
  it('deletes what a dry run showed', async () => {
    const plan = (await remove('same', { requestId: 'dry', dryRun: true })).result;
    expect(plan).toMatchObject({ status: 'planned', dryRun: true, verification: { state: 'skipped' } });
    const { result } = await remove('same', { requestId: 'real', plan: plan.planDigest });
    expect(result).toMatchObject({ status: 'completed', planDigest: plan.planDigest, counts: { deleted: 2 } });
    expect(result.dryRun).toBeUndefined();
    expect(hers('same')).toEqual([]);
  });

  it('deletes nothing if somebody added a contact of hers meanwhile, until the plan is made anew', async () => {
    const company = service.sandbox.company('changed');
    const before = (await remove('changed', { requestId: 'dry', dryRun: true })).result.planDigest;
    const { id } = company.addContact({ emails: [EMAIL] });
    const { result } = await remove('changed', { requestId: 'late', plan: before });
    expect(result).toMatchObject({
      status: 'failed',
      failure: { code: 'plan-changed', message: expect.stringContaining('make the dry run again') },
      counts: { deleted: 0 },
    });
    expect(methods('changed').filter(method => method !== 'GET')).toEqual([]);
    const again = (await remove('changed', { requestId: 'dry-2', dryRun: true })).result.planDigest;
    const ended = await remove('changed', { requestId: 'real', plan: again });
    expect(ended.result).toMatchObject({ status: 'completed', counts: { deleted: 3 } });
    expect(idsOf(company.contacts())).not.toContain(id);
  });

  it('fails too if nothing of it is there any more', async () => {
    const company = service.sandbox.company('gone');
    const plan = (await remove('gone', { requestId: 'dry', dryRun: true })).result.planDigest;
    for (const id of sorted(company.truth.contactIds)) company.removeContact(id);
    const { result } = await remove('gone', { requestId: 'late', plan });
    expect(result).toMatchObject({ status: 'failed', failure: { code: 'plan-changed' } });
  });
});

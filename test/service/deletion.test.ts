/** Deletion requests through the client, on a real server: what is gone in the sandbox afterwards, and what is not. */
import { type Behaviour, createCompanySeed, type SandboxCompany } from '../../sandbox';
import type { DeletionInput } from '../../src/client';
import { until } from '../support/patience';
import { type Ended, expectHonestCounts, idsOf, runToEnd, sorted } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const MODES: readonly Behaviour['search'][] = ['exact', 'case-sensitive', 'substring', 'ignores-filter'];
const OTHERS = ['absent', 'refused', 'dry', 'returning', 'lagging', 'removed-twice'];
const NOW_MS = Date.now();
/** As one of her contacts has it: a search that heeds letter case finds both by it. */
const EMAIL = 'Zoe.Nunez@Example.com';

let service: TestService;
beforeAll(async () => {
  const companies = [...MODES, ...OTHERS].map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 120, calls: 170, now: NOW_MS }),
  );
  service = await startTestService({ shares: true, sandbox: { companies }, company: 'exact' });
  for (const search of MODES) service.sandbox.company(search).behave({ search });
});
afterAll(async () => service.stop());

async function remove(name: string, options: Partial<DeletionInput> = {}): Promise<Ended> {
  const company = service.sandbox.company(name);
  const connection = await service.connectCompany(name);
  const input = { requestId: 'gone', connection, subject: { email: EMAIL }, settleSeconds: 0, ...options };
  return runToEnd(service, company, () => service.client.start('deletion', input));
}

const idsThere = (company: SandboxCompany) => idsOf(company.contacts());
const deletions = (company: SandboxCompany) => company.requests().filter(({ method }) => method === 'DELETE');

describe('a deletion request', () => {
  it.each(MODES)('deletes every contact of the subject and nothing else where search is %s', async mode => {
    const company = service.sandbox.company(mode);
    const before = idsThere(company);
    const hers = new Set(company.truth.contactIds);
    const ended = await remove(mode);
    expect(idsThere(company)).toEqual(before.filter(id => !hers.has(id)));
    expect(deletions(company)).toHaveLength(hers.size);
    expect(ended.result).toMatchObject({
      status: 'completed',
      counts: { contacts: 2, deleted: 2, alreadyAbsent: 0, refused: 0, failed: 0 },
      verification: { state: 'verified' },
    });
    expect(ended.result.outcomes).toEqual([
      { record: 'contact 1', outcome: 'deleted' },
      { record: 'contact 2', outcome: 'deleted' },
    ]);
    await expectHonestCounts(service, ended);
  });

  it('counts a contact that somebody else deleted meanwhile as already absent', async () => {
    const company = service.sandbox.company('absent');
    const [first = 0, second = 0] = sorted(company.truth.contactIds);
    service.sandbox.setFaults({
      rules: [{ company: 'absent', method: 'DELETE', path: `/${first}$`, action: 'hold' }],
    });
    const running = remove('absent');
    await until('the deletion is on its way', () => deletions(company).length === 2);
    company.removeContact(first);
    service.sandbox.setFaults(undefined);
    service.sandbox.release();
    const ended = await running;
    expect(ended.result.counts).toMatchObject({ deleted: 1, alreadyAbsent: 1 });
    expect(ended.result.outcomes).toEqual([
      { record: 'contact 1', outcome: 'already-absent' },
      { record: 'contact 2', outcome: 'deleted' },
    ]);
    expect(ended.result).toMatchObject({ status: 'completed', verification: { state: 'verified' } });
    expect(idsThere(company)).not.toContain(second);
  });

  it('counts a deletion whose reply was lost as deleted, not as already absent', async () => {
    service.sandbox.setFaults({
      rules: [{ company: 'removed-twice', method: 'DELETE', occurrences: 1, action: 'drop-after' }],
    });
    const ended = await remove('removed-twice');
    service.sandbox.setFaults(undefined);
    expect(ended.result.counts).toMatchObject({ deleted: 2, alreadyAbsent: 0 });
    expect(deletions(ended.company)).toHaveLength(3);
    await expectHonestCounts(service, ended);
  });

  it('lists a contact that Aircall refuses to delete, and what is left makes the verification residual', async () => {
    const company = service.sandbox.company('refused');
    const [first = 0, second = 0] = sorted(company.truth.contactIds);
    company.behave({ refuseContacts: [second] });
    const ended = await remove('refused');
    expect(ended.result).toMatchObject({
      status: 'partial',
      counts: { contacts: 2, deleted: 1, refused: 1 },
      verification: { state: 'residual' },
    });
    expect(ended.result.outcomes).toEqual([
      { record: 'contact 1', outcome: 'deleted' },
      { record: 'contact 2', outcome: 'refused', code: 'forbidden' },
    ]);
    expect(idsThere(company)).toContain(second);
    expect(idsThere(company)).not.toContain(first);
    await expectHonestCounts(service, ended);
  });

  it('sends nothing but GETs in a dry run, whose digest names the set of contacts', async () => {
    const company = service.sandbox.company('dry');
    const before = idsThere(company);
    const one = await remove('dry', { requestId: 'dry-1', dryRun: true });
    const two = await remove('dry', { requestId: 'dry-2', dryRun: true });
    expect(company.requests().length).toBeGreaterThan(0);
    expect(company.requests().filter(({ method }) => method !== 'GET')).toEqual([]);
    expect(idsThere(company)).toEqual(before);
    expect(one.result).toMatchObject({
      status: 'planned',
      counts: { contacts: 2, deleted: 0 },
      plan: { counts: { contacts: 2 } },
      verification: { state: 'skipped', checkedAt: null },
    });
    expect(one.result.planDigest).toMatch(/^\S{16,}$/);
    expect(two.result.planDigest).toBe(one.result.planDigest);
    await expectHonestCounts(service, two);

    company.addContact({ emails: [EMAIL], phone_numbers: ['+13105550177'] });
    const three = await remove('dry', { requestId: 'dry-3', dryRun: true });
    expect(three.result.plan).toEqual({ counts: { contacts: 3 } });
    expect(three.result.planDigest).not.toBe(one.result.planDigest);
  });

  it('finds a contact that comes back while it settles, deletes it and only then calls itself verified', async () => {
    const company = service.sandbox.company('returning');
    const connection = await service.connectCompany('returning');
    const running = remove('returning', { settleSeconds: 2 });
    const id = `dsr:${connection}:deletion:gone`;
    await until('the request settles', async () => deletions(company).length === 2 && (await isSettling(id)));
    const { id: back } = company.addContact({ emails: [EMAIL] });
    const ended = await running;
    expect(idsThere(company)).not.toContain(back);
    expect(ended.result).toMatchObject({
      status: 'completed',
      counts: { contacts: 3, deleted: 3 },
      verification: { state: 'verified' },
    });
    // Verified by a search after the last deletion.
    const methods = company.requests().map(({ method, path }) => `${method} ${path}`);
    const deleted = methods.indexOf(`DELETE /v1/contacts/${back}`);
    expect(deleted).toBeGreaterThan(0);
    expect(methods.slice(deleted + 1).filter(each => each === 'GET /v1/contacts/search').length).toBeGreaterThan(0);
    await expectHonestCounts(service, ended);
  });

  it('takes a contact that a lagging search still shows for gone where Aircall does not know its id', async () => {
    const company = service.sandbox.company('lagging');
    company.behave({ searchLagMs: 600_000 });
    const ended = await remove('lagging');
    expect(ended.result).toMatchObject({
      status: 'completed',
      counts: { deleted: 2 },
      verification: { state: 'verified' },
    });
    for (const id of company.truth.contactIds) {
      const asked = company.requests().filter(({ path }) => path === `/v1/contacts/${id}`);
      expect(asked.map(({ method, status }) => [method, status])).toEqual([
        ['DELETE', 204],
        ['GET', 404],
      ]);
    }
    await expectHonestCounts(service, ended);
  });
});

async function isSettling(workflowId: string): Promise<boolean> {
  return (await service.client.status(workflowId)).waitingFor?.cause === 'settle';
}

/** A request that is cancelled ends as cancelled wherever it stands, and tells truthfully how far it came. */
import { createCompanySeed, type FaultRule, type SandboxCompany } from '../../sandbox';
import type { RequestResult } from '../../src/client';
import { requestOf } from '../../src/request/names';
import { createCases } from '../../src/vault/cases';
import { until } from '../support/patience';
import { apiAttempts, idsOf } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const NOW_MS = Date.now();
const NAMES = ['unserved', 'refused', 'searching', 'calls', 'deleting', 'settling', 'failing', 'lost'];
const EMAIL = 'zoe.nunez@example.com';

let service: TestService;
beforeAll(async () => {
  const companies = NAMES.map((name, seed) => createCompanySeed({ name, seed, contacts: 20, calls: 170, now: NOW_MS }));
  const long = {
    ...createCompanySeed({ name: 'long', seed: 9, contacts: 1_200, calls: 170, now: NOW_MS }),
    behaviour: { search: 'ignores-filter' as const },
  };
  service = await startTestService({ shares: true, sandbox: { companies: [...companies, long] }, company: 'unserved' });
});
afterAll(async () => service.stop());

interface Plan {
  readonly company: SandboxCompany;
  readonly kind: 'access' | 'deletion';
  readonly faults?: readonly Omit<FaultRule, 'company'>[];
  readonly settleSeconds?: number;
  /** Of a step that is cancelled between two attempts the history tells none. */
  readonly betweenAttempts?: boolean;
  /** When to cancel. */
  readonly when: (workflowId: string) => Promise<void>;
}

/** Starts a request, cancels it at some point and holds it to what every cancellation must keep. */
async function cancelled({
  company,
  kind,
  faults = [],
  settleSeconds = 0,
  betweenAttempts,
  when,
}: Plan): Promise<RequestResult> {
  const connection = await service.connectCompany(company.name);
  service.sandbox.setFaults({ rules: faults.map(rule => ({ company: company.name, ...rule })) });
  const input = { requestId: 'stopped', connection, subject: { email: EMAIL } };
  const start = () =>
    kind === 'access'
      ? service.client.start(kind, input)
      : service.client.start(kind, { ...input, settleSeconds, matchesMax: 100 });
  const { workflowId, runId } = await start();
  await when(workflowId);
  await service.client.cancel(workflowId);
  if (faults.some(({ action }) => action === 'hold')) await untilHeard(workflowId);
  service.sandbox.setFaults(undefined);
  service.sandbox.release();
  const result = await service.client.result(workflowId);

  expect(result.status).toBe('cancelled');
  expect(await service.client.status(workflowId)).toMatchObject({ status: 'cancelled', phase: 'ended' });
  const sent = company.requests().length;
  expect(result.apiRequests).toBe(sent);
  if (!betweenAttempts) expect(await apiAttempts(service.temporal, workflowId)).toBeGreaterThanOrEqual(sent);
  // The record is closed, and the same request id is the same run.
  const request = requestOf(workflowId) ?? { connection, kind, requestId: '' };
  expect((await createCases(service.vault).record(request))?.result).toEqual(result);
  expect((await start()).runId).toBe(runId);
  expect(await service.client.result(workflowId)).toEqual(result);
  expect(company.requests()).toHaveLength(sent);
  return result;
}

/** The workflow knows that it is cancelled: it has answered the task that told it. */
const untilHeard = (workflowId: string) =>
  until('the cancellation is heard', async () => {
    const { events = [] } = await service.temporal.workflow.getHandle(workflowId).fetchHistory();
    const at = events?.findIndex(event => event.workflowExecutionCancelRequestedEventAttributes) ?? -1;
    return at >= 0 && (events ?? []).slice(at).some(event => event.workflowTaskCompletedEventAttributes);
  });

const asked = (company: SandboxCompany, method: string, path: string) =>
  company.requests().filter(entry => entry.method === method && entry.path.startsWith(path)).length;

describe('a request that is cancelled', () => {
  it('before its first step, with no worker there, asks Aircall nothing', async () => {
    const company = service.sandbox.company('unserved');
    const when = async (workflowId: string) => {
      // Nobody answers the query; what the server knows is told all the same.
      expect(await service.client.status(workflowId)).toMatchObject({
        kind: 'access',
        status: 'waiting',
        waitingFor: { cause: 'worker' },
        counts: { contacts: 0 },
      });
      await service.client.cancel(workflowId);
      await service.startWorker();
    };
    const result = await service.withoutWorker(() => cancelled({ company, kind: 'access', when }));
    expect(result.outcomes).toEqual([]);
    expect(company.requests()).toEqual([]);
  });

  it('during the search ends after it, and hands nothing over', async () => {
    const company = service.sandbox.company('searching');
    const result = await cancelled({
      company,
      kind: 'access',
      faults: [{ path: '/contacts/search', action: 'hold' }],
      when: () => until('the search is under way', () => asked(company, 'GET', '/v1/contacts/search') === 1),
    });
    expect(result.package).toBeUndefined();
    expect(company.requests()).toHaveLength(1);
  });

  it('while calls are fetched hands nothing over', async () => {
    const company = service.sandbox.company('calls');
    const result = await cancelled({
      company,
      kind: 'access',
      faults: [{ path: '/calls', action: 'hold' }],
      when: () => until('calls are asked for', () => asked(company, 'GET', '/v1/calls') >= 1),
    });
    expect(result.package).toBeUndefined();
    expect(result.counts.contacts).toBe(2);
  });

  it('while contacts are deleted tells of each whether it is gone', async () => {
    const company = service.sandbox.company('deleting');
    for (let n = 0; n < 18; n += 1) company.addContact({ information: `Copy ${n}`, emails: [EMAIL] });
    const hers = idsOf(company.contacts().filter(isHers));
    const result = await cancelled({
      company,
      kind: 'deletion',
      faults: [{ method: 'DELETE', action: 'hold' }],
      when: () => until('contacts are being deleted', () => asked(company, 'DELETE', '/v1/contacts') >= 8),
    });
    const outcomes = new Map(result.outcomes.map(({ record, outcome }) => [record, outcome]));
    const there = new Set(idsOf(company.contacts()));
    expect(outcomes.size).toBe(20);
    // In the order of their ids they are contact 1, contact 2 and so on.
    expect(hers.map((_, place) => outcomes.get(`contact ${place + 1}`))).toEqual(
      hers.map(id => (there.has(id) ? 'failed' : 'deleted')),
    );
    expect(result.counts).toMatchObject({ contacts: 20, deleted: 20 - hers.filter(id => there.has(id)).length });
    expect(result.counts.deleted).toBeGreaterThanOrEqual(8);
    expect(result.counts.deleted).toBeLessThan(20);
    expect(result.verification).toEqual({ state: 'skipped', checkedAt: null });
  });

  it('while its deletions are in flight and then fail has deleted nothing, and states no time of it', async () => {
    const company = service.sandbox.company('refused');
    const result = await cancelled({
      company,
      kind: 'deletion',
      faults: [{ method: 'DELETE', action: 'hold', status: 500 }],
      when: () => until('contacts are being deleted', () => asked(company, 'DELETE', '/v1/contacts') === 2),
    });
    expect(result.counts).toMatchObject({ contacts: 2, deleted: 0, failed: 2 });
    expect(result.verification).toEqual({ state: 'skipped', checkedAt: null });
    const [receipt] = await service.receipts.chain(`${service.connection}-refused`);
    expect(receipt).toMatchObject({ status: 'cancelled', times: { searched: expect.any(String), deleted: null } });
  });

  it.each<[string, Omit<FaultRule, 'company'>]>([
    ['failing', { path: '/calls', action: 'status', status: 500 }],
    ['lost', { method: 'DELETE', action: 'drop-after' }],
  ])('between two attempts of its steps has counted what they sent (%s)', async (name, fault) => {
    const company = service.sandbox.company(name);
    const kind = name === 'failing' ? 'access' : 'deletion';
    const result = await cancelled({
      company,
      kind,
      faults: [fault],
      betweenAttempts: true,
      // Its next attempts are two seconds away.
      when: workflowId =>
        until('its steps are between two attempts', async () => {
          const { retrying = [] } = await service.client.status(workflowId);
          return retrying.length >= (kind === 'access' ? 3 : 2);
        }),
    });
    if (kind === 'access') {
      expect(result.coverage.calls).toMatchObject({ state: 'failed', gaps: [{ code: 'cancelled' }] });
      return;
    }
    // Both are gone, but nobody has seen Aircall say so.
    expect(company.contacts().filter(isHers)).toEqual([]);
    expect(result.outcomes.map(({ outcome, code }) => [outcome, code])).toEqual([
      ['failed', 'unconfirmed'],
      ['failed', 'unconfirmed'],
    ]);
  });

  it('while it settles has deleted what it tells, and verified nothing', async () => {
    const company = service.sandbox.company('settling');
    const result = await cancelled({
      company,
      kind: 'deletion',
      settleSeconds: 3_600,
      when: workflowId =>
        until('it settles', async () => {
          const { status, waitingFor } = await service.client.status(workflowId);
          return status === 'waiting' && waitingFor?.cause === 'settle' && waitingFor.until !== undefined;
        }),
    });
    expect(result.counts).toMatchObject({ contacts: 2, deleted: 2 });
    expect(company.contacts().filter(isHers)).toEqual([]);
    expect(result.verification).toEqual({ state: 'skipped', checkedAt: null });
  });

  it('while a child workflow reads a long list has counted every API request', async () => {
    const company = service.sandbox.company('long');
    const result = await cancelled({
      company,
      kind: 'deletion',
      faults: [{ path: '[?&]page=([2-9]|\\d\\d)(&|$)', action: 'hold' }],
      when: () => until('a child workflow reads pages', () => company.requests().length > 1),
    });
    expect(company.requests().length).toBeLessThan(24);
    expect(result.outcomes).toEqual([]);
    expect(company.contacts().filter(isHers)).not.toEqual([]);
  });
});

function isHers({ is_shared, emails }: { is_shared: boolean; emails: readonly { value: string }[] }): boolean {
  return is_shared && emails.some(({ value }) => value.toLowerCase() === EMAIL);
}

/** `temporal workflow reset` of a request, wherever it stands: the same request goes on, with one record, one receipt and one end. */
import { createCompanySeed, type FaultRule, type SandboxCompany } from '../../sandbox';
import { checkBundle } from '../../src/audit/bundle';
import type { RequestResult } from '../../src/client';
import { isReceipt } from '../../src/receipt/model';
import { requestOf } from '../../src/request/names';
import { until } from '../support/patience';
import { documentOf, idsOf, sorted } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const NOW_MS = Date.now();
const EMAIL = 'zoe.nunez@example.com';
const NAMES = ['opening', 'search', 'calls', 'wait', 'ended', 'extended', 'cancelled', 'delete', 'settle', 'ordered'];

let service: TestService;
beforeAll(async () => {
  const companies = NAMES.flatMap((name, seed) =>
    ['access', 'deletion'].map(kind =>
      createCompanySeed({ name: `${name}-${kind}`, seed, contacts: 20, calls: 60, now: NOW_MS }),
    ),
  );
  const long = createCompanySeed({ name: 'long', seed: 20, contacts: 20, calls: 1_500, now: NOW_MS });
  service = await startTestService({ sandbox: { companies: [...companies, long] }, company: 'opening-access' });
});
afterAll(async () => service.stop());

type Point = 'first' | 'last';

/** To the workflow task at which it began, or to the latest one. */
async function reset(workflowId: string, to: Point): Promise<string> {
  const handle = service.temporal.workflow.getHandle(workflowId);
  const { runId } = await handle.describe();
  const { events } = await handle.fetchHistory();
  const tasks = (events ?? []).filter(event => event.workflowTaskCompletedEventAttributes);
  const response = await service.temporal.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
    requestId: `${runId}-${to}`,
    workflowTaskFinishEventId: tasks.at(to === 'first' ? 0 : -1)?.eventId ?? null,
    reason: 'test',
  });
  return response.runId;
}

const release = () => {
  service.sandbox.setFaults(undefined);
  service.sandbox.release();
};

const asked = (company: SandboxCompany, path: string, method = 'GET') =>
  company.requests().filter(entry => entry.path.startsWith(`/v1${path}`) && entry.method === method).length;

async function start(kind: 'access' | 'deletion', companyName: string, options: object = {}) {
  const connection = await service.connectCompany(companyName);
  const input = { requestId: 'reset', connection, subject: { email: EMAIL }, ...options };
  return kind === 'access'
    ? service.client.start(kind, input)
    : service.client.start(kind, { settleSeconds: 0, ...input });
}

/** It ended once, in the record and in the chain, as the run that it began as. */
async function expectOneEnd(workflowId: string, runId: string, result: RequestResult): Promise<void> {
  const request = requestOf(workflowId);
  if (request === undefined) throw new Error(`${workflowId} is no request`);
  expect(await service.client.status(workflowId)).toMatchObject({ status: result.status, phase: 'ended' });
  expect(await service.cases.record(request)).toMatchObject({ runId, result });
  const receipts = (await service.receipts.chain(request.connection)).filter(isReceipt);
  expect(receipts.map(receipt => receipt.request)).toEqual([
    expect.objectContaining({ kind: request.kind, requestId: 'reset', runId }),
  ]);
  expect(receipts[0]).toMatchObject({ status: result.status, issued: { how: 'at-end' } });
  expect(await service.lateReceipts.of(request)).toEqual(receipts[0]);
  expect(receipts[0] && (await service.evidence.keep(receipts[0]))).toBe('kept');
  const files = receipts[0] && (await service.evidence.of(receipts[0]));
  expect(checkBundle(files ?? new Map()).runs[0]).toMatchObject({ workflowId, runId });
}

interface Case {
  readonly name: (typeof NAMES)[number];
  readonly to: Point;
  /** Keeps it where it is to be reset. */
  readonly fault: Omit<FaultRule, 'company'>;
  readonly stands: (company: SandboxCompany, workflowId: string) => Promise<boolean> | boolean;
}

const held = (path: string, method = 'GET') => ({
  fault: { path, method, action: 'hold' } as const,
  stands: (company: SandboxCompany) => asked(company, path, method) > 0,
});
const waits = async (_: SandboxCompany, workflowId: string) =>
  (await service.client.status(workflowId)).waitingFor?.cause === 'credentials';

describe('an access request that is reset', () => {
  it.each<Case>([
    { name: 'opening', to: 'first', ...held('/contacts/search') },
    { name: 'search', to: 'last', ...held('/contacts/search') },
    { name: 'calls', to: 'last', ...held('/calls') },
    { name: 'wait', to: 'last', fault: { path: '/contacts', action: 'status', status: 401 }, stands: waits },
  ])('while it stands at $name, to its $to task, hands over the same once', async ({ name, to, fault, stands }) => {
    const company = service.sandbox.company(`${name}-access`);
    service.sandbox.setFaults({ rules: [{ company: company.name, ...fault }] });
    const { workflowId, runId } = await start('access', company.name);
    const end = service.client.result(workflowId);
    await until('it stands there', () => stands(company, workflowId));
    expect(await reset(workflowId, to)).not.toBe(runId);
    release();
    if (name === 'wait') await service.connectCompany(company.name);
    const result = await end;
    expect(result.status).toBe('completed');
    expect(result.outcomes.filter(({ outcome }) => outcome !== 'withheld')).toEqual([]);
    const document = await documentOf(service, result);
    expect(idsOf(document.contacts)).toEqual(sorted(company.truth.contactIds));
    expect(idsOf(document.calls)).toEqual(sorted(company.truth.callIds));
    await expectOneEnd(workflowId, runId, result);
  });

  it('after its end, and terminated then, leaves the evidence of its end', async () => {
    const { workflowId, runId } = await start('access', 'settle-access');
    const before = await service.client.result(workflowId);
    await service.withoutWorker(async () => {
      await reset(workflowId, 'last');
      await service.temporal.workflow.getHandle(workflowId).terminate();
    });
    await expectOneEnd(workflowId, runId, before);
  });

  it.each<Point>(['first', 'last'])('after its end, to its %s task, ends as it had ended', async to => {
    const company = service.sandbox.company(to === 'first' ? 'ended-access' : 'ended-deletion');
    const { workflowId, runId } = await start('access', company.name);
    const before = await service.client.result(workflowId);
    const sent = company.requests().length;
    await reset(workflowId, to);
    expect(await service.client.result(workflowId)).toEqual(before);
    expect(company.requests()).toHaveLength(sent);
    await expectOneEnd(workflowId, runId, before);
  });
});

describe('a deletion that is reset', () => {
  const settles = async (_: SandboxCompany, workflowId: string) =>
    (await service.client.status(workflowId)).waitingFor?.cause === 'settle';
  it.each<Case & { readonly options?: object }>([
    { name: 'opening', to: 'first', ...held('/contacts/search') },
    { name: 'search', to: 'last', ...held('/contacts/search') },
    { name: 'delete', to: 'last', ...held('/contacts/', 'DELETE') },
    {
      name: 'settle',
      to: 'last',
      fault: { path: '/nothing', action: 'drop' },
      stands: settles,
      options: { settleSeconds: 2 },
    },
  ])('while it stands at $name, to its $to task, deletes everything and proves it', async each => {
    const { name, to, fault, stands, options } = each;
    const company = service.sandbox.company(`${name}-deletion`);
    service.sandbox.setFaults({ rules: [{ company: company.name, ...fault }] });
    const { workflowId, runId } = await start('deletion', company.name, options);
    const end = service.client.result(workflowId);
    await until('it stands there', () => stands(company, workflowId));
    await reset(workflowId, to);
    release();
    const result = await end;
    expect(result).toMatchObject({ status: 'completed', verification: { state: 'verified' } });
    const { deleted = 0, alreadyAbsent = 0 } = result.counts;
    expect(deleted + alreadyAbsent).toBe(company.truth.contactIds.length);
    expect(company.contacts().filter(({ id }) => company.truth.contactIds.includes(id))).toEqual([]);
    await expectOneEnd(workflowId, runId, result);
  });

  it('after its end ends as it had ended, and deletes nothing that came back', async () => {
    const company = service.sandbox.company('wait-deletion');
    const { workflowId, runId } = await start('deletion', company.name);
    const before = await service.client.result(workflowId);
    const sent = company.requests().length;
    await reset(workflowId, 'first');
    expect(await service.client.result(workflowId)).toEqual(before);
    expect(company.requests()).toHaveLength(sent);
    await expectOneEnd(workflowId, runId, before);
  });

  it('waits for an access request of the same person that was reset', async () => {
    const company = service.sandbox.company('ordered-access');
    service.sandbox.setFaults({ rules: [{ company: company.name, path: '/contacts/search', action: 'hold' }] });
    const access = await start('access', company.name);
    await until('the access request searches', () => asked(company, '/contacts/search') > 0);
    await reset(access.workflowId, 'last');
    const deletion = await start('deletion', company.name);
    await until('the deletion waits', async () => {
      const { waitingFor } = await service.client.status(deletion.workflowId);
      return waitingFor?.cause === 'access-request';
    });
    release();
    const handedOver = await service.client.result(access.workflowId);
    expect(handedOver.counts.contacts).toBe(company.truth.contactIds.length);
    expect(await service.client.result(deletion.workflowId)).toMatchObject({ status: 'completed' });
  });
});

it.each<Point>(['first', 'last'])('an extension stays as it was made, after a reset to the %s task', async to => {
  const company = service.sandbox.company(to === 'first' ? 'extended-access' : 'extended-deletion');
  service.sandbox.setFaults({ rules: [{ company: company.name, path: '/contacts/search', action: 'hold' }] });
  const { workflowId, runId } = await start('access', company.name, { regime: 'gdpr' });
  await until('it searches', () => asked(company, '/contacts/search') > 0);
  const clock = await service.client.extend(workflowId, { reason: 'complexity' });
  await reset(workflowId, to);
  await until('it has begun again', async () => (await service.client.status(workflowId)).dueAt !== undefined);
  expect(await service.client.extend(workflowId, { reason: 'complexity' })).toEqual(clock);
  release();
  const result = await service.client.result(workflowId);
  expect(result).toMatchObject({ status: 'completed', dueAt: clock.dueAt, extension: clock.extension });
  await expectOneEnd(workflowId, runId, result);
});

it.each<Point>(['first', 'last'])('a cancellation that was asked for holds after a reset to the %s task', async to => {
  const company = service.sandbox.company(to === 'first' ? 'cancelled-access' : 'cancelled-deletion');
  service.sandbox.setFaults({ rules: [{ company: company.name, path: '/contacts/search', action: 'hold' }] });
  const { workflowId, runId } = await start('access', company.name);
  await until('it searches', () => asked(company, '/contacts/search') > 0);
  await service.client.cancel(workflowId);
  const request = requestOf(workflowId);
  await until('the record knows', async () => {
    const record = request && (await service.cases.record(request));
    return record?.cancelRequestedAt !== undefined;
  });
  await reset(workflowId, to);
  const result = service.client.result(workflowId);
  release();
  expect(await result).toMatchObject({ status: 'cancelled' });
  expect(asked(company, '/calls')).toBe(0);
  await expectOneEnd(workflowId, runId, await result);
});

describe('a request whose child reads a long list', () => {
  const children = async (workflowId: string) => {
    const { events } = await service.temporal.workflow.getHandle(workflowId).fetchHistory();
    return (events ?? []).flatMap(
      event => event.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId ?? [],
    );
  };
  it.each<Point>(['first', 'last'])('reads it whole after a reset to the %s task', async to => {
    const company = service.sandbox.company('long');
    const connection = await service.connectCompany('long');
    const requestId = `long-${to}`;
    service.sandbox.setFaults({
      rules: [{ company: 'long', path: '/calls.*[?&]page=([2-9]|\\d\\d)(&|$)', action: 'hold' }],
    });
    const input = { requestId, connection, subject: { email: EMAIL }, calls: 'company' } as const;
    const already = company.requests().length;
    const { workflowId } = await service.client.start('access', input);
    const end = service.client.result(workflowId);
    const later = () => company.requests().slice(already);
    await until('its child reads', () => later().some(({ query }) => Number(query.page) > 1));
    const before = company.requests().length;
    await reset(workflowId, to);
    await until('it reads again, or goes on', async () => to === 'last' || company.requests().length > before + 1);
    release();
    const result = await end;
    expect(result).toMatchObject({ status: 'completed', coverage: { calls: { state: 'complete' } } });
    expect(idsOf((await documentOf(service, result)).calls)).toEqual(sorted(company.truth.callIds));
    expect(await children(workflowId)).toHaveLength(1);
  });
});

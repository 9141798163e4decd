/** Every request that has ended has one receipt, whatever its end, and it tells the truth of what Aircall saw. */
import { createCompanySeed, type FaultRule, type SandboxCompany } from '../../sandbox';
import { checkBundle } from '../../src/audit/bundle';
import type { RequestResult } from '../../src/client';
import { verifyChain } from '../../src/receipt/chain';
import type { Receipt } from '../../src/receipt/model';
import { digestOf } from '../../src/receipt/sign';
import { identityHashesOf } from '../../src/request/identities';
import { requestOf } from '../../src/request/names';
import { runAt } from '../../src/temporal/histories';
import { formsOf, foundIn, numberForms } from '../support/canaries';
import { until } from '../support/patience';
import { documentOf } from '../support/requests';
import { startTestService, type TestService } from '../support/service';

const NOW_MS = Date.now();
const NAMES = ['whole', 'spoilt', 'refusing', 'slow', 'broken', 'busy'];
const EMAIL = 'zoe.nunez@example.com';
/** Those of the sandbox's standard subject. */
const NUMBERS = ['+14155550123', '+442079460958', '+33639981234', '+14155550199'];

let service: TestService;
beforeAll(async () => {
  const companies = NAMES.map((name, seed) => createCompanySeed({ name, seed, contacts: 20, calls: 120, now: NOW_MS }));
  service = await startTestService({ shares: true, sandbox: { companies }, company: 'whole', limitPerMinute: 6_000 });
});
afterAll(async () => service.stop());

const refOf = (workflowId: string) =>
  requestOf(workflowId) ?? { connection: '', kind: 'access' as const, requestId: '' };
const rulesFor = (company: string, ...rules: readonly Omit<FaultRule, 'company'>[]) =>
  service.sandbox.setFaults({ rules: rules.map(rule => ({ company, ...rule })) });

interface Case {
  readonly company: SandboxCompany;
  readonly workflowId: string;
  readonly result: RequestResult;
  readonly receipt: Receipt;
}

async function run(
  kind: 'access' | 'deletion',
  company: string,
  more: { email?: string; dryRun?: boolean } = {},
): Promise<Case> {
  const connection = await service.connectCompany(company);
  const { email = EMAIL, ...options } = more;
  const requestId = `r-${Math.floor(performance.now() * 1_000)}`;
  const input = { requestId, connection, subject: { email } };
  const { workflowId } =
    kind === 'access'
      ? await service.client.start(kind, input)
      : await service.client.start(kind, { ...input, settleSeconds: 0, ...options });
  const result = await service.client.result(workflowId);
  return {
    company: service.sandbox.company(company),
    workflowId,
    result,
    receipt: await receiptOf(workflowId, result),
  };
}

/** The receipt that the last step has issued, held to what every receipt must keep. */
async function receiptOf(workflowId: string, result: RequestResult): Promise<Receipt> {
  const request = refOf(workflowId);
  const receipt = await service.receipts.newestOf(request);
  if (receipt === undefined) throw new Error(`${workflowId} has no receipt`);
  const run = await runAt(service.temporal, workflowId);
  expect(receipt).toMatchObject({
    request: { ...request, runId: run?.runId, regime: null },
    subject: hashOf(request.connection),
    status: result.status,
    apiRequests: result.apiRequests,
    issued: { how: 'at-end' },
    budget: { limitPerMinute: 6_000, sharePerMille: 750, requestsPerHour: 270_000 },
    service: { version: '0.1.0', workflows: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  const { received, started, searched, deleted, verified, ended } = receipt.times;
  expect(received).toBe(run?.startedAt.toISOString());
  const inOrder = [received, started, searched, deleted, verified, ended].flatMap(time => time ?? []);
  expect(inOrder).toEqual([...inOrder].sort());
  return receipt;
}

/** By which the receipts of a connection name her. */
const hashOf = (connection: string) =>
  identityHashesOf(service.keyring.hash, { connection, subject: { emails: [EMAIL], phoneNumbers: [] } })[0];

const countsOf = ({ sources }: Receipt) =>
  Object.fromEntries(
    sources.map(({ source, found, unchanged, deleted, absent, refused, failed, unreadable }) => [
      source,
      { found, unchanged, deleted, absent, refused, failed, unreadable },
    ]),
  );
const NONE = { found: 0, unchanged: 0, deleted: 0, absent: 0, refused: 0, failed: 0, unreadable: 0 };

describe('the receipt of a request that ended', () => {
  it('as completed, an access, names what was handed over and its package', async () => {
    const { company, result, receipt } = await run('access', 'whole');
    const { contactIds, callIds } = company.truth;
    expect(countsOf(receipt)).toEqual({
      contacts: { ...NONE, found: contactIds.length, unchanged: contactIds.length },
      calls: { ...NONE, found: callIds.length, unchanged: callIds.length },
      ...{ recordings: NONE, voicemails: NONE, transcripts: NONE, insights: NONE },
    });
    expect(receipt).toMatchObject({ status: 'completed', failure: null, verification: null });
    expect(receipt.package).toEqual({ sha256: result.package?.sha256, sizeBytes: result.package?.sizeBytes });
    const reasons = (await documentOf(service, result)).redactions.map(({ reason }) => reason);
    const counts = [...new Set(reasons)].map(reason => ({
      reason,
      count: reasons.filter(one => one === reason).length,
    }));
    expect(counts).toContainEqual({ reason: 'agent', count: expect.any(Number) });
    expect(receipt.redactions).toEqual(result.redactions);
    expect(receipt.redactions).toHaveLength(counts.length);
    expect(receipt.redactions).toEqual(expect.arrayContaining(counts));
    expect(receipt.times.searched).not.toBeNull();
    expect(receipt.sources[1]?.window).toEqual(result.coverage.calls?.window);
  });

  it('as planned, a dry run, and as completed, the deletion, says what its plan would do, and what was deleted and verified', async () => {
    const plan = await run('deletion', 'whole', { dryRun: true });
    const found = plan.company.truth.contactIds.length;
    expect(plan.receipt).toMatchObject({
      request: { dryRun: true },
      status: 'planned',
      plan: { contacts: found, numbers: null, calls: null },
      verification: 'skipped',
      outOfReach: expect.any(Array),
    });
    expect(countsOf(plan.receipt)).toEqual({ contacts: { ...NONE, found, unchanged: found } });
    const { receipt } = await run('deletion', 'whole');
    expect(countsOf(receipt)).toEqual({ contacts: { ...NONE, found, deleted: found } });
    expect(receipt).toMatchObject({ verification: 'verified', planDigest: plan.receipt.planDigest, plan: null });
    for (const time of Object.entries(receipt.times))
      expect(time).toEqual([time[0], ['submitted', 'due'].includes(time[0]) ? null : expect.any(String)]);
  });

  it('as no-match says that nothing was found, and what was searched', async () => {
    const { receipt } = await run('deletion', 'whole');
    expect(countsOf(receipt)).toEqual({ contacts: NONE });
    expect(receipt).toMatchObject({ status: 'no-match', verification: 'skipped' });
    expect(receipt.times).toMatchObject({ searched: expect.any(String), deleted: null, verified: null });
  });

  it('as partial names what could not be read, and what Aircall refused, with the reason', async () => {
    rulesFor('spoilt', { path: '/calls', times: 1, action: 'bad-record' });
    const spoilt = await run('access', 'spoilt');
    const [, calls] = spoilt.receipt.sources;
    expect(calls).toMatchObject({
      state: 'partial',
      unreadable: 1,
      failed: 0,
      reasons: [
        { outcome: 'withheld', code: 'other-contact', count: calls?.withheld },
        { outcome: 'failed', code: 'unexpected-record', count: 1 },
      ],
      gaps: [{ code: 'unexpected-record', count: 1 }],
    });
    expect(spoilt.receipt.status).toBe('partial');

    service.sandbox.setFaults(undefined);
    const company = service.sandbox.company('refusing');
    company.behave({ refuseContacts: company.truth.contactIds.slice(0, 1) });
    const { receipt } = await run('deletion', 'refusing');
    expect(receipt).toMatchObject({ status: 'partial', verification: 'residual' });
    expect(receipt.sources[0]).toMatchObject({
      found: 2,
      unchanged: 0,
      deleted: 1,
      refused: 1,
      reasons: [{ outcome: 'refused', code: 'forbidden', count: 1 }],
    });
  });

  it('as cancelled says how far it came', async () => {
    const connection = await service.connectCompany('slow');
    rulesFor('slow', { method: 'DELETE', action: 'status', status: 500 });
    const input = { requestId: 'stopped', connection, subject: { email: EMAIL }, settleSeconds: 0 };
    const { workflowId } = await service.client.start('deletion', input);
    const company = service.sandbox.company('slow');
    await until('it deletes', () => company.requests().some(({ method }) => method === 'DELETE'));
    await service.client.cancel(workflowId);
    const result = await service.client.result(workflowId);
    service.sandbox.setFaults(undefined);
    const receipt = await receiptOf(workflowId, result);
    const { contacts = NONE } = countsOf(receipt);
    expect(receipt.status).toBe('cancelled');
    expect(contacts).toMatchObject({ found: 2, unchanged: 0, deleted: 0, failed: 2 });
    expect(receipt.times).toMatchObject({ searched: expect.any(String), deleted: null, verified: null });
    expect(receipt.apiRequests).toBe(company.requests().length);
  });

  it('as failed names the code, and no message', async () => {
    rulesFor('broken', { action: 'status', status: 422 });
    const { result, receipt } = await run('access', 'broken');
    expect(receipt).toMatchObject({ status: 'failed', failure: result.failure?.code });
    expect(receipt.times.searched).toBeNull();
    expect(JSON.stringify(receipt)).not.toContain(result.failure?.message ?? 'nothing');
    service.sandbox.setFaults(undefined);
  });

  it('without its last step, terminated or refused at once, is issued when it is asked for, and says so', async () => {
    const { temporal, connection, taskQueue, lateReceipts } = service;
    rulesFor('whole', { action: 'status', status: 500 });
    const input = { requestId: 'killed', connection, subject: { email: EMAIL } };
    const { workflowId, runId } = await service.client.start('access', input);
    const request = refOf(workflowId);
    await until('it has begun', async () => (await service.cases.record(request)) !== undefined);
    await expect(lateReceipts.of(request)).rejects.toMatchObject({ code: 'request-open' });
    await temporal.workflow.getHandle(workflowId).terminate();
    service.sandbox.setFaults(undefined);
    const receipt = await lateReceipts.of(request);
    expect(receipt).toMatchObject({
      request: { ...request, runId },
      subject: hashOf(request.connection),
      status: 'failed',
      failure: 'terminated',
      sources: [],
      apiRequests: null,
      budget: null,
      issued: { how: 'afterwards' },
      service: { workflows: null },
      times: { received: expect.any(String), started: expect.any(String), searched: null, ended: expect.any(String) },
    });
    expect(await lateReceipts.of(request)).toEqual(receipt);

    const refused = `dsr:${connection}:access:refused`;
    const wrong = { ...refOf(refused), subject: { email: 'no address' } };
    await temporal.workflow.start('accessRequest', { workflowId: refused, taskQueue, args: [wrong] });
    await expect(service.client.result(refused)).rejects.toMatchObject({ code: 'invalid-input' });
    expect(await lateReceipts.of(refOf(refused))).toMatchObject({ failure: 'invalid-input', subject: null });
    expect(await lateReceipts.of({ ...request, requestId: 'nobody' })).toBeUndefined();
  });

  it('of facts that none can state fails its request alone, which can be purged and has evidence', async () => {
    const { connection, cases, temporal, retention, lateReceipts, evidence } = service;
    rulesFor('whole', { action: 'status', status: 500 });
    const input = { requestId: 'unstatable', connection, subject: { email: EMAIL }, regime: 'gdpr' } as const;
    const { workflowId, runId } = await service.client.start('access', input);
    const request = refOf(workflowId);
    await until('it has begun', async () => (await cases.record(request)) !== undefined);
    // As an extension without a reason was once noted.
    await cases.extend(request, runId, JSON.parse('{}'), Date.now());
    await service.client.cancel(workflowId);
    service.sandbox.setFaults(undefined);
    await expect(service.temporal.workflow.getHandle(workflowId).result()).rejects.toThrow();
    expect((await service.client.result(workflowId)).status).toBe('cancelled'); // its record states that end
    await run('access', 'busy');

    const receipt = await lateReceipts.of(request);
    expect(receipt).toMatchObject({
      request: { requestId: 'unstatable', runId },
      status: 'failed',
      failure: 'receipt-invalid',
      issued: { how: 'afterwards' },
    });
    const files = receipt && (await evidence.of(receipt));
    expect(checkBundle(files ?? new Map()).workflowId).toBe(workflowId);
    await retention.destroy('request', request, new Date());
    await until('its history is gone', async () => (await runAt(temporal, workflowId)) === undefined);
    expect(verifyChain(await service.receipts.chain(connection)).distrusted).toEqual([]);
  });

  it('is left to its last step while that is under way', async () => {
    const { result } = await run('access', 'busy');
    rulesFor('whole', { action: 'status', status: 500 });
    const input = { requestId: 'closing', connection: service.connection, subject: { email: EMAIL } };
    const { workflowId } = await service.client.start('access', input);
    const request = refOf(workflowId);
    await until('it has begun', async () => (await service.cases.record(request)) !== undefined);
    // As the last step does first.
    const startedAt = (await runAt(service.temporal, workflowId))?.startedAt.toISOString() ?? '';
    const completedAt = new Date().toISOString();
    const noted = { ...result, requestId: 'closing', startedAt, completedAt };
    await service.cases.close(request, noted);
    await expect(service.lateReceipts.of(request)).rejects.toMatchObject({ code: 'request-open' });
    await service.client.cancel(workflowId);
    const ended = await service.client.result(workflowId);
    service.sandbox.setFaults(undefined);
    expect(ended).toEqual(noted);
    expect(await service.lateReceipts.of(request)).toEqual(await receiptOf(workflowId, ended));
  });

  it('stays the same through a purge, which issues the one that is missing', async () => {
    const { connection, temporal, retention } = service;
    const ended = await run('access', 'busy');
    await retention.destroy('request', refOf(ended.workflowId), new Date());
    expect(await service.lateReceipts.of(refOf(ended.workflowId))).toEqual(ended.receipt);

    rulesFor('whole', { action: 'status', status: 500 });
    const { workflowId } = await service.client.start('access', {
      requestId: 'swept',
      connection,
      subject: { email: EMAIL },
    });
    await until('it has begun', async () => (await service.cases.record(refOf(workflowId))) !== undefined);
    await temporal.workflow.getHandle(workflowId).terminate();
    service.sandbox.setFaults(undefined);
    await retention.destroy('request', refOf(workflowId), new Date());
    await until('its history is gone', async () => (await runAt(temporal, workflowId)) === undefined);
    const request = refOf(workflowId);
    const { runId = '' } = (await service.cases.record(request)) ?? {};
    expect(await service.receipts.of(request, runId)).toMatchObject({ failure: 'terminated' });
  });
});

it('requests that end at once, served by two workers, make one chain with one receipt each', async () => {
  const connection = await service.connectCompany('busy');
  const before = await service.receipts.chain(connection);
  const ids = Array.from({ length: 12 }, (_, index) => `at-once-${index}`);
  const subject = { email: 'nobody.known@example.com' };
  await service.withAnotherWorker(async () => {
    const started = await Promise.all(
      ids.map(requestId => service.client.start('access', { requestId, connection, subject })),
    );
    await Promise.all(started.map(({ workflowId }) => service.client.result(workflowId)));
  });
  const { receipts: chain } = verifyChain(await service.receipts.chain(connection), [
    service.keyring.signingKey().publicKey,
  ]);
  expect(chain.slice(0, before.length).map(digestOf)).toEqual(before.map(digestOf));
  expect(
    chain
      .slice(before.length)
      .map(({ request }) => request.requestId)
      .sort(),
  ).toEqual([...ids].sort());
});

it('no receipt holds anything of a person', async () => {
  const receipts = (await Promise.all((await service.connections.names()).map(service.receipts.chain))).flat();
  expect(receipts.length).toBeGreaterThan(15);
  const canaries = new Map([
    ['address', [EMAIL, 'nobody.known@example.com', 'example.com'].flatMap(formsOf)],
    ['number', NUMBERS.flatMap(numberForms)],
  ]);
  expect(foundIn(Buffer.from(JSON.stringify(receipts)), canaries)).toEqual([]);
});

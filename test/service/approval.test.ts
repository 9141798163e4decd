/**
 * Plans that people approve, through the client on a real server: nothing is handed over or deleted before, exactly what was approved
 * afterwards, and nothing at all by whoever may not.
 */
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { createCompanySeed, type SandboxCompany } from '../../sandbox';
import type { DeletionInput, RequestResult, StatusReport } from '../../src/client';
import { workflowIdOf } from '../../src/request/names';
import type { WaitCause } from '../../src/request/waits';
import type { Connection } from '../../src/vault/connections';
import { createApprover, type TestApprover } from '../support/approvers';
import { until } from '../support/patience';
import { eventsOf, idsOf, sorted } from '../support/requests';
import { startTestService, type TestService } from '../support/service';
import { type SkippingService, startSkippingService } from '../support/skipping';

const NAMES = [
  'decided',
  'refused',
  'raced',
  'handed',
  'capped',
  'dry',
  'killed',
  'later',
  'signed',
  'four',
  'removed',
  'braked',
  'batch',
  'repeated',
];
const seedOf = (name: string, seed: number) =>
  createCompanySeed({ name, seed, contacts: 60, calls: 80, now: Date.now() });
const EMAIL = 'zoe.nunez@example.com';
const DAY_MS = 86_400_000;

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    sandbox: { companies: NAMES.map(seedOf) },
    company: 'decided',
    waitDelays: { firstMs: 100, mostMs: 300 },
  });
});
afterAll(async () => service.stop());

const deletions = (company: SandboxCompany) => company.requests().filter(({ method }) => method === 'DELETE').length;
const hersIn = (company: SandboxCompany) => {
  const hers = new Set(company.truth.contactIds);
  return idsOf(company.contacts()).filter(id => hers.has(id));
};
const at = () => new Date().toISOString();

interface Begun {
  readonly company: SandboxCompany;
  readonly connection: string;
  readonly workflowId: string;
}

async function remove(name: string, options: Partial<DeletionInput> = {}, change: Partial<Connection> = {}) {
  const connection = await service.connectCompany(name);
  await service.connections.change(connection, present => ({ ...present, ...change }));
  const given = { requestId: 'gone', connection, subject: { email: EMAIL }, settleSeconds: 0, ...options };
  const { workflowId } = await service.client.start('deletion', given);
  return { company: service.sandbox.company(name), connection, workflowId };
}

/** The status, once it waits for that. */
async function untilWaiting(cause: WaitCause, { workflowId }: { readonly workflowId: string }): Promise<StatusReport> {
  let status = await service.client.status(workflowId);
  await until(`it waits for ${cause}`, async () => {
    status = await service.client.status(workflowId);
    if (status.result !== undefined) throw new Error(`it ended as ${status.status}`);
    return status.waitingFor?.cause === cause;
  });
  return status;
}

/** Its plan, once it waits for a person. */
async function waiting(begun: { readonly workflowId: string }) {
  const { planDigest = '', phase, waitingFor } = await untilWaiting('approval', begun);
  return { planDigest, phase, waitingFor };
}
const ended = ({ workflowId }: Begun): Promise<RequestResult> => service.client.result(workflowId);
const refusalOf = (answer: Promise<unknown>) => expect(answer).rejects.toMatchObject({ code: 'approval-refused' });

/** A card of hers that is doubtful: no address, one of her numbers, and her name. */
function addDoubtful(company: SandboxCompany): number {
  const [first] = company.truth.contactIds;
  const numbers = company.contacts().find(({ id }) => id === first)?.phone_numbers ?? [];
  const value = numbers.map(number => number.value).find(number => number.startsWith('+')) ?? '';
  return company.addContact({ first_name: 'Zoe', last_name: 'Nunez', phone_numbers: [{ label: 'Mobile', value }] }).id;
}

test('a deletion does what was decided about the rows of its plan, and nothing before', async () => {
  const company = service.sandbox.company('decided');
  const doubtful = addDoubtful(company);
  const [first = 0, second = 0] = sorted(company.truth.contactIds);
  const begun = await remove('decided', { requireApproval: true });
  const { planDigest, phase, waitingFor } = await waiting(begun);
  expect([phase, typeof waitingFor?.until]).toEqual(['approving', 'string']);
  expect(deletions(company)).toBe(0);

  const decisions = { 'contact 1': 'keep', 'contact 3': 'take' } as const;
  const answer = await service.client.approve(begun.workflowId, { planDigest, decisions });
  expect(answer).toMatchObject({ requestId: 'gone', planDigest, missing: 0, approvals: [{ signed: false }] });
  const result = await ended(begun);
  expect(result).toMatchObject({
    status: 'completed',
    planDigest,
    approvals: [{ at: expect.any(String), signed: false }],
    counts: { deleted: 2 },
    verification: { state: 'verified' },
  });
  expect(result.approvals).toEqual(answer.approvals);
  const there = idsOf(company.contacts());
  expect([first, second, doubtful].map(id => there.includes(id))).toEqual([true, false, false]);
});

test('what is no approval of this plan is refused and changes nothing; a rejection ends it, and nothing was done', async () => {
  addDoubtful(service.sandbox.company('refused'));
  const begun = await remove('refused', { requireApproval: true });
  const { planDigest } = await waiting(begun);
  const doubts = [{ code: 'number-only', records: 1, taken: 0, kept: 1 }];
  expect(await service.client.status(begun.workflowId)).toMatchObject({ status: 'waiting', doubts });
  const other = await remove('refused', { requireApproval: true, requestId: 'other' });
  await waiting(other);
  const { workflowId, company } = begun;
  const { client, temporal } = service;
  await refusalOf(client.approve(workflowId, { planDigest: 'f'.repeat(32) }));
  await refusalOf(client.approve(workflowId, { planDigest, decisions: { 'contact 99': 'take' } }));
  await refusalOf(client.approve(workflowId, { planDigest, at: '2020-01-31T12:00:00.000Z' }));
  await expect(client.approve(workflowId, { planDigest: 'nonsense' })).rejects.toMatchObject({ code: 'invalid-input' });
  const handle = temporal.workflow.getHandle(workflowId);
  const forOther = { workflowId: other.workflowId, planDigest, decisions: {}, at: at() };
  await expect(handle.executeUpdate<unknown, [unknown]>('approve', { args: [forOther] })).rejects.toThrow();
  for (const sent of [null, {}, { workflowId, planDigest, decisions: { 'contact 1': 'burn' }, at: at() }])
    await expect(handle.executeUpdate<unknown, [unknown]>('approve', { args: [sent] })).rejects.toThrow();
  expect((await waiting(begun)).planDigest).toBe(planDigest);

  await expect(client.reject(workflowId, { planDigest, reason: 'Not Hers' })).rejects.toMatchObject({
    code: 'invalid-input',
  });
  expect(await client.reject(workflowId, { planDigest, reason: 'not-hers' })).toMatchObject({ signed: false });
  expect(await ended(begun)).toMatchObject({
    status: 'denied',
    counts: { contacts: 3, deleted: 0 },
    doubts,
    rejection: { reason: 'not-hers', signed: false },
    verification: { state: 'skipped' },
  });
  await refusalOf(client.approve(workflowId, { planDigest }));
  await client.cancel(other.workflowId);
  expect(await ended(other)).toMatchObject({ status: 'cancelled', counts: { deleted: 0 }, doubts });
  expect(deletions(company)).toBe(0);
});

test('of an approval and a rejection that arrive together, one counts', async () => {
  const begun = await remove('raced', { requireApproval: true });
  const { workflowId, company } = begun;
  const { planDigest } = await waiting(begun);
  const answers = await service.withoutWorker(async () => {
    const both = [
      service.client.approve(workflowId, { planDigest }),
      service.client.reject(workflowId, { planDigest, reason: 'not-hers' }),
    ];
    for (const each of both) each.catch(() => {});
    return { both };
  });
  const settled = await Promise.allSettled(answers.both);
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const { status, rejection } = await ended(begun);
  const isApproved = settled[0]?.status === 'fulfilled';
  expect([status, rejection === undefined]).toEqual([isApproved ? 'completed' : 'denied', isApproved]);
  expect(deletions(company)).toBe(isApproved ? 2 : 0);
});

test('an access request hands over what was approved', async () => {
  const connection = await service.connectCompany('handed');
  const input = { requestId: 'hers', connection, subject: { email: EMAIL }, requireApproval: true };
  const { workflowId } = await service.client.start('access', input);
  const { planDigest } = await waiting({ workflowId });
  await service.client.approve(workflowId, { planDigest, decisions: { 'contact 1': 'keep' } });
  const access = await service.client.result(workflowId);
  expect(access).toMatchObject({ status: 'completed', counts: { contacts: 1 }, approvals: [{ signed: false }] });
  expect(access.package).toBeDefined();
});

test('more contacts than a request may delete alone wait for a person, also in a batch', async () => {
  const begun = await remove('capped', { matchesMax: 1, priority: 'batch' });
  const { planDigest } = await waiting(begun);
  expect(deletions(begun.company)).toBe(0);
  await service.client.approve(begun.workflowId, { planDigest });
  expect(await ended(begun)).toMatchObject({ status: 'completed', counts: { deleted: 2 } });
  const few = await remove('batch', { matchesMax: 2, priority: 'batch' });
  expect(await ended(few)).toMatchObject({ status: 'completed', counts: { deleted: 2 } });
});

test('a dry run never waits, and its plan can be opened', async () => {
  const begun = await remove('dry', { dryRun: true, requireApproval: true, matchesMax: 1 }, { approvals: 2 });
  const { planDigest } = await ended(begun);
  const request = { connection: begun.connection, kind: 'deletion', requestId: 'gone' } as const;
  expect(await service.cases.notedPlan(request)).toMatchObject({ planDigest });
  expect(deletions(begun.company)).toBe(0);
});

test('a wait outlasts its workers, and adds no event', async () => {
  const begun = await remove('killed', { requireApproval: true });
  const { planDigest } = await waiting(begun);
  const before = await eventsOf(service.temporal, begun.workflowId);
  await service.withoutWorker(async () => {});
  await waiting(begun);
  const queries = await eventsOf(service.temporal, begun.workflowId);
  expect(queries.length).toBe(before.length);
  const approved = service.withoutWorker(async () => {
    void service.client.approve(begun.workflowId, { planDigest }).catch(() => {}); // it is taken by the next worker
  });
  await approved;
  expect(await ended(begun)).toMatchObject({ status: 'completed', counts: { deleted: 2 } });
});

test('an approval whose check is repeated, because its answer was lost, is one and is executed once', async () => {
  const begun = await remove('repeated', { requireApproval: true });
  const { planDigest } = await waiting(begun);
  let checks = 0;
  const losesFirst: ActivityInterceptorsFactory = ({ info }) => ({
    inbound: {
      async execute(input, next) {
        const answer = await next(input);
        if (info.activityType === 'checkApproval' && ++checks === 1) throw new Error('the answer is lost');
        return answer;
      },
    },
  });
  const approve = () => service.client.approve(begun.workflowId, { planDigest });
  const onAnother = () => service.withAnotherWorker(approve, undefined, losesFirst);
  expect(await service.withoutWorker(onAnother)).toMatchObject({ approvals: [{ signed: false }], missing: 0 });
  expect(checks).toBe(2);
  const { status, approvals, counts } = await ended(begun);
  expect([status, approvals.length, counts.deleted]).toEqual(['completed', 1, 2]);
  expect(deletions(begun.company)).toBe(2);
  expect(hersIn(begun.company)).toEqual([]);
});

test('what matches after the approved plan is never touched', async () => {
  const begun = await remove('later', { requireApproval: true });
  const { planDigest } = await waiting(begun);
  const { id } = begun.company.addContact({ first_name: 'Zoe', emails: [{ label: 'Work', value: EMAIL }] });
  await service.client.approve(begun.workflowId, { planDigest });
  expect(await ended(begun)).toMatchObject({
    status: 'partial',
    planDigest,
    counts: { contacts: 3, deleted: 2, retained: 1 },
    verification: { state: 'residual' },
    outcomes: [{ outcome: 'deleted' }, { outcome: 'deleted' }, { outcome: 'retained', code: 'after-plan' }],
  });
  expect(idsOf(begun.company.contacts())).toContain(id);
  expect(hersIn(begun.company)).toEqual([]);
});

describe('with registered approvers', () => {
  const [anna, ben, carla] = [createApprover('anna'), createApprover('ben'), createApprover('carla')];
  beforeAll(async () => {
    for (const { name, publicKey } of [anna, ben]) await service.approvers.add({ name, publicKey, addedAt: at() });
  });
  const send = (by: TestApprover, { workflowId }: Begun, planDigest: string, decisions = {}) =>
    service.client.approve(workflowId, by.sign({ workflowId, planDigest, decisions, at: at() }));

  test('access to the server alone approves nothing, a signature of another request neither', async () => {
    const begun = await remove('signed', { requireApproval: true });
    const other = await remove('signed', { requireApproval: true, requestId: 'other' });
    const { planDigest } = await waiting(begun);
    expect((await waiting(other)).planDigest).toBe(planDigest);
    const { workflowId, company } = begun;
    await refusalOf(service.client.approve(workflowId, { planDigest }));
    await refusalOf(send(carla, begun, planDigest));
    const forOther = anna.sign({ workflowId: other.workflowId, planDigest, decisions: {}, at: at() });
    await refusalOf(service.client.approve(workflowId, forOther));
    await refusalOf(service.client.reject(workflowId, { planDigest, reason: 'not-hers' }));
    await waiting(begun);
    expect(deletions(company)).toBe(0);

    await send(anna, begun, planDigest);
    expect(await ended(begun)).toMatchObject({
      status: 'completed',
      approvals: [{ keyId: anna.keyId, signed: true }],
      counts: { deleted: 2 },
    });
    const rejection = ben.sign({ workflowId: other.workflowId, planDigest, reason: 'not-hers', at: at() });
    await service.client.reject(other.workflowId, rejection);
    expect(await ended(other)).toMatchObject({ status: 'denied', rejection: { keyId: ben.keyId, signed: true } });
  });

  test('a minimum of two needs two keys, and no request lowers it', async () => {
    const begun = await remove('four', { requireApproval: false, matchesMax: 10_000 }, { approvals: 2 });
    const { planDigest } = await waiting(begun);
    expect(await send(anna, begun, planDigest)).toMatchObject({ missing: 1 });
    await refusalOf(send(anna, begun, planDigest));
    await refusalOf(send(ben, begun, planDigest, { 'contact 1': 'keep' }));
    await waiting(begun);
    expect(deletions(begun.company)).toBe(0);
    expect(await send(ben, begun, planDigest)).toMatchObject({ missing: 0 });
    expect(await ended(begun)).toMatchObject({
      status: 'completed',
      approvals: [{ keyId: anna.keyId }, { keyId: ben.keyId }],
      counts: { deleted: 2 },
    });
  });

  test('the approval of an approver who is removed before it is executed, executes nothing', async () => {
    const begun = await remove('removed', { requireApproval: true });
    const { planDigest } = await waiting(begun);
    await service.connections.change(begun.connection, present => ({ ...present, pausedAt: at() }));
    await send(anna, begun, planDigest);
    await untilWaiting('paused', begun);
    await service.approvers.remove('anna', 0);
    await service.connections.change(begun.connection, ({ pausedAt: _, ...present }) => present);
    const result = await ended(begun);
    expect(result.outcomes.map(({ outcome, code }) => [outcome, code])).toEqual([
      ['failed', 'not-approved'],
      ['failed', 'not-approved'],
    ]);
    expect(deletions(begun.company)).toBe(0);
    expect(hersIn(begun.company)).toHaveLength(2);
  });
});

test('beyond the deletions of a day a deletion waits, says until when, and goes on by itself', async () => {
  const connection = `${service.connection}-braked`;
  // All places but one were taken, and one of them is free again in some seconds.
  await service.brake.take(connection, 1, 2, Date.now() - DAY_MS + 6_000);
  const begun = await remove('braked', {}, { deletionsPerDay: 2 });
  const { waitingFor } = await untilWaiting('daily-brake', begun);
  expect(Date.parse(waitingFor?.until ?? '')).toBeLessThan(Date.now() + 10_000);
  expect(deletions(begun.company)).toBe(1);
  expect(await ended(begun)).toMatchObject({ status: 'completed', counts: { deleted: 2 } });

  const next = await remove('braked', {
    requestId: 'nobody',
    subject: { emails: ['nobody@example.com'], phoneNumbers: [] },
  });
  expect((await ended(next)).counts).toMatchObject({ deleted: 0 });
  expect(await service.brake.freeAt(connection, 2, Date.now())).toBeGreaterThan(Date.now() + DAY_MS - 60_000);
});

describe('at its deadline', () => {
  let skipping: SkippingService;
  beforeAll(async () => {
    skipping = await startSkippingService({ companies: [seedOf('late', 1)] });
  });
  afterAll(async () => skipping.stop());

  test.each(['access', 'deletion'] as const)('%s that nobody answered fails, and nothing was done', async kind => {
    const given = { requestId: 'unanswered', connection: 'late', subject: { email: EMAIL } };
    const input = { ...given, requireApproval: true, deadlineDays: 2 };
    const { workflowId } = await skipping.client.start(kind, input);
    await until('it waits', async () => (await skipping.client.status(workflowId)).waitingFor?.cause === 'approval');
    await skipping.pass(3);
    const result = await skipping.client.result(workflowId);
    expect(result).toMatchObject({ status: 'failed', failure: { code: 'deadline' } });
    expect(result.package).toBeUndefined();
    expect(deletions(skipping.sandbox.company('late'))).toBe(0);
    expect(workflowId).toBe(workflowIdOf({ connection: 'late', kind, requestId: 'unanswered' }));
  });
});

/**
 * The legal clock of requests, on the time-skipping server: told in time, put off, and ending nothing. Requests wait for
 * credentials meanwhile, and look now and then, so that they are started near what they are to reach.
 */
import { createCompanySeed } from '../../sandbox';
import type { Started } from '../../src/client';
import { isReceipt } from '../../src/receipt/model';
import { signalNews } from '../../src/temporal/waiting';
import { until } from '../support/patience';
import { type SkippingService, startSkippingService } from '../support/skipping';

const DAY_MS = 86_400_000;
const subject = { email: 'zoe.nunez@example.com' };
const reason = 'number-of-requests';
/** Under the CCPA. */
const DUE_DAYS = 45;
const SOON_DAYS = 7;
const EARLY_DAYS = 0.02;

let service: SkippingService;
beforeAll(async () => {
  const companies = ['dead', 'revived'].map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 20, calls: 170, now: Date.now() }),
  );
  service = await startSkippingService({ companies });
  for (const { name } of companies) service.sandbox.company(name).revokeCredentials();
});
afterAll(async () => service.stop());

/** An access request that was submitted some days ago, once it waits for credentials. */
async function startWaiting(requestId: string, daysAgo: number, more: Readonly<Record<string, unknown>> = {}) {
  const submittedAt = new Date(service.now() - daysAgo * DAY_MS).toISOString();
  const input = { requestId, connection: 'dead', subject, regime: 'ccpa' as const, submittedAt, ...more };
  const started = await service.client.start('access', input);
  await until('it waits', async () => (await statusOf(started)).waitingFor?.cause === 'credentials');
  return { ...started, submittedAt };
}
const alarmsOf = (requestId: string) => service.alarms.filter(({ request }) => request.requestId === requestId);
const statusOf = ({ workflowId }: Started) => service.client.status(workflowId);
const alarmOf = (started: Started, alarm: string) =>
  until(`it says ${alarm}`, async () => (await statusOf(started)).alarm === alarm);
const receiptOf = async (requestId: string) =>
  (await service.receipts.chain('dead')).filter(isReceipt).find(({ request }) => request.requestId === requestId);
async function cancel({ workflowId }: Started) {
  await service.client.cancel(workflowId);
  return service.client.result(workflowId);
}

test('a week before the due date it warns', async () => {
  const started = await startWaiting('warned', DUE_DAYS - SOON_DAYS - EARLY_DAYS);
  const dueAt = new Date(Date.parse(started.submittedAt) + DUE_DAYS * DAY_MS).toISOString();
  const before = await statusOf(started);
  expect(before).toMatchObject({ regime: 'ccpa', submittedAt: started.submittedAt, dueAt });
  expect(before).not.toHaveProperty('alarm');
  expect(alarmsOf('warned')).toEqual([]);

  await service.pass(2 * EARLY_DAYS);
  await alarmOf(started, 'due-soon');
  const request = { connection: 'dead', kind: 'access', requestId: 'warned' };
  const atMs = expect.any(Number);
  const alarm = {
    request,
    runId: started.runId,
    alarm: 'due-soon',
    regime: 'ccpa',
    dueAt,
    waitingFor: 'credentials',
    atMs,
  };
  await until('it is told', () => alarmsOf('warned').length > 0);
  expect(alarmsOf('warned')).toEqual([alarm]);
  const lateMs = (alarmsOf('warned')[0]?.atMs ?? 0) - (Date.parse(dueAt) - SOON_DAYS * DAY_MS);
  expect([lateMs >= 0, lateMs < 120_000]).toEqual([true, true]);
  await cancel(started);
});

test('at the due date it alarms, goes on waiting, and completes when it can', async () => {
  const started = await startWaiting('late', DUE_DAYS - EARLY_DAYS, { connection: 'revived' });
  await alarmOf(started, 'due-soon');
  await service.pass(2 * EARLY_DAYS);
  await alarmOf(started, 'overdue');
  expect(alarmsOf('late').map(({ alarm }) => alarm)).toEqual(['due-soon', 'overdue']);
  const { status, dueAt = '' } = await statusOf(started);
  expect(status).toBe('waiting');

  await service.connect('revived');
  await signalNews(service.temporal, started.workflowId);
  const result = await service.client.result(started.workflowId);
  expect(result).toMatchObject({ status: 'completed', dueAt, submittedAt: started.submittedAt });
  expect(result.completedAt > dueAt).toBe(true);
});

test('what was overdue before it came is told, though the request ends at once', async () => {
  const submittedAt = new Date(service.now() - 60 * DAY_MS).toISOString();
  const input = { requestId: 'brief', connection: 'revived', subject, regime: 'ccpa' as const, submittedAt };
  const { workflowId } = await service.client.start('access', input);
  await service.client.result(workflowId);
  expect(alarmsOf('brief').map(({ alarm }) => alarm)).toEqual(['overdue']);
});

test('an extension takes the alarm back, and the later date has alarms of its own', async () => {
  const started = await startWaiting('put-off', DUE_DAYS - EARLY_DAYS);
  await alarmOf(started, 'due-soon');
  const { dueAt: dueBefore = '' } = await statusOf(started);
  const later = new Date(Date.parse(dueBefore) + (SOON_DAYS + EARLY_DAYS) * DAY_MS).toISOString();

  const clock = await service.client.extend(started.workflowId, { reason, until: later });
  expect(clock).toMatchObject({ regime: 'ccpa', dueAt: later, extension: { reason, dueBefore } });
  expect(await service.client.extend(started.workflowId, { reason, until: later })).toEqual(clock);
  expect((await statusOf(started)).alarm).toBeUndefined();

  await service.pass(3 * EARLY_DAYS); // the date of before passes, and the week before the later one begins
  await alarmOf(started, 'due-soon');
  expect(alarmsOf('put-off').map(({ alarm, dueAt }) => [alarm, dueAt])).toEqual([
    ['due-soon', dueBefore],
    ['due-soon', later],
  ]);

  await expect(service.client.extend(started.workflowId, { reason: 'complexity' })).rejects.toMatchObject({
    code: 'extension-refused',
    message: expect.stringContaining('it was extended before'),
  });
  expect(await cancel(started)).toMatchObject({ status: 'cancelled', ...clock });
  expect(await receiptOf('put-off')).toMatchObject({
    request: { regime: 'ccpa', extension: clock.extension },
    times: { submitted: started.submittedAt, due: later },
  });
});

test('an alarm that nobody has received is not sent any more once the request is extended', async () => {
  service.alarmsFail = true;
  const started = await startWaiting('unsent', DUE_DAYS - EARLY_DAYS);
  await alarmOf(started, 'due-soon');
  await until('its alarm has failed', () => service.alarmsFailed > 0);
  await service.client.extend(started.workflowId, { reason });
  service.alarmsFail = false;
  await service.pass(EARLY_DAYS); // the step would have been tried again several times
  expect(alarmsOf('unsent')).toEqual([]);
  await cancel(started);
});

test('a request that is ending takes no extension, also while an alarm of a moment ago is still being sent', async () => {
  const submittedAt = new Date(service.now() - (DUE_DAYS - EARLY_DAYS) * DAY_MS).toISOString();
  const input = { requestId: 'ending', connection: 'revived', subject, regime: 'ccpa' as const, submittedAt };
  service.alarmsFail = true;
  const started = await service.client.start('access', input);
  await until('it is closing', async () => (await statusOf(started)).phase === 'closing');
  const extension = service.client.extend(started.workflowId, { reason });
  await expect(extension).rejects.toMatchObject({ code: 'extension-refused' });
  await expect(extension).rejects.toThrow('this request is ending');
  service.alarmsFail = false;
  const { dueAt, status } = await service.client.result(started.workflowId);
  expect(status).toBe('completed');
  expect(dueAt).toBe(new Date(Date.parse(submittedAt) + DUE_DAYS * DAY_MS).toISOString());
});

test('what was due long ago says so at once, warns of nothing, and cannot be extended', async () => {
  const started = await startWaiting('overdue', 60);
  await until('it is told', () => alarmsOf('overdue').length > 0);
  expect(alarmsOf('overdue').map(({ alarm }) => alarm)).toEqual(['overdue']);
  await expect(service.client.extend(started.workflowId, { reason })).rejects.toMatchObject({
    code: 'extension-refused',
    message: expect.stringContaining('must inform the person of an extension before that'),
  });
  await cancel(started);
});

test('without a law there is no due date, no alarm and nothing to extend; when the person asked is kept', async () => {
  const started = await startWaiting('lawless', 400, { regime: 'none' });
  expect(await statusOf(started)).not.toHaveProperty('dueAt');
  await expect(service.client.extend(started.workflowId, { reason })).rejects.toMatchObject({
    code: 'extension-refused',
    message: expect.stringContaining('no due date'),
  });
  await cancel(started);
  expect(alarmsOf('lawless')).toEqual([]);
  expect(await receiptOf('lawless')).toMatchObject({
    request: { regime: null },
    times: { submitted: started.submittedAt, due: null },
  });
});

test('the record of a request that is terminated knows its extension', async () => {
  const started = await startWaiting('terminated', 1);
  const clock = await service.client.extend(started.workflowId, { reason });
  expect(clock.dueAt).toBe(new Date(Date.parse(started.submittedAt) + 2 * DUE_DAYS * DAY_MS).toISOString());
  await service.temporal.workflow.getHandle(started.workflowId).terminate();
  const record = await service.cases.record({ connection: 'dead', kind: 'access', requestId: 'terminated' });
  expect(record?.clock).toEqual(clock);
});

test('a request that has ended, one that never was, and words that could name somebody are refused', async () => {
  const { workflowId } = await service.client.start('access', { requestId: 'ended', connection: 'revived', subject });
  await service.client.result(workflowId);
  await expect(service.client.extend(workflowId, { reason })).rejects.toMatchObject({ code: 'extension-refused' });
  await expect(service.client.extend('dsr:dead:access:never', { reason })).rejects.toMatchObject({ code: 'not-found' });
  await expect(service.client.extend(workflowId, { reason: 'Zoe Nunez' })).rejects.toMatchObject({
    code: 'invalid-input',
  });
});

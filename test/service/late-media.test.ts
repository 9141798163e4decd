/** Recordings that Aircall stores up to 24 hours after their calls: whether a request waits for them, on a server that skips time. */
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { type Call, createCompanySeed } from '../../sandbox';
import type { AccessInput, RequestResult } from '../../src/client';
import { accessPackageSchema } from '../../src/package/document';
import { until } from '../support/patience';
import { callOf, detailsOf } from '../support/requests';
import { type SkippingService, startSkippingService } from '../support/skipping';
import { unzipBytes } from '../support/zip';

const HOUR_MS = 3_600_000;
const STORED_WITHIN_S = 86_400;
const NAMES = ['waits', 'hurries', 'short', 'due', 'cancelled'] as const;
type Name = (typeof NAMES)[number];

let service: SkippingService;

beforeAll(async () => {
  // All calls are older than two days.
  const now = Date.now() - 48 * HOUR_MS;
  const companies = NAMES.map((name, seed) => createCompanySeed({ name, seed, contacts: 20, calls: 170, now }));
  service = await startSkippingService({ companies });
});
afterAll(async () => service.stop());

/** A call of three hours ago and one of an hour ago, which somebody answered and which have no recording. */
function addLateCalls(name: Name): readonly [Call, Call] {
  const company = service.sandbox.company(name);
  const card = company.contacts().find(({ id }) => id === company.truth.contactIds[0]);
  const number = card?.phone_numbers[0]?.value ?? '';
  const lineId = company.calls()[0]?.number.id ?? 0;
  const add = (hoursAgo: number) =>
    company.addCall({ ...callOf(number, Math.floor((service.now() - hoursAgo * HOUR_MS) / 1_000)), lineId });
  return [add(3), add(1)];
}

/** When Aircall has stored the last of the recordings, if it has one. */
function lastOf(calls: readonly Call[]): string {
  return new Date(Math.max(...calls.map(({ ended_at }) => Number(ended_at) + STORED_WITHIN_S)) * 1_000).toISOString();
}

async function start(name: Name, options: Omit<AccessInput, 'kind' | 'connection' | 'subject' | 'include'>) {
  const subject = { email: service.sandbox.company(name).truth.subjectEmail };
  return service.client.start('access', { ...options, connection: name, subject, include: ['recordings'] });
}

async function waitsForMedia(workflowId: string): Promise<void> {
  await until('it waits for recordings', async () => {
    const { waitingFor, result } = await service.client.status(workflowId);
    if (result !== undefined) throw new Error(`it ended ${result.status}`);
    return waitingFor?.cause === 'late-media';
  });
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function recordingsOf(result: RequestResult) {
  const stored = await service.cases.openPackage(result, result.package?.sha256 ?? '');
  if (stored === undefined) throw new Error('the package is not in the vault');
  const files = await unzipBytes(await buffer(stored.read(0)));
  const document = accessPackageSchema.parse(JSON.parse(String(files.get('access-package.json'))));
  return document.recordings.map(row =>
    'file' in row ? { call: row.call, sha256: digest(files.get(row.file) ?? Buffer.alloc(0)) } : row,
  );
}

test('with --late-media it waits until 24 hours after the last call, then holds what was stored meanwhile', async () => {
  const company = service.sandbox.company('waits');
  const [never, stored] = addLateCalls('waits');
  const last = lastOf([never, stored]);
  const { workflowId } = await start('waits', { requestId: 'late', lateMedia: true });
  await waitsForMedia(workflowId);
  expect(await service.client.status(workflowId)).toMatchObject({
    status: 'waiting',
    waitingFor: { cause: 'late-media', until: last },
  });
  expect(await detailsOf(service.temporal, workflowId)).toContain(
    `for recordings that Aircall may still store. Until ${last}`,
  );
  company.storeMedia(stored.id, 'recording');
  const before = company.requests().length;
  await service.pass(1);
  const result = await service.client.result(workflowId);
  expect(Date.parse(result.completedAt)).toBeGreaterThanOrEqual(Date.parse(last));
  expect(result).toMatchObject({
    status: 'completed',
    counts: { recordings: 1 },
    coverage: { recordings: { state: 'complete', gaps: [] } },
    apiRequests: company.requests().length,
  });
  const truth = company.media().find(({ call }) => call === stored.id);
  expect(await recordingsOf(result)).toEqual([{ call: stored.id, sha256: truth?.sha256 }]);
  // One for each of the two recordings, whether Aircall stored it or not.
  const asked = company.requests().slice(before);
  expect(asked.map(({ path }) => path).sort()).toEqual([never, stored].map(call => `/v1/calls/${call.id}`).sort());
});

function expectGap(result: RequestResult): void {
  expect(result).toMatchObject({
    status: 'completed',
    counts: { recordings: 0, failed: 0 },
    coverage: { recordings: { state: 'complete', gaps: [{ code: 'recording-may-follow', count: 2 }] } },
  });
}

test('otherwise it ends at once, states how many may follow, and asks for none of them', async () => {
  const company = service.sandbox.company('hurries');
  const calls = addLateCalls('hurries');
  const { workflowId } = await start('hurries', { requestId: 'now' });
  const result = await service.client.result(workflowId);
  expectGap(result);
  expect(result.apiRequests).toBe(company.requests().length);
  expect(company.requests().filter(({ path }) => /^\/v1\/calls\/\d/.test(path))).toEqual([]);
  expect((await recordingsOf(result)).sort((a, b) => a.call - b.call)).toEqual(
    calls.map(({ id }) => ({ call: id, code: 'recording-may-follow' })),
  );
});

test('it does not wait if its deadline comes before', async () => {
  const last = lastOf(addLateCalls('short'));
  const { workflowId } = await start('short', { requestId: 'short', lateMedia: true, deadlineDays: 0.5 });
  const result = await service.client.result(workflowId);
  expectGap(result);
  expect(Date.parse(result.completedAt)).toBeLessThan(Date.parse(last));
});

test('it does not wait if its due date comes before', async () => {
  addLateCalls('due');
  const submittedAt = new Date(service.now() - 44.5 * 24 * HOUR_MS).toISOString();
  const { workflowId } = await start('due', { requestId: 'due', lateMedia: true, regime: 'ccpa', submittedAt });
  const result = await service.client.result(workflowId);
  expectGap(result);
  expect(Date.parse(result.completedAt)).toBeLessThan(Date.parse(result.dueAt ?? ''));
});

test('it can be cancelled while it waits', async () => {
  const last = lastOf(addLateCalls('cancelled'));
  const { workflowId } = await start('cancelled', { requestId: 'cancelled', lateMedia: true });
  await waitsForMedia(workflowId);
  await service.client.cancel(workflowId);
  const result = await service.client.result(workflowId);
  expect(result.status).toBe('cancelled');
  expect(Date.parse(result.completedAt)).toBeLessThan(Date.parse(last));
});

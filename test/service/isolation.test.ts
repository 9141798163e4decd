/**
 * What must not stop goes on: past broken objects of the vault, past runs that others started, and whatever the clocks of
 * machines say. Nothing is destroyed early, nobody is held up.
 */
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { createCompanySeed } from '../../sandbox';
import { json } from '../../src/audit/history';
import { rotateKeys } from '../../src/encryption/key-file';
import { createPayloadCodec } from '../../src/encryption/payload-codec';
import type { Way } from '../../src/request/contracts';
import { requestOf, workflowIdOf } from '../../src/request/names';
import { needsOf, resealAll } from '../../src/retention/retire-keys';
import { createSweep } from '../../src/retention/sweep';
import { historyOf, runAt } from '../../src/temporal/histories';
import { createFolderDriver } from '../../src/vault/folder';
import { idOf, idsDue } from '../support/due';
import { until } from '../support/patience';
import { startTestService, type TestService } from '../support/service';

const EMAIL = 'zoe.nunez@example.com';
const DAY_MS = 86_400_000;
const MONTH = { requestMs: 30 * DAY_MS, packageMs: 30 * DAY_MS };
const AT_ONCE = { requestMs: 0, packageMs: 0 };

let service: TestService;
/** Without a key. */
let outsider: Client;
beforeAll(async () => {
  const seed = { name: 'acme', seed: 1, contacts: 20, calls: 60, now: Date.now() };
  service = await startTestService({ sandbox: { companies: [createCompanySeed(seed)] }, retention: MONTH });
  outsider = new Client({ connection: service.temporal.connection });
});
afterAll(async () => service.stop());

const refOf = (requestId: string) => ({ connection: service.connection, kind: 'access' as const, requestId });
const driver = () => createFolderDriver(join(service.folder, 'vault'));
const recordKey = (requestId: string) => service.cases.recordKey(refOf(requestId));

async function ended(requestId: string): Promise<string> {
  const input = { requestId, connection: service.connection, subject: { email: EMAIL } };
  const { workflowId } = await service.client.start('access', input);
  await service.client.result(workflowId);
  return workflowId;
}

let sweeps = 0;
/** By a worker of its own, with this policy. */
async function sweep(policy: typeof MONTH) {
  sweeps += 1;
  const { temporal, taskQueue } = service;
  const workflowId = `${taskQueue}/sweep-${sweeps}`;
  const run = () => temporal.workflow.execute('retentionSweep', { workflowId, taskQueue });
  return service.withoutWorker(() => service.withAnotherWorker(run, policy));
}

const purge = (requestId: string) => service.retention.destroy('request', refOf(requestId), new Date());
const isPurged = async (workflowId: string) => (await service.client.status(workflowId)).status === 'purged';

describe('a sweep', () => {
  it('goes past every kind of broken record: it destroys the others, reports the broken ones, and nothing of theirs is lost', async () => {
    const truncated = await ended('b-truncated');
    await ended('c-other-bytes');
    await ended('d-deleted');
    const whole = await ended('e-whole');
    const before = new Map<string, Buffer>();
    for (const requestId of ['b-truncated', 'c-other-bytes', 'd-deleted']) {
      const key = recordKey(requestId);
      before.set(key, (await driver().get(key))?.value ?? Buffer.alloc(0));
      await driver().delete(key);
    }
    const bytes = (requestId: string) => Buffer.from(before.get(recordKey(requestId)) ?? []);
    await driver().putIfAbsent(recordKey('b-truncated'), bytes('b-truncated').subarray(0, 30));
    const changed = bytes('c-other-bytes');
    changed[changed.length - 20] = (changed[changed.length - 20] ?? 0) ^ 1;
    await driver().putIfAbsent(recordKey('c-other-bytes'), changed);
    // Of the deleted one nothing tells its end: the server has forgotten it too.
    const run = { workflowId: workflowIdOf(refOf('d-deleted')) };
    await service.temporal.workflowService.deleteWorkflowExecution({ namespace: 'default', workflowExecution: run });
    await until('it is gone', async () => (await runAt(service.temporal, run.workflowId)) === undefined);

    const objects = async (requestId: string) =>
      (await service.vault.list(`requests/${service.connection}/access/${requestId}`)).filter(
        key => !key.endsWith('/record'),
      );
    const counts = async () =>
      Promise.all([...before.keys()].map(async key => (await objects(key.split('/')[3] ?? '')).length));
    const had = await counts();
    const swept = await sweep(AT_ONCE);
    expect(swept).toMatchObject({ left: 3 });
    await until('it is purged', () => isPurged(whole));
    expect(await counts()).toEqual(had);
    expect(await runAt(service.temporal, truncated)).toBeDefined();
    for (const [workflowId, code] of [
      [truncated, 'record-broken'],
      [workflowIdOf(refOf('c-other-bytes')), 'record-broken'],
      [run.workflowId, 'vault-rolled-back'],
    ])
      expect(service.log).toContainEqual(expect.stringMatching(`the age of ${workflowId} .${code}.; the next sweep`));

    // Put back from a backup, they are destroyed by the next sweep.
    for (const [key, value] of before) {
      await driver().delete(key);
      await driver().putIfAbsent(key, value);
    }
    expect(await sweep(AT_ONCE)).toMatchObject({ left: 0 });
    for (const requestId of ['b-truncated', 'c-other-bytes', 'd-deleted'])
      await until('it is purged', () => isPurged(workflowIdOf(refOf(requestId))));
  });

  it('destroys one request behind two hundred that cannot be destroyed', async () => {
    const last = await ended('z-last');
    const broken = Array.from({ length: 200 }, (_, index) => `requests/${service.connection}/access/a-${index}`);
    for (const folder of broken) {
      await driver().putIfAbsent(`${folder}/record`, Buffer.from('broken'));
      await driver().putIfAbsent(`${folder}/object`, Buffer.from('broken'));
    }
    expect(await sweep(AT_ONCE)).toMatchObject({ left: 200 });
    await until('it is purged', () => isPurged(last));
    for (const folder of broken) for (const name of ['record', 'object']) await driver().delete(`${folder}/${name}`);
  });

  it('that continues in a new run goes on where it was; one that is started with nonsense begins anew', async () => {
    const { temporal, taskQueue } = service;
    const begun = { kept: 5, unkept: 0, destroyed: 7, left: 1, foreign: 2 };
    const before = { swept: begun, nowMs: Date.now(), place: { way: 'runs', after: '' }, failed: [] };
    const run = (client: Client, args: unknown[]) => {
      sweeps += 1;
      return client.workflow.execute('retentionSweep', { workflowId: `${taskQueue}/sweep-${sweeps}`, taskQueue, args });
    };
    expect(await run(temporal, [before])).toEqual(begun);
    const anew = { kept: expect.any(Number), unkept: 0, destroyed: 0, left: 0, foreign: expect.any(Number) };
    expect(await run(temporal, [{ ...before, place: 5 }])).toEqual(anew);
    sweeps += 1;
    const workflowId = `${taskQueue}/sweep-${sweeps}`;
    await outsider.workflow.start('retentionSweep', { workflowId, taskQueue, args: [before] });
    expect(await temporal.workflow.getHandle(workflowId).result()).toEqual(anew);
  });

  it('keeps evidence behind a receipt that cannot be issued, and the next sweep searches that time again', async () => {
    const workflowId = await ended('no-receipt');
    const key = recordKey('no-receipt');
    const record = (await driver().get(key))?.value ?? Buffer.alloc(0);
    await ended('with-receipt');
    await driver().delete(key);
    await driver().putIfAbsent(key, Buffer.from('broken'));
    expect(await sweep(MONTH)).toMatchObject({ unkept: 1, destroyed: 0 });
    const keptOf = (requestId: string) => service.vault.list(`evidence/${service.connection}/access/${requestId}`);
    expect(await keptOf('with-receipt')).toHaveLength(1);
    expect(service.log).toContainEqual(expect.stringContaining(`no receipt of ${workflowId}`));
    await driver().delete(key);
    await driver().putIfAbsent(key, record);
    expect(await sweep(MONTH)).toMatchObject({ unkept: 0 });
    expect(await keptOf('no-receipt')).toHaveLength(1);
    await purge('no-receipt');
    await purge('with-receipt');
  });
});

describe('a run that somebody without a key started', () => {
  /** Open for ever: nobody serves its queue. */
  const leaveOpen = (workflowId: string, taskQueue = 'nobody-serves-this', type = 'accessRequest') =>
    outsider.workflow.start(type, { workflowId, taskQueue, args: ['nonsense'] });

  it('under an id below that of a request, on any queue, holds up neither purge nor sweep', async () => {
    const workflowId = await ended('squatted');
    const handles = [
      await leaveOpen(`${workflowId}:x`),
      await leaveOpen(`${workflowId}:pages:1`, undefined, 'fetchPages'),
      await outsider.workflow.start('fetchPages', {
        workflowId: `${workflowId}:pages:2`,
        taskQueue: service.taskQueue,
        startDelay: '10 days',
        args: ['nonsense'],
      }),
    ];
    expect(await idsDue(service, MONTH, Date.now() + 31 * DAY_MS)).toContain(workflowId);
    expect(await purge('squatted')).toMatchObject({ result: { status: 'purged' }, histories: [{ workflowId }] });
    for (const handle of handles) {
      expect((await handle.describe()).status.name).toBe('RUNNING');
      await handle.terminate();
    }
  });

  it('under the id of a request itself, of another type, queue or input, is counted, logged once and left alone', async () => {
    const { taskQueue } = service;
    for (const [requestId, start] of Object.entries({
      queue: (id: string) => leaveOpen(id),
      type: (id: string) => leaveOpen(id, undefined, 'somethingElse'),
      input: (workflowId: string) =>
        outsider.workflow.start('accessRequest', { workflowId, taskQueue, startDelay: '10 days', args: ['nonsense'] }),
    })) {
      const workflowId = await ended(requestId);
      const handle = await start(workflowId);
      const log: string[] = [];
      const { tryItem } = createSweep({ ...service, policy: AT_ONCE, log: ({ message }) => log.push(message) });
      const item = { request: refOf(requestId), way: 'ended' } as const;
      expect(await tryItem(item, Date.now())).toEqual({ destroyed: 1, foreign: 1 });
      expect(await tryItem(item, Date.now())).toEqual({ destroyed: 1, foreign: 1 });
      expect(log).toEqual([`a run under the id ${workflowId} is not of this service and is ignored`]);
      expect(await service.cases.unshredded()).not.toContainEqual(refOf(requestId));
      expect((await runAt(service.temporal, workflowId))?.runId).toBe(handle.firstExecutionRunId);
      await handle.terminate();
    }
  });

  it('for a request that never was gets neither receipt nor evidence, and keeps no key', async () => {
    const { temporal, taskQueue, keyring } = service;
    const input = { ...refOf('stolen'), subject: { email: EMAIL } };
    const [payload = {}] = await createPayloadCodec(keyring).encode([json(input)]);
    const junk = { ...payload, metadata: { ...payload.metadata, 'encryption-key-id': Buffer.from('k-junk') } };
    const runs = { plain: json(input), torn: { ...payload, data: Buffer.from('torn') }, moved: payload, junk };
    const before = await service.receipts.chain(service.connection);
    for (const [requestId, given] of Object.entries(runs)) {
      const workflowId = workflowIdOf(refOf(requestId));
      await temporal.workflowService.startWorkflowExecution({
        ...{ namespace: 'default', workflowId, requestId: workflowId, input: { payloads: [given] } },
        ...{ workflowType: { name: 'accessRequest' }, taskQueue: { name: taskQueue } },
      });
      const handle = outsider.workflow.getHandle(workflowId);
      if (requestId === 'junk') await handle.terminate();
      await expect(handle.result()).rejects.toThrow();
      const { tryItem } = createSweep({ ...service, policy: MONTH, log() {} });
      expect(await tryItem({ request: refOf(requestId), way: 'closed' }, Date.now())).toEqual({ foreign: 1 });
    }
    expect(await service.receipts.chain(service.connection)).toEqual(before);
    const ids = [keyring.primaryId, 'k-junk'];
    const { keys, foreign } = await needsOf(service, ids);
    expect(keys.get('k-junk')).toBeUndefined();
    expect(foreign.map(({ workflowId }) => requestOf(workflowId)?.requestId)).toEqual(
      expect.arrayContaining(['torn', 'moved', 'junk']),
    );
    expect([...(keys.get(keyring.primaryId)?.unpurged ?? [])].join()).not.toMatch(/torn|moved|junk/);
  });
});

it('the age of a request is judged by the time that the sweep brings, and by nothing of this machine', async () => {
  const workflowId = await ended('aged');
  expect(await idsDue(service, MONTH, Date.now())).not.toContain(workflowId);
  expect(await idsDue(service, MONTH, Date.now() + 31 * DAY_MS)).toContain(workflowId);
  expect(await idsDue(service, AT_ONCE, 0)).not.toContain(workflowId);
  // So it is by the items of a page, which has that time from the workflow; and as it says, the data were destroyed.
  const { find, tryItem } = createSweep({ ...service, policy: MONTH, log() {} });
  const inTwoMonths = Date.now() + 60 * DAY_MS;
  const idsFound = async (nowMs: number) => {
    const pages = [await find('ended', nowMs, ''), await find('runs', nowMs, '')];
    return pages.flatMap(({ items }) => items.map(idOf));
  };
  expect(await idsFound(Date.now())).not.toContain(workflowId);
  expect(await idsFound(inTwoMonths)).toContain(workflowId);
  // The list of the server passes over what an entry names, unless the entries were passed over.
  const idsListed = async (failed: readonly Way[]) => (await find('runs', inTwoMonths, '', failed)).items.map(idOf);
  expect(await idsListed([])).not.toContain(workflowId);
  expect(await idsListed(['ended'])).toContain(workflowId);
  expect((await find('closed', Date.now(), '')).items.map(idOf)).toContain(workflowId);
  expect((await find('closed', DAY_MS, '')).items).toEqual([]);
  await service.evidence.noteKept(inTwoMonths);
  const keptUpTo = (await service.vault.get('evidence-looked/up-to'))?.value.toString() ?? '';
  expect(Date.parse(keptUpTo)).toBeGreaterThan(inTwoMonths - DAY_MS);
  await driver().delete('evidence-looked/up-to');
  const item = { request: refOf('aged'), way: 'ended' } as const;
  expect(await tryItem(item, Date.now())).toEqual({});
  expect(await tryItem(item, inTwoMonths)).toEqual({ destroyed: 1, foreign: 0 });
  // The server may still list it: it counts once.
  expect(await tryItem({ ...item, way: 'runs' }, inTwoMonths)).toEqual({});
  const { result, shreddedAt } = (await service.cases.record(refOf('aged'))) ?? {};
  expect([result?.purged?.at, shreddedAt]).toEqual(Array(2).fill(new Date(inTwoMonths).toISOString()));
});

it('a request that was reset is open as long as its new run is, although its first run has ended', async () => {
  const { temporal, connection } = service;
  await service.connections.change(connection, present => ({ ...present, pausedAt: new Date().toISOString() }));
  const input = { requestId: 'reset', connection, subject: { email: EMAIL } };
  const { workflowId, runId } = await service.client.start('access', input);
  await until('it waits', async () => (await service.client.status(workflowId)).status === 'waiting');
  const events = (await historyOf(temporal, { workflowId, runId }))?.events ?? [];
  const first = events.find(event => event.workflowTaskCompletedEventAttributes)?.eventId;
  await temporal.workflowService.resetWorkflowExecution({
    ...{ namespace: 'default', workflowExecution: { workflowId, runId }, requestId: 'reset-it' },
    ...(first && { workflowTaskFinishEventId: first }),
  });
  expect((await runAt(temporal, workflowId, runId))?.open).toBe(false);
  const now = await runAt(temporal, workflowId);
  expect(now).toMatchObject({ open: true, firstRunId: runId });
  expect(await idsDue(service, MONTH, Date.now() + 31 * DAY_MS)).not.toContain(workflowId);
  await expect(purge('reset')).rejects.toMatchObject({ code: 'request-open' });
  await expect(service.lateReceipts.of(refOf('reset'))).rejects.toMatchObject({ code: 'request-open' });
  await service.client.cancel(workflowId);
  await service.connections.change(connection, ({ pausedAt: _, ...present }) => present);
  await service.client.result(workflowId);
});

it('an object that cannot be sealed again keeps the key that it names, and no other key', async () => {
  const keyFile = join(service.folder, 'keys.json');
  const { keyring, vault, cases } = service;
  const first = keyring.primaryId;
  await vault.putIfAbsent('connections/lasting', Buffer.from('{}'));
  await vault.putIfAbsent('connections/broken', Buffer.from('{}'));
  const sealed = Buffer.from((await driver().get('connections/broken'))?.value ?? []);
  sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
  await driver().delete('connections/broken');
  await driver().putIfAbsent('connections/broken', sealed);
  await driver().putIfAbsent('connections/no-object', Buffer.from('?'));
  try {
    const { primary } = rotateKeys(keyFile, { now: new Date(), from: new Date() });
    await until('the new key seals', () => keyring.primaryId === primary);
    const { unread, broken } = await resealAll({ vault, cases });
    expect([...(unread.get(first) ?? [])]).toEqual(['connections/broken']);
    expect(broken).toEqual(['connections/no-object']);
    expect(await vault.sealedBy('connections/lasting')).toBe(primary);
  } finally {
    for (const name of ['lasting', 'broken', 'no-object']) await driver().delete(`connections/${name}`);
  }
});

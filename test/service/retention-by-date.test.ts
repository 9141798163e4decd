/**
 * Retention by date: what is due is found by the time of its end, and read; nothing else is. Whatever somebody writes into the
 * vault, and wherever a step was ended, every request is destroyed when its time has come, and none before.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createRetentionActivities } from '../../src/activities/retention-activities';
import { createConfiguration } from '../../src/config';
import { createParts, createStores, type Parts } from '../../src/parts';
import { returned } from '../../src/request/addressed';
import { WAYS, type Way } from '../../src/request/contracts';
import { noCounts, type RequestResult } from '../../src/request/model';
import { NOTHING_SWEPT, type Swept, sumOf } from '../../src/request/swept';
import type { RetentionPolicy } from '../../src/retention/retention';
import { createSweep } from '../../src/retention/sweep';
import type { Cases } from '../../src/vault/cases';
import { createFolderDriver } from '../../src/vault/folder';
import { createS3Driver } from '../../src/vault/s3';
import { createVault, type VaultDriver } from '../../src/vault/vault';
import { askedFor } from '../support/asked';
import { until } from '../support/patience';
import { type S3Server, startS3Server } from '../support/s3-server';
import { startTestService, type TestService } from '../support/service';

const DAY_MS = 86_400_000;
const MONTH = { requestMs: 30 * DAY_MS, packageMs: 30 * DAY_MS };
const END_MS = Date.parse('2026-01-31T23:59:59.999Z');
const DUE_MS = END_MS + MONTH.requestMs;

let service: TestService;
let s3: S3Server;
beforeAll(async () => {
  service = await startTestService({ retention: MONTH });
  s3 = await startS3Server();
  Object.assign(process.env, s3.environment);
  await s3.makeBucket('by-date');
});
afterAll(async () => {
  await service.stop();
  await s3?.stop();
});

let made = 0;
const STORES: Readonly<Record<string, () => VaultDriver>> = {
  'a folder': () => createFolderDriver(join(service.folder, `by-date-${++made}`)),
  'a bucket': () => createS3Driver({ bucket: 'by-date', prefix: `place-${++made}`, endpoint: s3.endpoint }),
};
const refOf = (requestId: string) => ({ connection: 'acme', kind: 'access' as const, requestId });

interface Vaulted extends Parts {
  readonly driver: VaultDriver;
  /** The driver's calls since it was last emptied. */
  readonly calls: string[];
  /** Names of objects that cannot be written. */
  readonly unwritable: RegExp[];
  /** Of objects that cannot be deleted. */
  readonly undeletable: RegExp[];
  /** What the pages are of that cannot be read. */
  readonly unlisted: string[];
  readonly told: string[];
  /** A request that ended then, with a case file. */
  ended(requestId: string, endedMs?: number): Promise<void>;
  /** Opens it. */
  opened(requestId: string): Promise<void>;
  /** As the workflow of a sweep does, which passes over a way that fails. */
  sweep(policy: RetentionPolicy, nowMs: number): Promise<Swept>;
  isPurged(requestId: string): Promise<boolean>;
  hasData(requestId: string): Promise<boolean>;
}

/** A vault of its own beside the server of the test. */
function vaultIn(store: VaultDriver): Vaulted {
  const { keyring, temporal } = service;
  const [calls, unlisted, told]: [string[], string[], string[]] = [[], [], []];
  const [unwritable, undeletable]: [RegExp[], RegExp[]] = [[], []];
  const driver: VaultDriver = {
    ...store,
    get(key) {
      calls.push(`get ${key}`);
      return store.get(key);
    },
    list(prefix) {
      calls.push(`list ${prefix}`);
      return store.list(prefix);
    },
    page(prefix, max, after) {
      calls.push(`page ${prefix}`);
      return unlisted.includes(prefix) ? down() : store.page(prefix, max, after);
    },
    delete: key => (undeletable.some(pattern => pattern.test(key)) ? down() : store.delete(key)),
    async putIfAbsent(key, bytes) {
      calls.push(`put ${key}`);
      return unwritable.some(pattern => pattern.test(key)) ? down() : store.putIfAbsent(key, bytes);
    },
  };
  const vault = createVault(driver, keyring);
  const taskQueue = `by-date-${made}`;
  const parts = createParts(createStores({ keyring, vault }), { temporal, taskQueue });
  const { cases } = parts;
  const opened = (requestId: string) => openIn(cases, requestId);
  return {
    ...parts,
    ...{ driver, calls, unwritable, undeletable, unlisted, told, opened },
    ended: (requestId, endedMs) => keptIn(cases, requestId, endedMs),
    async sweep(policy, nowMs) {
      let all = NOTHING_SWEPT;
      const failed: Way[] = [];
      const sweep = createSweep({ ...parts, policy, log: ({ message }) => void told.push(message) });
      const pageAt = async (way: Way, after: string) => {
        const { next, ...swept } = await sweep.page(
          { nowMs, way, after, failed },
          { before: undefined, onItem() {}, async goOn() {} },
        );
        all = sumOf(all, swept);
        return next;
      };
      for (const way of WAYS) {
        for (let after: string | undefined = ''; after !== undefined; )
          after = await pageAt(way, after).catch(error => {
            told.push(`${way} failed: ${error.message}`);
            failed.push(way);
            return undefined;
          });
      }
      return all;
    },
    isPurged: async requestId => (await cases.record(refOf(requestId)))?.result?.status === 'purged',
    hasData: requestId => cases.hasData(refOf(requestId)),
  };
}

function down(): Promise<never> {
  return Promise.reject(new Error('the vault is down'));
}

async function openIn(cases: Cases, requestId: string): Promise<void> {
  const request = refOf(requestId);
  const startedAt = new Date(END_MS - DAY_MS).toISOString();
  await cases.open({ request, ...askedFor('0'.repeat(32)), runId: randomUUID(), startedAt, incarnation: 1 });
  await cases.write(request, ['a']);
}

/** A request that ended then. */
async function keptIn(cases: Cases, requestId: string, endedMs = END_MS): Promise<void> {
  await openIn(cases, requestId);
  await cases.close(refOf(requestId), resultOf(requestId, endedMs));
}

function resultOf(requestId: string, endedMs: number): RequestResult {
  return {
    ...refOf(requestId),
    status: 'completed',
    counts: noCounts('access'),
    outcomes: [],
    coverage: { contacts: { state: 'complete', gaps: [] }, outOfReach: [] },
    apiRequests: 1,
    startedAt: new Date(endedMs - DAY_MS).toISOString(),
    completedAt: new Date(endedMs).toISOString(),
    doubts: [],
    approvals: [],
  };
}

describe.each(Object.entries(STORES))('in %s', (_, makeDriver) => {
  let vault: Vaulted;
  beforeEach(() => {
    vault = vaultIn(makeDriver());
  });

  it('a request is destroyed when its time has come, to the millisecond, and nothing is left of it but what stays', async () => {
    await vault.ended('r-1');
    await vault.ended('r-2', END_MS + 1);
    expect(await vault.sweep(MONTH, DUE_MS - 1)).toMatchObject({ destroyed: 0, left: 0 });
    expect(await vault.isPurged('r-1')).toBe(false);
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 1, left: 0 });
    expect([await vault.isPurged('r-1'), await vault.isPurged('r-2')]).toEqual([true, false]);
    expect(await vault.vault.list('requests/acme/access/r-1')).toEqual([
      'requests/acme/access/r-1/record',
      'requests/acme/access/r-1/record/0000000003',
    ]);
    expect(await vault.vault.list('ended')).toEqual([expect.stringContaining('.acme.r-2')]);
  });

  it('a retention time that is shorter now, also by a fraction of a day, holds for what ended before', async () => {
    await vault.ended('r-1');
    await vault.ended('r-2', END_MS + 1_000);
    const environment = (days: string) => createConfiguration({ AIRCALL_DSR_RETENTION_DAYS: days }).retention();
    expect(await vault.sweep(environment('30'), END_MS + DAY_MS)).toMatchObject({ destroyed: 0 });
    const shorter = environment(String(1 / 24)); // an hour
    expect(await vault.sweep(shorter, END_MS + 3_599_000)).toMatchObject({ destroyed: 0 });
    expect(await vault.sweep(shorter, END_MS + 3_600_001)).toMatchObject({ destroyed: 1 });
    expect([await vault.isPurged('r-1'), await vault.isPurged('r-2')]).toEqual([true, false]);
  });

  it('of a request whose data are destroyed first nothing is read until its record is due too', async () => {
    const policy = { requestMs: 30 * DAY_MS, packageMs: 10 * DAY_MS };
    await vault.ended('r-1');
    expect(await vault.sweep(policy, END_MS + policy.packageMs)).toMatchObject({ destroyed: 1, left: 0 });
    expect([await vault.hasData('r-1'), await vault.isPurged('r-1')]).toEqual([false, false]);
    expect(await vault.vault.list('ended')).toEqual([]);
    vault.calls.length = 0;
    expect(await vault.sweep(policy, DUE_MS - 1)).toMatchObject({ destroyed: 0, left: 0 });
    expect(vault.calls.filter(call => call.includes('r-1'))).toEqual([]);
    expect(await vault.sweep(policy, DUE_MS)).toMatchObject({ destroyed: 1, left: 0 });
    expect(await vault.isPurged('r-1')).toBe(true);
    expect(await vault.vault.list('emptied')).toEqual([]);
  });

  it('one broken record in the middle of many is left, logged and counted, and all others are destroyed', async () => {
    const ids = Array.from({ length: 60 }, (_each, index) => `r-${String(index).padStart(2, '0')}`);
    for (const [index, id] of ids.entries()) await vault.ended(id, END_MS + index);
    const poisoned = vault.cases.recordKey(refOf('r-30'));
    await vault.driver.delete(poisoned);
    await vault.driver.putIfAbsent(poisoned, Buffer.from('junk'));
    for (let times = 0; times < 2; times++)
      expect(await vault.sweep(MONTH, DUE_MS + 60)).toMatchObject({ destroyed: times === 0 ? 59 : 0, left: 1 });
    const purged = await Promise.all(ids.filter(id => id !== 'r-30').map(vault.isPurged));
    expect(purged).toEqual(purged.map(() => true));
    expect(vault.told).toContainEqual(
      expect.stringMatching(/the age of dsr:acme:access:r-30 .record-broken.; the next/),
    );
  });
});

describe('what somebody writes into the vault', () => {
  let vault: Vaulted;
  beforeEach(() => {
    vault = vaultIn(createFolderDriver(join(service.folder, `by-date-${++made}`)));
  });

  it('names another time than the record of a request: it costs a read once, destroys nothing early and hides nothing', async () => {
    const young = END_MS + 20 * DAY_MS;
    await vault.ended('young', young);
    await vault.ended('due');
    const own = (await vault.vault.list('ended')).find(key => key.endsWith('young')) ?? '';
    // Too early, of a request that never was, and far in the future instead of its own.
    const early = own.replace(/\d{4}-\d\d-\d\d/, '2026-01-15');
    for (const key of [early, early.replace('ended', 'emptied'), early.replace('young', 'never')])
      await vault.driver.putIfAbsent(key, Buffer.from('junk'));
    await vault.driver.putIfAbsent(own.replace(/\d{4}-\d\d-\d\d/, '9998-01-01'), Buffer.from('junk'));
    await vault.driver.delete(own);
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 1, left: 0 });
    expect([await vault.isPurged('due'), await vault.hasData('young')]).toEqual([true, true]);
    expect((await vault.vault.list('ended')).filter(key => !key.includes('9998'))).toEqual([own]);
    expect(await vault.vault.list('emptied')).toEqual([]);
    vault.calls.length = 0;
    expect(await vault.sweep(MONTH, DUE_MS + 1)).toMatchObject({ destroyed: 0, left: 0 });
    expect(vault.calls.filter(call => /record|never/.test(call))).toEqual([]);
    expect(await vault.sweep(MONTH, young + MONTH.requestMs)).toMatchObject({ destroyed: 1, left: 0 });
    expect(await vault.isPurged('young')).toBe(true);
  });

  it.each([
    ['the entry', 1],
    ['the entry and the mark', 2],
  ])('lacks %s of a request: the walk over all names finds it', async (_, removed) => {
    await vault.ended('r-1');
    const names = [...(await vault.vault.list('ended')), ...(await vault.vault.list('requests/acme/access/r-1/ended'))];
    expect(names).toHaveLength(2);
    for (const key of names.slice(0, removed)) await vault.driver.delete(key);
    expect(await vault.sweep(MONTH, DUE_MS - 1)).toMatchObject({ destroyed: 0, left: 0 });
    expect(await vault.vault.list('ended')).toHaveLength(removed - 1); // one without a mark got both again
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 1, left: 0 });
    expect(await vault.isPurged('r-1')).toBe(true);
  });

  it('is an object at the very name of the folder of a request: it is no data, and what was destroyed is not destroyed again', async () => {
    await vault.ended('r-1');
    await vault.driver.putIfAbsent('requests/acme/access/r-1', Buffer.from('junk'));
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 1, left: 0 });
    expect(await vault.sweep(MONTH, DUE_MS + 1)).toMatchObject({ destroyed: 0, left: 0 });
  });

  it('is a mark of a time to come, or of two times: the record decides all the same', async () => {
    for (const [requestId, times] of Object.entries({ future: [DUE_MS + 1], two: [END_MS, END_MS + DAY_MS] })) {
      await vault.ended(requestId);
      const own = [...(await vault.vault.list('ended')), `requests/acme/access/${requestId}/ended/${END_MS}`];
      for (const key of own.filter(each => each.includes(requestId))) await vault.driver.delete(key);
      for (const ms of times)
        await vault.driver.putIfAbsent(`requests/acme/access/${requestId}/ended/${ms}`, Buffer.alloc(0));
    }
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 2, left: 0 });
    expect([await vault.isPurged('future'), await vault.isPurged('two')]).toEqual([true, true]);
  });
});

describe('nothing stops all others:', () => {
  let vault: Vaulted;
  let folder: string;
  beforeEach(() => {
    folder = join(service.folder, `by-date-${++made}`);
    vault = vaultIn(createFolderDriver(folder));
  });

  it('not a name of nothing that cannot be deleted', async () => {
    await vault.ended('r-1');
    mkdirSync(join(folder, 'ended/2026-01-01/junk/~1'), { recursive: true });
    mkdirSync(join(folder, 'ended/2026-01-01/more/~1'), { recursive: true });
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 1, left: 0 });
    expect(await vault.vault.list('ended')).toEqual(['ended/2026-01-01/junk', 'ended/2026-01-01/more']);
    expect(vault.told.filter(told => told.includes('failed'))).toEqual([]);
  });

  it('not an entry or a mark that nobody can read: its name is enough', async () => {
    const ids = ['r-1', 'r-2', 'r-3'];
    for (const id of ids) await vault.ended(id);
    const entryOf = async (id: string) => (await vault.vault.list('ended')).find(name => name.endsWith(id)) ?? '';
    // The walk comes to it because its record cannot be read either, and to the next one because that has no entry.
    const [broken, unnoted] = [await entryOf('r-2'), await entryOf('r-3')];
    for (const key of [broken, `requests/acme/access/r-2/ended/${END_MS}`, vault.cases.recordKey(refOf('r-2'))]) {
      await vault.driver.delete(key);
      mkdirSync(join(folder, key, '~1'), { recursive: true });
    }
    await vault.driver.delete(unnoted);
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 2, left: 1 });
    expect([await vault.isPurged('r-1'), await vault.isPurged('r-3')]).toEqual([true, true]);
    expect(vault.told.filter(told => told.includes('failed'))).toEqual([]);
  });

  it('not a way that fails: what it passed over is found by the walk', async () => {
    await vault.ended('r-1');
    vault.unlisted.push('ended');
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 1, left: 0 });
    expect(vault.told).toContain('ended failed: the vault is down');
    expect(await vault.isPurged('r-1')).toBe(true);
  });

  it('not a request of which the walk cannot say whether it is noted', async () => {
    const ids = ['r-1', 'r-2', 'r-3'];
    for (const id of ids) await vault.ended(id);
    vault.unlisted.push('ended', 'ended/2026-01-31');
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 3, left: 0 });
  });
});

describe('evidence that cannot be kept now', () => {
  let vault: Vaulted;
  beforeEach(() => {
    vault = vaultIn(createFolderDriver(join(service.folder, `by-date-${++made}`)));
  });

  it('is counted, and holds up no other, if not even its entry can be removed', async () => {
    await vault.ended('r-1');
    for (const id of ['never-1', 'never-2']) await vault.cases.ended.noteUnkept(refOf(id), END_MS);
    vault.undeletable.push(/never-1$/);
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 1, left: 0, unkept: 1 });
    expect(await vault.vault.list('unkept')).toEqual([expect.stringContaining('never-1')]);
    expect(vault.told.filter(told => told.includes('failed'))).toEqual([]);
  });

  it('is searched again if nothing could note it', async () => {
    await vault.ended('r-1');
    const keptUpTo: number[] = [];
    const evidence = {
      ...vault.evidence,
      unkept: async () => ({ requests: [{ request: refOf('r-1'), closedAt: new Date(END_MS) }] }),
      keep: down,
      noteKept: async (nowMs: number) => void keptUpTo.push(nowMs),
    };
    const sweep = createSweep({
      ...vault,
      evidence,
      policy: MONTH,
      log: ({ message }) => void vault.told.push(message),
    });
    const page = () =>
      sweep.page(
        { nowMs: DUE_MS, way: 'closed', after: '', failed: [] },
        { before: undefined, onItem() {}, async goOn() {} },
      );
    vault.unwritable.push(/^unkept\//);
    await expect(page()).rejects.toThrow('the vault is down');
    expect(keptUpTo).toEqual([]);
    vault.unwritable.length = 0;
    expect(await page()).toMatchObject({ unkept: 1 });
    expect(keptUpTo).toEqual([DUE_MS]);
    expect(vault.told).toContainEqual(expect.stringMatching(/^no evidence of dsr:acme:access:r-1 /));
  });
});

it('a request that was purged without an end of its own, and is not forgotten, is destroyed by the next sweep', async () => {
  const vault = vaultIn(createFolderDriver(join(service.folder, `by-date-${++made}`)));
  await vault.opened('cut-short');
  await vault.lateReceipts.of(refOf('cut-short'));
  vault.undeletable.push(/^ended\//);
  expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 0, left: 2 }); // by its entry, and by its mark
  expect(await vault.isPurged('cut-short')).toBe(true);
  vault.undeletable.length = 0;
  expect(await vault.sweep(MONTH, DUE_MS + 1)).toMatchObject({ destroyed: 1, left: 0 });
  expect(await vault.vault.list('ended')).toEqual([]);
  expect(await vault.vault.list('requests/acme/access/cut-short/ended')).toEqual([]);
});

describe('a request whose last step was ended between its two writes', () => {
  let vault: Vaulted;
  beforeEach(() => {
    vault = vaultIn(createFolderDriver(join(service.folder, `by-date-${++made}`)));
  });
  const close = (requestId: string) => vault.cases.close(refOf(requestId), resultOf(requestId, END_MS));

  it('has a record and no entry: the repeated step writes it, and without that the walk finds the request', async () => {
    vault.unwritable.push(/ended\//);
    for (const id of ['repeated', 'not-repeated']) {
      await vault.opened(id);
      await expect(close(id)).rejects.toThrow('the vault is down');
      expect((await vault.cases.record(refOf(id)))?.result?.status).toBe('completed');
    }
    expect(await vault.vault.list('ended')).toEqual([]);
    vault.unwritable.length = 0;
    await close('repeated');
    expect(await vault.vault.list('ended')).toHaveLength(1);
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 2, left: 0 });
    expect([await vault.isPurged('repeated'), await vault.isPurged('not-repeated')]).toEqual([true, true]);
  });

  it('has an entry and no end in its record, because an older record was put back: it is judged by the record, and never lost', async () => {
    await vault.opened('r-1');
    await vault.cases.ended.note('ended', refOf('r-1'), END_MS - DAY_MS);
    // Its run is lost, so it began and ended a day before.
    expect(await vault.sweep(MONTH, DUE_MS - DAY_MS - 1)).toMatchObject({ destroyed: 0, left: 0 });
    await close('r-1');
    expect(await vault.sweep(MONTH, DUE_MS - 1)).toMatchObject({ destroyed: 0, left: 0 });
    expect(await vault.vault.list('ended')).toEqual([expect.stringContaining('2026-01-31/235959999')]);
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 1, left: 0 });
  });

  it('and is destroyed by a step that was ended between its writes is destroyed by the next one', async () => {
    await vault.ended('r-1');
    vault.unwritable.push(/^purged\//);
    expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 0, left: 1 });
    vault.unwritable.length = 0;
    expect(await vault.sweep(MONTH, DUE_MS + 1)).toMatchObject({ destroyed: 1, left: 0 });
    expect(await vault.vault.list('purged')).toHaveLength(1);
    expect(await vault.vault.list('ended')).toEqual([]);
  });
});

it('a sweep with nothing due reads no request, however many are kept', async () => {
  const vault = vaultIn(createFolderDriver(join(service.folder, `by-date-${++made}`)));
  const readsWith = async () => {
    vault.calls.length = 0;
    expect(await vault.sweep(MONTH, DUE_MS - 1)).toMatchObject({ destroyed: 0, left: 0 });
    return vault.calls.length;
  };
  await vault.ended('first');
  const withOne = await readsWith();
  for (let index = 0; index < 200; index++) await vault.ended(`r-${index}`, END_MS + index);
  expect(await readsWith()).toBeLessThanOrEqual(withOne);
  expect(withOne).toBeLessThan(20);
});

it('the step heartbeats what it did, ends between two requests when it is cancelled, and the next attempt adds to that', async () => {
  const vault = vaultIn(createFolderDriver(join(service.folder, `by-date-${++made}`)));
  for (let index = 0; index < 20; index++) await vault.ended(`r-${index}`);
  const { sweepPage } = createRetentionActivities(createSweep({ ...vault, policy: MONTH, log() {} }));
  const place = { nowMs: DUE_MS, way: 'ended', after: '', failed: [] } as const;
  const first = new MockActivityEnvironment();
  const beats: Swept[] = [];
  first.on('heartbeat', (done: Swept) => {
    beats.push(done);
    if (done.destroyed === 3) first.cancel('WORKER_SHUTDOWN');
  });
  await expect(first.run(sweepPage, place)).rejects.toThrow('WORKER_SHUTDOWN');
  const before = beats.at(-1);
  expect(beats[0]).toEqual(NOTHING_SWEPT);
  // Those in flight end.
  expect(before?.destroyed).toBeLessThan(20);
  expect(before?.destroyed).toBeGreaterThanOrEqual(3);
  expect(await vault.vault.list('ended')).toHaveLength(20 - (before?.destroyed ?? 0));
  const next = new MockActivityEnvironment({ heartbeatDetails: before });
  expect(await next.run(sweepPage, place)).toMatchObject({ destroyed: 20, left: 0 });
  expect(await vault.vault.list('ended')).toEqual([]);
});

it('the step heartbeats also while one request takes long, and no more when it has ended', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
  try {
    let release = () => {};
    const { sweepPage } = createRetentionActivities({
      page: (_, { onItem }) =>
        new Promise(resolve => {
          onItem({ ...NOTHING_SWEPT, destroyed: 1 });
          release = () => resolve(NOTHING_SWEPT);
        }),
    });
    const environment = new MockActivityEnvironment();
    const beats: Swept[] = [];
    environment.on('heartbeat', (done: Swept) => beats.push(done));
    const place = { nowMs: DUE_MS, way: 'ended', after: '', failed: [] } as const;
    const running = environment.run(sweepPage, place);
    jest.advanceTimersByTime(10 * 60_000);
    expect(beats.length).toBeGreaterThan(10);
    expect(beats.map(({ destroyed }) => destroyed)).toEqual(beats.map(() => 1));
    release();
    await running;
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

describe('the run of a sweep', () => {
  let sweeps = 0;
  const start = () => {
    const { temporal, taskQueue } = service;
    return temporal.workflow.start('retentionSweep', { workflowId: `${taskQueue}/sweep-${++sweeps}`, taskQueue });
  };
  /** A worker whose steps do what the test says, by way and page. */
  const withSteps = <T>(work: () => Promise<T>, step: (way: Way, after: string) => Promise<object>) =>
    service.withoutWorker(() =>
      service.withAnotherWorker(work, MONTH, () => ({
        inbound: {
          async execute({ args: [message] }) {
            const [{ way, after }] = Object(message).input;
            return returned('sweepPage', await step(way, after));
          },
        },
      })),
    );

  it('that is cancelled ends, and the next one finds what it left', async () => {
    const { cases } = service;
    const ids = Array.from({ length: 30 }, (_each, index) => `left-${index}`);
    for (const id of ids) await keptIn(cases, id);
    let isHeld = false;
    let release = () => {};
    const released = new Promise<void>(resolve => {
      release = resolve;
    });
    await withSteps(
      async () => {
        const handle = await start();
        await until('its step is taken', () => isHeld);
        await handle.cancel();
        await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
        release();
      },
      async way => {
        if (way !== 'ended') return NOTHING_SWEPT;
        isHeld = true;
        await released;
        return NOTHING_SWEPT;
      },
    );
    expect(await cases.unshredded()).toHaveLength(ids.length);
    expect(await (await start()).result()).toMatchObject({ destroyed: ids.length, left: 0 });
    expect(await cases.unshredded()).toEqual([]);
  });

  it('passes over a way whose step fails for good, and fails at its end', async () => {
    const done: Way[] = [];
    await withSteps(
      async () => {
        await expect((await start()).result()).rejects.toMatchObject({ cause: { type: 'local-failure' } });
      },
      async way => {
        if (way === 'ended') throw ApplicationFailure.nonRetryable('the vault is down');
        done.push(way);
        return NOTHING_SWEPT;
      },
    );
    expect(done).toEqual(WAYS.filter(way => way !== 'ended'));
  });
});

it('a request of which nothing else is left on the server has an entry too if it ended without its last step', async () => {
  const vault = vaultIn(createFolderDriver(join(service.folder, `by-date-${++made}`)));
  await vault.opened('cut-short');
  await vault.lateReceipts.of(refOf('cut-short'));
  expect((await vault.cases.record(refOf('cut-short')))?.cutShort).toBe(true);
  expect(await vault.vault.list('ended')).toEqual([expect.stringContaining('.acme.cut-short')]);
  expect(await vault.sweep(MONTH, DUE_MS)).toMatchObject({ destroyed: 1, left: 0 });
  expect((await vault.cases.record(refOf('cut-short')))?.result?.purged).toMatchObject({ status: 'failed' });
});

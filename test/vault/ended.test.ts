/** Requests by the time of their end, in a folder and in a bucket: names that everybody can write, and nobody has to read all of. */
import { createEnded, type Ended } from '../../src/vault/ended';
import { createFolderDriver } from '../../src/vault/folder';
import { createS3Driver } from '../../src/vault/s3';
import { createVault, type Vault, type VaultDriver } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { makeFolder, removeFolder } from '../support/folders';
import { type S3Server, startS3Server } from '../support/s3-server';

const ring = keyringOf(['k-1', keyOf('one')]);
const END_MS = Date.parse('2026-02-28T23:59:59.999Z');
const folders: string[] = [];
let s3: S3Server;
let made = 0;

beforeAll(async () => {
  s3 = await startS3Server();
  Object.assign(process.env, s3.environment);
  await s3.makeBucket('ended');
});
afterAll(async () => {
  await s3?.stop();
  for (const folder of folders) removeFolder(folder);
});

const STORES: Readonly<Record<string, () => VaultDriver>> = {
  'a folder'() {
    folders.push(makeFolder());
    return createFolderDriver(folders.at(-1) ?? '');
  },
  'an S3-compatible bucket': () =>
    createS3Driver({ bucket: 'ended', prefix: `place-${++made}`, endpoint: s3.endpoint }),
};

const refOf = (requestId: string, connection = 'acme') => ({ connection, kind: 'access' as const, requestId });

describe.each(Object.entries(STORES))('in %s', (_, makeDriver) => {
  let driver: VaultDriver;
  let vault: Vault;
  let ended: Ended;
  let calls: string[];
  beforeEach(() => {
    const store = makeDriver();
    calls = [];
    driver = new Proxy(store, {
      get(_target, name, receiver) {
        calls.push(String(name));
        return Reflect.get(store, name, receiver);
      },
    });
    vault = createVault(driver, ring);
    ended = createEnded(vault);
  });

  async function allUpTo(untilMs: number, max = 2): Promise<string[]> {
    const ids: string[] = [];
    for (let after: string | undefined; ; ) {
      const { entries, next } = await ended.page('ended', untilMs, max, after);
      expect(entries.length).toBeLessThanOrEqual(max);
      ids.push(...entries.map(({ request }) => `${request.connection}/${request.requestId}`));
      if (next === undefined) return ids;
      after = next;
    }
  }

  test('entries are found in order of time, to the millisecond, a page at a time', async () => {
    const times = { last: 0, first: -86_400_000, a: -2, 'a.b': -2, 'a-1': -2, next: 1 };
    for (const [requestId, ms] of Object.entries(times)) await ended.note('ended', refOf(requestId), END_MS + ms);
    await ended.note('ended', refOf('r.04.x', 'a.b-c'), END_MS - 1);
    const upTo = ['acme/a', 'acme/a-1', 'acme/a.b', 'acme/first', 'a.b-c/r.04.x', 'acme/last'];
    expect((await allUpTo(END_MS)).sort()).toEqual(upTo.toSorted());
    expect((await allUpTo(END_MS))[0]).toBe('acme/first');
    expect((await allUpTo(END_MS)).slice(-2)).toEqual(['a.b-c/r.04.x', 'acme/last']);
    expect((await allUpTo(END_MS - 1)).at(-1)).toBe('a.b-c/r.04.x');
    expect(await allUpTo(END_MS + 1)).toHaveLength(7);
  });

  test('an entry moves from shelf to shelf, and is forgotten with its mark', async () => {
    const request = refOf('r-1');
    for (let times = 0; times < 2; times++) await ended.note('ended', request, END_MS);
    expect(await vault.list('')).toEqual([
      'ended/2026-02-28/235959999.access.04.acme.r-1',
      `requests/acme/access/r-1/ended/${END_MS}`,
    ]);
    await ended.note('emptied', request, END_MS);
    expect(await ended.isNoted('ended', request, END_MS)).toBe(false);
    expect(await ended.isNoted('emptied', request, END_MS)).toBe(true);
    await ended.forget(request);
    expect(await vault.list('')).toEqual([]);
  });

  test('hundreds of names of others in a day cost a page at a time, are deleted, and hide nothing', async () => {
    const entry = '2026-02-28/235959999.access.04.acme';
    const junk = [
      ...['ended/2026-02-28', 'ended/2026-02-28/x/y', 'ended/0000', `ended/${entry}`, `ended/${entry}.`],
      // A day that does not exist, a name that is too long, a length that is not that of the connection, another kind.
      ...['2026-02-30', '2026-13-01'].map(day => `ended/${day}/235959999.access.04.acme.r-1`),
      ...[`ended/${entry}.${'x'.repeat(65)}`, 'ended/2026-02-28/235959999.access.05.acme.r-1'],
      ...['ended/2026-02-28/235959999.else.04.acme.r-1', 'ended/2026-02-28/236059999.access.04.acme.r-1'],
    ];
    const many = Array.from({ length: 300 }, (_each, index) => `ended/2026-02-27/junk-${index}`);
    await Promise.all([...junk, ...many].map(key => driver.putIfAbsent(key, Buffer.from('junk'))));
    await ended.note('ended', refOf('r-1'), END_MS);
    // Behind what is not due yet nothing is read.
    await ended.note('ended', refOf('r-2'), END_MS + 1);
    await driver.putIfAbsent('ended/9999/junk', Buffer.from('junk'));
    calls = [];
    const first = await ended.page('ended', END_MS, 25);
    expect(first.entries).toEqual([]);
    expect(calls.filter(name => name === 'page')).toHaveLength(1);
    expect(calls.length).toBeLessThanOrEqual(101);
    calls = [];
    expect(await allUpTo(END_MS)).toEqual(['acme/r-1']);
    expect(calls).not.toContain('get');
    calls = [];
    expect(await allUpTo(END_MS)).toEqual(['acme/r-1']);
    expect(calls).toEqual(['page']);
    expect(await vault.list('ended')).toContain('ended/9999/junk');
    expect(await vault.list('ended')).toHaveLength(4); // the day 2026-13-01 is behind it too
  });

  test('the walk meets every request once, also those whose names begin alike, and one with more objects than a page holds', async () => {
    const ids = Array.from({ length: 25 }, (_each, index) => `r-${index}`);
    await Promise.all(ids.map(id => vault.putIfAbsent(`requests/acme/access/${id}/case/x`, Buffer.alloc(0))));
    const others = ['requests/acme/access/r-1.x/record', 'requests/acme-1/access/r-1/case/x', 'requests/junk'];
    for (const key of others) await vault.putIfAbsent(key, Buffer.alloc(0));
    await ended.note('ended', refOf('r-3'), END_MS);
    await ended.note('ended', refOf('noted'), END_MS);
    const large = Array.from({ length: 1_010 }, (_each, index) => `requests/acme/access/r-10/case/${index}`);
    await Promise.all(large.map(key => driver.putIfAbsent(key, Buffer.alloc(0))));
    const met: string[] = [];
    const told = new Map<string, unknown>();
    for (let after: string | undefined; ; ) {
      const { folders: found, next } = await ended.folders(after);
      for (const { request, hasData, endedMs } of found) {
        met.push(`${request.connection}/${request.requestId}`);
        told.set(request.requestId, { hasData, endedMs });
      }
      if (next === undefined) break;
      after = next;
    }
    // The large one fills a page alone, and its last names the next.
    expect([...new Set(met)].sort()).toEqual(
      [...ids, 'noted', 'r-1.x']
        .map(id => `acme/${id}`)
        .concat('acme-1/r-1')
        .toSorted(),
    );
    expect(met.filter(id => id !== 'acme/r-10')).toHaveLength(new Set(met).size - 1);
    expect(told.get('r-3')).toEqual({ hasData: true, endedMs: [END_MS] });
    expect(told.get('noted')).toEqual({ hasData: false, endedMs: [END_MS] });
    expect(told.get('r-1.x')).toEqual({ hasData: false, endedMs: [] });
  });

  test('the walk begins anew where nobody can read how far it came', async () => {
    expect(await ended.walkedTo()).toBeUndefined();
    await ended.noteWalked('requests/acme/access/r-1/');
    expect(await ended.walkedTo()).toBe('requests/acme/access/r-1/');
    await driver.delete('walked/requests');
    await driver.putIfAbsent('walked/requests', Buffer.from('junk'));
    expect(await ended.walkedTo()).toBeUndefined();
    await ended.noteWalked('requests/b/');
    expect(await ended.walkedTo()).toBe('requests/b/');
    await ended.noteWalked(undefined);
    expect(await vault.list('')).toEqual([]);
  });
});

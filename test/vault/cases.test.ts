import { buffer } from 'node:stream/consumers';
import { clockOf, ExtensionRefused } from '../../src/request/clock';
import type { RequestResult } from '../../src/request/model';
import type { RequestRef } from '../../src/request/names';
import { CaseFileBroken, type Cases, createCases, type RequestRecord } from '../../src/vault/cases';
import { FILE_LIMITS } from '../../src/vault/chunks';
import { sha256Of } from '../../src/vault/digest';
import { createEnded } from '../../src/vault/ended';
import { createFolderDriver } from '../../src/vault/folder';
import { createMarks } from '../../src/vault/marks';
import { createRecords } from '../../src/vault/records';
import { createVault, type Vault, type VaultDriver } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { askedFor } from '../support/asked';
import { makeFolder, removeFolder } from '../support/folders';
import { streamOf } from '../support/streams';

const ring = keyringOf(['k-1', keyOf('one')]);
const request: RequestRef = { connection: 'acme', kind: 'access', requestId: 'r-1' };
const other: RequestRef = { ...request, requestId: 'r-2' };
const record: RequestRecord = {
  request,
  ...askedFor('f'.repeat(32)),
  runId: 'run-1',
  startedAt: '2026-01-31T12:00:00.000Z',
  incarnation: 1,
};

const ZIP = Buffer.from('zip');
const ZIP_SHA256 = sha256Of(ZIP);

const result: RequestResult = {
  ...request,
  status: 'partial',
  counts: { contacts: 1, calls: 2, refused: 0, failed: 1 },
  outcomes: [{ record: 'contact 1', outcome: 'failed', code: 'unavailable' }],
  coverage: { contacts: { state: 'complete', gaps: [] }, outOfReach: [] },
  apiRequests: 7,
  startedAt: record.startedAt,
  completedAt: '2026-01-31T12:01:00.000Z',
  doubts: [],
  approvals: [],
  package: { uri: 'vault:x', sha256: 'a', sizeBytes: 1 },
};

let folder: string;
let driver: VaultDriver;
let vault: Vault;
let cases: Cases;
beforeEach(async () => {
  folder = makeFolder();
  driver = createFolderDriver(folder);
  vault = createVault(driver, ring);
  cases = createCases(vault);
  await cases.open(record);
});
afterEach(() => removeFolder(folder));

describe('the case file of a request', () => {
  test('gives back what a step wrote, to the reference that the history names', async () => {
    const value = { contacts: [{ id: 1, emails: [{ value: 'anna@example.com' }] }], none: null };
    const ref = await cases.write(request, value);
    expect(await cases.read(request, ref)).toEqual(value);
    expect(ref.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(ref)).not.toContain('anna');
  });

  test('keeps every attempt: the same value twice is two objects', async () => {
    const [first, second] = [await cases.write(request, ['a']), await cases.write(request, ['a'])];
    expect(first.ref).not.toBe(second.ref);
    expect(await cases.read(request, first)).toEqual(await cases.read(request, second));
  });

  test('has a digest that proves nothing about its value to those who guess it', async () => {
    const digests = [await cases.write(request, ['a']), await cases.write(request, ['a'])].map(({ digest }) => digest);
    expect(new Set([...digests, sha256Of(Buffer.from('["a"]'))]).size).toBe(3);
  });

  test('refuses an object that is missing', async () => {
    const ref = await cases.write(request, ['a']);
    await vault.delete(`requests/acme/access/r-1/case/${ref.ref}`);
    await expect(cases.read(request, ref)).rejects.toThrow(CaseFileBroken);
    await expect(cases.read(request, ref)).rejects.toMatchObject({
      code: 'case-file-broken',
      message: expect.stringContaining('missing'),
    });
  });

  test('refuses an object that is not the one that the history names', async () => {
    const ref = await cases.write(request, ['a']);
    const another = await cases.write(request, ['b']);
    await expect(cases.read(request, { ...ref, digest: another.digest })).rejects.toThrow(CaseFileBroken);
    const key = `requests/acme/access/r-1/case/${ref.ref}`;
    const stored = await driver.get(`requests/acme/access/r-1/case/${another.ref}`);
    await vault.delete(key);
    expect(await driver.putIfAbsent(key, stored?.value ?? Buffer.alloc(0))).toBe(true);
    await expect(cases.read(request, ref)).rejects.toMatchObject({ code: 'seal-broken' });
  });

  test('counts the API requests of a step by the attempt that sent most; a late note of the same count changes nothing', async () => {
    const noted = { sent: 2, uncertain: true };
    expect(await cases.progress(request, 'step')).toBeUndefined();
    await cases.noteProgress(request, 'step', { sent: 1, uncertain: false });
    await cases.noteProgress(request, 'step', noted);
    for (const sent of [1, 2]) await cases.noteProgress(request, 'step', { sent, uncertain: false });
    expect(await cases.progress(request, 'step')).toEqual(noted);
    expect(await cases.progress(request, 'another-step')).toBeUndefined();
  });

  test('is not read by another request, connection or kind', async () => {
    const ref = await cases.write(request, ['a']);
    for (const stranger of [other, { ...request, connection: 'beta' }, { ...request, kind: 'deletion' as const }]) {
      await expect(cases.read(stranger, ref)).rejects.toThrow(CaseFileBroken);
    }
  });
});

describe('the record of a request', () => {
  const opened: RequestRecord = { ...record, request: other };

  test('is made by the first run, and answered to every later one of another subject', async () => {
    expect(await cases.record(other)).toBeUndefined();
    expect(await cases.open(opened)).toEqual(opened);
    const later = { ...opened, runId: 'run-2', ...askedFor('0'.repeat(32)) };
    expect(await cases.open(later)).toEqual(opened);
    expect(await cases.open({ ...opened, runId: 'run-2', dryRun: true })).toEqual(opened);
    expect(await cases.record(other)).toEqual(opened);
  });

  test('is taken over from the run that is named, with the case file, and only as long as it has not ended', async () => {
    const ref = await cases.write(request, ['a']);
    const later = { ...record, runId: 'run-2' };
    expect(await cases.open(later)).toEqual(record);
    expect(await cases.takeOver(later, 'run-0')).toEqual(record);
    expect(await cases.takeOver(later, 'run-1')).toEqual(later);
    expect(await cases.record(request)).toEqual(later);
    expect(await createCases(vault).read(request, ref)).toEqual(['a']);
    await cases.cutShort(request, 'run-1', new Date()); // it is not of that run
    expect(await cases.record(request)).toEqual(later);
    await cases.cutShort(request, 'run-2', new Date());
    expect(await cases.takeOver({ ...record, runId: 'run-3' }, 'run-2')).toEqual({ ...later, cutShort: true });
  });

  test('that is taken over keeps its due date with its extension, and that it was cancelled', async () => {
    const at = new Date('2026-03-01T00:00:00.000Z');
    const clock = clockOf({ regime: 'gdpr', submittedMs: undefined }, at.getTime());
    await cases.open({ ...opened, ...(clock && { clock }) });
    const extended = await cases.extend(other, 'run-1', { reason: 'complexity' }, at.getTime());
    await cases.noteCancellation(other, 'run-1', at.toISOString());
    const later = clockOf({ regime: 'gdpr', submittedMs: undefined }, at.getTime() + 86_400_000);
    const taken = await cases.takeOver({ ...opened, runId: 'run-2', ...(later && { clock: later }) }, 'run-1');
    expect(taken).toMatchObject({ runId: 'run-2', clock: extended, cancelRequestedAt: at.toISOString() });
  });

  test('that ended without its last step takes no extension and no cancellation, and lets no step send anything', async () => {
    const at = new Date('2026-03-01T00:00:00.000Z');
    const clock = clockOf({ regime: 'gdpr', submittedMs: undefined }, at.getTime());
    await cases.open({ ...opened, ...(clock && { clock }) });
    expect(await cases.standing(other, 'a-minute-ago', 'run-1')).toMatchObject({ hasEnded: false });
    await cases.cutShort(other, 'run-1', new Date());
    expect(await cases.standing(other, 'a-minute-ago', 'run-1')).toMatchObject({ hasEnded: true });
    await expect(cases.extend(other, 'run-1', { reason: 'complexity' }, at.getTime())).rejects.toThrow(
      ExtensionRefused,
    );
    await cases.noteCancellation(other, 'run-1', at.toISOString());
    expect(await cases.record(other)).toEqual({ ...opened, clock, cutShort: true });
  });

  test('is one and the same for many runs that start at once', async () => {
    const runs = Array.from({ length: 10 }, (_, run) => ({ ...opened, runId: `run-${run}` }));
    await Promise.all(runs.map(run => cases.open(run)));
    expect(runs).toContainEqual(await cases.record(other));
    await cases.write(other, ['a']);
  });

  test('keeps how the request ended, and answers it to a run that comes later', async () => {
    await cases.close(request, result);
    expect(await cases.record(request)).toEqual({ ...record, result });
    expect(await cases.open({ ...record, runId: 'run-2' })).toEqual({ ...record, result });
    await expect(cases.close(other, result)).rejects.toMatchObject({ code: 'case-file-broken' });
  });

  test('never shows the key of the request', async () => {
    expect(Object.keys((await cases.record(request)) ?? {}).sort()).toEqual(Object.keys(record).sort());
  });
});

describe('what a request has in the vault, once destroyed,', () => {
  const at = new Date('2026-03-01T00:00:00.000Z');

  test('cannot be read by anyone who has the keyring, also not from bytes that were kept', async () => {
    const ref = await cases.write(request, ['anna']);
    await cases.writePackage(request, streamOf(ZIP));
    const file = await cases.writeFile(request, streamOf(ZIP));
    const path = `requests/acme/access/r-1/case/${ref.ref}`;
    const kept = await driver.get(path);
    await cases.shred(request, at, record.runId);
    expect(await vault.list('requests/acme/access/r-1')).toEqual([
      'requests/acme/access/r-1/record',
      'requests/acme/access/r-1/record/0000000002',
    ]);

    await driver.putIfAbsent(path, kept?.value ?? Buffer.alloc(0));
    for (const reader of [cases, createCases(vault)]) {
      await expect(reader.read(request, ref)).rejects.toMatchObject({ code: 'case-file-shredded' });
      await expect(reader.openPackage(request, ZIP_SHA256)).rejects.toMatchObject({ code: 'case-file-shredded' });
      await expect(reader.openFile(request, file)).rejects.toMatchObject({ code: 'case-file-shredded' });
      await expect(reader.write(request, ['late'])).rejects.toMatchObject({ code: 'case-file-shredded' });
      await expect(reader.writeFile(request, streamOf(ZIP))).rejects.toMatchObject({ code: 'case-file-shredded' });
    }
    await expect(vault.get(path)).rejects.toMatchObject({ code: 'unknown-key' });
  });

  test.each([
    ['the magic', 0, 'record-broken'],
    ['the key id', 6, 'unknown-key'],
    ['the key check', 4 + 1 + 3, 'record-broken'],
    ['the generation', 4 + 1 + 3 + 4, 'record-broken'],
    ['the nonce', 4 + 1 + 3 + 4 + 4, 'record-broken'],
    ['the wrapped key', 120, 'record-broken'],
    ['the tag', -1, 'record-broken'],
  ])('was never read where %s of what wraps its key had been changed', async (_what, at, code) => {
    const ref = await cases.write(request, ['anna']);
    const key = 'requests/acme/access/r-1/record';
    const stored = await driver.get(key);
    const bytes = Buffer.from(stored?.value ?? []);
    const place = at < 0 ? bytes.length + at : at;
    bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
    await driver.putIfUnchanged(key, bytes, stored?.version ?? '');
    await expect(createCases(vault).read(request, ref)).rejects.toMatchObject({ code });
  });

  test('leaves its record, and what other requests have', async () => {
    await cases.open({ ...record, request: other });
    const ref = await cases.write(other, ['b']);
    await cases.close(request, result);
    await cases.shred(request, at, record.runId);
    expect(await cases.record(request)).toEqual({ ...record, result, shreddedAt: at.toISOString() });
    expect(await createCases(vault).read(other, ref)).toEqual(['b']);
    await cases.shred(request, new Date(), record.runId);
    expect((await cases.record(request))?.shreddedAt).toBe(at.toISOString());
  });

  test('answers `purged` ever after, with how it had ended and its counts, and nothing of its records', async () => {
    const redactions = [{ reason: 'agent', count: 3 }] as const;
    const clock = {
      regime: 'gdpr',
      submittedAt: '2026-01-31T12:00:00.000Z',
      dueAt: '2026-04-30T12:00:00.000Z',
      extension: { at: '2026-02-01T12:00:00.000Z', reason: 'complexity', dueBefore: '2026-02-28T12:00:00.000Z' },
    } as const;
    const extended = { ...record, clock, request: other };
    await cases.open(extended);
    await cases.close(other, { ...result, ...other });
    expect(await cases.purge(other, at, record.runId)).toMatchObject({ status: 'purged', ...clock });
    await cases.close(request, { ...result, redactions });
    const purged = await cases.purge(request, at, record.runId);
    expect(purged).toMatchObject({
      requestId: 'r-1',
      status: 'purged',
      counts: result.counts,
      outcomes: [],
      redactions,
      apiRequests: 7,
      purged: { at: at.toISOString(), status: 'partial' },
    });
    expect(purged).not.toHaveProperty('package');
    expect((await cases.open({ ...record, runId: 'run-2' })).result).toEqual(purged);
    expect(await cases.purge(request, new Date(), record.runId)).toEqual(purged);
  });

  test('is left alone where another run of the request has begun meanwhile, which has no result yet', async () => {
    const ref = await cases.write(request, ['a']);
    await cases.takeOver({ ...record, runId: 'run-2' }, record.runId);
    expect(await cases.purge(request, at, record.runId)).toBeUndefined();
    await cases.shred(request, at, record.runId);
    expect(await createCases(vault).read(request, ref)).toEqual(['a']);
    expect(await cases.purge(request, at, 'run-2')).toMatchObject({ status: 'purged', purged: { status: 'failed' } });
  });

  test('is found while anything is left: also what a late step wrote, and what has no record', async () => {
    expect(await cases.unshredded()).toEqual([]);
    await cases.write(request, ['a']);
    expect(await cases.unshredded()).toEqual([request]);
    await cases.empty(request); // its record holds the key
    expect(await cases.unshredded()).toEqual([request]);
    await cases.purge(request, at, record.runId);
    await cases.empty(request);
    expect(await cases.unshredded()).toEqual([]);
    await driver.putIfAbsent('requests/acme/access/r-1/case/late', Buffer.from('late'));
    await driver.putIfAbsent('requests/acme/deletion/r-9/case/orphan', Buffer.from('orphan'));
    expect(await cases.unshredded()).toEqual([request, { ...request, kind: 'deletion', requestId: 'r-9' }]);
    for (const found of await cases.unshredded()) await cases.empty(found);
    expect(await cases.unshredded()).toEqual([]);
  });
});

describe('a file of a case file', () => {
  test('gives back its bytes, its size and its digest, to the reference that the history names', async () => {
    const ref = await cases.writeFile(request, streamOf(ZIP.subarray(0, 1), ZIP.subarray(1)));
    expect(JSON.stringify(ref)).not.toContain(ZIP_SHA256);
    const file = await createCases(vault).openFile(request, ref);
    expect(file).toMatchObject({ sizeBytes: ZIP.length, sha256: ZIP_SHA256 });
    expect((await buffer(file.read(0))).equals(ZIP)).toBe(true);
    expect((await buffer(file.read(2))).toString()).toBe('p');
  });

  test('is not read by another request, and no other object is read as one', async () => {
    await cases.open({ ...record, request: other });
    const ref = await cases.writeFile(request, streamOf(ZIP));
    await expect(cases.openFile(other, ref)).rejects.toMatchObject({ code: 'case-file-broken' });
    await expect(cases.openFile(request, await cases.write(request, ['a']))).rejects.toMatchObject({
      code: 'case-file-broken',
      message: expect.stringContaining('not a file'),
    });
  });

  test('whose writing failed leaves nothing, and what a killed attempt has stored goes with the request', async () => {
    async function* failing() {
      yield Buffer.alloc(FILE_LIMITS.chunkBytes);
      throw new Error('the store closed the connection');
    }
    await expect(cases.writeFile(request, failing())).rejects.toThrow('closed the connection');
    const left = () => vault.list('requests/acme/access/r-1/chunks');
    expect([await vault.list('requests/acme/access/r-1/case'), await left()]).toEqual([[], []]);
    await new Promise<void>(isStored => {
      async function* killed() {
        yield Buffer.alloc(FILE_LIMITS.chunkBytes);
        isStored();
        await new Promise(() => {});
      }
      void cases.writeFile(request, killed());
    });
    expect(await left()).toHaveLength(1);
    await cases.purge(request, new Date(), record.runId);
    await cases.empty(request);
    expect(await left()).toEqual([]);
  });

  test('stops where its request is destroyed while it is written, and what came late is destroyed too', async () => {
    async function* destroyedMeanwhile() {
      yield Buffer.alloc(FILE_LIMITS.chunkBytes);
      await cases.shred(request, new Date(), record.runId);
      yield Buffer.alloc(1);
    }
    await expect(cases.writeFile(request, destroyedMeanwhile())).rejects.toMatchObject({ code: 'case-file-shredded' });
    expect(await vault.list('requests/acme/access/r-1/chunks')).toEqual([]);
  });
});

describe('links that are keys', () => {
  const left = () => vault.list('requests/acme/access/r-1/links');
  const seal = (url: string) => cases.links.write(request, [url]);

  test('are not read any more once they were used, and others are', async () => {
    const [used, kept] = [await seal('https://used.example'), await seal('https://kept.example')];
    for (let times = 0; times < 2; times += 1) await cases.links.remove(request, used);
    await expect(cases.links.read(request, used)).rejects.toMatchObject({ code: 'case-file-broken' });
    expect(await left()).toEqual([`requests/acme/access/r-1/links/${kept.ref}`]);
    expect(await cases.links.read(request, kept)).toEqual(['https://kept.example']);
  });

  test('are destroyed when the request ends, and the rest of its case file stays', async () => {
    const kept = await cases.write(request, ['kept']);
    await seal('https://left.example');
    await cases.close(request, result);
    expect(await left()).toEqual([]);
    expect(await cases.read(request, kept)).toEqual(['kept']);
  });

  test('are destroyed too where the request ends without its last step', async () => {
    await seal('https://left.example');
    await cases.cutShort(request, 'another-run', new Date());
    expect(await left()).toHaveLength(1);
    await cases.cutShort(request, record.runId, new Date());
    expect(await left()).toEqual([]);
  });
});

test('a name is of whoever claims it first, also of several at once', async () => {
  expect(await cases.claim(request, 'one', ['a', 'b'])).toEqual(['a', 'b']);
  expect(await cases.claim(request, 'two', ['b', 'c'])).toEqual(['c']);
  expect(await cases.claim(request, 'one', ['a', 'b', 'c'])).toEqual(['a', 'b']);
  const claimed = await Promise.all(['x', 'y', 'z'].map(by => cases.claim(request, by, ['d'])));
  expect(claimed.flat()).toEqual(['d']);
});

describe('the access package in the vault', () => {
  const headKey = (sha256: string) => `requests/acme/access/r-1/package/${sha256}`;

  test('is found by its content, however its bytes came, and answers the same if a step is repeated', async () => {
    const stored = await cases.writePackage(request, streamOf(ZIP));
    expect(stored).toEqual({ uri: `vault:${headKey(ZIP_SHA256)}`, sha256: ZIP_SHA256, sizeBytes: ZIP.length });
    const pieces = [...ZIP].map(byte => Buffer.from([byte]));
    expect(await cases.writePackage(request, streamOf(...pieces))).toEqual(stored);
    expect(await vault.list('requests/acme/access/r-1/package')).toEqual([headKey(ZIP_SHA256)]);
    const file = await cases.openPackage(request, ZIP_SHA256);
    expect(file).toMatchObject({ sizeBytes: ZIP.length, sha256: ZIP_SHA256 });
    expect(file && (await buffer(file.read(0))).equals(ZIP)).toBe(true);
    expect((await cases.writePackage(request, streamOf(Buffer.from('other')))).uri).not.toBe(stored.uri);
  });

  test('is not there before it is whole', async () => {
    async function* failing() {
      yield ZIP;
      expect(await cases.openPackage(request, ZIP_SHA256)).toBeUndefined();
      throw new Error('the worker was killed');
    }
    await expect(cases.writePackage(request, failing())).rejects.toThrow('killed');
    expect(await cases.openPackage(request, ZIP_SHA256)).toBeUndefined();
  });

  test("is never another request's, and never another content than its digest names", async () => {
    await cases.open({ ...record, request: other });
    await cases.writePackage(request, streamOf(ZIP));
    expect(await cases.openPackage(other, ZIP_SHA256)).toBeUndefined();
    const own = await createRecords(vault, createMarks(vault), createEnded(vault)).own(request);
    const head = await own.get(headKey(ZIP_SHA256));
    await own.putIfAbsent(headKey('b'.repeat(64)), head?.value ?? Buffer.alloc(0));
    await expect(cases.openPackage(request, 'b'.repeat(64))).rejects.toMatchObject({ code: 'case-file-broken' });
  });

  test('is the only thing that a digest can name: neither a connection nor a case file', async () => {
    await vault.putIfAbsent('connections/acme', Buffer.from('sesame'));
    const { ref } = await cases.write(request, ['a']);
    for (const key of ['../../../../../connections/acme', `../case/${ref}`, '', 'c'.repeat(64)])
      expect(await cases.openPackage(request, key)).toBeUndefined();
  });
});

describe('an open access request', () => {
  const identityHashes = ['a'.repeat(32)];

  test('is seen by a deletion of the same subject at the same company until it ends', async () => {
    for (const marked of [request, other, request]) await cases.mark(identityHashes, marked);
    expect(await cases.marked('access', 'acme', identityHashes)).toEqual([request, other]);
    expect(await cases.marked('access', 'acme', ['b'.repeat(32)])).toEqual([]);
    expect(await cases.marked('access', 'beta', identityHashes)).toEqual([]);
    await cases.unmark(identityHashes, request);
    await cases.unmark(identityHashes, request);
    expect(await cases.marked('access', 'acme', identityHashes)).toEqual([other]);
  });

  test('is never missing while it is marked again', async () => {
    const deleted: string[] = [];
    const watched: VaultDriver = { ...driver, delete: async key => void deleted.push(key) };
    const again = createCases(createVault(watched, ring));
    for (let times = 0; times < 3; times += 1) await again.mark(identityHashes, request);
    expect(deleted).toEqual([]);
    expect(await again.marked('access', 'acme', identityHashes)).toEqual([request]);
  });
});

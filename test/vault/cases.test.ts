import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RequestRef } from '../../src/request/names';
import { CaseFileBroken, type Cases, createCases, type RequestRecord } from '../../src/vault/cases';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault, type Vault } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';

const ring = keyringOf(['k-1', keyOf('one')]);
const request: RequestRef = { connection: 'acme', kind: 'access', requestId: 'r-1' };
const other: RequestRef = { ...request, requestId: 'r-2' };
const record: RequestRecord = {
  request,
  subjectHash: 'f'.repeat(32),
  runId: 'run-1',
  startedAt: '2026-01-31T12:00:00.000Z',
};

let folder: string;
let vault: Vault;
let cases: Cases;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aircall-dsr-cases-'));
  vault = createVault(createFolderDriver(folder), ring);
  cases = createCases(vault);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the case file of a request', () => {
  test('gives back what a step wrote, to the reference that the history names', async () => {
    const value = { contacts: [{ id: 1, emails: [{ value: 'anna@example.com' }] }], none: null };
    const ref = await cases.write(request, value);
    expect(await cases.read(request, ref)).toEqual(value);
    expect(ref.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(ref)).not.toContain('anna');
  });

  test('keeps every attempt: the same value twice is two objects with one digest', async () => {
    const [first, second] = [await cases.write(request, ['a']), await cases.write(request, ['a'])];
    expect(first.ref).not.toBe(second.ref);
    expect(first.digest).toBe(second.digest);
    expect(await cases.read(request, first)).toEqual(await cases.read(request, second));
  });

  test('refuses an object that is missing', async () => {
    const ref = await cases.write(request, ['a']);
    const [key = ''] = await vault.list('requests');
    await vault.delete(key);
    await expect(cases.read(request, ref)).rejects.toThrow(CaseFileBroken);
    await expect(cases.read(request, ref)).rejects.toMatchObject({
      code: 'case-file-broken',
      message: expect.stringContaining('missing'),
    });
  });

  test('refuses an object that is not the one that the history names', async () => {
    const ref = await cases.write(request, ['a']);
    const another = await cases.write(request, ['b']);
    await expect(cases.read(request, { ref: ref.ref, digest: another.digest })).rejects.toThrow(CaseFileBroken);
    const key = `requests/acme/access/r-1/case/${ref.ref}`;
    const stored = await vault.get(key);
    expect(await vault.putIfUnchanged(key, Buffer.from('["c"]'), stored?.version ?? '')).toBe(true);
    await expect(cases.read(request, ref)).rejects.toMatchObject({
      code: 'case-file-broken',
      message: expect.stringContaining('history'),
    });
  });

  test('is not read by another request, connection or kind', async () => {
    const ref = await cases.write(request, ['a']);
    for (const stranger of [other, { ...request, connection: 'beta' }, { ...request, kind: 'deletion' as const }]) {
      await expect(cases.read(stranger, ref)).rejects.toThrow(CaseFileBroken);
    }
  });
});

describe('the record of a request', () => {
  test('is made by the first run, and answered to every later one', async () => {
    expect(await cases.record(request)).toBeUndefined();
    expect(await cases.open(record)).toEqual({ record, created: true });
    const later = { ...record, runId: 'run-2', subjectHash: '0'.repeat(32) };
    expect(await cases.open(later)).toEqual({ record, created: false });
    expect(await cases.record(request)).toEqual(record);
    expect(await cases.record(other)).toBeUndefined();
  });

  test('is made by exactly one of many runs that start at once', async () => {
    const opened = await Promise.all(
      Array.from({ length: 10 }, (_, run) => cases.open({ ...record, runId: `run-${run}` })),
    );
    const winners = opened.filter(({ created }) => created);
    expect(winners).toHaveLength(1);
    expect(new Set(opened.map(({ record: { runId } }) => runId))).toEqual(new Set([winners[0]?.record.runId]));
  });

  test('is replaced by an update, also where there was none, and by several at once', async () => {
    await cases.update(record);
    expect(await cases.record(request)).toEqual(record);
    const updates = Array.from({ length: 10 }, (_, run) => ({ ...record, runId: `run-${run}` }));
    await Promise.all(updates.map(update => cases.update(update)));
    expect(updates).toContainEqual(await cases.record(request));
  });
});

describe('the access package in the vault', () => {
  test('is stored once per content, and read by its uri', async () => {
    const bytes = Buffer.from('zip');
    const uri = await cases.writePackage(request, bytes, 'a'.repeat(64));
    expect(await cases.writePackage(request, bytes, 'a'.repeat(64))).toBe(uri);
    expect((await cases.readPackage(uri))?.equals(bytes)).toBe(true);
    expect(await cases.writePackage(request, Buffer.from('other'), 'b'.repeat(64))).not.toBe(uri);
  });

  test('is not found by a uri of another place', async () => {
    expect(await cases.readPackage('file:///etc/passwd')).toBeUndefined();
    expect(await cases.readPackage(`vault:requests/acme/access/r-1/package/${'c'.repeat(64)}.zip`)).toBeUndefined();
    expect(await cases.readPackage('vault:../../etc/passwd')).toBeUndefined();
  });

  test('is the only thing that its uri can name: neither a connection nor a case file', async () => {
    await vault.putIfAbsent('connections/acme', Buffer.from('sesame'));
    const { ref } = await cases.write(request, ['a']);
    for (const key of ['connections/acme', `requests/acme/access/r-1/case/${ref}`]) {
      expect(await vault.get(key)).toBeDefined();
      expect(await cases.readPackage(`vault:${key}`)).toBeUndefined();
    }
  });
});

describe('an open access request', () => {
  const subjectHash = 'a'.repeat(32);
  const mark = { request, runId: 'run-1' };

  test('is seen by a deletion of the same subject at the same company until it ends', async () => {
    await cases.markOpenAccess(subjectHash, mark);
    await cases.markOpenAccess(subjectHash, { request: other, runId: 'run-2' });
    expect(await cases.openAccesses('acme', subjectHash)).toEqual([mark, { request: other, runId: 'run-2' }]);
    expect(await cases.openAccesses('acme', 'b'.repeat(32))).toEqual([]);
    expect(await cases.openAccesses('beta', subjectHash)).toEqual([]);
    await cases.unmarkOpenAccess(subjectHash, request);
    await cases.unmarkOpenAccess(subjectHash, request);
    expect(await cases.openAccesses('acme', subjectHash)).toEqual([{ request: other, runId: 'run-2' }]);
  });

  test('is marked anew by a later run of the same request', async () => {
    await cases.markOpenAccess(subjectHash, mark);
    await cases.markOpenAccess(subjectHash, { ...mark, runId: 'run-9' });
    expect(await cases.openAccesses('acme', subjectHash)).toEqual([{ ...mark, runId: 'run-9' }]);
  });
});

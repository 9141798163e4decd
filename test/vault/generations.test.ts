import type { RequestResult } from '../../src/request/model';
import type { RequestRef } from '../../src/request/names';
import { createCases, type RequestRecord } from '../../src/vault/cases';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault, type Vault, type VaultDriver } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { askedFor } from '../support/asked';
import { makeFolder, removeFolder } from '../support/folders';

const ring = keyringOf(['k-1', keyOf('one')]);
const KEY = 'connections/acme';
const ROLLED_BACK = { code: 'vault-rolled-back' };
const bytes = (text: string) => Buffer.from(text);

let folder: string;
let driver: VaultDriver;
/** A process of its own: it remembers nothing of another one. */
const process = (): Vault => createVault(driver, ring);
beforeEach(() => {
  folder = makeFolder();
  driver = createFolderDriver(folder);
});
afterEach(() => removeFolder(folder));

/** Somebody without a key puts back what was there before. */
async function putBack(key: string, before: Buffer | undefined): Promise<void> {
  await driver.delete(key);
  if (before !== undefined) await driver.putIfAbsent(key, before);
}
const sealedAt = async (key: string) => (await driver.get(key))?.value;

async function textAt(vault: Vault): Promise<string | undefined> {
  return (await vault.guarded.get(KEY))?.value.toString();
}

async function replace(vault: Vault, text: string): Promise<void> {
  await vault.guarded.update(KEY, () => bytes(text));
}

describe('a guarded object', () => {
  test('is read as it was last written, by the process that wrote it and by others', async () => {
    const [one, other] = [process(), process()];
    expect(await textAt(one)).toBeUndefined();
    expect(await one.guarded.putIfAbsent(KEY, bytes('a'))).toBe(true);
    expect(await other.guarded.putIfAbsent(KEY, bytes('b'))).toBe(false);
    const version = (await other.guarded.get(KEY))?.version ?? '';
    expect(await other.guarded.putIfUnchanged(KEY, bytes('c'), version)).toBe(true);
    expect(await one.guarded.putIfUnchanged(KEY, bytes('d'), version)).toBe(false);
    expect([await textAt(one), await textAt(other), await textAt(process())]).toEqual(['c', 'c', 'c']);
    expect(await one.guarded.list('connections')).toEqual([KEY]);
  });

  test('has one witness, however often it is replaced, also by many at once', async () => {
    const vaults = Array.from({ length: 4 }, process);
    await Promise.all(
      vaults.map(async vault => {
        for (let times = 0; times < 5; times += 1)
          await vault.guarded.update(KEY, present => bytes(`${present?.toString() ?? ''}x`));
      }),
    );
    expect(await textAt(process())).toBe('x'.repeat(20));
    await replace(process(), 'end');
    const witnesses = await driver.list(KEY);
    expect(witnesses.at(-1)).toBe(`${KEY}/0000000021`);
    expect(await textAt(process())).toBe('end');
  });

  test.each([
    ['one generation', 1],
    ['several', 3],
  ])('is refused where it was put back by %s', async (_, generations) => {
    const vault = process();
    await replace(vault, 'old');
    const before = await sealedAt(KEY);
    for (let times = 0; times < generations; times += 1) await replace(vault, `new ${times}`);
    await putBack(KEY, before);
    for (const reader of [vault, process()]) {
      await expect(reader.guarded.get(KEY)).rejects.toMatchObject({
        ...ROLLED_BACK,
        message: expect.stringContaining(`The object ${KEY} of the vault is older`),
      });
      await expect(replace(reader, 'next')).rejects.toMatchObject(ROLLED_BACK);
      await expect(reader.guarded.putIfAbsent(KEY, bytes('next'))).rejects.toMatchObject(ROLLED_BACK);
    }
  });

  test('is refused, and listed, where it was removed', async () => {
    const vault = process();
    await replace(vault, 'old');
    await putBack(KEY, undefined);
    for (const reader of [vault, process()]) {
      await expect(reader.guarded.get(KEY)).rejects.toMatchObject({
        ...ROLLED_BACK,
        message: expect.stringContaining('is missing'),
      });
      await expect(replace(reader, 'next')).rejects.toMatchObject(ROLLED_BACK);
      expect(await reader.guarded.list('connections')).toEqual([KEY]);
    }
  });

  test('that we deleted is no more there, may be made again, and is refused where the old one is put back', async () => {
    const vault = process();
    await replace(vault, 'old');
    const before = await sealedAt(KEY);
    await vault.guarded.delete(KEY);
    expect([await textAt(vault), await textAt(process())]).toEqual([undefined, undefined]);
    expect(await process().guarded.list('connections')).toEqual([]);

    await putBack(KEY, before);
    for (const reader of [vault, process()]) await expect(reader.guarded.get(KEY)).rejects.toMatchObject(ROLLED_BACK);
    await putBack(KEY, undefined);
    expect(await process().guarded.putIfAbsent(KEY, bytes('new'))).toBe(true);
    expect([await textAt(vault), await textAt(process())]).toEqual(['new', 'new']);
    await putBack(KEY, before);
    for (const reader of [vault, process()]) await expect(reader.guarded.get(KEY)).rejects.toMatchObject(ROLLED_BACK);
  });

  test('is good again once it is replaced by intent, and deleted by intent, whatever was put there', async () => {
    const vault = process();
    await replace(vault, 'old');
    const before = await sealedAt(KEY);
    await replace(vault, 'new');
    for (const broken of [before, bytes('broken'), undefined]) {
      await putBack(KEY, broken);
      await process().guarded.replace(KEY, bytes('repaired'));
      expect([await textAt(vault), await textAt(process())]).toEqual(['repaired', 'repaired']);
    }
    await putBack(KEY, bytes('broken'));
    await process().guarded.delete(KEY);
    expect([await textAt(vault), await textAt(process())]).toEqual([undefined, undefined]);
  });

  test('put back with its witnesses removed is noticed by a process that saw a later one, and by no other', async () => {
    const vault = process();
    await replace(vault, 'old');
    const before = await sealedAt(KEY);
    await replace(vault, 'new');
    for (const witness of await driver.list(KEY)) await driver.delete(witness);
    await putBack(KEY, before);
    await expect(vault.guarded.get(KEY)).rejects.toMatchObject(ROLLED_BACK);
    expect(await textAt(process())).toBe('old');
  });

  test('whose writer was interrupted before the witness is good, and gets its witness when it is read', async () => {
    await replace(process(), 'old');
    const { putIfAbsent } = driver;
    const before = await sealedAt(KEY);
    driver = { ...driver, putIfAbsent: () => Promise.reject(new Error('killed')) };
    await expect(replace(process(), 'new')).rejects.toThrow('killed');
    driver = { ...driver, putIfAbsent };
    expect(await textAt(process())).toBe('new');
    await putBack(KEY, before);
    await expect(process().guarded.get(KEY)).rejects.toMatchObject(ROLLED_BACK);
  });

  test('is not blocked by a witness that nobody with a key wrote', async () => {
    await replace(process(), 'old');
    await driver.putIfAbsent(`${KEY}/0000000009`, bytes('forged'));
    const [kept] = await driver.list(KEY);
    await driver.putIfAbsent(`${KEY}/0000000008`, (await sealedAt(kept ?? '')) ?? bytes(''));
    await driver.putIfAbsent(`${KEY}/0000000009-deleted`, bytes('forged'));
    expect(await textAt(process())).toBe('old');
    await replace(process(), 'new');
    expect(await textAt(process())).toBe('new');
  });

  test('keeps its generation where it is sealed with another key', async () => {
    const vault = process();
    await replace(vault, 'old');
    const before = await sealedAt(KEY);
    await replace(vault, 'new');
    const rotated = createVault(driver, keyringOf(['k-2', keyOf('two')], ['k-1', keyOf('one')]));
    for (const key of [KEY, ...(await driver.list(KEY))]) await rotated.reseal(key);
    const only = () => createVault(driver, keyringOf(['k-2', keyOf('two')]));
    expect(await textAt(only())).toBe('new');
    await putBack(KEY, before);
    await expect(rotated.guarded.get(KEY)).rejects.toMatchObject(ROLLED_BACK);
  });

  test('costs one list more where a process reads it first, and nothing where it reads it again', async () => {
    await replace(process(), 'old');
    const asked: string[] = [];
    driver = {
      ...driver,
      get: createFolderDriver(folder).get,
      list: async prefix => {
        asked.push(prefix);
        return createFolderDriver(folder).list(prefix);
      },
    };
    const vault = process();
    for (let times = 0; times < 5; times += 1) await textAt(vault);
    expect(asked).toEqual([KEY]);
  });
});

describe('a request that was purged', () => {
  const request: RequestRef = { connection: 'acme', kind: 'access', requestId: 'r-1' };
  const RECORD = 'requests/acme/access/r-1/record';
  const TOMBSTONE = 'purged/acme/access/r-1';
  const record: RequestRecord = {
    request,
    ...askedFor('f'.repeat(32)),
    runId: 'run-1',
    startedAt: '2026-01-31T12:00:00.000Z',
    incarnation: 1,
  };
  const result: RequestResult = {
    ...request,
    status: 'completed',
    counts: { contacts: 1, calls: 0, refused: 0, failed: 0 },
    outcomes: [],
    coverage: { contacts: { state: 'complete', gaps: [] }, outOfReach: [] },
    apiRequests: 3,
    startedAt: record.startedAt,
    completedAt: '2026-01-31T12:01:00.000Z',
    doubts: [],
    approvals: [],
  };
  const at = new Date('2026-03-01T00:00:00.000Z');

  /** All that lies in the vault of an ended request before it is purged. */
  async function purge(): Promise<Map<string, Buffer>> {
    const cases = createCases(process());
    await cases.open(record);
    await cases.write(request, ['anna']);
    await cases.close(request, result);
    const before = new Map<string, Buffer>();
    for (const key of await driver.list('requests')) before.set(key, (await sealedAt(key)) ?? bytes(''));
    await cases.purge(request, at, 'run-1');
    await cases.empty(request);
    return before;
  }

  test.each([
    ['the old record', async () => {}],
    ['the old record, and its witnesses are removed', removeWitnesses],
  ])('answers `purged` ever after, whoever puts back %s', async (_, also) => {
    const before = await purge();
    await also();
    for (const [key, sealed] of before) await putBack(key, sealed);
    const cases = createCases(process());
    expect(await cases.record(request)).toMatchObject({
      result: { status: 'purged', purged: { status: 'completed' } },
    });
    expect((await cases.open({ ...record, runId: 'run-2' })).result?.status).toBe('purged');
    await expect(cases.write(request, ['more'])).rejects.toMatchObject({ code: 'case-file-shredded' });
    expect(await cases.standing(request, 'now')).toMatchObject({ hasEnded: true });

    // The sweep finds what was put back, and destroys it again.
    expect(await cases.unshredded()).toEqual([request]);
    expect(await cases.purge(request, new Date(), 'run-1')).toMatchObject({ purged: { at: at.toISOString() } });
    await cases.empty(request);
    expect(await cases.unshredded()).toEqual([]);
    await driver.delete(TOMBSTONE);
    expect(await createCases(process()).record(request)).toMatchObject({ result: { status: 'purged' } });
  });

  async function removeWitnesses(): Promise<void> {
    for (const key of await driver.list(RECORD)) await driver.delete(key);
  }

  test('is noticed by its record alone where the tombstone was removed, and by its tombstone alone where the record was', async () => {
    const before = await purge();
    const tombstone = await sealedAt(TOMBSTONE);
    await putBack(TOMBSTONE, undefined);
    await putBack(RECORD, before.get(RECORD));
    await expect(createCases(process()).record(request)).rejects.toMatchObject(ROLLED_BACK);
    await putBack(RECORD, undefined);
    await expect(createCases(process()).record(request)).rejects.toMatchObject(ROLLED_BACK);
    await expect(createCases(process()).open(record)).rejects.toMatchObject(ROLLED_BACK);
    await removeWitnesses();
    await putBack(TOMBSTONE, tombstone);
    expect((await createCases(process()).open(record)).result?.status).toBe('purged');
  });

  test('is not taken for another one where its tombstone is broken', async () => {
    const before = await purge();
    await putBack(TOMBSTONE, bytes('broken'));
    expect((await createCases(process()).record(request))?.result?.status).toBe('purged');
    await removeWitnesses();
    await putBack(RECORD, before.get(RECORD));
    await expect(createCases(process()).record(request)).rejects.toMatchObject({ code: 'record-broken' });
    await expect(createCases(process()).open(record)).rejects.toMatchObject({ code: 'record-broken' });
    await expect(createCases(process()).write(request, ['more'])).rejects.toMatchObject({ code: 'record-broken' });
  });

  test('leaves the tombstone also where its purge was interrupted before', async () => {
    await purge();
    await driver.delete(TOMBSTONE);
    await createCases(process()).purge(request, new Date(), 'run-1');
    expect(await sealedAt(TOMBSTONE)).toBeDefined();
  });
});

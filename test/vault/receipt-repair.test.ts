/** A chain in which something broke: what goes on, what is told, and how a statement repairs it. */
import { createHash } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { addKeyStatement, generateKeyFile, listPublicKeys, rotateSigningKey } from '../../src/encryption/key-file';
import { type Keyring, loadKeyring } from '../../src/encryption/keyring';
import { verifyChain } from '../../src/receipt/chain';
import type { Entry, Receipt } from '../../src/receipt/model';
import { createFolderDriver } from '../../src/vault/folder';
import { createReceipts, type EndedRun, type Receipts } from '../../src/vault/receipts';
import { createVault, type Vault, type VaultDriver } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { FACTS, introduction, KEY, revocation } from '../receipt/support';
import { makeFolder, removeFolder } from '../support/folders';
import { scheduled } from './scheduled';

const ring = keyringOf(['k-1', keyOf('one')]);
const NOW = Date.parse('2026-02-01T00:00:00.000Z');
const ended = (requestId: string, more: Partial<EndedRun> = {}): EndedRun => ({
  ...FACTS,
  request: { ...FACTS.request, requestId },
  how: 'at-end',
  ...more,
});
const requestOf = (requestId: string) => ended(requestId).request;

let folder: string;
let driver: VaultDriver;
let vault: Vault;
let receipts: Receipts;
beforeEach(async () => {
  folder = makeFolder();
  driver = createFolderDriver(join(folder, 'vault'));
  vault = createVault(driver, ring);
  receipts = receiptsWith();
  for (const id of ['one', 'two', 'three']) await receipts.issue(ended(id));
});
afterEach(() => removeFolder(folder));

/** As another process has them. */
function receiptsWith(keyring: Keyring = ring, own: VaultDriver = driver): Receipts {
  return createReceipts({ vault: createVault(own, keyring), keyring, now: () => NOW });
}

const entryKey = (sequence: number) => `receipts/acme/${String(sequence).padStart(10, '0')}`;

async function replace(key: string, bytes: Buffer | undefined): Promise<void> {
  await driver.delete(key);
  if (bytes !== undefined) await driver.putIfAbsent(key, bytes);
}

/** The ways in which an object can break. */
const BREAKS: Readonly<Record<string, (key: string) => Promise<void>>> = {
  deleted: key => replace(key, undefined),
  truncated: async key => replace(key, (await driver.get(key))?.value.subarray(0, 40)),
  'other bytes': key => replace(key, Buffer.from('something else')),
  'a flipped bit': async key => {
    const bytes = Buffer.from((await driver.get(key))?.value ?? '');
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    await replace(key, bytes);
  },
  'a receipt that its own schema refuses': async key => {
    const text = (await vault.get(key))?.value.toString() ?? '';
    await driver.delete(key);
    await vault.putIfAbsent(key, Buffer.from(text.replace('"regime":null', '"regime":7')));
  },
  'no JSON': async key => {
    await driver.delete(key);
    await vault.putIfAbsent(key, Buffer.from('{'));
  },
};
const FAULTS: Readonly<Record<string, string>> = {
  deleted: 'missing',
  truncated: 'unopened',
  'other bytes': 'unopened',
  'a flipped bit': 'unopened',
};

async function idsIn(chain: readonly unknown[], trusted = [KEY.publicKey]): Promise<string[]> {
  return verifyChain(chain, trusted).receipts.map(({ request }) => request.requestId);
}

describe.each(Object.entries(BREAKS))('an entry that is %s', (what, breaks) => {
  const fault = FAULTS[what] ?? 'malformed';

  test.each([
    ['in the midst', 2],
    ['at the end', 3],
  ])('%s stops neither appends nor others; a statement repairs the chain', async (_where, sequence) => {
    const lost = sequence === 2 ? 'two' : 'three';
    await breaks(entryKey(sequence));
    const object = (await driver.get(entryKey(sequence)))?.value;

    // Before the repair.
    expect((await receiptsWith().issue(ended('four'))).chain.sequence).toBe(4);
    expect(await receipts.of(requestOf('one'), 'run-1')).toBeDefined();
    for (const asked of [
      receipts.of(requestOf(lost), 'run-1'),
      receipts.newestOf(requestOf(lost)),
      receipts.issue(ended(lost)),
      receipts.chain('acme'),
    ])
      await expect(asked).rejects.toMatchObject({
        code: 'receipt-unreadable',
        message: expect.stringMatching(new RegExp(`entry ${sequence} \\(${fault}\\).*receipt --repair acme`)),
      });

    const [repaired, ...others] = await receipts.repair('acme');
    expect(repaired).toMatchObject({ sequence, fault, statedAt: 5 });
    expect(others).toEqual([]);
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    const content = fault === 'malformed' ? (await vault.get(entryKey(sequence)))?.value : object;
    expect(repaired?.sha256).toBe(content === undefined ? null : digest(content));
    expect(await receipts.repair('acme')).toEqual([]);

    // The request that lost its receipt gets a new one, once.
    expect(await receipts.of(requestOf(lost), 'run-1')).toBeUndefined();
    const [again, ...same] = await Promise.all(
      [receipts, receiptsWith(), receiptsWith()].map(each => each.issue(ended(lost, { how: 'afterwards' }))),
    );
    expect(same).toEqual([again, again]);
    expect(await receiptsWith().of(requestOf(lost), 'run-1')).toEqual(again);
    expect(await receipts.newestOf(requestOf(lost))).toEqual(again);
    const chain = await receipts.chain('acme');
    expect((await idsIn(chain)).sort()).toEqual(['four', 'one', 'three', 'two']);
    expect(verifyChain(chain).unreadable).toMatchObject([{ sequence, fault }]);
  });
});

test.each(Object.entries(BREAKS).filter(([what]) => what !== 'deleted'))(
  'an entry that is %s before the head has moved past it is passed over',
  async (_what, breaks) => {
    const head = (await driver.get('receipt-heads/acme'))?.value;
    await receipts.issue(ended('four'));
    await receipts.issue(ended('five'));
    await breaks(entryKey(4));
    await replace('receipt-heads/acme', head);
    expect((await receiptsWith().issue(ended('six'))).chain.sequence).toBe(6);
    await receipts.repair('acme');
    expect(await idsIn(await receipts.chain('acme'))).toEqual(['one', 'two', 'three', 'five', 'six']);
  },
);

test('two entries behind each other, and the statement about one of them, may be lost', async () => {
  await replace(entryKey(1), Buffer.from('x'));
  await replace(entryKey(2), Buffer.from('x'));
  expect((await receipts.repair('acme')).map(({ sequence, statedAt }) => [sequence, statedAt])).toEqual([
    [1, 4],
    [2, 5],
  ]);
  await replace(entryKey(4), Buffer.from('x'));
  expect((await receiptsWith().repair('acme')).map(({ sequence }) => sequence)).toEqual([1, 4]);
  expect(await idsIn(await receipts.chain('acme'))).toEqual(['three']);
  expect(await receipts.of(requestOf('one'), 'run-1')).toBeUndefined();
});

test('an entry that comes back from a backup is in the chain again, beside the statement', async () => {
  const backup = (await driver.get(entryKey(2)))?.value;
  await replace(entryKey(2), Buffer.from('x'));
  await receipts.issue(ended('four'));
  await receipts.repair('acme');
  await replace(entryKey(2), backup);
  const verified = verifyChain(await receipts.chain('acme'), [KEY.publicKey]);
  expect(verified.receipts).toHaveLength(4);
  expect(verified.unreadable).toEqual([]);
});

test('an entry that only this process has no key for is not broken: it waits, and only a statement passes it', async () => {
  const both = keyringOf(['k-2', keyOf('two')], ['k-1', keyOf('one')]);
  await receiptsWith(both).issue(ended('four'));
  await expect(receipts.of(requestOf('four'), 'run-1')).rejects.toMatchObject({ code: 'unknown-key' });
  await expect(receipts.chain('acme')).rejects.toMatchObject({ code: 'unknown-key' });
  await expect(receipts.issue(ended('five'))).rejects.toMatchObject({ code: 'unknown-key' });
  expect(await idsIn(await receiptsWith(both).chain('acme'))).toHaveLength(4);
});

test('a mark that somebody without a key made excuses nothing, and one that broke still counts', async () => {
  const mark = 'receipt-repairs/acme/2';
  await replace(entryKey(2), undefined);
  await replace(mark, Buffer.from('x'));
  await expect(receipts.issue(ended('two'))).rejects.toMatchObject({ code: 'receipt-unreadable' });
  await receipts.repair('acme');
  expect((await receipts.issue(ended('two'))).chain.sequence).toBe(5);
  expect(await idsIn(await receipts.chain('acme'))).toEqual(['one', 'three', 'two']);
});

test.each(Object.entries(BREAKS).filter(([what]) => !what.startsWith('a receipt')))(
  'a head that is %s is made again from the chain',
  async (_what, breaks) => {
    await replace(entryKey(3), Buffer.from('x'));
    await breaks('receipt-heads/acme');
    expect((await receiptsWith().issue(ended('four'))).chain.sequence).toBe(4);
    expect(await receiptsWith().issue(ended('one'))).toMatchObject({ chain: { sequence: 1 } });
    await receipts.repair('acme');
    expect(await idsIn(await receipts.chain('acme'))).toEqual(['one', 'two', 'four']);
  },
);

test.each(Object.entries(BREAKS).filter(([what]) => what !== 'deleted' && !what.startsWith('a receipt')))(
  'a place that is %s costs no request a second receipt',
  async (_what, breaks) => {
    const before = await receipts.of(requestOf('two'), 'run-1');
    await breaks('receipt-places/acme/deletion/two/run-1');
    expect(await receipts.of(requestOf('two'), 'run-1')).toEqual(before);
    expect(await receipts.newestOf(requestOf('two'))).toEqual(before);
    expect(await receipts.issue(ended('two'))).toEqual(before);
    expect(await idsIn(await receipts.chain('acme'))).toHaveLength(3);
  },
);

describe('facts that no receipt can state', () => {
  const clock = {
    regime: 'gdpr',
    submittedAt: '2026-01-01T00:00:00.000Z',
    dueAt: '2026-02-01T00:00:00.000Z',
    // As an update without a reason left it.
    extension: JSON.parse('{"at":"2026-01-02T00:00:00.000Z","dueBefore":"2026-02-01T00:00:00.000Z"}'),
  } as const;

  test('end the last step with a code, and leave the chain as it was', async () => {
    await expect(receipts.issue(ended('four', { clock }))).rejects.toMatchObject({
      code: 'receipt-invalid',
      message: expect.stringContaining('request.extension.reason is wrong'),
    });
    const result = JSON.parse('{"status":"completed"}');
    await expect(receipts.issue(ended('four', { ending: { result } }))).rejects.toMatchObject({
      code: 'receipt-invalid',
    });
    expect((await receipts.issue(ended('five'))).chain.sequence).toBe(4);
    expect(await idsIn(await receipts.chain('acme'))).toEqual(['one', 'two', 'three', 'five']);
  });

  test('afterwards, the receipt states that, so that the request can be purged', async () => {
    const late = await receipts.issue(ended('four', { clock, how: 'afterwards' }));
    expect(late).toMatchObject({
      status: 'failed',
      failure: 'receipt-invalid',
      sources: [],
      request: { regime: null },
    });
    expect(await receipts.of(requestOf('four'), 'run-1')).toEqual(late);
    expect(await idsIn(await receipts.chain('acme'))).toHaveLength(4);
  });
});

describe('a signing key that is replaced', () => {
  let path: string;
  beforeEach(() => {
    path = join(folder, 'keys.json');
    generateKeyFile(path, new Date(NOW));
    driver = createFolderDriver(join(folder, 'other'));
    vault = createVault(driver, loadKeyring(path));
    receipts = receiptsWith(loadKeyring(path));
  });
  /** Those of a machine that does not get the new file. */
  function staleReceipts(): Receipts {
    copyFileSync(path, `${path}.old`);
    return receiptsWith(loadKeyring(`${path}.old`));
  }
  const rotate = () => rotateSigningKey(path, new Date(NOW), introduction);
  const revoke = (id: string, from: string) =>
    addKeyStatement(path, new Date(NOW), present => revocation(present, { ...present, id }, from));
  const kinds = (chain: readonly Entry[]) =>
    chain.map(entry => ('request' in entry ? entry.request.requestId : entry.states.about));

  test('is stated in each chain once, before its first entry, whoever writes', async () => {
    const [first] = listPublicKeys(path);
    await receipts.issue(ended('one'));
    const stale = staleReceipts();
    const [next] = rotate();
    const processes = [receiptsWith(loadKeyring(path)), receiptsWith(loadKeyring(path)), stale];
    await Promise.all(processes.map((each, index) => each.issue(ended(`at-once-${index}`))));
    const chain = await receipts.chain('acme');
    expect(kinds(chain).filter(kind => kind === 'key')).toHaveLength(1);
    expect(await idsIn(chain, [first?.publicKey ?? ''])).toHaveLength(4);
    expect(chain.filter(entry => entry.signer.keyId === next?.id)).toHaveLength(3);
    // A chain that begins later verifies with the first public key too.
    const request = { ...requestOf('one'), connection: 'beta' };
    await processes[0]?.issue(ended('one', { request }));
    const beta = await receipts.chain('beta');
    expect(kinds(beta)).toEqual(['key', 'one']);
    expect(await idsIn(beta, [first?.publicKey ?? ''])).toEqual(['one']);
  });

  test('signs nothing more once a chain states that it was revoked, also in a process with the old file', async () => {
    const [first] = listPublicKeys(path);
    await receipts.issue(ended('one'));
    const stale = staleReceipts();
    rotate();
    revoke(first?.id ?? '', '2026-03-01T00:00:00.000Z');
    const fresh = receiptsWith(loadKeyring(path));
    for (const connection of await fresh.connections()) await fresh.stateKeys(connection);
    await fresh.stateKeys('acme');
    await fresh.stateKeys('nowhere');
    await expect(stale.issue(ended('two'))).rejects.toMatchObject({ code: 'signing-key-revoked' });
    await fresh.issue(ended('two'));
    const chain = await fresh.chain('acme');
    expect(kinds(chain)).toEqual(['one', 'key', 'key', 'two']);
    expect(await idsIn(chain, [first?.publicKey ?? ''])).toEqual(['one', 'two']);
    expect(await fresh.connections()).toEqual(['acme']);
  });

  test('is stated again if nobody can read the statement', async () => {
    const [first] = listPublicKeys(path);
    await receipts.issue(ended('one'));
    const [next] = rotate();
    revoke(first?.id ?? '', '2026-03-01T00:00:00.000Z');
    const fresh = receiptsWith(loadKeyring(path));
    await fresh.issue(ended('two'));
    await replace(entryKey(3), Buffer.from('x'));
    await fresh.repair('acme');
    const chain = await fresh.chain('acme');
    expect(kinds(chain)).toEqual(['one', 'key', 'two', 'unreadable', 'key']);
    expect(verifyChain(chain, [first?.publicKey ?? '']).introduced).toEqual([next?.id]);
  });
});

test('what somebody without a key stores far behind the end, or under the name of no place, is no entry', async () => {
  const names = [entryKey(9), 'receipts/acme/4000000000', 'receipts/acme/9999999999', 'receipts/acme/junk'];
  for (const name of names) await driver.putIfAbsent(name, Buffer.from('junk'));
  await replace('receipt-heads/acme', Buffer.from('junk'));
  const fresh = receiptsWith();
  expect((await fresh.chain('acme')).map(({ chain }) => chain.sequence)).toEqual([1, 2, 3]);
  await replace('receipt-heads/acme', Buffer.from('junk'));
  expect((await fresh.issue(ended('four'))).chain.sequence).toBe(4);
  expect(await fresh.repair('acme')).toEqual([]);
});

test('a head that names a key that nobody has is made again, and holds up no receipt', async () => {
  const sealed = (await driver.get('receipt-heads/acme'))?.value ?? Buffer.alloc(0);
  await replace('receipt-heads/acme', Buffer.from(sealed.toString('latin1').replace('k-1', 'k-9'), 'latin1'));
  expect((await receiptsWith().issue(ended('two'))).chain.sequence).toBe(2);
  expect((await receiptsWith().issue(ended('four'))).chain.sequence).toBe(4);
  expect(await receiptsWith().chain('acme')).toHaveLength(4);
});

test('however repairs and appends interleave, one statement and one new receipt come of it', async () => {
  const objects = new Map<string, { value: Buffer; version: string }>();
  for (const key of await vault
    .list('receipts/acme')
    .then(async () => [
      ...(await vault.list('receipts')),
      ...(await vault.list('receipt-places')),
      ...(await vault.list('receipt-heads')),
    ])) {
    const stored = await driver.get(key);
    if (stored !== undefined) objects.set(key, stored);
  }
  objects.set(entryKey(2), { value: Buffer.from('x'), version: 'broken' });
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 3 }), async (scheduler, writers) => {
      const store = scheduled(scheduler, new Map(objects));
      const repairs = Array.from({ length: 2 }, () => receiptsWith(ring, store).repair('acme'));
      const appends = Array.from({ length: writers }, (_, index) =>
        receiptsWith(ring, store).issue(ended(`new-${index}`)),
      );
      const [made] = await scheduler.waitFor(Promise.all([Promise.all(repairs), Promise.all(appends)]));
      expect(made.flat()).toHaveLength(1);
      const late = Array.from({ length: 2 }, () =>
        receiptsWith(ring, store).issue(ended('two', { how: 'afterwards' })),
      );
      const [one, other]: (Receipt | undefined)[] = await scheduler.waitFor(Promise.all(late));
      expect(one).toEqual(other);
      const chain = await scheduler.waitFor(receiptsWith(ring, store).chain('acme'));
      expect((await idsIn(chain)).length).toBe(3 + writers);
      expect(chain).toHaveLength(4 + writers);
    }),
    { seed: 20_261_130, numRuns: 40 },
  );
});

/** Receipts in the vault: one for each run, in one unbroken chain, whoever writes, however often, and wherever they stop. */
import fc from 'fast-check';
import type { Keyring } from '../../src/encryption/keyring';
import { verifyChain } from '../../src/receipt/chain';
import { verifyReceipt } from '../../src/receipt/sign';
import { resealAll } from '../../src/retention/retire-keys';
import { createCases } from '../../src/vault/cases';
import { createConnections } from '../../src/vault/connections';
import { createFolderDriver } from '../../src/vault/folder';
import { createReceipts, type EndedRun, type Receipts } from '../../src/vault/receipts';
import { createVault, type Vault, type VaultDriver } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { FACTS, KEY } from '../receipt/support';
import { makeFolder, removeFolder } from '../support/folders';
import { inMemory, scheduled } from './scheduled';

const ring = keyringOf(['k-1', keyOf('one')]);
const ended = (requestId: string, more: Partial<EndedRun> = {}): EndedRun => ({
  ...FACTS,
  request: { ...FACTS.request, requestId },
  how: 'at-end',
  ...more,
});

let folder: string;
let driver: VaultDriver;
let vault: Vault;
let receipts: Receipts;
beforeEach(() => {
  folder = makeFolder();
  driver = createFolderDriver(folder);
  vault = createVault(driver, ring);
  receipts = receiptsIn(driver);
});
afterEach(() => removeFolder(folder));

/** As another process has them. */
function receiptsIn(own: VaultDriver, keyring: Keyring = ring): Receipts {
  return createReceipts({ vault: createVault(own, keyring), keyring, now: Date.now });
}

/** The chain, which must be whole and hold each of these requests once. */
async function expectChainOf(...requestIds: readonly string[]): Promise<void> {
  const { receipts: chain } = verifyChain(await receipts.chain('acme'), [KEY.publicKey]);
  expect(chain.map(({ request }) => request.requestId).sort()).toEqual([...requestIds].sort());
  for (const receipt of chain) expect(await receipts.of(receipt.request, receipt.request.runId)).toEqual(receipt);
}

const manyIds = (count: number) => Array.from({ length: count }, (_, index) => `case-${index}`);

/** A driver that writes down what it is asked, and stops its process before one of its writes. */
function observed({ stopBefore, store = driver }: { readonly stopBefore?: number; readonly store?: VaultDriver } = {}) {
  const asked: string[] = [];
  let writes = 0;
  const write = <T>(what: string, does: () => Promise<T>): Promise<T> => {
    writes += 1;
    if (stopBefore !== undefined && writes >= stopBefore) return Promise.reject(new Error('killed'));
    asked.push(what);
    return does();
  };
  const own: VaultDriver = {
    ...store,
    get(key) {
      asked.push(`get ${key}`);
      return store.get(key);
    },
    list(prefix) {
      asked.push(`list ${prefix}`);
      return store.list(prefix);
    },
    putIfAbsent: (key, bytes) => write(`put ${key}`, () => store.putIfAbsent(key, bytes)),
    putIfUnchanged: (key, bytes, version) => write(`change ${key}`, () => store.putIfUnchanged(key, bytes, version)),
  };
  return { own, asked };
}

test('runs that ended follow each other in their connection’s chain, and are found again', async () => {
  const first = await receipts.issue(ended('one'));
  const second = await receipts.issue(ended('two', { workflows: 'c'.repeat(64) }));
  const beside = await receipts.issue(ended('one', { request: { ...FACTS.request, connection: 'beta' } }));
  expect([first, second, beside].map(({ chain }) => chain.sequence)).toEqual([1, 2, 1]);
  expect(await receipts.of(first.request, 'run-1')).toEqual(first);
  expect(await receipts.of(first.request, 'run-2')).toBeUndefined();
  expect(await receipts.newestOf(ended('none').request)).toBeUndefined();
  expect(verifyReceipt(second).service).toEqual({ version: expect.any(String), workflows: 'c'.repeat(64) });
  await expectChainOf('one', 'two');
  expect(await receipts.chain('gamma')).toEqual([]);
});

test('a run that is asked for its receipt again, by anybody, has the same; another run of the request has its own', async () => {
  const first = await receipts.issue(ended('one'));
  await receipts.issue(ended('two'));
  expect(await receipts.issue(ended('one'))).toEqual(first);
  expect(await receiptsIn(driver).issue(ended('one', { how: 'afterwards' }))).toEqual(first);
  const again = await receipts.issue(ended('one', { runId: 'run-2' }));
  expect(again.chain.sequence).toBe(3);
  expect(await receipts.newestOf(first.request)).toEqual(again);
  await expectChainOf('one', 'one', 'two');
});

test('many that end at once, in many processes and each of them twice, make one chain with each of them once', async () => {
  const ids = manyIds(24);
  const processes = [receiptsIn(driver), receiptsIn(driver), receiptsIn(driver), receiptsIn(driver)];
  const issued = await Promise.all(
    ids.flatMap((id, index) =>
      [0, 1].map(more => (processes[(index + more) % processes.length] ?? receipts).issue(ended(id))),
    ),
  );
  expect(new Set(issued.map(({ signature }) => signature)).size).toBe(ids.length);
  await expectChainOf(...ids);
});

test('however the operations of processes interleave, each run has one receipt in an unbroken chain, and counts once', async () => {
  const id = fc.constantFrom('one', 'two', 'three');
  const processes = fc.array(fc.array(id, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), processes, async (scheduler, asked) => {
      const store = scheduled(scheduler);
      const counted: string[] = [];
      const issuing = asked.map(async ids => {
        const own = receiptsIn(store);
        for (const each of ids) await own.issue(ended(each), () => counted.push(each));
      });
      await scheduler.waitFor(Promise.all(issuing));
      const reading = receiptsIn(store).chain('acme');
      const { receipts: chain } = verifyChain(await scheduler.waitFor(reading));
      expect(chain.map(({ request }) => request.requestId).sort()).toEqual([...new Set(asked.flat())].sort());
      expect(counted.sort()).toEqual([...new Set(asked.flat())].sort());
    }),
    { seed: 20_261_126, numRuns: 80 },
  );
});

test.each([1, 2, 3, 4])(
  'a process that is killed before its write %i leaves no second receipt, nor a gap, whoever comes next',
  async stopBefore => {
    await receipts.issue(ended('before'));
    const dies = receiptsIn(observed({ stopBefore }).own).issue(ended('one'));
    if (stopBefore < 4) await expect(dies).rejects.toThrow('killed');
    await dies.catch(() => {});
    // Others go on first, so that the head is far past it; then its step is repeated.
    await receiptsIn(driver).issue(ended('two'));
    await receiptsIn(driver).issue(ended('three'));
    const repeated = await receiptsIn(driver).issue(ended('one'));
    expect(await receipts.issue(ended('one'))).toEqual(repeated);
    expect(repeated.chain.sequence).toBe(stopBefore === 1 ? 4 : 2);
    await expectChainOf('before', 'one', 'two', 'three');
  },
);

test('the work is the same however long the chain is: nothing is listed', async () => {
  const { own, asked } = observed();
  const one = receiptsIn(own);
  for (const id of manyIds(12)) await one.issue(ended(id));
  await one.stateKeys('acme'); // its turn is the last one, and reads the head
  expect(asked.filter(what => what.startsWith('list receipt'))).toEqual([]);
  expect(asked.length).toBe(12 * 8 + 2);
});

describe('many receipts that are wanted at once', () => {
  const counted: string[] = [];
  const count = (id: string) => () => void counted.push(id);
  beforeEach(() => counted.splice(0));

  test('cost three operations each, and a few for each batch', async () => {
    const { own, asked } = observed({ store: inMemory() });
    const many = receiptsIn(own);
    const ids = manyIds(1_000);
    await Promise.all(ids.map(id => many.issue(ended(id), count(id))));
    expect(counted).toEqual(ids); // in the order in which they came
    const batches = asked.filter(what => what.endsWith(' receipt-heads/acme')).length / 2;
    expect(batches).toBe(Math.ceil(ids.length / 64));
    const all = asked.splice(0).length;
    expect(all).toBe(3 * ids.length + 5 * batches);
    expect(verifyChain(await many.chain('acme'), [KEY.publicKey]).receipts).toHaveLength(ids.length);
  });

  test('of two processes are one chain with each of them once, however their operations interleave', async () => {
    const id = fc.constantFrom('one', 'two', 'three', 'four', 'five', 'six');
    const processes = fc.array(fc.array(id, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), processes, async (scheduler, asked) => {
        counted.splice(0);
        const store = scheduled(scheduler);
        const issuing = asked.flatMap(ids => {
          const own = receiptsIn(store);
          return ids.map(each => own.issue(ended(each), count(each)));
        });
        const issued = await scheduler.waitFor(Promise.all(issuing));
        const chain = verifyChain(await scheduler.waitFor(receiptsIn(store).chain('acme')), [KEY.publicKey]).receipts;
        const wanted = [...new Set(asked.flat())].sort();
        expect(chain.map(({ request }) => request.requestId).sort()).toEqual(wanted);
        expect(counted.sort()).toEqual(wanted);
        expect(new Set(issued.map(({ signature }) => signature)).size).toBe(wanted.length);
      }),
      { seed: 20_261_129, numRuns: 80 },
    );
  });

  // Four entries, their four places, the head.
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9])(
    'are each there once if their process is killed before write %i of the batch, whoever comes next',
    async stopBefore => {
      const ids = ['one', 'two', 'three', 'four'];
      await receipts.issue(ended('before'));
      const dying = receiptsIn(observed({ stopBefore }).own);
      const ends = await Promise.allSettled(ids.map(id => dying.issue(ended(id), count(id))));
      expect(ends.map(({ status }) => status)).toEqual(ids.map(() => 'rejected'));
      // Others go on first, so that the head is past them; then their steps are repeated, last first.
      await Promise.all(['other', 'another'].map(id => receiptsIn(driver).issue(ended(id))));
      const next = receiptsIn(driver);
      await Promise.all(ids.toReversed().map(id => next.issue(ended(id), count(id))));
      expect(counted.sort()).toEqual([...ids].sort());
      await expectChainOf('before', 'other', 'another', ...ids);
    },
  );

  test('fail alone', async () => {
    await receipts.issue(ended('lost'));
    await vault.delete('receipts/acme/0000000001');
    const ends = await Promise.allSettled([
      receipts.issue(ended('one')),
      receipts.issue(ended('lost')),
      receipts.issue(ended('invalid', { startedAt: 'no time' })),
      receipts.issue(ended('two')),
    ]);
    const codes = ends.map(end => (end.status === 'rejected' ? end.reason.code : end.value.chain.sequence));
    expect(codes).toEqual([2, 'receipt-unreadable', 'receipt-invalid', 3]);
  });

  /** A store that stores no entry before it is opened. */
  function closedStore() {
    let open: (value?: unknown) => void = () => {};
    const opened = new Promise(resolve => {
      open = resolve;
    });
    const own: VaultDriver = {
      ...driver,
      get: key => driver.get(key),
      list: prefix => driver.list(prefix),
      putIfUnchanged: (key, bytes, version) => driver.putIfUnchanged(key, bytes, version),
      async putIfAbsent(key, bytes) {
        if (key.startsWith('receipts/')) await opened;
        return driver.putIfAbsent(key, bytes);
      },
    };
    return { own, open };
  }

  test('keep no more than eight steps waiting; the others come again, and find the receipt that stayed in line', async () => {
    const { own, open } = closedStore();
    const slow = receiptsIn(own);
    const ids = manyIds(12);
    const waiting = ids.slice(0, 8).map(id => slow.issueSoon(ended(id), count(id)));
    for (const [index, id] of ids.slice(8).entries())
      expect(await slow.issueSoon(ended(id), count(id))).toEqual({ inLine: 9 + index });
    // Whoever comes again meanwhile is in line once.
    expect(await slow.issueSoon(ended('case-11', { endedBefore: true }), count('twice'))).toEqual({ inLine: 12 });
    expect(counted).toEqual([]);
    open();
    for (const issued of await Promise.all(waiting)) expect(issued).toMatchObject({ chain: {} });
    await slow.issue(ended('last'));
    expect(counted).toEqual(ids);
    for (const id of ids)
      expect(await slow.issueSoon(ended(id, { endedBefore: true }), count('twice'))).toMatchObject({
        request: { requestId: id },
      });
    expect(counted).toEqual(ids);
    await expectChainOf(...ids, 'last');
  });

  test('whose place in line was lost with an error are put in line again by who comes again', async () => {
    const { own, asked } = observed({ stopBefore: 1 });
    const failing = receiptsIn(own);
    const ids = manyIds(9);
    const ends = await Promise.allSettled(ids.map(id => failing.issueSoon(ended(id), count(id))));
    expect(ends.map(({ status }) => status)).toEqual([...Array(8).fill('rejected'), 'fulfilled']);
    expect(asked.length).toBeGreaterThan(0);
    for (const id of ids) await receipts.issueSoon(ended(id, { endedBefore: true }), count(id));
    expect(counted).toEqual(ids);
    await expectChainOf(...ids);
  });

  test('are found there by who comes again behind many others', async () => {
    const { own, open } = closedStore();
    const slow = receiptsIn(own);
    const first = await receipts.issue(ended('first'));
    const waiting = manyIds(8).map(id => slow.issueSoon(ended(id)));
    expect(await slow.issueSoon(ended('first', { endedBefore: true }), count('first'))).toEqual(first);
    open();
    await Promise.all(waiting);
    expect(counted).toEqual([]);
  });
});

test('the budget is that of the connection when the request ended, and not known of what is issued afterwards', async () => {
  await createConnections(vault).put(
    {
      name: 'acme',
      baseUrl: 'https://api.aircall.io/v1',
      limitPerMinute: 60,
      share: 0.75,
      credential: { kind: 'api-key', apiId: 'id', apiToken: 'token' },
      credentialVersion: 1,
      connectedAt: '2026-01-31T00:00:00.000Z',
      incarnation: 1,
    },
    undefined,
  );
  const budget = { limitPerMinute: 60, sharePerMille: 750, requestsPerHour: 2_700 };
  expect((await receipts.issue(ended('one'))).budget).toEqual(budget);
  await createConnections(vault).noteRateLimit('acme', new Date(), 20);
  expect((await receipts.issue(ended('two'))).budget).toMatchObject({ limitPerMinute: 20, requestsPerHour: 900 });
  const late = await receipts.issue(ended('three', { how: 'afterwards' }));
  expect(late).toMatchObject({ budget: null, issued: { how: 'afterwards' }, service: { workflows: null } });
  await createConnections(vault).delete('acme');
  expect((await receipts.issue(ended('four'))).budget).toBeNull();
  await expectChainOf('one', 'two', 'three', 'four');
});

test('receipts are sealed, and sealed again with the key of today when an old one is retired', async () => {
  await receipts.issue(ended('one'));
  await receipts.issue(ended('two'));
  const keys = await vault.list('');
  expect(keys).toContain('receipts/acme/0000000001');
  for (const key of keys) expect((await driver.get(key))?.value.subarray(0, 4).toString()).toBe('DSR1');

  const both = keyringOf(['k-2', keyOf('two')], ['k-1', keyOf('one')]);
  const anew = createVault(driver, both);
  await resealAll({ vault: anew, cases: createCases(anew) });
  const only = receiptsIn(driver, keyringOf(['k-2', keyOf('two')]));
  expect(verifyChain(await only.chain('acme'), [KEY.publicKey]).receipts).toHaveLength(2);
  expect((await only.issue(ended('three'))).chain.sequence).toBe(3);
});

test('a receipt that is gone from the vault is told, and no other takes its place', async () => {
  const { request } = await receipts.issue(ended('one'));
  await receipts.issue(ended('two'));
  await vault.delete('receipts/acme/0000000001');
  await expect(receipts.of(request, 'run-1')).rejects.toMatchObject({ code: 'receipt-unreadable' });
  await expect(receipts.issue(ended('one'))).rejects.toMatchObject({ code: 'receipt-unreadable' });
  expect((await receipts.issue(ended('three'))).chain.sequence).toBe(3);
  await expect(receipts.chain('acme')).rejects.toMatchObject({
    code: 'receipt-unreadable',
    message: expect.stringContaining('entry 1 (missing)'),
  });
});

/**
 * Receipts as an operator hands them out and an auditor verifies them: the auditor has the files and the command, neither
 * vault nor keys nor server.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { type Receipt, receiptSchema } from '../../src/receipt/model';
import { digestOf } from '../../src/receipt/sign';
import { FACTS, receiptOf as madeOf } from '../receipt/support';
import { formsOf, foundIn } from '../support/canaries';
import { createOperator, type RunningCommand, runAlone } from '../support/command-line';
import { errorOf } from '../support/documents';
import { makeFolder, removeFolder } from '../support/folders';
import { until } from '../support/patience';

const SEED = { seed: 6, contacts: 30, calls: 60, now: Date.now() };
/** No other test's: all share one server, and so its ids. */
const CONNECTION = 'receipted';
const EMAIL = createCompanySeed({ name: 'acme', ...SEED }).truth.subjectEmail;

const operator = createOperator();
const auditor = makeFolder();
const here = (name: string) => join(auditor, name);
let sandbox: Sandbox;
let worker: RunningCommand;

/** As somebody runs it who has the file and nothing else of the service. */
const verify = (...args: readonly string[]) => runAlone(['verify', ...args]);
async function verdict(...args: readonly string[]): Promise<{ exit: number | null; document: unknown }> {
  const { exit, stdout } = await verify(...args, '--json');
  return { exit, document: JSON.parse(stdout) };
}
async function refusalOf(...args: readonly string[]) {
  const { exit, document } = await verdict(...args);
  return { exit, code: errorOf(document).code };
}
function write(name: string, value: unknown): string {
  writeFileSync(here(name), typeof value === 'string' ? value : JSON.stringify(value));
  return here(name);
}

const verifiedSchema = z.strictObject({
  verified: z.literal(true),
  keyIds: z.array(z.string()),
  pinned: z.boolean(),
  connection: z.string(),
  kind: z.enum(['access', 'deletion']),
  requestId: z.string(),
  status: z.string(),
  sequence: z.number().int(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
});
const chainSchema = verifiedSchema.omit({ kind: true, requestId: true, status: true }).extend({
  receipts: z.number().int(),
  introduced: z.array(z.string()),
  unreadable: z.array(z.number().int()),
  distrusted: z.array(z.number().int()),
});

async function ask(...args: readonly string[]): Promise<unknown> {
  const { exit, document } = await operator.ask(args);
  expect(exit).toBe(0);
  return document;
}
const receiptOf = async (id: string): Promise<Receipt> => receiptSchema.parse(await ask('receipt', id));

let chain: Receipt[];
beforeAll(async () => {
  sandbox = await startSandbox({ companies: [createCompanySeed({ name: 'acme', ...SEED })] });
  await operator.run(['keys', 'generate']);
  const { apiId, apiToken } = sandbox.company('acme');
  const args = ['connect', CONNECTION, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
  await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
  worker = await operator.startWorker();
  await ask('access', CONNECTION, EMAIL, '--request-id', 'copy', '--wait');
  await ask('delete', CONNECTION, EMAIL, '--request-id', 'gone', '--settle', '0', '--wait');
  await ask('access', CONNECTION, 'nobody@example.org', '--request-id', 'nobody', '--wait');
  writeFileSync(here('key.pem'), (await operator.run(['keys', 'public'])).stdout);
  writeFileSync(here('key.json'), (await operator.run(['keys', 'public', '--json'])).stdout);
  chain = z.array(receiptSchema).parse(await ask('receipt', '--chain', CONNECTION));
});
afterAll(async () => {
  await worker?.end('SIGTERM');
  await operator.stop();
  await sandbox.close();
  removeFolder(auditor);
});

describe('receipt', () => {
  test('prints the signed document, with --json and without, by request id and by workflow id', async () => {
    const texts = await Promise.all(
      [['gone'], ['gone', '--json'], [`dsr:${CONNECTION}:deletion:gone`]].map(async args => {
        const { exit, stdout, stderr } = await operator.run(['receipt', ...args]);
        expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
        return stdout;
      }),
    );
    expect(new Set(texts).size).toBe(1);
    const receipt = receiptSchema.parse(JSON.parse(texts[0] ?? ''));
    const { contactIds } = sandbox.company('acme').truth;
    expect(receipt).toMatchObject({
      request: { connection: CONNECTION, kind: 'deletion', requestId: 'gone' },
      status: 'completed',
      sources: [{ source: 'contacts', found: contactIds.length, deleted: contactIds.length }],
      chain: { sequence: 2 },
    });
    expect(foundIn(Buffer.from(texts.join('\n')), new Map([['address', formsOf(EMAIL)]]))).toEqual([]);
  });

  test('saves it, and does not overwrite a file', async () => {
    const out = here('saved.json');
    expect(await ask('receipt', 'copy', '--out', out)).toEqual({ out });
    expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual(chain[0]);
    expect((await verify(out)).exit).toBe(0);
    const { exit, document } = await operator.ask(['receipt', 'copy', '--out', out]);
    expect({ exit, code: errorOf(document).code }).toEqual({ exit: 2, code: 'usage' });
  });

  test('names the package that was handed over', async () => {
    const out = here('package.zip');
    const saved = z.object({ sha256: z.string() }).parse(await ask('package', 'copy', '--out', out));
    expect((await receiptOf('copy')).package?.sha256).toBe(saved.sha256);
  });

  test('of an open request is refused; once it was cancelled, it has one', async () => {
    sandbox.setFaults({ rules: [{ path: '/contacts/search', action: 'status', status: 500 }] });
    await ask('access', CONNECTION, EMAIL, '--request-id', 'open');
    await until('it has begun', async () => (await operator.run(['status', 'open'])).stdout.includes('searching'));
    const { exit, document } = await operator.ask(['receipt', 'open']);
    expect({ exit, code: errorOf(document).code }).toEqual({ exit: 1, code: 'request-open' });
    await ask('cancel', 'open');
    sandbox.setFaults({ rules: [] });
    await until('it has ended', async () => (await operator.run(['receipt', 'open'])).exit === 0);
    expect((await receiptOf('open')).status).toBe('cancelled');
  });

  test('stays after a purge, with new keys, and without the connection', async () => {
    const before = await receiptOf('nobody');
    await ask('purge', 'nobody');
    await ask('keys', 'rotate', '--after', '0');
    expect(await receiptOf(`dsr:${CONNECTION}:access:nobody`)).toEqual(before);
    expect((await verify(write('purged.json', before), '--key', here('key.pem'))).exit).toBe(0);
    await ask('disconnect', CONNECTION);
    expect(await ask('receipt', '--chain', CONNECTION)).toEqual(expect.arrayContaining(chain));
  });

  test.each([
    [['receipt'], 2, 'usage'],
    [['receipt', 'gone', '--chain', CONNECTION], 2, 'usage'],
    [['receipt', 'never-asked'], 2, 'not-found'],
    [['receipt', `dsr:${CONNECTION}:access:never-asked`], 2, 'not-found'],
    [['receipt', '--chain', 'nowhere'], 1, 'no-receipts'],
    [['receipt', '--chain', EMAIL], 2, 'unknown-connection'],
    [['receipt', '--repair', EMAIL], 2, 'unknown-connection'],
    [['receipt', '--repair', CONNECTION, '--out', 'x'], 2, 'usage'],
    [['receipt', '--repair', CONNECTION, '--chain', CONNECTION], 2, 'usage'],
  ] as const)('%j is refused', async (args, exit, code) => {
    const refused = await operator.ask(args);
    expect({ exit: refused.exit, code: errorOf(refused.document).code }).toEqual({ exit, code });
  });
});

describe('verify', () => {
  test('tells what it has verified, and whose signature it is', async () => {
    const [, receipt] = chain;
    const file = write('one.json', receipt);
    const plain = await verdict(file);
    expect(plain).toEqual({
      exit: 0,
      document: {
        verified: true,
        keyIds: [receipt?.signer.keyId],
        pinned: false,
        connection: CONNECTION,
        kind: 'deletion',
        requestId: 'gone',
        status: 'completed',
        sequence: 2,
        digest: receipt && digestOf(receipt),
      },
    });
    for (const key of ['key.pem', 'key.json'])
      expect(verifiedSchema.parse((await verdict(file, '--key', here(key))).document).pinned).toBe(true);
    const words = await verify(file);
    expect(words.stdout).toMatch(/^Verified: deletion gone of receipted, completed\n/);
    expect(words.stderr).toContain('--key');
  });

  test('calls a dry run one, also as the last of a chain', async () => {
    const receipt = madeOf({ ...FACTS, dryRun: true }, { sequence: 1, previous: null });
    const alone = await verify(write('dry-run.json', receipt));
    expect(alone.stdout).toContain('Verified: dry run of a deletion case-17 of acme');
    const last = await verify(write('dry-run-chain.json', [receipt]), '--chain');
    expect(last.stdout).toContain('the last   dry run of a deletion case-17; digest');
  });

  test('refuses what was changed, is no receipt, or is signed by another key', async () => {
    const [, receipt] = chain;
    const text = JSON.stringify(receipt);
    const other = createOperator();
    await other.run(['keys', 'generate']);
    writeFileSync(here('other.pem'), (await other.run(['keys', 'public'])).stdout);
    await other.stop();
    const file = write('good.json', text);
    expect(await refusalOf(write('changed.json', text.replace('"completed"', '"partial"')))).toEqual({
      exit: 1,
      code: 'receipt-changed',
    });
    expect(await refusalOf(write('added.json', text.replace('{', '{"note":1,')))).toEqual({
      exit: 1,
      code: 'receipt-malformed',
    });
    expect(await refusalOf(write('twice.json', text.replace('"status":', '"status":"failed","status":')))).toEqual({
      exit: 1,
      code: 'receipt-malformed',
    });
    expect(await refusalOf(write('error.json', '{"error":{"code":"not-found","message":"x"}}'))).toEqual({
      exit: 1,
      code: 'receipt-malformed',
    });
    expect(await refusalOf(write('empty.json', ''))).toEqual({ exit: 1, code: 'receipt-malformed' });
    expect(await refusalOf(file, '--key', here('other.pem'))).toEqual({ exit: 1, code: 'receipt-untrusted' });
    expect((await verify(file, '--key', here('key.pem'))).exit).toBe(0);
  });

  test('of a chain tells its length, and refuses one that lacks a receipt, naming the place', async () => {
    const [first, second, third, ...rest] = chain;
    const last = chain.at(-1);
    const whole = write('chain.json', chain);
    const told = await verdict(whole, '--chain', '--key', here('key.pem'));
    expect(chainSchema.parse(told.document)).toMatchObject({
      receipts: chain.length,
      sequence: chain.length,
      digest: last && digestOf(last),
      pinned: true,
      introduced: [],
      unreadable: [],
      distrusted: [],
    });
    expect(chain.length).toBeGreaterThanOrEqual(3);
    // Whoever kept the digest sees that the newest were cut off.
    const { digest: seen } = chainSchema.parse(told.document);
    expect((await verdict(whole, '--chain', '--since', seen)).exit).toBe(0);
    const shorter = write('shorter.json', chain.slice(0, -1));
    expect((await verdict(shorter, '--chain')).exit).toBe(0);
    expect(await refusalOf(shorter, '--chain', '--since', seen)).toEqual({ exit: 1, code: 'receipt-chain-broken' });
    expect(await refusalOf(shorter, '--chain', '--since', 'yesterday')).toEqual({ exit: 2, code: 'usage' });
    for (const [name, broken, place] of [
      ['missing', [first, third, ...rest], 'place 2'],
      ['swapped', [second, first, third], 'place 1'],
      ['twice', [first, first, second], 'place 2'],
      ['changed', [first, { ...second, status: 'partial' }, third], 'place 2'],
    ] as const) {
      const { exit, document } = await verdict(write(`${name}.json`, broken), '--chain');
      expect(exit).toBe(1);
      expect(errorOf(document)).toMatchObject({
        code: name === 'changed' ? 'receipt-changed' : 'receipt-chain-broken',
        message: expect.stringContaining(place),
      });
    }
  });

  test.each([
    ['a chain with --against', () => [write('e-chain.json', chain), '--chain', '--against', here('e-chain.json')]],
    ['--against a receipt', () => [write('f-receipt.json', chain[0]), '--against', here('f-receipt.json')]],
    ['no such file', () => ['nowhere.json']],
    ['no file', () => []],
    ['a chain without --chain', () => [write('a-chain.json', chain)]],
    ['a receipt with --chain', () => [write('a-receipt.json', chain[0]), '--chain']],
    ['a key file that holds none', () => [write('b-receipt.json', chain[0]), '--key', write('no-key.pem', 'none')]],
    [
      'a key file of another sort',
      () => [write('c-receipt.json', chain[0]), '--key', write('no-key.json', { keys: [] })],
    ],
    ['a key file that is not there', () => [write('d-receipt.json', chain[0]), '--key', here('nowhere.pem')]],
  ])('with %s is wrong usage', async (_what, args) => {
    expect(await refusalOf(...args())).toEqual({ exit: 2, code: 'usage' });
  });

  test('a folder that holds no package is refused', async () => {
    expect(await refusalOf(auditor)).toEqual({ exit: 1, code: 'receipt-malformed' });
  });
});

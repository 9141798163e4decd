/** A chain over the life of a service: a receipt that breaks in the vault, a signing key that is replaced, and one that is stolen. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { type Receipt, receiptSchema } from '../../src/receipt/model';
import { createFolderDriver } from '../../src/vault/folder';
import { createOperator, type RunningCommand, runAlone } from '../support/command-line';
import { errorOf } from '../support/documents';
import { makeFolder, removeFolder } from '../support/folders';

const CONNECTION = 'chained';
const operator = createOperator();
const auditor = makeFolder();
const here = (name: string) => join(auditor, name);
let sandbox: Sandbox;
let worker: RunningCommand;

async function ask(...args: readonly string[]): Promise<unknown> {
  const { exit, document } = await operator.ask(args);
  expect({ exit, document }).toEqual({ exit: 0, document });
  return document;
}
async function refusalOf(...args: readonly string[]) {
  const { exit, document } = await operator.ask(args);
  return { exit, code: errorOf(document).code };
}
/** A request that ends, and its receipt. */
async function ended(requestId: string): Promise<Receipt> {
  await ask('access', CONNECTION, 'nobody@example.org', '--request-id', requestId, '--wait');
  return receiptSchema.parse(await ask('receipt', requestId));
}
/** As the auditor runs it: with files and nothing else. */
async function verdict(...args: readonly string[]): Promise<{ exit: number | null; document: unknown }> {
  const { exit, stdout } = await runAlone(['verify', ...args, '--json']);
  return { exit, document: JSON.parse(stdout) };
}
async function chainFile(name: string): Promise<string> {
  await ask('receipt', '--chain', CONNECTION, '--out', here(name));
  return here(name);
}
function write(name: string, value: unknown): string {
  writeFileSync(here(name), typeof value === 'string' ? value : JSON.stringify(value));
  return here(name);
}
const signsSchema = z.object({ keys: z.array(z.object({ id: z.string(), revokedFrom: z.string().optional() })) });

beforeAll(async () => {
  sandbox = await startSandbox({
    companies: [createCompanySeed({ name: 'acme', seed: 9, contacts: 3, calls: 3, now: Date.now() })],
  });
  await operator.run(['keys', 'generate']);
  const { apiId, apiToken } = sandbox.company('acme');
  const args = ['connect', CONNECTION, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
  await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
  worker = await operator.startWorker();
});
afterAll(async () => {
  await worker?.end('SIGTERM');
  await operator.stop();
  await sandbox.close();
  removeFolder(auditor);
});

let fourth: Receipt;
test('a receipt that nobody can read stops only its own request, until a statement in the chain says so', async () => {
  await ended('first');
  await ended('broken');
  const driver = createFolderDriver(join(operator.folder, 'vault'));
  const object = `receipts/${CONNECTION}/0000000002`;
  await driver.delete(object);
  await driver.putIfAbsent(object, Buffer.from('other bytes'));

  expect(await refusalOf('receipt', 'broken')).toEqual({ exit: 1, code: 'receipt-unreadable' });
  expect(await refusalOf('purge', 'broken')).toEqual({ exit: 1, code: 'receipt-unreadable' });
  expect(await refusalOf('receipt', '--chain', CONNECTION)).toEqual({ exit: 1, code: 'receipt-unreadable' });
  await ask('purge', 'first');
  expect((await ended('after')).chain.sequence).toBe(3);

  const repair = () => ask('receipt', '--repair', CONNECTION);
  expect(await repair()).toEqual({
    connection: CONNECTION,
    repaired: [{ sequence: 2, fault: 'unopened', sha256: expect.stringMatching(/^[0-9a-f]{64}$/), statedAt: 4 }],
  });
  expect(await repair()).toEqual({ connection: CONNECTION, repaired: [] });
  expect((await operator.run(['receipt', '--repair', CONNECTION])).stdout).toContain('nothing was added');
  fourth = await ended('fourth');

  // The purge issues the receipt that the request lost.
  await ask('purge', 'broken');
  const again = receiptSchema.parse(await ask('receipt', 'broken'));
  expect(again).toMatchObject({ status: 'no-match', issued: { how: 'afterwards' }, chain: { sequence: 6 } });
  const chain = await chainFile('repaired.json');
  expect(await verdict(chain, '--chain')).toMatchObject({
    exit: 0,
    document: { verified: true, receipts: 4, unreadable: [2], distrusted: [], sequence: 6 },
  });
  expect((await runAlone(['verify', chain, '--chain'])).stdout).toMatch(/unreadable +entries 2: the chain states/);
  const cut = JSON.parse(readFileSync(chain, 'utf8')).filter((entry: Receipt) => entry.chain.sequence !== 4);
  expect((await verdict(write('cut.json', cut), '--chain')).exit).toBe(1);
});

test('a signing key is replaced: the first public key still verifies the whole chain', async () => {
  write('first.pem', (await operator.run(['keys', 'public'])).stdout);
  const first = fourth.signer.keyId;
  const rotated = z.object({ signs: z.string(), replaced: z.string() }).parse(await ask('keys', 'rotate-signing'));
  expect(rotated.replaced).toBe(first);
  const { keys } = signsSchema.parse(await ask('keys', 'public'));
  expect(keys.map(({ id }) => id)).toEqual([rotated.signs, first]);
  await worker.end('SIGTERM');
  worker = await operator.startWorker();
  const receipt = await ended('rotated');
  expect(receipt.signer.keyId).toBe(rotated.signs);

  const chain = await chainFile('rotated.json');
  const told = await verdict(chain, '--chain', '--key', here('first.pem'));
  expect(told).toMatchObject({ exit: 0, document: { verified: true, introduced: [rotated.signs], pinned: true } });
  const file = write('rotated-receipt.json', receipt);
  expect(await verdict(file, '--key', here('first.pem'))).toMatchObject({
    exit: 1,
    document: { error: { code: 'receipt-untrusted' } },
  });
  expect(await verdict(file, '--key', here('first.pem'), '--against', chain)).toMatchObject({
    exit: 0,
    document: { verified: true, requestId: 'rotated' },
  });
  expect(await verdict(file, '--against', here('repaired.json'))).toMatchObject({
    exit: 1,
    document: { error: { code: 'receipt-chain-broken' } },
  });
});

describe('a stolen signing key', () => {
  const revoke = (id: string, from: string) => ['keys', 'revoke', id, '--from', from] as const;

  test('is revoked only if it is one of ours, no longer signs, and the time has passed', async () => {
    const { keyId: first } = fourth.signer;
    const [present] = signsSchema.parse(await ask('keys', 'public')).keys;
    const usage = { exit: 2, code: 'usage' };
    expect(await refusalOf(...revoke(present?.id ?? '', '2026-01-01'))).toEqual(usage);
    expect(await refusalOf(...revoke(first, '2999-01-01'))).toEqual(usage);
    expect(await refusalOf(...revoke(first, 'yesterday'))).toEqual(usage);
    expect(await refusalOf(...revoke('s-0123456789abcdef', '2026-01-01'))).toEqual({ exit: 2, code: 'unknown-key' });
  });

  test('is refused from that time on, in the chain and in a receipt; the new one goes on', async () => {
    const { keyId: first } = fourth.signer;
    const from = fourth.issued.at;
    expect(await ask(...revoke(first, from))).toEqual({ revoked: first, from, chains: 1, failed: [] });
    expect(await ask(...revoke(first, from))).toEqual({ revoked: first, from, chains: 1, failed: [] });
    const later = new Date(Date.parse(from) + 1).toISOString();
    expect(await refusalOf(...revoke(first, later))).toEqual({ exit: 2, code: 'usage' });
    const { keys } = signsSchema.parse(await ask('keys', 'public'));
    expect(keys.map(({ revokedFrom }) => revokedFrom)).toEqual([undefined, from]);

    const receipt = await ended('after-theft');
    const chain = await chainFile('revoked.json');
    expect(await verdict(chain, '--chain', '--key', here('first.pem'))).toMatchObject({
      exit: 1,
      document: { verified: false, distrusted: [5, 6], receipts: 6, sequence: 10 },
    });
    expect((await runAlone(['verify', chain, '--chain'])).stdout).toMatch(
      /^Not all trusted: .*\n.*\n +revoked +entries 5, 6/,
    );
    const against = (name: string, one: unknown) => verdict(write(name, one), '--against', chain);
    expect(await against('fourth.json', fourth)).toMatchObject({
      exit: 1,
      document: { error: { code: 'receipt-revoked' } },
    });
    const after = receiptSchema.parse(await ask('receipt', 'after'));
    expect((await against('after.json', after)).exit).toBe(0);
    expect((await against('after-theft.json', receipt)).exit).toBe(0);
  });
});

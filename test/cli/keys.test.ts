/** Key files: how one is made, and what a command says that has none. */
import { createPublicKey } from 'node:crypto';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { loadKeyring } from '../../src/encryption/keyring';
import { createConnections } from '../../src/vault/connections';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { createOperator } from '../support/command-line';
import { errorOf } from '../support/documents';

const operator = createOperator();
afterAll(() => operator.stop());

const madeSchema = z.strictObject({ primary: z.string().regex(/^k-[0-9a-f]+$/), keys: z.array(z.string()).min(1) });
const publicSchema = z.strictObject({
  keys: z.array(
    z.strictObject({
      id: z.string().regex(/^s-[0-9a-f]{16}$/),
      createdAt: z.iso.datetime(),
      signs: z.boolean(),
      publicKey: z.string().regex(/^-----BEGIN PUBLIC KEY-----\n[^-]+\n-----END PUBLIC KEY-----$/),
    }),
  ),
});

test('keys generate makes a file for its owner only and prints the ids of its keys, never the keys', async () => {
  const path = join(operator.folder, 'keys.json');
  const { exit, document } = await operator.ask(['keys', 'generate']);
  expect(exit).toBe(0);
  const { primary, keys } = madeSchema.parse(document);
  expect(keys).toEqual([primary]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, 'utf8')).toContain(primary);
});

test('in words, keys generate prints the id of the key and no key', async () => {
  const path = join(operator.folder, 'keys-in-words.json');
  const { exit, stdout } = await operator.run(['keys', 'generate'], { AIRCALL_DSR_KEYS: path });
  expect(exit).toBe(0);
  expect(stdout).toMatch(/key k-[0-9a-f]+/);
});

test('keys public prints the keys that verify receipts, for people and openssl alike', async () => {
  const { exit, stdout } = await operator.run(['keys', 'public']);
  const { document } = await operator.ask(['keys', 'public']);
  const [key, ...others] = publicSchema.parse(document).keys;
  expect({ exit, others }).toEqual({ exit: 0, others: [] });
  expect(key?.signs).toBe(true);
  expect(stdout).toContain(key?.publicKey);
  const fromText = createPublicKey(stdout).export({ format: 'pem', type: 'spki' });
  expect(String(fromText).trim()).toBe(key?.publicKey);
});

test('keys generate refuses to overwrite a file and leaves it as it is', async () => {
  const path = join(operator.folder, 'precious');
  writeFileSync(path, 'precious');
  const { exit, document } = await operator.ask(['keys', 'generate'], { AIRCALL_DSR_KEYS: path });
  expect(exit).toBe(2);
  expect(errorOf(document)).toMatchObject({ code: 'keys-exist', message: expect.stringContaining('stays unchanged') });
  expect(readFileSync(path, 'utf8')).toBe('precious');
});

test('keys can be wrapped by a command of the operator, which every process then needs', async () => {
  const command = join(operator.folder, 'key-command');
  // It turns the bytes round: enough to tell a wrapped key from an open one.
  writeFileSync(
    command,
    `#!${process.execPath}\nconst t = require('node:fs').readFileSync(0, 'utf8').trim();\nconsole.log(Buffer.from(t, 'base64').reverse().toString('base64'));\n`,
    { mode: 0o700 },
  );
  const wrapped = {
    AIRCALL_DSR_KEYS: join(operator.folder, 'wrapped.json'),
    AIRCALL_DSR_VAULT: join(operator.folder, 'wrapped-vault'),
    AIRCALL_DSR_KEY_COMMAND: command,
  };
  expect((await operator.ask(['keys', 'generate'], wrapped)).exit).toBe(0);
  expect((await operator.ask(['keys', 'rotate'], wrapped)).exit).toBe(0);
  const text = readFileSync(wrapped.AIRCALL_DSR_KEYS, 'utf8');
  // Two of payloads, two of the vault, one that hashes, one that signs.
  expect(text.match(/"wrapped"/g)).toHaveLength(6);
  expect(text).not.toContain('"key"');
  const viewer = join(operator.folder, 'wrapped-viewer.json');
  const exported = ['keys', 'export', '--role', 'viewer', '--out', viewer];
  expect((await operator.ask(exported, { ...wrapped, AIRCALL_DSR_KEY_COMMAND: '' })).exit).toBe(0);
  expect(readFileSync(viewer, 'utf8').match(/"wrapped"/g)).toHaveLength(2);
  expect((await operator.ask(['connections'], wrapped)).exit).toBe(0);
  const without = await operator.ask(['connections'], { ...wrapped, AIRCALL_DSR_KEY_COMMAND: '' });
  expect({ exit: without.exit, code: errorOf(without.document).code }).toEqual({
    exit: 2,
    code: 'key-command-missing',
  });
  const failing = await operator.ask(['connections'], { ...wrapped, AIRCALL_DSR_KEY_COMMAND: '/bin/false' });
  expect({ exit: failing.exit, code: errorOf(failing.document).code }).toEqual({ exit: 2, code: 'key-command-failed' });
});

const listSchema = z.strictObject({
  role: z.string(),
  primary: z.string(),
  keys: z.array(
    z.strictObject({ id: z.string(), createdAt: z.iso.datetime(), from: z.iso.datetime(), encrypts: z.boolean() }),
  ),
});

test('keys rotate adds a key that encrypts an hour later, or when it is told to', async () => {
  const own = { AIRCALL_DSR_KEYS: join(operator.folder, 'keys-rotated.json') };
  const { primary: first } = madeSchema.parse((await operator.ask(['keys', 'generate'], own)).document);
  const rotatedSchema = madeSchema.extend({ added: z.string(), from: z.iso.datetime() });
  const rotate = async (...args: string[]) =>
    rotatedSchema.parse((await operator.ask(['keys', 'rotate', ...args], own)).document);
  const list = async () => listSchema.parse((await operator.ask(['keys', 'list'], own)).document);
  const later = await rotate();
  expect(later.primary).toBe(first);
  const [, added] = (await list()).keys;
  expect(added).toMatchObject({ id: later.added, from: later.from, encrypts: false });
  expect(Date.parse(later.from) - Date.parse(added?.createdAt ?? '')).toBe(3_600_000);
  const now = await rotate('--after', '0');
  expect(now.primary).toBe(now.added);
  expect((await list()).keys.map(({ id, encrypts }) => [id, encrypts])).toEqual([
    [first, false],
    [now.added, true],
    [later.added, false],
  ]);
  const { stdout } = await operator.run(['keys', 'rotate', '--after', '90'], own);
  expect(stdout).toMatch(/It encrypts from \d{4}-.*Z on; .*\nBy then, copy the file to every machine/);
  for (const minutes of ['-1', 'soon', ' ', '43201']) {
    const { exit, document } = await operator.ask(['keys', 'rotate', '--after', minutes], own);
    expect({ exit, code: errorOf(document).code }).toEqual({ exit: 2, code: 'usage' });
  }
  expect((await list()).keys).toHaveLength(4);
});

describe('a key file that keys export made', () => {
  const path = join(operator.folder, 'keys-all.json');
  const vault = { AIRCALL_DSR_VAULT: join(operator.folder, 'role-vault') };
  const out = (role: string) => join(operator.folder, `keys-${role}.json`);
  const as = (role: string) => ({ ...vault, AIRCALL_DSR_KEYS: out(role) });
  const exportRole = (role: string) =>
    operator.ask(['keys', 'export', '--role', role, '--out', out(role)], { AIRCALL_DSR_KEYS: path });
  let primary: string;

  beforeAll(async () => {
    ({ primary } = madeSchema.parse((await operator.ask(['keys', 'generate'], { AIRCALL_DSR_KEYS: path })).document));
    const stored = createConnections(createVault(createFolderDriver(vault.AIRCALL_DSR_VAULT), loadKeyring(path)));
    await stored.put(
      {
        ...{
          name: 'acme',
          baseUrl: 'http://127.0.0.1:9/v1',
          limitPerMinute: 60,
          share: 0.75,
          credentialVersion: 1,
          incarnation: 1,
        },
        credential: { kind: 'api-key', apiId: 'id', apiToken: 'token' },
        connectedAt: new Date().toISOString(),
      },
      undefined,
    );
    for (const role of ['client', 'viewer', 'approver'])
      expect(await exportRole(role)).toMatchObject({ exit: 0, document: { role, primary, keys: [primary] } });
  });

  test('is for its owner only, and never overwrites a file', async () => {
    expect(statSync(out('viewer')).mode & 0o777).toBe(0o600);
    const before = readFileSync(out('viewer'), 'utf8');
    const again = await exportRole('viewer');
    expect({ exit: again.exit, code: errorOf(again.document).code }).toEqual({ exit: 2, code: 'keys-exist' });
    expect(readFileSync(out('viewer'), 'utf8')).toBe(before);
    const unknown = await operator.ask(['keys', 'export', '--role', 'worker', '--out', out('worker')]);
    expect({ exit: unknown.exit, code: errorOf(unknown.document).code }).toEqual({ exit: 2, code: 'usage' });
  });

  test.each([
    [['worker'], 'client', 'the key that signs receipts'],
    [['worker'], 'viewer', 'the key that signs receipts'],
    [['worker'], 'approver', 'the key that signs receipts'],
    [['keys', 'public'], 'approver', 'the key that signs receipts'],
    [['keys', 'rotate'], 'client', 'cannot be changed'],
    [['keys', 'export', '--role', 'approver', '--out', `${path}.more`], 'client', 'a vault key'],
    [['batch', 'acme', join(operator.folder, 'batch.csv'), '--dry-run'], 'viewer', 'the hash key'],
    [['connections'], 'client', 'a vault key'],
    [['connections'], 'viewer', 'a vault key'],
  ])('%j with a key file of the role %s says which key is missing', async (args, role, missing) => {
    writeFileSync(join(operator.folder, 'batch.csv'), 'requestId,kind,email\n,access,person@example.com\n');
    const { exit, document } = await operator.ask(args, as(role));
    expect({ args, exit }).toEqual({ args, exit: 2 });
    expect(errorOf(document)).toMatchObject({
      code: 'key-not-in-role',
      message: expect.stringContaining(missing),
    });
    expect(errorOf(document).message).toContain(`role ${role}`);
  });

  test('of an approver opens the vault', async () => {
    const { exit, stdout } = await operator.run(['connections'], as('approver'));
    expect({ exit, stdout }).toMatchObject({ exit: 0, stdout: expect.stringContaining('acme') });
  });
});

const NEED_KEYS = [
  ['codec-server', '--listen', '127.0.0.1:0'],
  ['purge', 'case-1'],
  ['keys', 'rotate'],
  ['keys', 'list'],
  ['keys', 'public'],
  ['keys', 'rotate-signing'],
  ['keys', 'revoke', 's-0123456789abcdef', '--from', '2026-01-01'],
  ['keys', 'export', '--role', 'viewer', '--out', '/tmp/no-such-keys.json'],
  ['keys', 'retire'],
  ['receipt', 'case-1'],
  ['receipt', '--chain', 'acme'],
  ['receipt', '--repair', 'acme'],
  ['worker'],
  ['connect', 'acme', '--base-url', 'http://127.0.0.1:9/v1'],
  ['connections'],
  ['ping', 'acme'],
  ['disconnect', 'acme'],
  ['access', 'acme', 'person@example.com'],
  ['delete', 'acme', 'person@example.com'],
  ['status', 'case-1'],
  ['list'],
  ['cancel', 'case-1'],
  ['package', 'case-1', '--out', '/tmp/no-such-package.zip'],
  ['keys', 'generate'],
];

test.each(NEED_KEYS.map(args => [args.slice(0, 2).join(' '), args] as const))(
  '%s without a configured key file says how to make one',
  async (_, args) => {
    const without = { AIRCALL_DSR_KEYS: '', AIRCALL_API_ID: 'id', AIRCALL_API_TOKEN: 'token' };
    const { exit, stdout, stderr } = await operator.run([...args, '--json'], without);
    expect(exit).toBe(2);
    const { code, message } = errorOf(JSON.parse(stdout));
    expect(code).toBe('keys-missing');
    expect(message).toContain('aircall-dsr keys generate');
    expect(stderr).toContain(message);
  },
);

test('without --json the error is on stderr and stdout stays empty', async () => {
  const { exit, stdout, stderr } = await operator.run(['list'], { AIRCALL_DSR_KEYS: join(operator.folder, 'none') });
  expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
  expect(stderr).toMatch(/^error keys-missing: .*aircall-dsr keys generate/);
});

test('a key file that others can read, and one that is none, are refused', async () => {
  const exposed = join(operator.folder, 'exposed');
  writeFileSync(exposed, '{}');
  chmodSync(exposed, 0o644);
  const malformed = join(operator.folder, 'malformed');
  writeFileSync(malformed, '{"version":1,"hashKey":"do not quote me"}', { mode: 0o600 });
  const [first, second] = await Promise.all(
    [exposed, malformed].map(path => operator.ask(['connections'], { AIRCALL_DSR_KEYS: path })),
  );
  expect([first?.exit, second?.exit]).toEqual([2, 2]);
  expect(errorOf(first?.document)).toMatchObject({
    code: 'keys-exposed',
    message: expect.stringContaining('chmod 600'),
  });
  expect(errorOf(second?.document).code).toBe('keys-malformed');
  expect(JSON.stringify(second?.document)).not.toContain('do not quote me');
});

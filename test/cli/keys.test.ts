/** Key files: how one is made, and what a command says that has none. */
import { createPublicKey } from 'node:crypto';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
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

test('a key file from before there were receipts serves no worker until a rotation has added what signs', async () => {
  const path = join(operator.folder, 'keys-old.json');
  const old = { AIRCALL_DSR_KEYS: path, AIRCALL_DSR_VAULT: join(operator.folder, 'old-vault') };
  await operator.ask(['keys', 'generate'], old);
  const { signing: _, ...before } = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify(before));
  for (const command of [['worker'], ['keys', 'public']]) {
    const refused = await operator.ask(command, old);
    expect(refused.exit).toBe(2);
    expect(errorOf(refused.document)).toMatchObject({
      code: 'signing-key-missing',
      message: expect.stringContaining('keys rotate'),
    });
  }
  expect((await operator.ask(['connections'], old)).exit).toBe(0);
  expect((await operator.run(['keys', 'rotate'], old)).stdout).toMatch(/Receipts are signed with s-[0-9a-f]{16}/);
  const worker = await operator.startWorker(old);
  expect((await worker.end('SIGTERM')).exit).toBe(0);
});

test('keys generate refuses to overwrite a file and leaves it as it is', async () => {
  const path = join(operator.folder, 'precious');
  writeFileSync(path, 'precious');
  const { exit, document } = await operator.ask(['keys', 'generate'], { AIRCALL_DSR_KEYS: path });
  expect(exit).toBe(2);
  expect(errorOf(document)).toMatchObject({ code: 'keys-exist', message: expect.stringContaining('exists already') });
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
  expect(text.match(/"wrapped"/g)).toHaveLength(4);
  expect(text).not.toContain('"key"');
  expect((await operator.ask(['connections'], wrapped)).exit).toBe(0);
  const without = await operator.ask(['connections'], { ...wrapped, AIRCALL_DSR_KEY_COMMAND: '' });
  expect({ exit: without.exit, code: errorOf(without.document).code }).toEqual({
    exit: 2,
    code: 'key-command-missing',
  });
  const failing = await operator.ask(['connections'], { ...wrapped, AIRCALL_DSR_KEY_COMMAND: '/bin/false' });
  expect({ exit: failing.exit, code: errorOf(failing.document).code }).toEqual({ exit: 2, code: 'key-command-failed' });
});

const NEED_KEYS = [
  ['codec-server', '--listen', '127.0.0.1:0'],
  ['purge', 'case-1'],
  ['keys', 'rotate'],
  ['keys', 'list'],
  ['keys', 'public'],
  ['keys', 'retire'],
  ['receipt', 'case-1'],
  ['receipt', '--chain', 'acme'],
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

/**
 * Personal data and secrets are readable nowhere outside the sealed vault, also not where something fails: every command
 * is run, with addresses and numbers on its command line, and every place is searched for every form. That the search sees
 * each place is shown by a leak that is planted there on its way: a connection with a telling name.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { createApprover } from '../support/approvers';
import { type Canaries, formsOf, foundIn, numberForms } from '../support/canaries';
import { createOperator, type Environment, keyMaterial, type Ran, type RunningCommand } from '../support/command-line';
import { until } from '../support/patience';
import { environment } from '../support/service';

const SUBJECT = { first_name: 'Quirina', last_name: 'Vandermolen-Ósk', email: 'Quirina.Vandermolen@Example.org' };
/** Those of the standard subject of the sandbox. */
const NUMBERS = ['+14155550123', '+442079460958', '+33639981234', '+14155550199'];
const GIVEN_NUMBER = '+13105550166';
const PLANTED = 'planted-canary-7f3a';
const BUNDLES = ['bundle-one', 'bundle-planted'];
const RECEIPTS = ['receipt.json', 'receipts.json', 'planted.json'];

const operator = createOperator();
const here = (name: string) => join(operator.folder, name);
const printed: string[] = [];
const ran = new Set<string>();
let sandbox: Sandbox;
let worker: RunningCommand;
let server: Connection;

async function print(args: readonly string[], more: Environment = {}): Promise<Ran> {
  const ended = await operator.run(args, { AIRCALL_DSR_DEBUG: '1', ...more });
  printed.push(ended.stdout, ended.stderr);
  return ended;
}

const run = (...args: string[]) => runWith({}, ...args);
async function runWith(more: Environment, ...args: string[]): Promise<string> {
  const { exit, stdout, stderr } = await print(args, more);
  expect({ args, exit, stderr }).toMatchObject({ exit: 0 });
  ran.add(args[0] === 'keys' ? args.slice(0, 2).join(' ') : (args[0] ?? ''));
  return stdout;
}

/** Also for what is done in part. */
async function fails(...args: string[]): Promise<void> {
  const { exit } = await print(args);
  expect({ args, exit }).not.toMatchObject({ exit: 0 });
}

async function connect(name: string, company: string): Promise<void> {
  const { apiId, apiToken } = sandbox.company(company);
  const args = ['connect', name, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
  await runWith({ AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken }, ...args);
}

beforeAll(async () => {
  const companies = ['private', 'failing', 'plain'].map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 20, calls: 170, now: Date.now(), subject: SUBJECT }),
  );
  sandbox = await startSandbox({ companies });
  server = await Connection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
  await run('keys', 'generate');
  await Promise.all([connect('private', 'private'), connect('failing', 'failing'), connect(PLANTED, 'plain')]);
  worker = await operator.startWorker({ AIRCALL_DSR_DEBUG: '1' });
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
  await server.close();
});

function canaries(): Canaries {
  const named = new Map<string, Buffer[]>();
  for (const name of ['private', 'failing']) {
    const company = sandbox.company(name);
    const own = company.calls().filter(({ id }) => company.truth.callIds.includes(id));
    named.set(
      `comments of ${name}`,
      own.flatMap(({ comments }) => comments.flatMap(({ content }) => formsOf(content))),
    );
    named.set(
      `displayed numbers of ${name}`,
      own.slice(0, 40).flatMap(({ raw_digits }) => formsOf(raw_digits)),
    );
    named.set(`secrets of ${name}`, [company.apiId, company.apiToken, company.accessToken].flatMap(formsOf));
  }
  named.set('e-mail', formsOf(SUBJECT.email));
  named.set('names', [SUBJECT.first_name, SUBJECT.last_name].flatMap(formsOf));
  named.set('numbers', [...NUMBERS, GIVEN_NUMBER].flatMap(numberForms));
  named.set('keys', keyMaterial(operator.folder).flatMap(formsOf));
  return named;
}

/** Names and contents of all files below a folder. */
function everythingIn(folder: string): Buffer {
  const parts = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => {
    const path = join(folder, name);
    return Buffer.concat([Buffer.from(`${name}\n`), statSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0)]);
  });
  return Buffer.concat(parts);
}

function database(): Buffer {
  const path = environment('TEST_TEMPORAL_DATABASE');
  return Buffer.concat(
    ['', '-wal', '-journal'].map(end => path + end).flatMap(file => (existsSync(file) ? [readFileSync(file)] : [])),
  );
}

/** What the server answers of all runs of this service: ids, attributes, memos, failures, heartbeats; payloads as bytes. */
async function serverAnswers(): Promise<Buffer> {
  const client = new Client({ connection: server });
  const parts: string[] = [];
  const tell = (value: unknown): void => {
    if (ArrayBuffer.isView(value))
      parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1'));
    else if (typeof value === 'object' && value !== null)
      for (const [name, child] of Object.entries(value)) {
        parts.push(name);
        tell(child);
      }
    else if (value !== null && value !== undefined) parts.push(String(value));
  };
  for await (const { workflowId, runId } of client.workflow.list({ query: `TaskQueue = '${operator.taskQueue}'` })) {
    const handle = client.workflow.getHandle(workflowId, runId);
    tell((await handle.describe()).raw);
    tell(await handle.fetchHistory());
  }
  return Buffer.from(parts.join('\n'), 'latin1');
}

/** A plan that is opened, answered by whoever may not and with texts in the wrong places, and rejected. */
async function approvals(): Promise<void> {
  const { name, publicPem, privatePem } = createApprover('ada');
  writeFileSync(here('ada.pub'), publicPem);
  writeFileSync(here('ada.pem'), privatePem);
  await run('approvers', 'add', name, '--key', here('ada.pub'));
  await fails('approvers', 'add', SUBJECT.email, '--key', here('ada.pub'));
  await run('approvers', 'list');
  await run('delete', 'private', SUBJECT.email, '--request-id', 'planned', '--require-approval');
  await until('it waits', async () => (await run('status', 'planned')).includes('waits for  approval'));
  const [, digest = ''] = /^Plan ([0-9a-f]{32}) /.exec(await run('plan', 'planned')) ?? [];
  await run('plan', 'planned', '--json');
  const key = ['--key', here('ada.pem')];
  await fails('approve', 'planned', '--plan', SUBJECT.email, ...key);
  await fails('approve', 'planned', '--plan', digest, '--take', SUBJECT.email, ...key);
  await fails('approve', 'planned', '--plan', digest, '--by', SUBJECT.email, ...key);
  await fails('approve', 'planned', '--plan', digest, '--key', SUBJECT.email);
  await fails('reject', 'planned', '--reason', SUBJECT.email, ...key);
  await run('reject', 'planned', '--reason', 'not-hers', ...key);
  await run('access', 'private', SUBJECT.email, '--request-id', 'approved', '--require-approval');
  await until('it waits', async () => (await run('status', 'approved')).includes('waits for  approval'));
  const [, other = ''] = /^Plan ([0-9a-f]{32}) /.exec(await run('plan', 'approved')) ?? [];
  await run('approve', 'approved', '--plan', other, '--keep', 'contact-1', ...key);
  await fails('approvers', 'remove', SUBJECT.email);
  await run('approvers', 'remove', name);
}

const PLACES: Readonly<Record<string, () => Buffer | Promise<Buffer>>> = {
  'the server’s database with its write-ahead log': database,
  'what the server answers of every run': serverAnswers,
  'the vault: names and contents of its files': () => everythingIn(here('vault')),
  'receipts, as they are handed out': () => Buffer.concat(RECEIPTS.map(name => readFileSync(here(name)))),
  'evidence bundles': () => Buffer.concat(BUNDLES.map(name => everythingIn(here(name)))),
  'what the worker printed': () => Buffer.from(worker.stderr()),
  'what all commands printed': () => Buffer.from(printed.join('\n')),
};

test('after every command and failures of every sort, no place holds any form of any canary', async () => {
  sandbox.setFaults({
    rules: [
      { company: 'private', path: '/contacts/search', occurrences: 1, action: 'malformed' },
      { company: 'private', path: '/contacts/search', occurrences: 2, action: 'status', status: 500 },
      { company: 'private', path: '/calls', occurrences: 1, action: 'drop' },
      { company: 'private', path: '/calls', occurrences: 3, action: 'status', status: 422 },
      { company: 'private', path: '/calls', occurrences: 5, action: 'bad-record' },
      { company: 'failing', path: '/contacts/search', action: 'status', status: 500 },
    ],
  });
  const phone = ['--phone', GIVEN_NUMBER];
  await fails('access', 'private', SUBJECT.email, '--request-id', 'one', ...phone, '--out', here('one.zip'));
  await run('access', PLANTED, SUBJECT.email, '--request-id', 'one', '--wait', '--json');
  await approvals();
  await run('delete', 'private', SUBJECT.email, '--request-id', 'two', ...phone, '--settle', '0', '--wait', '--json');
  await run('access', 'failing', SUBJECT.email, '--request-id', 'stuck', '--regime', 'gdpr');
  await until('it is retried', async () => (await run('status', 'stuck')).includes('retrying'));
  // Heartbeats, attempts and failures of an open request are on the server now.
  const open = foundIn(await serverAnswers(), canaries());
  expect(open).toEqual([]);
  await run('extend', 'stuck', '--reason', 'complexity');
  await fails('extend', 'stuck', '--reason', SUBJECT.email);
  await fails('extend', 'stuck', '--reason', 'complexity', '--until', SUBJECT.email, '--json');
  await run('cancel', 'stuck');
  const file = (name: string, ...rows: string[]) => {
    writeFileSync(here(name), ['requestId,kind,email,phone', ...rows].join('\n'));
    return here(name);
  };
  const batch = file('batch.csv', `,access,${SUBJECT.email},${GIVEN_NUMBER}`, `three,deletion,${SUBJECT.email},`);
  await run('batch', 'private', batch, '--dry-run');
  await run('batch', 'private', batch, '--out', here('result.csv'));
  printed.push(readFileSync(here('result.csv'), 'utf8'));
  await fails(
    'batch',
    'private',
    file('bad.csv', `${SUBJECT.email},${SUBJECT.email},"${GIVEN_NUMBER}"x,${SUBJECT.email}`),
  );
  await fails('batch', 'private', file('conflict.csv', `one,access,other@example.org,${GIVEN_NUMBER}`), '--json');
  await fails('batch', 'private', SUBJECT.email);
  await run('list');
  await run('connections', '--json');
  await run('ping', 'private');
  await run('package', 'dsr:private:access:one', '--out', here('two.zip'));
  await run('receipt', 'dsr:private:access:one', '--out', here('receipt.json'));
  await run('receipt', 'dsr:private:deletion:two');
  await run('receipt', '--chain', 'private', '--out', here('receipts.json'));
  await run('receipt', '--chain', PLANTED, '--out', here('planted.json'));
  await run('verify', here('receipt.json'));
  await run('verify', here('receipts.json'), '--chain', '--json');
  await run('audit', 'export', 'dsr:private:access:one', '--out', here('bundle-one'));
  await run('audit', 'export', `dsr:${PLANTED}:access:one`, '--out', here('bundle-planted'));
  await run('audit', 'replay', here('bundle-one'));
  await run('audit', 'replay', '--all', '--json');
  await run('purge', 'dsr:private:deletion:two');
  await run('keys', 'rotate', '--after', '0');
  await run('keys', 'export', '--role', 'viewer', '--out', here('keys-viewer.json'));
  await run('keys', 'list');
  const [, signed = ''] = /^(s-[0-9a-f]{16}), since /m.exec(await run('keys', 'public')) ?? [];
  await run('keys', 'rotate-signing');
  await run('keys', 'revoke', signed, '--from', new Date().toISOString());
  await fails('keys', 'revoke', SUBJECT.email, '--from', SUBJECT.email);
  await run('keys', 'retire', '--older-than', '365');
  await fails('keys', 'retire', '--older-than', '0');
  // What is typed in the wrong place, and refused, is not repeated.
  await fails('access', SUBJECT.email, SUBJECT.email);
  await fails('access', 'private', GIVEN_NUMBER);
  await fails('access', 'private', SUBJECT.email, '--request-id', SUBJECT.email);
  await fails('access', 'private', SUBJECT.email, '--phone', SUBJECT.email);
  await fails('access', 'private', SUBJECT.email, '--regime', SUBJECT.email);
  await fails('access', 'private', SUBJECT.email, '--submitted-at', SUBJECT.email);
  await fails('access', 'private', SUBJECT.email, '--from', SUBJECT.email, '--json');
  await fails('delete', 'private', SUBJECT.email, '--settle', SUBJECT.email);
  await fails('status', SUBJECT.email);
  await fails('cancel', SUBJECT.email);
  await fails('purge', SUBJECT.email);
  await fails('receipt', SUBJECT.email);
  await fails('audit', 'replay', SUBJECT.email);
  await fails('audit', 'export', SUBJECT.email, '--out', here('nothing'));
  await fails('receipt', '--chain', SUBJECT.email);
  await fails('verify', SUBJECT.email);
  await fails('verify', here('one.zip'), '--key', SUBJECT.email);
  await fails('package', 'one', '--out', join(here('nowhere'), 'x.zip'));
  await fails('connect', SUBJECT.email, '--base-url', sandbox.baseUrl);
  await fails('connect', 'other', '--base-url', `https://${SUBJECT.email}@api.aircall.io/v1`);
  await fails(SUBJECT.email);
  await fails('list', `--${SUBJECT.email}`);
  await fails('sandbox', '--faults', SUBJECT.email);
  await run('disconnect', 'failing');

  const wanted = canaries();
  const forms = [...wanted.values()].flat().length;
  const report = [`${forms} forms of ${wanted.size} canaries`];
  const leaks: string[] = [];
  for (const [place, read] of Object.entries(PLACES)) {
    const bytes = await read();
    expect({ place, planted: foundIn(bytes, new Map([['planted', [Buffer.from(PLANTED)]]])) }).toEqual({
      place,
      planted: ['planted'],
    });
    leaks.push(...foundIn(bytes, wanted).map(name => `${name} in ${place}`));
    report.push(`${place}: ${bytes.length} bytes`);
  }
  process.stderr.write(`searched ${report.join('; ')}\n`);
  expect(leaks).toEqual([]);
});

test('every command was run', async () => {
  const { stdout } = await operator.run(['--help']);
  const commands = [...stdout.matchAll(/^ {2}([a-z-]+)(?: \[options\]| <|\s)/gm)].map(([, name = '']) => name);
  const { stdout: keys } = await operator.run(['keys', '--help']);
  const named = commands
    .filter(name => name !== 'keys')
    .concat([...keys.matchAll(/^ {2}(?!help)([a-z][a-z-]+)/gm)].map(([, name = '']) => `keys ${name}`));
  expect(named.length).toBeGreaterThan(12);
  const elsewhere = ['demo', 'worker', 'help', 'codec-server', 'sandbox'];
  expect(named.filter(name => !ran.has(name) && !elsewhere.includes(name))).toEqual([]);
});

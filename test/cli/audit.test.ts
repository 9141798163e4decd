/** `audit replay` as an auditor runs it: requests on the server, files, with and without keys; nothing found is an error. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { type Sandbox, startSandbox } from '../../sandbox';
import { HISTORIES, readableIn } from '../replay/scenarios';
import { createOperator } from '../support/command-line';
import { errorOf } from '../support/documents';

const operator = createOperator();
const verdictsSchema = z.strictObject({
  replayed: z.number(),
  same: z.number(),
  verdicts: z.array(
    z.strictObject({
      name: z.string(),
      verdict: z.enum(['same', 'differs', 'unreadable']),
      closed: z.boolean(),
      event: z.string().optional(),
    }),
  ),
  bundle: z.enum(['verified', 'none']).optional(),
  missing: z.number().optional(),
});
/** As on a machine that has neither keys nor a server. */
const BARE = { AIRCALL_DSR_KEYS: '', AIRCALL_DSR_VAULT: '', TEMPORAL_ADDRESS: '127.0.0.1:9' };
const HISTORY = join(HISTORIES, 'access-completed.0.json');

let sandbox: Sandbox;
let asked: number;
beforeAll(async () => {
  sandbox = await startSandbox();
  const { apiId, apiToken, truth } = sandbox.company('acme');
  await operator.run(['keys', 'generate']);
  await operator.run(['connect', 'audited', '--base-url', sandbox.baseUrl], {
    AIRCALL_API_ID: apiId,
    AIRCALL_API_TOKEN: apiToken,
  });
  const worker = await operator.startWorker();
  const { exit } = await operator.run(['access', 'audited', truth.subjectEmail, '--request-id', 'audited', '--wait']);
  expect(exit).toBe(0);
  // A sweep has no input: that its history is encrypted shows further on.
  await sweep();
  await worker.end('SIGTERM');
  asked = sandbox.requests().length;
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
});

/** As the schedule starts it on the hour. */
async function sweep(): Promise<void> {
  const connection = await Connection.connect({ address: operator.environment.TEMPORAL_ADDRESS ?? '' });
  const { taskQueue } = operator;
  const { workflow } = new Client({ connection });
  await workflow.execute('retentionSweep', { workflowId: `${taskQueue}/sweep`, taskQueue }).catch(() => {});
  expect((await workflow.getHandle(`${taskQueue}/sweep`).describe()).status.name).toBe('COMPLETED');
  await connection.close();
}

async function replay(args: readonly string[], environment = {}) {
  const { exit, document } = await operator.ask(['audit', 'replay', ...args], environment);
  return { exit, ...verdictsSchema.parse(document) };
}

test('a request on the server replays, by its request id, its workflow id, and among all; Aircall is not asked', async () => {
  for (const [histories, args] of [
    [1, ['audited']],
    [1, ['dsr:audited:access:audited']],
    [2, ['--all']],
    [2, ['--all', '--since', '2026-01-01']],
  ] as const) {
    const { exit, replayed, same, verdicts } = await replay(args);
    expect({ exit, same }).toEqual({ exit: 0, same: histories });
    expect(replayed).toBe(same);
    expect(verdicts.every(({ closed }) => closed)).toBe(true);
  }
  expect(sandbox.requests()).toHaveLength(asked);
});

test('with another key it is unreadable, and the exit code says so', async () => {
  const other = { AIRCALL_DSR_KEYS: join(operator.folder, 'keys-other.json') };
  await operator.run(['keys', 'generate'], other);
  const { exit, verdicts } = await replay(['dsr:audited:access:audited'], other);
  expect(exit).toBe(1);
  expect(verdicts.map(({ verdict }) => verdict)).toEqual(['unreadable']);
});

test('files and folders of histories in the clear replay without a key and without a server', async () => {
  const one = await replay([HISTORY], BARE);
  expect(one).toMatchObject({ exit: 0, replayed: 1, same: 1 });
  for (const [index, file] of readdirSync(HISTORIES).slice(0, 3).entries())
    writeFileSync(join(operator.folder, `history-${index}.json`), readFileSync(join(HISTORIES, file)));
  expect(await replay([operator.folder], BARE)).toMatchObject({ exit: 0, replayed: 3, same: 3 });
});

test('a history that was changed differs, with the event; what is cut off is not closed; what is no history is unreadable', async () => {
  const changed = join(operator.folder, 'changed.json');
  writeFileSync(changed, readFileSync(HISTORY, 'utf8').replaceAll('searchContacts', 'lookForContacts'));
  const differs = await replay([changed], BARE);
  expect(differs.exit).toBe(1);
  expect(differs.verdicts).toEqual([
    { name: changed, verdict: 'differs', closed: true, event: expect.stringContaining('lookForContacts') },
  ]);
  writeFileSync(changed, withEvents(readFileSync(HISTORY, 'utf8'), 9));
  expect((await replay([changed], BARE)).verdicts).toMatchObject([{ verdict: 'same', closed: false }]);
  writeFileSync(changed, withEvents(readFileSync(HISTORY, 'utf8'), 1));
  expect(await replay([changed], BARE)).toMatchObject({
    exit: 1,
    verdicts: [{ verdict: 'unreadable', closed: false }],
  });
  writeFileSync(changed, '{"events":[]}');
  expect((await replay([changed], BARE)).verdicts[0]?.verdict).toBe('unreadable');
});

describe('an evidence bundle', () => {
  const bundle = () => join(operator.folder, 'bundle');
  const check = (folder: string, ...more: string[]) => operator.ask(['audit', 'replay', folder, ...more], BARE);
  /** A copy in which somebody did something. */
  function spoilt(name: string, spoil: (folder: string) => void): string {
    const folder = join(operator.folder, `bundle-${name}`);
    cpSync(bundle(), folder, { recursive: true });
    spoil(folder);
    return folder;
  }
  const rewrite = (file: string, change: (text: string) => string) => (folder: string) =>
    writeFileSync(join(folder, file), change(readFileSync(join(folder, file), 'utf8')));

  beforeAll(async () => {
    const exported = await operator.ask(['audit', 'export', 'audited', '--out', bundle()]);
    expect(exported).toMatchObject({ exit: 0, document: { histories: 1 } });
    const { stdout } = await operator.run(['keys', 'public']);
    writeFileSync(join(operator.folder, 'public.pem'), stdout);
  });

  test('holds nothing personal, and says what happened', () => {
    const email = sandbox.company('acme').truth.subjectEmail;
    for (const file of readdirSync(bundle()))
      expect(readableIn(readFileSync(join(bundle(), file), 'utf8'))).not.toContain(email);
    const story = readFileSync(join(bundle(), 'story.html'), 'utf8');
    for (const told of ['window', 'unreadable', 'withheld', 'all that Aircall serves to 20'])
      expect(story).toContain(told);
    expect(story).toContain('<b>completed</b>');
    expect(story).toContain('<svg');
  });

  test('is checked and replayed by somebody who has it and a public key, on a machine without keys or server', async () => {
    const checked = await check(bundle(), '--key', join(operator.folder, 'public.pem'));
    expect(checked).toMatchObject({ exit: 0, document: { bundle: 'verified', replayed: 1, same: 1 } });
  });

  test.each([
    [
      'a changed byte in a history',
      rewrite('history.json', text => text.replace('audited', 'audites')),
      'bundle-broken',
    ],
    ['a removed event', rewrite('history.json', text => withEvents(text, -1)), 'bundle-broken'],
    ['a changed receipt', rewrite('receipt.json', text => text.replace('"completed"', '"cancelled"')), 'bundle-broken'],
    ['a changed page', rewrite('story.html', text => text.replace('completed', 'cancelled')), 'bundle-broken'],
    ['a changed manifest', rewrite('manifest.json', text => text.replace('audited', 'audites')), 'bundle-broken'],
    ['a missing file', (folder: string) => rmSync(join(folder, 'history.json')), 'bundle-broken'],
    ['a file too many', (folder: string) => writeFileSync(join(folder, 'history-9.json'), '{}'), 'bundle-broken'],
    ['no manifest', (folder: string) => rmSync(join(folder, 'manifest.json')), 'bundle-broken'],
    ['no receipt', (folder: string) => rmSync(join(folder, 'receipt.json')), 'bundle-broken'],
    ['a folder too many', (folder: string) => mkdirSync(join(folder, 'more')), 'bundle-broken'],
  ] as const)('with %s is refused', async (name, spoil, code) => {
    const { exit, document } = await check(spoilt(name.replaceAll(' ', '-'), spoil));
    expect(exit).toBe(1);
    expect(errorOf(document).code).toBe(code);
  });

  test('that lacks manifest and receipt is no evidence, and says so', async () => {
    const bare = spoilt('bare', folder => {
      for (const name of ['manifest.json', 'receipt.json']) rmSync(join(folder, name));
    });
    expect(await replay([bare], BARE)).toMatchObject({ exit: 0, replayed: 1, bundle: 'none' });
    expect((await operator.run(['audit', 'replay', bare], BARE)).stderr).toContain('no evidence: histories only');
    expect((await check(bare, '--key', join(operator.folder, 'public.pem'))).exit).toBe(2);
  });

  test('with the receipt of another request, or signed with another key than the one given, is refused', async () => {
    const other = join(operator.folder, 'another');
    const worker = await operator.startWorker();
    await operator.run(['access', 'audited', 'nobody@example.com', '--request-id', 'another', '--wait']);
    await worker.end('SIGTERM');
    await operator.run(['audit', 'export', 'another', '--out', other]);
    const swapped = spoilt('swapped', folder => cpSync(join(other, 'receipt.json'), join(folder, 'receipt.json')));
    expect(errorOf((await check(swapped)).document).code).toBe('bundle-broken');
    const keys = { AIRCALL_DSR_KEYS: join(operator.folder, 'keys-foreign.json') };
    await operator.run(['keys', 'generate'], keys);
    const foreign = join(operator.folder, 'foreign.pem');
    writeFileSync(foreign, (await operator.run(['keys', 'public'], keys)).stdout);
    const { exit, document } = await check(bundle(), '--key', foreign);
    expect(exit).toBe(1);
    expect(errorOf(document).code).toBe('bundle-broken');
  });

  test('is not made of a request that nobody knows, nor over something that exists', async () => {
    expect((await operator.ask(['audit', 'export', 'nobody', '--out', join(operator.folder, 'x')])).exit).toBe(2);
    expect((await operator.ask(['audit', 'export', 'audited', '--out', bundle()])).exit).toBe(2);
  });
});

/** Its first events; all but the last ones where negative. */
function withEvents(text: string, count: number): string {
  const { events } = z.object({ events: z.array(z.unknown()) }).parse(JSON.parse(text));
  return JSON.stringify({ events: events.slice(0, count) });
}

test('a purge keeps the evidence first: it is exported, checked and replayed as before', async () => {
  const purged = await operator.ask(['purge', 'dsr:audited:access:audited']);
  expect(purged).toMatchObject({ exit: 0, document: { evidence: true, histories: 1 } });
  const late = join(operator.folder, 'late');
  const exported = await operator.ask(['audit', 'export', 'audited', '--out', late]);
  expect(exported).toMatchObject({ exit: 0, document: { workflowId: 'dsr:audited:access:audited', histories: 1 } });
  const key = join(operator.folder, 'public.pem');
  const { exit, document } = await operator.ask(['audit', 'replay', late, '--key', key], BARE);
  expect({ exit, document }).toMatchObject({ exit: 0, document: { bundle: 'verified', replayed: 1, same: 1 } });
});

test('nothing to replay is an error, and so is wrong usage', async () => {
  const none = await operator.ask(['audit', 'replay', '--all', '--since', '2126-01-01']);
  expect(none.exit).toBe(1);
  expect(errorOf(none.document).code).toBe('nothing-to-replay');
  for (const [args, code] of [
    [[], 'usage'],
    [['audited', '--all'], 'usage'],
    [['--all', '--since', 'yesterday'], 'usage'],
    [['nobody'], 'not-found'],
  ] as const) {
    const { exit, document } = await operator.ask(['audit', 'replay', ...args]);
    expect(exit).toBe(2);
    expect(errorOf(document).code).toBe(code);
  }
});

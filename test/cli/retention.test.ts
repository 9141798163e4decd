/**
 * Keys and data over their whole life, as an operator meets them: keys rotate under running requests, requests are purged,
 * old keys are retired; then also copies that were made before are unreadable.
 */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { loadKeyring } from '../../src/encryption/keyring';
import { createPayloadCodec } from '../../src/encryption/payload-codec';
import { RETENTION_WORKFLOW } from '../../src/request/names';
import { retentionScheduleId } from '../../src/retention/schedule';
import { createCases } from '../../src/vault/cases';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { createOperator, type RunningCommand } from '../support/command-line';
import { errorOf, resultSchema, statusSchema } from '../support/documents';
import { until } from '../support/patience';
import { environment } from '../support/service';

const SEED = { seed: 5, contacts: 30, calls: 60, now: Date.now() };
/** No other test's: all share one server, and so its ids. */
const CONNECTION = 'lasting';
const EMAIL = createCompanySeed({ name: 'acme', ...SEED }).truth.subjectEmail;
const keysSchema = z.object({
  primary: z.string(),
  keys: z.array(z.object({ id: z.string(), encrypts: z.boolean() })),
});
const needSchema = z.strictObject({
  open: z.array(z.string()),
  unpurged: z.array(z.string()),
  unread: z.array(z.string()),
});
const retiredSchema = z.strictObject({
  destroyed: z.array(z.string()),
  needed: z.record(z.string(), needSchema),
  foreign: z.number().int(),
  broken: z.array(z.string()),
});
const DAY_MS = 86_400_000;
const CLOCK_AHEAD = {
  NODE_OPTIONS: `--require ${join(__dirname, '../fixtures/clock-ahead.js')}`,
  CLOCK_AHEAD_DAYS: '40',
};
const NOTHING_ELSE = { foreign: 0, broken: [] };
const purgedSchema = z.strictObject({
  requestId: z.string(),
  workflowId: z.string(),
  kind: z.enum(['access', 'deletion']),
  status: z.literal('purged'),
  histories: z.number().int(),
  foreign: z.number().int(),
  evidence: z.boolean(),
  result: resultSchema,
});

const operator = createOperator();
const here = (name: string) => join(operator.folder, name);
const keyFile = here('keys.json');
let sandbox: Sandbox;
let worker: RunningCommand;
let server: Connection;

beforeAll(async () => {
  sandbox = await startSandbox({ companies: [createCompanySeed({ name: 'acme', ...SEED })] });
  server = await Connection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
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
  await server.close();
});

const listed = async () => keysSchema.parse((await operator.ask(['keys', 'list'])).document);
const retire = async () => {
  const { exit, document } = await operator.ask(['keys', 'retire', '--older-than', '0']);
  return { exit, ...retiredSchema.parse(document) };
};

test('keys rotate under running requests, and a purged request is unreadable everywhere once its keys are retired', async () => {
  const { primary: first } = await listed();
  // A sweep that ended under the first key holds nothing of a person: it keeps no key.
  const temporal = new Client({ connection: server });
  await temporal.schedule.getHandle(retentionScheduleId(operator.taskQueue)).trigger();
  const sweeps = `WorkflowType = '${RETENTION_WORKFLOW}' AND TaskQueue = '${operator.taskQueue}'`;
  await until('a sweep has ended', async () => {
    const { count } = await temporal.workflow.count(`${sweeps} AND ExecutionStatus = 'Completed'`);
    return count > 0;
  });
  const out = here('package.zip');
  const access = await operator.ask(['access', CONNECTION, EMAIL, '--request-id', 'one', '--out', out]);
  expect(access.exit).toBe(0);
  const { package: found } = resultSchema.parse(access.document);

  // Another request is under way while the key changes.
  sandbox.setFaults({ rules: [{ path: '/contacts/search', action: 'status', status: 500 }] });
  await operator.ask(['access', CONNECTION, EMAIL, '--request-id', 'across']);
  const rotated = await operator.ask(['keys', 'rotate', '--after', '0']);
  expect(rotated.exit).toBe(0);
  const { primary: second, keys } = await listed();
  expect(keys.map(({ id, encrypts }) => [id, encrypts])).toEqual([
    [first, false],
    [second, true],
  ]);
  const whileOpen = await retire();
  expect(whileOpen).toMatchObject({ exit: 1, destroyed: [] });
  expect(whileOpen.needed[first]?.open).toEqual(['dsr:lasting:access:across']);
  expect(whileOpen.needed[first]?.unpurged).toContain('dsr:lasting:access:one');
  sandbox.setFaults({ rules: [] });
  const across = await operator.ask(['access', CONNECTION, EMAIL, '--request-id', 'across', '--wait']);
  expect(across.exit).toBe(0);
  expect(worker.stderr()).not.toContain('which is not in the key file');

  // Copies that nobody here can reach.
  const vaultCopy = here('vault-copy');
  cpSync(here('vault'), vaultCopy, { recursive: true });
  const { events } = await temporal.workflow.getHandle('dsr:lasting:access:one').fetchHistory();
  const [input] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  expect(input).toBeDefined();
  const readCopies = async () => {
    const ring = loadKeyring(keyFile);
    const cases = createCases(createVault(createFolderDriver(vaultCopy), ring));
    const [payload] = await createPayloadCodec(ring).decode(input ? [input] : []);
    const request = { connection: CONNECTION, kind: 'access', requestId: 'one' } as const;
    const file = await cases.openPackage(request, found?.sha256 ?? '');
    return {
      zip: file && (await buffer(file.read(0))),
      input: Buffer.from(payload?.data ?? []).toString(),
    };
  };
  const copies = await readCopies();
  expect(copies.zip?.equals(readFileSync(out))).toBe(true);
  expect(copies.input).toContain(EMAIL);

  // A request whose history is gone from the server needs its key all the same, for what is in the vault.
  const workflowId = 'dsr:lasting:access:one';
  await server.workflowService.deleteWorkflowExecution({ namespace: 'default', workflowExecution: { workflowId } });
  await until('its history is gone', async () => {
    const { count } = await temporal.workflow.count(`WorkflowId = '${workflowId}'`);
    return count === 0;
  });
  expect((await retire()).needed[first]?.unpurged).toContain(workflowId);
  const purged = await operator.ask(['purge', workflowId]);
  expect(purged.exit).toBe(0);
  expect(purgedSchema.parse(purged.document)).toMatchObject({ workflowId, histories: 0, evidence: false });
  const stillNeeded = await retire();
  expect(stillNeeded).toEqual({
    exit: 1,
    destroyed: [],
    needed: { [first]: { open: [], unpurged: ['dsr:lasting:access:across'], unread: [] } },
    ...NOTHING_ELSE,
  });
  const purgedToo = await operator.ask(['purge', 'across']);
  expect(purgedToo.exit).toBe(0);
  expect(purgedSchema.parse(purgedToo.document)).toMatchObject({ histories: 1, evidence: true });
  expect(await retire()).toEqual({ exit: 0, destroyed: [first], needed: {}, ...NOTHING_ELSE });
  expect((await listed()).keys.map(({ id }) => id)).toEqual([second]);
  await expect(readCopies()).rejects.toMatchObject({ code: 'unknown-key' });

  // What lives longer than any key still answers: the connection, and the record.
  const asked = sandbox.company('acme').requests().length;
  const { result, ...status } = statusSchema.parse((await operator.ask(['status', 'one'])).document);
  expect(status).toMatchObject({ status: 'purged', kind: 'access' });
  expect(result).toMatchObject({ status: 'purged', purged: { status: 'completed' } });
  const again = await operator.ask(['access', CONNECTION, EMAIL, '--request-id', 'one', '--wait']);
  expect({ exit: again.exit, status: resultSchema.parse(again.document).status }).toEqual({
    exit: 0,
    status: 'purged',
  });
  expect(errorOf((await operator.ask(['package', 'one', '--out', here('gone.zip')])).document).code).toBe('no-package');
  expect(sandbox.company('acme').requests()).toHaveLength(asked);
  const fresh = await operator.ask(['access', CONNECTION, EMAIL, '--request-id', 'two', '--wait']);
  expect(resultSchema.parse(fresh.document).status).toBe('completed');
});

test('an open request, and one that nobody knows, are not purged', async () => {
  sandbox.setFaults({ rules: [{ path: '/contacts/search', action: 'status', status: 500 }] });
  await operator.ask(['access', CONNECTION, EMAIL, '--request-id', 'open']);
  const open = await operator.ask(['purge', 'open']);
  expect({ exit: open.exit, code: errorOf(open.document).code }).toEqual({ exit: 1, code: 'request-open' });
  sandbox.setFaults({ rules: [] });
  await until('it has ended', async () => {
    const { status } = statusSchema.parse((await operator.ask(['status', 'open'])).document);
    return status === 'completed';
  });
  const nobody = await operator.ask(['purge', 'dsr:lasting:deletion:nobody']);
  expect({ exit: nobody.exit, code: errorOf(nobody.document).code }).toEqual({ exit: 2, code: 'not-found' });
});

test.each([
  [['keys', 'retire', '--older-than', '-1'], {}, 'usage'],
  [['keys', 'retire', '--older-than', 'old'], {}, 'usage'],
  [['keys', 'retire'], { AIRCALL_DSR_RETENTION_DAYS: '0' }, 'configuration'],
  [['worker'], { AIRCALL_DSR_RETENTION_DAYS: 'month' }, 'configuration'],
  [['worker'], { AIRCALL_DSR_PACKAGE_DAYS: '-1' }, 'configuration'],
])('%j with %j is refused', async (args, more, code) => {
  const { exit, document } = await operator.ask(args, more);
  expect({ exit, code: errorOf(document).code }).toEqual({ exit: 2, code });
});

test('nothing is retired that has encrypted lately', async () => {
  await operator.ask(['keys', 'rotate', '--after', '0']);
  const { exit, document } = await operator.ask(['keys', 'retire']);
  expect({ exit, ...retiredSchema.parse(document) }).toEqual({
    ...{ exit: 0, destroyed: [], needed: {} },
    ...NOTHING_ELSE,
  });
});

test('a worker whose clock is 40 days ahead destroys nothing early, and a purge by such a clock is judged by the server all the same', async () => {
  const temporal = new Client({ connection: server });
  const young = await operator.ask(['access', CONNECTION, EMAIL, '--request-id', 'young', '--wait']);
  expect(young.exit).toBe(0);
  await worker.end('SIGTERM');
  const wrong = await operator.processes.startWorker(CLOCK_AHEAD);
  const handle = temporal.schedule.getHandle(retentionScheduleId(operator.taskQueue));
  const before = (await handle.describe()).info.numActionsTaken;
  await handle.trigger();
  await until('it has begun', async () => (await handle.describe()).info.numActionsTaken > before);
  const last = (await handle.describe()).info.recentActions.at(-1)?.action.workflow.workflowId ?? '';
  const codec = createPayloadCodec(loadKeyring(keyFile));
  const reader = new Client({ connection: server, dataConverter: { payloadCodecs: [codec] } });
  expect(await reader.workflow.getHandle(last).result()).toMatchObject({ destroyed: 0, left: 0 });
  await wrong.end('SIGTERM');
  worker = await operator.startWorker();
  const { status } = statusSchema.parse((await operator.ask(['status', 'young'])).document);
  expect(status).toBe('completed');
  const evidence = await createVault(createFolderDriver(here('vault')), loadKeyring(keyFile)).get(
    'evidence-looked/up-to',
  );
  expect(new Date(evidence?.value.toString() ?? 0).getTime()).toBeLessThan(Date.now());

  sandbox.setFaults({ rules: [{ path: '/contacts/search', action: 'status', status: 500 }] });
  await operator.ask(['access', CONNECTION, EMAIL, '--request-id', 'not-ended']);
  const purgeAhead = async (id: string) => {
    const { exit, stdout } = await operator.processes.run(['purge', id, '--json'], CLOCK_AHEAD);
    return { exit, document: JSON.parse(stdout) as unknown };
  };
  const refused = await purgeAhead('not-ended');
  expect({ exit: refused.exit, code: errorOf(refused.document).code }).toEqual({ exit: 1, code: 'request-open' });
  sandbox.setFaults({ rules: [] });
  await operator.ask(['access', CONNECTION, EMAIL, '--request-id', 'not-ended', '--wait']);
  const began = Date.now();
  const purged = await purgeAhead('young');
  expect(purged.exit).toBe(0);
  const at = Date.parse(purgedSchema.parse(purged.document).result.purged?.at ?? '');
  expect(at).toBeGreaterThan(began - DAY_MS);
  expect(at).toBeLessThan(began + DAY_MS);
});

test('a machine whose clock is 40 days ahead retires no key early', async () => {
  await operator.ask(['keys', 'rotate', '--after', '0']);
  const { exit, stdout } = await operator.processes.run(['keys', 'retire', '--json'], CLOCK_AHEAD);
  expect({ exit, ...retiredSchema.parse(JSON.parse(stdout)) }).toEqual({
    ...{ exit: 0, destroyed: [], needed: {} },
    ...NOTHING_ELSE,
  });
});

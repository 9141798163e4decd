/**
 * Restoring a backup as docs/operate/backup.md says: the database first, the vault after it, the key file apart; all into a new place.
 * Requests that were open go on there, also one that had ended between the two parts of the backup.
 */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DevServer, startDevServer } from '../../dev-server';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { SEARCH_ATTRIBUTES } from '../../src/request/names';
import { createOperator, type Operator } from '../support/command-line';
import { resultSchema, savedSchema, statusSchema } from '../support/documents';
import { until } from '../support/patience';

const COMPANIES = ['acme', 'globex'] as const;
const SEED = { seed: 5, contacts: 30, calls: 60, now: Date.now() };
const EMAIL = createCompanySeed({ name: 'acme', ...SEED }).truth.subjectEmail;

const backup = mkdtempSync(join(tmpdir(), 'aircall-dsr-backup-'));
const servers = new Set<DevServer>();
const operators: Operator[] = [];
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ companies: COMPANIES.map(name => createCompanySeed({ name, ...SEED })) });
});
afterAll(async () => {
  for (const operator of operators) await operator.stop();
  for (const server of servers) await stopServer(server);
  await sandbox.close();
  rmSync(backup, { recursive: true, force: true });
});

async function startServer(folder: string): Promise<DevServer> {
  const dbFilename = join(folder, 'temporal.db');
  const server = await startDevServer({ dbFilename, searchAttributes: SEARCH_ATTRIBUTES });
  servers.add(server);
  return server;
}

async function stopServer(server: DevServer): Promise<void> {
  servers.delete(server);
  await server.stop();
}

function operate(environment: Readonly<Record<string, string>>): Operator {
  const operator = createOperator(environment);
  operators.push(operator);
  return operator;
}

async function statusOf(operator: Operator, id: string) {
  const { document } = await operator.ask(['status', id]);
  return statusSchema.parse(document);
}

async function resultOf(operator: Operator, id: string) {
  await until(`${id} has ended`, async () => (await statusOf(operator, id)).result !== undefined);
  return resultSchema.parse((await statusOf(operator, id)).result);
}

async function receiptsOf(operator: Operator, connection: string): Promise<unknown> {
  const { exit, document } = await operator.ask(['receipt', '--chain', connection]);
  expect(exit).toBe(0);
  return document;
}

test('a backup of database, vault and keys is restored in a new place, and open requests go on there', async () => {
  const before = mkdtempSync(join(backup, 'before-'));
  const server = await startServer(before);
  const old = operate({ TEMPORAL_ADDRESS: server.address });
  await old.run(['keys', 'generate']);
  for (const name of COMPANIES) {
    const { apiId, apiToken } = sandbox.company(name);
    const args = ['connect', name, '--base-url', sandbox.baseUrl, '--limit-per-minute', '8000'];
    expect((await old.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken })).exit).toBe(0);
  }
  await old.run(['connections', 'pause', 'globex']);
  const worker = await old.processes.startWorker();
  // One is half done: its contacts are found, its calls cannot be read. The other has not asked Aircall anything.
  sandbox.setFaults({ rules: [{ company: 'acme', path: '^/v1/calls', action: 'status', status: 503 }] });
  await old.run(['access', 'acme', EMAIL, '--request-id', 'half-done']);
  await old.run(['delete', 'globex', EMAIL, '--request-id', 'not-begun', '--settle', '0']);
  await until('one is half done', async () => (await statusOf(old, 'half-done')).phase === 'fetching-calls');
  await until('the other waits', async () => (await statusOf(old, 'not-begun')).status === 'waiting');

  // The database, as it is now.
  await worker.end('SIGKILL');
  await stopServer(server);
  for (const name of readdirSync(before).filter(each => each.startsWith('temporal.db')))
    cpSync(join(before, name), join(backup, 'database', name), { recursive: true });
  // The service goes on, and ends the first request; then the vault.
  const again = await startServer(before);
  const here = { TEMPORAL_ADDRESS: again.address };
  sandbox.setFaults(undefined);
  const next = await old.processes.startWorker(here);
  const goneOn = operate({ ...old.environment, ...here });
  const first = await resultOf(goneOn, 'half-done');
  expect(first.status).toBe('completed');
  const receipts = await receiptsOf(goneOn, 'acme');
  expect((await next.end('SIGTERM')).exit).toBe(0);
  await stopServer(again);
  cpSync(join(old.folder, 'vault'), join(backup, 'vault'), { recursive: true });
  cpSync(join(old.folder, 'keys.json'), join(backup, 'keys.json'));
  rmSync(join(old.folder, 'vault'), { recursive: true });

  const restored = await startServer(join(backup, 'database'));
  const operator = operate({
    TEMPORAL_ADDRESS: restored.address,
    AIRCALL_DSR_TASK_QUEUE: old.taskQueue,
    AIRCALL_DSR_VAULT: join(backup, 'vault'),
    AIRCALL_DSR_KEYS: join(backup, 'keys.json'),
  });
  // Here it is open as ever, and no worker is there.
  expect(await statusOf(operator, 'half-done')).toMatchObject({ status: 'waiting', waitingFor: { cause: 'worker' } });
  await operator.processes.startWorker();
  // What the database had not seen is done again: the same records are found, and there is no second receipt.
  const second = await resultOf(operator, 'half-done');
  expect(second).toEqual(first);
  expect(await receiptsOf(operator, 'acme')).toEqual(receipts);
  const out = join(operator.folder, 'package.zip');
  const saved = await operator.ask(['package', 'half-done', '--out', out]);
  expect(savedSchema.parse(saved.document).sha256).toBe(second.package?.sha256);

  expect((await statusOf(operator, 'not-begun')).status).toBe('waiting');
  expect((await operator.run(['connections', 'resume', 'globex'])).exit).toBe(0);
  const removed = await resultOf(operator, 'not-begun');
  expect(removed).toMatchObject({ status: 'completed', verification: { state: 'verified' } });
  const { truth, contacts } = sandbox.company('globex');
  expect(contacts().filter(({ id }) => truth.contactIds.includes(id))).toEqual([]);
});

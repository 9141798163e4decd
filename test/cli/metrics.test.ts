/** What Prometheus is told of a worker: a real process is asked over HTTP, and the sandbox and the server say what is true. */
import { join } from 'node:path';
import { defineSearchAttributeKey } from '@temporalio/common';
import { findFreePort } from '../../dev-server/free-port';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { connectTemporal, loadKeyring } from '../../src/client';
import { generateKeyFile } from '../../src/encryption/key-file';
import { WORKFLOW_TYPES } from '../../src/request/names';
import { createCases } from '../../src/vault/cases';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { CONNECTION, METRICS } from '../../src/worker/metrics';
import { askedFor } from '../support/asked';
import { createOperator } from '../support/command-line';
import { resultSchema, startedSchema } from '../support/documents';
import { type Page, scrape } from '../support/metrics';
import { until } from '../support/patience';

const DAY_MS = 86_400_000;
const DUE_AT = defineSearchAttributeKey('DsrDueAt', 'DATETIME');
const COMPANIES = ['acme', 'limited', 'refusing', 'paused'] as const;
const SEED = { seed: 5, contacts: 30, calls: 60, now: Date.now() };
const EMAIL = createCompanySeed({ name: 'acme', ...SEED }).truth.subjectEmail;

const operator = createOperator();
let sandbox: Sandbox;
let port: number;
/** What `connect` asked of each company: no worker's requests. */
const askedBefore = new Map<string, number>();

beforeAll(async () => {
  sandbox = await startSandbox({ companies: COMPANIES.map(name => createCompanySeed({ name, ...SEED })) });
  await operator.run(['keys', 'generate']);
  for (const name of COMPANIES) {
    const { apiId, apiToken } = sandbox.company(name);
    const args = ['connect', name, '--base-url', sandbox.baseUrl, '--limit-per-minute', '8000', '--share', '0.5'];
    expect((await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken })).exit).toBe(0);
    askedBefore.set(name, sandbox.company(name).requests().length);
  }
  expect((await operator.run(['connections', 'pause', 'paused'])).exit).toBe(0);
  port = await findFreePort(0);
  await operator.processes.serve(['worker', '--metrics', `127.0.0.1:${port}`], /^ready$/m);
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
});

const sent = (name: string) => sandbox.company(name).requests().slice(askedBefore.get(name));
const untilTold = (what: string, isSo: (page: Page) => boolean) =>
  until(`the metrics tell ${what}`, async () => isSo(await scrape(port)));

async function ended(...args: string[]) {
  const { document } = await operator.ask([...args, '--wait']);
  return resultSchema.parse(document);
}

test('API requests are counted by what Aircall answered, each once, as Aircall counts them', async () => {
  sandbox.setFaults({
    rules: [
      { company: 'limited', occurrences: [1], action: 'status', status: 429, headers: { 'Retry-After': '1' } },
      { company: 'limited', occurrences: [2], action: 'status', status: 503 },
      { company: 'limited', occurrences: [3], action: 'drop' },
    ],
  });
  expect((await ended('access', 'acme', EMAIL)).status).toBe('completed');
  const limited = await ended('access', 'limited', EMAIL);
  sandbox.setFaults(undefined);
  expect(limited.status).toBe('completed');
  const page = await scrape(port);
  const count = (connection: string, answer?: string) =>
    page.sum('aircall_dsr_api_requests_total', { connection, ...(answer && { answer }) });
  expect(sent('acme').length).toBeGreaterThan(1);
  expect(count('acme')).toBe(sent('acme').length);
  expect(count('acme', 'ok')).toBe(sent('acme').length);
  expect(count('acme', 'rate-limited')).toBe(0); // known before it happens, so that the first one is a change
  expect(count('limited')).toBe(sent('limited').length);
  expect(count('limited')).toBe(limited.apiRequests);
  expect(sent('limited').filter(({ status }) => status === 429)).toHaveLength(1);
  expect(count('limited', 'rate-limited')).toBe(1);
  expect(count('limited', 'unavailable')).toBe(1);
  expect(count('limited', 'unreachable')).toBe(1);
  expect(count('limited', 'ok')).toBe(sent('limited').length - 3);
});

test('the budget is told as configured and as the server keeps it, and the queue of each connection', async () => {
  await untilTold(
    'what the server keeps',
    page => page.sum('aircall_dsr_budget_effective_per_minute', { connection: 'acme' }) === 4_000,
  );
  const page = await scrape(port);
  expect(page.sum('aircall_dsr_budget_configured_per_minute', { connection: 'acme' })).toBe(4_000);
  expect(page.sum('aircall_dsr_backlog_steps', { connection: 'acme' })).toBe(0);
  expect(page.sum('aircall_dsr_backlog_age_seconds', { connection: 'acme' })).toBe(0);
  // A budget of three a minute, and a request that needs more.
  const { apiId, apiToken } = sandbox.company('acme');
  const key = { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken };
  const args = ['connect', 'slow', '--base-url', sandbox.baseUrl, '--limit-per-minute', '4'];
  expect((await operator.run(args, key)).exit).toBe(0);
  const { document } = await operator.ask(['access', 'slow', EMAIL, '--calls', 'company']);
  const { workflowId } = startedSchema.parse(document);
  await untilTold('that a step waits, and since when', now => {
    const of = (name: string) => now.sum(name, { connection: 'slow' }) ?? 0;
    return of('aircall_dsr_backlog_steps') > 0 && of('aircall_dsr_backlog_age_seconds') > 0;
  });
  expect((await operator.run(['cancel', workflowId])).exit).toBe(0);
  expect((await operator.run(['disconnect', 'slow', '--force'])).exit).toBe(0);
  await untilTold(
    'that the connection is gone',
    now => now.sum('aircall_dsr_budget_configured_per_minute', { connection: 'slow' }) === 0,
  );
});

test('requests that end are counted by kind and status, and a deletion that left something is a residual', async () => {
  const company = sandbox.company('refusing');
  company.behave({ refuseContacts: [company.truth.contactIds[0] ?? 0] });
  const before = await scrape(port);
  const result = await ended('delete', 'refusing', EMAIL, '--settle', '0');
  expect(result).toMatchObject({ status: 'partial', verification: { state: 'residual' } });
  const page = await scrape(port);
  const ends = (at: Page, kind: string, status: string) => at.sum('aircall_dsr_requests_ended_total', { kind, status });
  expect(ends(page, 'access', 'completed')).toBe(2);
  expect(ends(before, 'deletion', 'partial')).toBe(0);
  expect(ends(page, 'deletion', 'partial')).toBe(1);
  expect(ends(page, 'deletion', 'completed')).toBe(0);
  expect(before.sum('aircall_dsr_deletions_residual_total', { connection: 'refusing' })).toBe(0);
  expect(page.sum('aircall_dsr_deletions_residual_total', { connection: 'refusing' })).toBe(1);
  expect(page.sum('aircall_dsr_deletions_residual_total', { connection: 'acme' })).toBe(0);
});

test('open requests are counted by status and due date, and a connection that is held says why', async () => {
  const before = await scrape(port);
  expect(before.sum('aircall_dsr_worker_ready')).toBe(1);
  expect((await operator.run(['access', 'paused', EMAIL, '--request-id', 'held'])).exit).toBe(0);
  await untilTold(
    'the request that waits',
    page =>
      page.sum('aircall_dsr_requests_waiting', { connection: 'paused', cause: 'paused' }) === 1 &&
      page.sum('aircall_dsr_requests_open', { kind: 'access', status: 'waiting' }) === 1,
  );
  const page = await scrape(port);
  expect(page.sum('aircall_dsr_connection_held', { connection: 'paused', cause: 'paused' })).toBe(1);
  expect(page.sum('aircall_dsr_connection_held', { connection: 'paused', cause: 'credentials' })).toBe(0);
  expect(page.sum('aircall_dsr_connection_held', { connection: 'acme' })).toBe(0);

  // Requests that no worker can begin, so that what their starter set stays: one due tomorrow, one yesterday, one in a month.
  const otherKeys = join(operator.folder, 'keys-of-another.json');
  generateKeyFile(otherKeys, new Date());
  process.env.TEMPORAL_ADDRESS = operator.environment.TEMPORAL_ADDRESS;
  const temporal = await connectTemporal(loadKeyring(otherKeys));
  const due = { tomorrow: DAY_MS, yesterday: -DAY_MS, later: 30 * DAY_MS };
  for (const [requestId, inMs] of Object.entries(due)) {
    await temporal.workflow.start(WORKFLOW_TYPES.deletion, {
      taskQueue: operator.taskQueue,
      workflowId: `dsr:acme:deletion:${requestId}`,
      args: [{ kind: 'deletion', requestId, connection: 'acme', subject: { email: EMAIL } }],
      typedSearchAttributes: [{ key: DUE_AT, value: new Date(Date.now() + inMs) }],
    });
  }
  await untilTold(
    'what is open and due',
    told =>
      told.sum('aircall_dsr_requests_open', { kind: 'deletion', status: 'running' }) === 3 &&
      told.sum('aircall_dsr_requests_due_soon', { kind: 'deletion' }) === 1 &&
      told.sum('aircall_dsr_requests_overdue', { kind: 'deletion' }) === 1,
  );
  // Another worker has opened one of them.
  const mine = loadKeyring(operator.environment.AIRCALL_DSR_KEYS);
  const vault = createVault(createFolderDriver(operator.environment.AIRCALL_DSR_VAULT ?? ''), mine);
  const request = { connection: 'acme', kind: 'deletion', requestId: 'later' } as const;
  const record = { request, ...askedFor('f'.repeat(32)), runId: 'later', startedAt: new Date().toISOString() };
  await createCases(vault).open({ ...record, incarnation: 1 });
  await untilTold('that a key is missing', told => told.sum('aircall_dsr_worker_ready') === 0);
  for (const requestId of Object.keys(due))
    await temporal.workflow.getHandle(`dsr:acme:deletion:${requestId}`).terminate();
  await temporal.connection.close();

  expect((await operator.run(['connections', 'resume', 'paused'])).exit).toBe(0);
  await untilTold(
    'that nothing waits or is held any more',
    told =>
      told.sum('aircall_dsr_requests_waiting', { connection: 'paused' }) === 0 &&
      told.sum('aircall_dsr_connection_held', { connection: 'paused' }) === 0,
  );
});

test('all that is told has its help, and labels of a connection or of a closed list only', async () => {
  const page = await scrape(port);
  const own = page.samples.filter(({ name }) => name.startsWith('aircall_dsr_'));
  expect([...new Set(own.map(({ name }) => name))].sort()).toEqual(Object.keys(METRICS).sort());
  for (const [name, { help }] of Object.entries(METRICS)) expect(page.help.get(name)).toBe(help);
  const allowed = new Map<string, Readonly<Record<string, typeof CONNECTION | readonly string[]>>>(
    Object.entries(METRICS).map(([name, { labels }]) => [name, labels]),
  );
  const connections: readonly string[] = [...COMPANIES, 'slow'];
  const unexpected = own.filter(({ name, labels }) => {
    const values = allowed.get(name) ?? {};
    const isAllowed = ([label, value]: [string, string]) =>
      (values[label] === CONNECTION ? connections : (values[label] ?? [])).includes(value);
    return (
      Object.keys(labels).sort().join() !== Object.keys(values).sort().join() ||
      !Object.entries(labels).every(isAllowed)
    );
  });
  expect(unexpected).toEqual([]);
});

test('Temporal’s own metrics that the alert rules ask for are there', async () => {
  const of = { task_queue: operator.taskQueue, workflow_type: WORKFLOW_TYPES.access };
  // The SDK counts a request when the server has accepted its end, a little after our last step.
  await untilTold('as many completed runs as requests that ended', now => {
    const ends = now.sum('aircall_dsr_requests_ended_total', { kind: 'access' });
    return ends === 4 && now.sum('temporal_workflow_completed_total', of) === ends;
  });
  const page = await scrape(port);
  const failed = page.samples.filter(({ name }) => name === 'temporal_activity_execution_failed_total');
  expect(failed.map(({ labels }) => labels.activity_type)).toContain('searchContacts');
});

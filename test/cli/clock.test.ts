/** The legal clock as an operator has it: due dates in status, list, search and receipt, an extension, a signed webhook. */
import { createPublicKey, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { createOperator, type RunningCommand } from '../support/command-line';
import { errorOf } from '../support/documents';
import { until } from '../support/patience';

/** No other test's: all share one server, and so its ids. */
const CONNECTION = 'clocked';
const DAY_MS = 86_400_000;
const SEED = { seed: 9, contacts: 20, calls: 30, now: Date.now() };
const EMAIL = createCompanySeed({ name: 'acme', ...SEED }).truth.subjectEmail;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const operator = createOperator();
const received: Received[] = [];
/** The first time it is down. */
const webhook = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', part => parts.push(part));
  request.on('end', () => {
    received.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
    response.writeHead(received.length === 1 ? 503 : 204).end();
  });
});
let sandbox: Sandbox;
let worker: RunningCommand;

beforeAll(async () => {
  sandbox = await startSandbox({ companies: [createCompanySeed({ name: 'acme', ...SEED })] });
  await new Promise<void>(resolve => webhook.listen(0, '127.0.0.1', resolve));
  await operator.run(['keys', 'generate']);
  const { apiId, apiToken } = sandbox.company('acme');
  const args = ['connect', CONNECTION, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
  await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
  await operator.run(['connections', 'pause', CONNECTION]);
  const { port } = webhook.address() as AddressInfo;
  worker = await operator.startWorker({ AIRCALL_DSR_ALARM_WEBHOOK: `http://127.0.0.1:${port}/alarms?team=privacy` });
});
afterAll(async () => {
  await worker?.end('SIGTERM');
  await operator.stop();
  await sandbox.close();
  await new Promise(resolve => webhook.close(resolve));
});

const statusOf = async (id: string) => (await operator.ask(['status', id])).document;

async function search(query: string): Promise<number> {
  const server = await Connection.connect({ address: operator.environment.TEMPORAL_ADDRESS ?? '' });
  const client = new Client({ connection: server });
  const { count } = await client.workflow.count(`TaskQueue = '${operator.taskQueue}' AND ${query}`);
  await server.close();
  return count;
}

test('a request shows its due date wherever it is looked at, is found by it, and keeps it in its receipt', async () => {
  const submittedAt = daysAgo(3);
  const dueAt = new Date(Date.parse(submittedAt) + 45 * DAY_MS).toISOString();
  const args = ['access', CONNECTION, EMAIL, '--request-id', 'calm', '--regime', 'ccpa', '--submitted-at', submittedAt];
  expect((await operator.run(args)).exit).toBe(0);
  await until('it is paused', async () =>
    (await operator.run(['status', 'calm'])).stdout.includes('waits for  paused'),
  );
  expect(await statusOf('calm')).toMatchObject({ status: 'waiting', regime: 'ccpa', submittedAt, dueAt });
  expect((await operator.run(['status', 'calm'])).stdout).toContain(`due        ${dueAt}\n`);
  expect((await operator.ask(['list'])).document).toMatchObject({ requests: [{ requestId: 'calm', dueAt }] });
  expect((await operator.run(['list'])).stdout).toContain(dueAt);

  const after = new Date(Date.parse(dueAt) + 1_000).toISOString();
  await until('it is found', async () => (await search(`ExecutionStatus = 'Running' AND DsrDueAt < '${after}'`)) === 1);
  expect(await search(`DsrDueAt < '${dueAt}'`)).toBe(0);
});

test('extend puts it off within the limits of its law, and says so', async () => {
  const { document } = await operator.ask(['extend', 'calm', '--reason', 'complexity', '--until', '2000-01-01']);
  expect(errorOf(document)).toMatchObject({ code: 'extension-refused' });
  expect(errorOf((await operator.ask(['extend', 'calm', '--reason', 'It is hard'])).document).code).toBe(
    'invalid-input',
  );
  const { exit, stdout } = await operator.run(['extend', 'calm', '--reason', 'complexity']);
  expect({ exit, stdout }).toMatchObject({ exit: 0, stdout: expect.stringContaining('Tell the person, and why') });
  const again = await operator.ask(['extend', 'calm', '--reason', 'complexity']);
  expect(again).toMatchObject({ exit: 0, document: { requestId: 'calm', extension: { reason: 'complexity' } } });
  expect(errorOf((await operator.ask(['extend', 'none', '--reason', 'complexity'])).document).code).toBe('not-found');
});

test('an overdue request is told by status, log and webhook, which is asked again and knows who signed', async () => {
  const args = [
    'access',
    CONNECTION,
    EMAIL,
    '--request-id',
    'late',
    '--regime',
    'gdpr',
    '--submitted-at',
    '2026-01-31',
  ];
  await operator.run(args);
  await until('it is told twice', () => received.length === 2);
  const dueAt = '2026-02-28T00:00:00.000Z';
  expect((await operator.run(['status', 'late'])).stdout).toContain(`due        ${dueAt}: it has passed`);
  expect(worker.stderr()).toContain(
    `alarm: request dsr:${CONNECTION}:access:late is overdue: it was due at ${dueAt} (gdpr)`,
  );
  expect(worker.stderr()).toContain('alarm: the webhook answered 503');
  expect(worker.stderr().match(/late is overdue: it was due/g)).toHaveLength(1);
  await until('it is found by its alarm', async () => (await search("DsrAlarm = 'overdue'")) === 1);

  const pem = (await operator.run(['keys', 'public'])).stdout;
  for (const { headers, body } of received) {
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': told } = headers;
    const [version, signature = ''] = String(told).split(',');
    expect(version).toBe('v1a');
    const signed = Buffer.from(`${id}.${timestamp}.${body}`);
    expect(verify(null, signed, createPublicKey(pem), Buffer.from(signature, 'base64'))).toBe(true);
    expect(JSON.parse(body)).toMatchObject({
      type: 'request.overdue',
      data: { workflowId: `dsr:${CONNECTION}:access:late`, regime: 'gdpr', dueAt },
    });
    expect(body).not.toContain(EMAIL);
  }
  const [first, second] = received;
  expect(first?.headers['webhook-id']).toBe(second?.headers['webhook-id']);
});

test('receipts say by which law, when it was due, and why it was put off; a batch has one law', async () => {
  const file = join(operator.folder, 'batch.csv');
  writeFileSync(file, `requestId,kind,email,submittedAt\nmany,access,nobody@example.org,2026-01-05\n`);
  expect((await operator.ask(['batch', CONNECTION, file, '--regime', 'hipaa'])).exit).toBe(2);
  await operator.run(['connections', 'resume', CONNECTION]);
  expect((await operator.run(['batch', CONNECTION, file, '--regime', 'gdpr'])).exit).toBe(0);
  const again = await operator.run(['batch', CONNECTION, file, '--no-wait']);
  expect(again).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining('many was used with other values of regime'),
  });
  const times = { submitted: '2026-01-05T00:00:00.000Z', due: '2026-02-05T00:00:00.000Z' };
  expect((await operator.ask(['receipt', 'many'])).document).toMatchObject({ request: { regime: 'gdpr' }, times });
  await until('it has ended', async () => (await operator.run(['status', 'calm'])).stdout.includes('completed'));
  expect((await operator.ask(['receipt', 'calm'])).document).toMatchObject({
    request: { regime: 'ccpa', extension: { reason: 'complexity' } },
  });
  expect((await operator.run(['status', 'late'])).stdout).toContain(': the request ended after it');
});

test('what is no webhook is refused before anything is served', async () => {
  for (const address of [
    'http://example.com/x',
    'ftp://example.com',
    'https://user:hunter2@example.com/x',
    'nowhere',
  ]) {
    const { exit, stderr } = await operator.run(['worker'], { AIRCALL_DSR_ALARM_WEBHOOK: address });
    expect({ exit, stderr }).toMatchObject({ exit: 2, stderr: expect.stringContaining('AIRCALL_DSR_ALARM_WEBHOOK') });
    expect(stderr).not.toContain('hunter2');
  }
});

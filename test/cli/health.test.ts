/** What an orchestrator is told of a worker: that it is there, that it works, and why it does not. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { findFreePort } from '../../dev-server/free-port';
import { connectTemporal, createDsrClient, loadKeyring, type Started } from '../../src/client';
import { generateKeyFile } from '../../src/encryption/key-file';
import { createCases } from '../../src/vault/cases';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { askedFor } from '../support/asked';
import { createOperator } from '../support/command-line';
import { errorOf } from '../support/documents';
import { until } from '../support/patience';
import { environment } from '../support/service';

const operator = createOperator();
afterAll(() => operator.stop());

const lineSchema = z.object({
  time: z.iso.datetime(),
  level: z.enum(['info', 'warn', 'error']),
  message: z.string().min(1),
  code: z.string().optional(),
  keyId: z.string().optional(),
});

const answerSchema = z.strictObject({ ok: z.boolean(), problems: z.array(z.string()) });

test('a worker is healthy and ready; a key that an open request waits for makes it unready, by name, another one does not; its log is JSON if asked for', async () => {
  await operator.run(['keys', 'generate']);
  const port = await findFreePort(0);
  const worker = await operator.processes.serve(['worker', '--health-port', String(port), '--log', 'json'], /"ready"/);
  const ask = async (path: string) => {
    const reply = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: reply.status, ...answerSchema.parse(await reply.json()) };
  };
  expect(await ask('/healthz')).toEqual({ status: 200, ok: true, problems: [] });
  expect(await ask('/readyz')).toEqual({ status: 200, ok: true, problems: [] });
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);

  const taken = await operator.ask(['worker', '--health-port', String(port)]);
  expect(taken.exit).toBe(2);
  expect(errorOf(taken.document).code).toBe('configuration');
  const again = await operator.run(['worker', '--health-port', String(port), '--log', 'json']);
  expect(lineSchema.parse(JSON.parse(again.stderr))).toMatchObject({ level: 'error', code: 'configuration' });
  expect((await operator.run(['worker', '--log', 'xml'])).exit).toBe(2);

  const otherKeys = join(operator.folder, 'keys-of-another.json');
  generateKeyFile(otherKeys, new Date());
  const keyring = loadKeyring(otherKeys);
  process.env.TEMPORAL_ADDRESS = operator.environment.TEMPORAL_ADDRESS;
  const temporal = await connectTemporal(keyring);
  const client = createDsrClient({ temporal, keyring, taskQueue: operator.taskQueue });
  const subject = { email: 'zoe.nunez@example.com' };
  const start = (requestId: string) => client.start('access', { requestId, connection: 'healthy', subject });
  const of = ({ workflowId }: Started) => temporal.workflow.getHandle(workflowId);
  const unknown = await start('unknown');
  await until('its task was tried again', async () => {
    const { raw } = await of(unknown).describe();
    return (raw.pendingWorkflowTask?.attempt ?? 0) > 1;
  });
  expect(await ask('/readyz')).toEqual({ status: 200, ok: true, problems: [] });

  // Another worker has opened it.
  const mine = loadKeyring(operator.environment.AIRCALL_DSR_KEYS);
  const vault = createVault(createFolderDriver(operator.environment.AIRCALL_DSR_VAULT ?? ''), mine);
  const request = { connection: 'healthy', kind: 'access' as const, requestId: 'open' };
  const record = { request, ...askedFor(mine.hash('zoe')), runId: 'of-another', startedAt: new Date().toISOString() };
  await createCases(vault).open({ ...record, incarnation: 1 });
  const open = await start('open');
  await until('it is not ready', async () => (await ask('/readyz')).status === 503);
  expect((await ask('/readyz')).problems).toEqual([`key ${keyring.primaryId} is missing in the key file`]);
  expect((await ask('/healthz')).status).toBe(200);
  for (const started of [unknown, open]) await of(started).terminate();
  await temporal.connection.close();
  const { exit, stderr } = await worker.end('SIGTERM');
  expect(exit).toBe(0);
  const lines = stderr.trimEnd().split('\n');
  const told = lines.map(line => lineSchema.parse(JSON.parse(line)));
  expect(told.map(({ message }) => message)).toEqual(
    expect.arrayContaining(['ready', 'ending: steps in flight are finished']),
  );
  const naming = told.filter(line => JSON.stringify(line).includes(keyring.primaryId));
  expect(naming).toEqual([expect.objectContaining({ level: 'error', code: 'unknown-key', keyId: keyring.primaryId })]);
});

/** The test's server, behind a line that can go silent. */
async function startLine() {
  const [host = '', port = ''] = environment('TEST_TEMPORAL_ADDRESS').split(':');
  const sockets = new Set<Socket>();
  let silent = false;
  const line = createServer(near => {
    const far = connect(Number(port), host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('data', bytes => void (silent || other.write(bytes)));
      one.on('error', () => {}).on('close', () => other.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(line, 'listening');
  const address = line.address();
  return {
    address: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    /** Bytes that were lost are lost: a line that speaks again begins anew. */
    set silent(value: boolean) {
      silent = value;
      if (!value) for (const socket of sockets) socket.destroy();
    },
    close() {
      line.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

test('a worker whose server goes silent is not ready, also without metrics, and is ready again when it answers', async () => {
  const line = await startLine();
  const port = await findFreePort(0);
  const args = ['worker', '--health-port', String(port)];
  const worker = await operator.processes.serve(args, /^ready$/m, { TEMPORAL_ADDRESS: line.address });
  const ask = async () => answerSchema.parse(await (await fetch(`http://127.0.0.1:${port}/readyz`)).json());
  expect(await ask()).toEqual({ ok: true, problems: [] });
  line.silent = true;
  await until('it is not ready', async () => !(await ask()).ok);
  expect((await ask()).problems.join()).toContain('the Temporal server does not answer');
  line.silent = false;
  await until('it is ready', async () => (await ask()).ok);
  await worker.end('SIGTERM');
  line.close();
});

test('a worker that cannot start ends, with the failure of the start', async () => {
  const other = createOperator();
  await other.run(['keys', 'generate']);
  mkdirSync(join(other.folder, 'vault'));
  writeFileSync(join(other.folder, 'vault', 'connections'), 'no folder');
  const { exit, stderr } = await other.processes.run(['worker']);
  expect(exit).toBe(1);
  expect(stderr).toContain('ENOTDIR');
  expect(stderr).not.toContain('reference');
  await other.stop();
});

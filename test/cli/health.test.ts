/** What an orchestrator is told of a worker: that it is there, that it works, and why it does not. */
import { join } from 'node:path';
import { z } from 'zod';
import { findFreePort } from '../../dev-server/free-port';
import { connectTemporal, createDsrClient, loadKeyring } from '../../src/client';
import { generateKeyFile } from '../../src/encryption/key-file';
import { createOperator } from '../support/command-line';
import { errorOf } from '../support/documents';
import { until } from '../support/patience';

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

test('a worker is healthy and ready; a key that it lacks makes it unready, by name; its log is JSON if asked for', async () => {
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
  const { workflowId } = await client.start('access', { requestId: 'of-another', connection: 'healthy', subject });
  await until('it is not ready', async () => (await ask('/readyz')).status === 503);
  expect((await ask('/readyz')).problems.join()).toContain(keyring.primaryId);
  expect((await ask('/healthz')).status).toBe(200);
  await temporal.workflow.getHandle(workflowId).terminate();
  await temporal.connection.close();
  const { exit, stderr } = await worker.end('SIGTERM');
  expect(exit).toBe(0);
  const lines = stderr.trimEnd().split('\n');
  const told = lines.map(line => lineSchema.parse(JSON.parse(line)));
  expect(told.map(({ message }) => message)).toEqual(
    expect.arrayContaining(['ready', 'ending: steps in flight are finished']),
  );
  expect(told).toContainEqual(
    expect.objectContaining({ level: 'error', code: 'unknown-key', keyId: keyring.primaryId }),
  );
});

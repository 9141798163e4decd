/** What an orchestrator is told of a worker: that it is there, that it works, and why it does not. */
import { join } from 'node:path';
import { z } from 'zod';
import { findFreePort } from '../../dev-server/free-port';
import { connectTemporal, createDsrClient, loadKeyring } from '../../src/client';
import { generateKeyFile } from '../../src/encryption/key-file';
import { createOperator, errorOf } from '../support/command-line';
import { until } from '../support/requests';

const operator = createOperator();
afterAll(() => operator.stop());

const answerSchema = z.strictObject({ ok: z.boolean(), problems: z.array(z.string()) });

test('a worker is healthy and ready; a key that it lacks makes it unready, by name', async () => {
  await operator.run(['keys', 'generate']);
  const port = await findFreePort(0);
  const worker = await operator.serve(['worker', '--health-port', String(port)], /^ready$/m);
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
  expect((await worker.end('SIGTERM')).exit).toBe(0);
});

/** The queries that docs/operate/monitor.md offers for the Web UI are good ones, and find what they say. */
import { createCompanySeed } from '../../sandbox';
import { until } from '../support/patience';
import { startTestService, type TestService } from '../support/service';
import { readProjectFile } from '../support/source-text';

const QUERIES = [
  ...(/```sql\n([\s\S]*?)```/.exec(readProjectFile('docs/operate/monitor.md'))?.[1] ?? '').matchAll(
    /^-- (.*)\n(.*)$/gm,
  ),
].map(([, what = '', query = '']) => [what, query] as const);
const subject = { email: 'zoe.nunez@example.com' };

let service: TestService;
let subjectHash: string;
beforeAll(async () => {
  const companies = ['fine', 'dead', 'broken'].map((name, seed) =>
    createCompanySeed({ name, seed, contacts: 20, calls: 60, now: Date.now() }),
  );
  const retention = { requestMs: 1e12, packageMs: 1e12 };
  service = await startTestService({ sandbox: { companies }, company: 'fine', retention });
  service.sandbox.setFaults({
    rules: [{ company: 'broken', path: '/contacts/search', action: 'status', status: 404 }],
  });
  service.sandbox.company('dead').revokeCredentials();
  const dead = await service.connectCompany('dead');
  const broken = await service.connectCompany('broken');
  const { client } = service;
  const fine = await client.start('access', { requestId: 'q', connection: service.connection, subject });
  const failed = await client.start('access', { requestId: 'q', connection: broken, subject });
  await client.start('access', {
    requestId: 'q',
    connection: dead,
    subject,
    regime: 'gdpr',
    submittedAt: '2026-01-31',
  });
  await Promise.all([client.result(fine.workflowId), client.result(failed.workflowId)]);
  const workflowId = `dsr:${service.connection}:access:refused`;
  const refused = await service.temporal.workflow.start('accessRequest', {
    workflowId,
    taskQueue: service.taskQueue,
    args: [{}],
  });
  await refused.result().catch(() => {});
  const { taskQueue } = service;
  await service.temporal.workflow.execute('retentionSweep', { workflowId: `${taskQueue}/sweep`, taskQueue });
  subjectHash =
    (await service.cases.record({ connection: service.connection, kind: 'access', requestId: 'q' }))?.subjectHash ?? '';
});
afterAll(async () => service.stop());

test('there are as many as are counted here', () => {
  expect(QUERIES).toHaveLength(FOUND.length);
});

const FOUND: readonly number[] = [1, 1, 1, 1, 1, 1, 1, 1];

test.each(QUERIES.map(([what, query], index) => [what, query, FOUND[index] ?? 1] as const))(
  '%s',
  async (_, query, found) => {
    const asked = query
      .replaceAll('"aircall-dsr"', `"${service.taskQueue}"`)
      .replaceAll('"acme"', `"${service.connection}-dead"`)
      .replace('00000000000000000000000000000000', subjectHash)
      .replace('2026-11-16', '2026-01-01');
    const ours = `(${asked}) AND TaskQueue = "${service.taskQueue}"`;
    await until('the server has indexed it', async () => {
      const { count } = await service.temporal.workflow.count(ours);
      // On the full hour the schedule sweeps too.
      return query.includes('retentionSweep') ? count >= found : count === found;
    });
  },
);

test('a list of one connection takes a name of one, and nothing that would add a condition', async () => {
  const { client, connection } = service;
  expect(await client.list({ connection })).toHaveLength(1);
  for (const other of [`${connection}' OR DsrConnection = '${connection}-dead`, `${connection}'`, '', 'a b'])
    await expect(client.list({ connection: other })).rejects.toThrow('connection takes 1 to 64 letters');
});

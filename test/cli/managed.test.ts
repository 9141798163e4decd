/**
 * A managed Temporal server: its operator service is closed, a namespace may lack our search attributes, an API key or a
 * certificate gets its callers in, and both are replaced while workers run.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { startDevServer } from '../../dev-server';
import { type Sandbox, type SandboxCompany, startSandbox } from '../../sandbox';
import { type Certificate, createCertificate } from '../support/certificates';
import { createOperator, type Environment, type Operator } from '../support/command-line';
import { connectionsSchema, errorOf } from '../support/documents';
import { makeFolder, removeFolder } from '../support/folders';
import { type GrpcProxy, startGrpcProxy } from '../support/grpc-proxy';
import { until } from '../support/patience';
import { environment, installRuntime } from '../support/service';
import { readProjectFile } from '../support/source-text';

const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;
const UNAUTHENTICATED = 16;
const EMAIL = 'zoe.nunez@example.com';
const OPERATOR_SERVICE = '/temporal.api.operatorservice.';

let sandbox: Sandbox;
let acme: SandboxCompany;
const cleanUp: (() => unknown)[] = [];
beforeAll(async () => {
  sandbox = await startSandbox();
  acme = sandbox.company('acme');
  cleanUp.push(() => sandbox.close());
});
afterAll(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

const credentials = () => ({ AIRCALL_API_ID: acme.apiId, AIRCALL_API_TOKEN: acme.apiToken });

/** Somebody with keys and a connection, who reaches the server by these variables only. */
async function operatorBehind(variables: Environment): Promise<Operator> {
  const operator = createOperator(variables);
  cleanUp.push(() => operator.stop());
  await operator.run(['keys', 'generate']);
  const connected = await operator.run(
    ['connect', 'acme', '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'],
    credentials(),
  );
  expect(connected.exit).toBe(0);
  return operator;
}

async function proxy(options: Parameters<typeof startGrpcProxy>[0]): Promise<GrpcProxy> {
  const started = await startGrpcProxy(options);
  cleanUp.push(() => started.close());
  return started;
}

async function expectAccess(operator: Operator, requestId: string): Promise<void> {
  const { exit, document } = await operator.ask(['access', 'acme', EMAIL, '--request-id', requestId, '--wait']);
  expect({ exit, document }).toMatchObject({ exit: 0, document: { status: 'completed' } });
}

/** A namespace of its own on the run's server, with none of our search attributes. */
async function createNamespace(namespace: string): Promise<void> {
  const connection = await Connection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  const { workflow } = new Client({ connection, namespace });
  await until('the namespace is there', () =>
    workflow.count().then(
      () => true,
      () => false,
    ),
  );
  await connection.close();
}

test('a worker and all commands of a request work without the operator service', async () => {
  const server = await proxy({
    refuse: path => (path.startsWith(OPERATOR_SERVICE) ? PERMISSION_DENIED : undefined),
  });
  const operator = await operatorBehind({ TEMPORAL_ADDRESS: server.address });
  const worker = await operator.startWorker();
  await expectAccess(operator, 'closed');
  for (const command of [['status', 'closed'], ['list'], ['connections'], ['receipt', 'closed'], ['purge', 'closed']])
    expect({ command, exit: (await operator.run(command)).exit }).toEqual({ command, exit: 0 });
  expect((await worker.end('SIGTERM')).exit).toBe(0);
  expect(server.calls.length).toBeGreaterThan(0);
  expect(server.calls.filter(path => path.startsWith(OPERATOR_SERVICE))).toEqual([]);
  const [, listed = ''] = readProjectFile('docs/operate/managed.md').split('## Calls');
  const unlisted = server.calls.filter(path => !listed.includes(`\`${path.split('/').at(-1)}\``));
  expect([...new Set(unlisted)]).toEqual([]);
});

test.each([
  ['no right to', PERMISSION_DENIED],
  ['no', UNIMPLEMENTED],
])(
  'where search attributes are missing and there is %s operator service, a worker ends with exit 2 and both commands',
  async (_, status) => {
    const namespace = `lacks-${status}-${process.pid}`;
    await createNamespace(namespace);
    const server = await proxy({ refuse: path => (path.startsWith(OPERATOR_SERVICE) ? status : undefined) });
    const operator = await operatorBehind({ TEMPORAL_ADDRESS: server.address, TEMPORAL_NAMESPACE: namespace });
    const names = ['DsrKind', 'DsrConnection', 'DsrStatus', 'DsrSubject', 'DsrDueAt', 'DsrAlarm'];
    for (const command of [['worker'], ['access', 'acme', EMAIL]]) {
      const { exit, document } = await operator.ask(command);
      expect(exit).toBe(2);
      const { code, message } = errorOf(document);
      expect(code).toBe('search-attributes-missing');
      expect(message).toContain(`temporal operator search-attribute create --namespace ${namespace} --name DsrKind`);
      expect(message).toContain(`tcld namespace search-attributes add --namespace ${namespace} --search-attribute Dsr`);
      for (const name of names) expect(message.split(`${name}=`)).toHaveLength(2);
      expect(message).toContain('DsrDueAt=Datetime');
    }
    // A server that lets us do it needs nobody.
    const direct = { TEMPORAL_ADDRESS: environment('TEST_TEMPORAL_ADDRESS') };
    const worker = await operator.startWorker(direct);
    expect((await worker.end('SIGTERM')).exit).toBe(0);
  },
);

test('where nothing can be known of search attributes, a worker says so and works', async () => {
  const refused = [OPERATOR_SERVICE, '/temporal.api.workflowservice.v1.WorkflowService/CountWorkflowExecutions'];
  const server = await proxy({
    refuse: path => (refused.some(start => path.startsWith(start)) ? PERMISSION_DENIED : undefined),
  });
  const operator = await operatorBehind({ TEMPORAL_ADDRESS: server.address });
  const worker = await operator.startWorker();
  await expectAccess(operator, 'unknown');
  const { exit, stderr } = await worker.end('SIGTERM');
  expect(exit).toBe(0);
  expect(stderr).toContain('does not tell whether the namespace default has the search attributes');
});

test('a deadline beyond the retention of the namespace is noted when a request starts, apart from its document', async () => {
  const closed = { describe: false };
  const server = await proxy({
    refuse: path => (closed.describe && path.endsWith('/DescribeNamespace') ? PERMISSION_DENIED : undefined),
  });
  const operator = await operatorBehind({ TEMPORAL_ADDRESS: server.address });
  const start = async (kind: string, requestId: string, ...more: string[]) => {
    const args = [kind, 'acme', EMAIL, '--request-id', requestId, '--json', ...more];
    const { exit, stdout, stderr } = await operator.run(args);
    expect({ exit, document: JSON.parse(stdout) }).toMatchObject({ exit: 0, document: { requestId } });
    return stderr;
  };
  const noted =
    'the namespace default keeps histories for 1 day from the end of each run, and this request may take 2 days';
  expect(await start('access', 'longer', '--deadline', '2')).toContain(noted);
  expect(await start('delete', 'longer', '--deadline', '2')).toContain(noted);
  expect(await start('access', 'as-long', '--deadline', '1')).toBe('');
  expect(await start('access', 'not-said')).toContain('this request may take 30 days');
  closed.describe = true;
  expect(await start('access', 'not-known', '--deadline', '2')).toBe('');
});

test('low limits are served on four partitions, each API request with a permit, and what the partitions cost is shown', async () => {
  installRuntime(); // before the server makes one of its own
  const server = await startDevServer({
    dynamicConfig: ['Read', 'Write'].map(way => `matching.numTaskqueue${way}Partitions=4`),
  });
  cleanUp.push(() => server.stop());
  const operator = await operatorBehind({ TEMPORAL_ADDRESS: server.address });
  const worker = await operator.startWorker();
  const connect = (limit: number) =>
    operator.run(['connect', 'acme', '--limit-per-minute', String(limit)], credentials());
  const shown = async () => {
    const { document } = await operator.ask(['connections']);
    const [row] = connectionsSchema.parse(document).connections;
    return { budget: row?.budget, text: (await operator.run(['connections'])).stdout };
  };

  expect((await connect(60)).stdout).toContain('Budget: 45 of 60');
  expect((await shown()).text).not.toContain('partitions');
  expect((await connect(12)).stdout).toContain('Budget: 7.74 of 12');
  const costly = await shown();
  expect(costly.budget).toMatchObject({ partitions: 4, onePartitionPerMinute: 8.71, permitEverySeconds: null });
  expect(costly.text).toContain(
    'acme: the 4 partitions of its task queue cost part of the budget: 7.74 API requests a minute instead of 8.71. Give',
  );
  expect((await connect(4)).stdout).toContain('Budget: 2.9 of 4');
  const tooLow = await shown();
  expect(tooLow.budget).toMatchObject({
    configuredPerMinute: 2.9,
    effectivePerMinute: 2.9,
    onePartitionPerMinute: 2.9,
  });
  expect(tooLow.text).toContain('takes a permit from the Temporal server, one in 21 seconds');

  await connect(9);
  await until('the worker serves it with permits', () => /serving at 0.1125 .* with a permit/.test(worker.stderr()));
  const before = acme.requests().length;
  const { exit } = await operator.run(['access', 'acme', 'Nobody@example.org', '--wait']);
  expect(exit).toBe(0);
  const sentMs = acme
    .requests()
    .slice(before)
    .map(({ at }) => at);
  expect(sentMs.length).toBeGreaterThan(1);
  const gapsMs = sentMs.slice(1).map((atMs, index) => atMs - (sentMs[index] ?? 0));
  expect(Math.min(...gapsMs)).toBeGreaterThan(60_000 / 9); // less than 9 s by the jitter of two steps
  expect((await worker.end('SIGTERM')).exit).toBe(0);
});

const RECONNECTED = /connected again/;

/** Temporal's own profile file, of a server with this certificate; `write` puts an API key into it. */
function profileFor(certificate: string) {
  const folder = makeFolder();
  cleanUp.push(() => removeFolder(folder));
  const [ca, profile] = [join(folder, 'ca.pem'), join(folder, 'temporal.toml')];
  writeFileSync(ca, certificate);
  const write = (key: string) =>
    writeFileSync(
      profile,
      `[profile.default]\napi_key = "${key}"\n[profile.default.tls]\nserver_ca_cert_path = "${ca}"\n`,
    );
  return { profile, write };
}

test('a worker takes a new API key from its file, and works when the old one no longer holds', async () => {
  const tls = { server: createCertificate('temporal') };
  const held = { keys: ['key-before'] };
  const letIn: string[] = [];
  const server = await proxy({
    tls,
    refuse(path, { authorization }) {
      if (!held.keys.some(key => authorization === `Bearer ${key}`)) return UNAUTHENTICATED;
      letIn.push(path);
      return undefined;
    },
  });
  const { profile, write } = profileFor(tls.server.certificate);
  write('key-before');
  const operator = await operatorBehind({ TEMPORAL_ADDRESS: server.address, TEMPORAL_CONFIG_FILE: profile });
  operator.keepSecret('key-before', 'key-after');
  const worker = await operator.startWorker();
  await expectAccess(operator, 'old-key');

  held.keys.push('key-after');
  write('key-after');
  await until('the worker has read it', () => RECONNECTED.test(worker.stderr()));
  held.keys = ['key-after'];
  server.disconnectAll(); // polls that wait were let in with the old key
  letIn.splice(0);
  await expectAccess(operator, 'new-key');
  // What a worker calls besides its polls.
  await until('its own calls get in', () => letIn.some(path => path.endsWith('/DescribeNamespace')));
  expect((await worker.end('SIGTERM')).exit).toBe(0);
});

test('its credentials are replaced twice while a worker of a connection whose limit has changed lets its last step end', async () => {
  const tls = { server: createCertificate('temporal') };
  const server = await proxy({ tls });
  const { profile, write } = profileFor(tls.server.certificate);
  write('key-first');
  const operator = await operatorBehind({ TEMPORAL_ADDRESS: server.address, TEMPORAL_CONFIG_FILE: profile });
  const worker = await operator.startWorker();
  const before = acme.requests().length;
  sandbox.setFaults({ rules: [{ company: 'acme', times: 1, action: 'hold' }] });
  expect((await operator.run(['access', 'acme', EMAIL, '--request-id', 'held'])).exit).toBe(0);
  await until('its step is in flight', () => acme.requests().length > before);
  await operator.run(['connect', 'acme', '--base-url', sandbox.baseUrl, '--limit-per-minute', '5000'], credentials());
  await until('it has another worker', () => worker.stderr().match(/serving at/g)?.length === 2);
  for (const [index, key] of ['key-second', 'key-third'].entries()) {
    write(key);
    await until(`it has read ${key}`, () => worker.stderr().match(/connected again/g)?.length === index + 1);
    await expectAccess(operator, key);
  }
  expect(acme.requests()[before]).toMatchObject({ status: null });
  sandbox.setFaults(undefined);
  sandbox.release();
  await until('the held request has ended', async () => {
    const { document } = await operator.ask(['status', 'held']);
    return (document as { status?: string }).status === 'completed';
  });
  const { exit, stderr } = await worker.end('SIGTERM');
  expect(exit).toBe(0);
  expect(stderr).not.toMatch(/cannot be|could not be/);
});

test('a worker takes a new certificate from its files, and works when the old one no longer holds', async () => {
  const [old, next] = [createCertificate('old'), createCertificate('next')];
  const tls = { server: createCertificate('temporal'), client: old };
  const server = await proxy({ tls });
  const folder = makeFolder();
  cleanUp.push(() => removeFolder(folder));
  const pathOf = (name: string) => join(folder, name);
  const write = ({ certificate, key }: Certificate) => {
    writeFileSync(pathOf('client.pem'), certificate);
    writeFileSync(pathOf('client.key'), key);
  };
  write(old);
  writeFileSync(pathOf('ca.pem'), tls.server.certificate);
  const operator = await operatorBehind({
    TEMPORAL_ADDRESS: server.address,
    TEMPORAL_TLS: 'true',
    TEMPORAL_TLS_CLIENT_CERT_PATH: pathOf('client.pem'),
    TEMPORAL_TLS_CLIENT_KEY_PATH: pathOf('client.key'),
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: pathOf('ca.pem'),
  });
  const worker = await operator.startWorker();
  await expectAccess(operator, 'old-certificate');

  // Until the server knows it, a new certificate changes nothing.
  write(next);
  await until('the worker has tried it', () => /changed credentials .* cannot be used/.test(worker.stderr()));
  server.requireCertificate(next);
  await until('the worker uses it', () => RECONNECTED.test(worker.stderr()));
  server.disconnectAll(); // those that are connected were let in with the old one
  await expectAccess(operator, 'new-certificate');
  expect((await worker.end('SIGTERM')).exit).toBe(0);
});

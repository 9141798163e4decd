/** A connection whose requests are open: what must not happen to it, what is told, and how its requests go on. */
import { Client, Connection } from '@temporalio/client';
import { type Sandbox, type SandboxCompany, startSandbox } from '../../sandbox';
import { loadKeyring } from '../../src/encryption/keyring';
import { WAKE_WORKFLOW, wakeId } from '../../src/request/names';
import { createConnections } from '../../src/vault/connections';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { createOperator, type RunningCommand } from '../support/command-line';
import { connectionsSchema, errorOf, listSchema, startedSchema, statusSchema } from '../support/documents';
import { until } from '../support/patience';
import { environment } from '../support/service';

const operator = createOperator();
let sandbox: Sandbox;
let acme: SandboxCompany;

beforeAll(async () => {
  sandbox = await startSandbox();
  acme = sandbox.company('acme');
  await operator.run(['keys', 'generate']);
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
});

const apiKey = () => ({ AIRCALL_API_ID: acme.apiId, AIRCALL_API_TOKEN: acme.apiToken });
const connect = (name: string, environment: Record<string, string>, ...more: string[]) =>
  operator.ask(['connect', name, '--base-url', sandbox.baseUrl, ...more], environment);

async function stored() {
  const { document } = await operator.ask(['connections']);
  return connectionsSchema.parse(document).connections;
}

describe('a connection with open requests', () => {
  const globex = () => sandbox.company('globex');
  const NAME = 'held';
  const held = async () => (await stored()).find(({ connection }) => connection === NAME);
  const untilState = (state: string, waitingRequests: number) =>
    until(`it is ${state}`, async () => {
      const found = await held();
      return found?.state === state && found.waitingRequests === waitingRequests;
    });
  let worker: RunningCommand;
  let ids: string[];

  beforeAll(async () => {
    await connect(NAME, apiKey());
    expect((await operator.ask(['connections', 'pause', NAME])).document).toMatchObject({ connection: NAME });
    worker = await operator.startWorker();
    ids = await Promise.all(
      ['one', 'two'].map(async id => {
        const { document } = await operator.ask(['access', NAME, acme.truth.subjectEmail, '--request-id', id]);
        return startedSchema.parse(document).workflowId;
      }),
    );
    await untilState('paused', 2);
  });
  afterAll(async () => worker?.end('SIGTERM'));

  test('is not disconnected, and says which', async () => {
    const refused = await operator.ask(['disconnect', NAME]);
    expect(refused.exit).toBe(1);
    const { code, message } = errorOf(refused.document);
    expect(code).toBe('requests-open');
    for (const id of ids) expect(message).toContain(id);
    const unknown = await operator.ask(['disconnect', NAME], { TEMPORAL_ADDRESS: '127.0.0.1:9' });
    expect(unknown.exit).toBe(2);
    expect(errorOf(unknown.document).code).toBe('temporal-unreachable');
    expect((await held())?.state).toBe('paused');
  });

  test('does not take the credentials of another company, even with --replace', async () => {
    const { apiId, apiToken } = globex();
    const key = { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken };
    const other = await connect(NAME, key);
    expect(other.exit).toBe(1);
    expect(errorOf(other.document)).toMatchObject({
      code: 'other-company',
      message: expect.stringContaining('globex'),
    });
    const replaced = await connect(NAME, key, '--replace');
    expect(replaced.exit).toBe(1);
    expect(errorOf(replaced.document)).toMatchObject({
      code: 'requests-open',
      message: expect.stringContaining(ids[0] ?? ''),
    });
    expect((await held())?.company).toBe('acme');
  });

  test('whose company was renamed, or is not known, takes its credentials on the operator’s word only', async () => {
    const { AIRCALL_DSR_KEYS, AIRCALL_DSR_VAULT = '' } = operator.environment;
    const vault = createVault(createFolderDriver(AIRCALL_DSR_VAULT), loadKeyring(AIRCALL_DSR_KEYS));
    for (const [company, code, was] of [
      ['Acme, as it was', 'other-company', '“Acme, as it was”'],
      [undefined, 'requests-open', 'a company of unknown name'],
    ] as const) {
      await createConnections(vault).change(NAME, ({ company: _, ...present }) => ({
        ...present,
        ...(company !== undefined && { company }),
      }));
      expect(errorOf((await connect(NAME, apiKey())).document)).toMatchObject({
        code,
        message: expect.stringContaining(was),
      });
      expect(errorOf((await connect(NAME, apiKey(), '--replace')).document).code).toBe('requests-open');
      const args = ['connect', NAME, '--base-url', sandbox.baseUrl, '--same-company'];
      const { exit, stderr } = await operator.run(args, apiKey());
      expect(exit).toBe(0);
      expect(stderr).toContain(`${was} and now to “acme”; you confirmed that both are the same company`);
      expect(await held()).toMatchObject({ company: 'acme', state: 'paused', waitingRequests: 2 });
    }
    const both = await connect(NAME, apiKey(), '--same-company', '--replace');
    expect([both.exit, errorOf(both.document).code]).toEqual([2, 'usage']);
  });

  test('disconnected by force, its requests wait, and new ones too; another company’s credentials are still refused, its own let them go on', async () => {
    const forced = await operator.ask(['disconnect', NAME, '--force']);
    expect(forced).toMatchObject({ exit: 0, document: { disconnected: true, requestsOpen: 2 } });
    const later = await operator.ask(['access', NAME, acme.truth.subjectEmail, '--request-id', 'later']);
    ids.push(startedSchema.parse(later.document).workflowId);
    for (const id of ids) {
      await until('it says for what', async () => {
        const { document } = await operator.ask(['status', id]);
        return statusSchema.parse(document).waitingFor?.cause === 'credentials';
      });
    }
    await until('the list says that they wait', async () => {
      const { requests } = listSchema.parse((await operator.ask(['list'])).document);
      return ids.every(id => requests.some(({ workflowId, status }) => workflowId === id && status === 'waiting'));
    });
    const { disconnected } = connectionsSchema.parse((await operator.ask(['connections'])).document);
    expect(disconnected).toEqual([{ connection: NAME, company: 'acme', waitingRequests: 3 }]);
    const { stdout } = await operator.run(['connections']);
    expect(stdout).toContain(`${NAME}: disconnected; 3 requests waiting. Run: aircall-dsr connect ${NAME}`);
    const { apiId, apiToken } = globex();
    const other = await connect(NAME, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
    expect(errorOf(other.document).code).toBe('other-company');
    // It was paused, and is.
    expect(await connect(NAME, apiKey())).toMatchObject({ exit: 0, document: { company: 'acme', paused: true } });
    await operator.ask(['connections', 'resume', NAME]);
    for (const id of ids) {
      await until('it has ended', async () => {
        const { document } = await operator.ask(['status', id]);
        return statusSchema.parse(document).status === 'completed';
      });
    }
    // The other company was asked what connect asks, and nothing of a request.
    const searched = globex()
      .requests()
      .filter(({ path }) => path === '/v1/contacts/search');
    expect(searched.every(({ query }) => query.email?.endsWith('.invalid'))).toBe(true);
  });

  test('once none is open takes another company’s credentials with --replace', async () => {
    const { apiId, apiToken } = globex();
    const key = { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken };
    expect(errorOf((await connect(NAME, key)).document).code).toBe('other-company');
    await until(
      'the server knows that they have ended',
      async () => (await connect(NAME, key, '--replace')).exit === 0,
    );
    expect((await held())?.company).toBe('globex');
  });

  test('that Aircall refuses says so, and goes on with the same credentials after resume', async () => {
    globex().revokeCredentials();
    const { document } = await operator.ask(['access', NAME, globex().truth.subjectEmail, '--request-id', 'three']);
    const { workflowId } = startedSchema.parse(document);
    await untilState('credentials-refused', 1);
    const { stdout } = await operator.run(['connections']);
    expect(stdout).toContain(`aircall-dsr connect ${NAME}`);
    globex().restoreCredentials();
    expect(await operator.ask(['connections', 'resume', NAME])).toMatchObject({
      exit: 0,
      document: { resumed: true, requestsWoken: expect.any(Number) },
    });
    await until('it has ended', async () => {
      const { document: told } = await operator.ask(['status', workflowId]);
      return statusSchema.parse(told).status === 'completed';
    });
    expect(worker.stderr().match(/refuses its credentials/g)).toHaveLength(1);
    expect((await held())?.state).toBe('served');
  });

  test('that gets other credentials while no worker runs wakes its requests when one starts', async () => {
    globex().revokeCredentials();
    const { document } = await operator.ask(['access', NAME, globex().truth.subjectEmail, '--request-id', 'four']);
    const { workflowId } = startedSchema.parse(document);
    await untilState('credentials-refused', 1);
    await worker.end('SIGTERM');
    const { apiId, apiToken } = globex().issueApiKey();
    expect(await connect(NAME, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken })).toMatchObject({
      exit: 0,
      document: { requestsWoken: 1 },
    });
    const server = await Connection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
    const run = new Client({ connection: server }).workflow.getHandle(wakeId(operator.taskQueue, NAME));
    expect(await run.describe()).toMatchObject({ type: WAKE_WORKFLOW, status: { name: 'RUNNING' } });
    worker = await operator.startWorker();
    await until('the run that wakes has ended', async () => (await run.describe()).status.name === 'COMPLETED');
    await server.close();
    await until('it has ended', async () => {
      const { document: told } = await operator.ask(['status', workflowId]);
      return statusSchema.parse(told).status === 'completed';
    });
    globex().restoreCredentials();
  });

  test.each([
    ['cut off', 'connection-broken', (present: Buffer) => present.subarray(0, present.length / 2)],
    ['replaced with an older one', 'vault-rolled-back', (_: Buffer, older: Buffer) => older],
    ['removed', 'vault-rolled-back', () => undefined],
  ])(
    'that somebody has %s is told of, stops no other, and its requests go on once it is connected again',
    async (_, code, change) => {
      const driver = createFolderDriver(operator.environment.AIRCALL_DSR_VAULT ?? '');
      const [key, id] = [`connections/${NAME}`, `while-${code}-${_.length}`];
      const older = (await driver.get(key))?.value ?? Buffer.alloc(0);
      await operator.ask(['connections', 'pause', NAME]);
      const { document } = await operator.ask(['access', NAME, globex().truth.subjectEmail, '--request-id', id]);
      const { workflowId } = startedSchema.parse(document);
      await untilState('paused', 1);

      const broken = change((await driver.get(key))?.value ?? Buffer.alloc(0), older);
      await driver.delete(key);
      if (broken !== undefined) await driver.putIfAbsent(key, broken);
      await connect('beside', apiKey());
      const listed = connectionsSchema.parse((await operator.ask(['connections'])).document);
      expect(listed.broken).toEqual([{ connection: NAME, message: expect.stringContaining('aircall-dsr connect') }]);
      expect(listed.connections.map(({ connection }) => connection)).toContain('beside');
      expect(errorOf((await operator.ask(['ping', NAME])).document).code).toBe(code);
      await until('the worker says so', () => worker.stderr().includes(`${NAME}: cannot be served (${code})`));

      const { apiId, apiToken } = globex();
      const theirs = { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken };
      expect(errorOf((await connect(NAME, theirs)).document).code).toBe('requests-open');
      expect(errorOf((await connect(NAME, theirs, '--replace')).document).code).toBe('requests-open');
      expect(await connect(NAME, theirs, '--same-company')).toMatchObject({ exit: 0, document: { replaced: true } });
      await until('it has ended', async () => {
        const { document: told } = await operator.ask(['status', workflowId]);
        return statusSchema.parse(told).status === 'completed';
      });
      expect(connectionsSchema.parse((await operator.ask(['connections'])).document).broken).toEqual([]);
    },
  );

  test('that is broken can be disconnected', async () => {
    const driver = createFolderDriver(operator.environment.AIRCALL_DSR_VAULT ?? '');
    await driver.delete(`connections/${NAME}`);
    await driver.putIfAbsent(`connections/${NAME}`, Buffer.from('broken'));
    await until('none of its requests is open', async () => (await operator.ask(['disconnect', NAME])).exit === 0);
    const { connections, broken } = connectionsSchema.parse((await operator.ask(['connections'])).document);
    expect([connections.map(({ connection }) => connection), broken]).toEqual([['beside'], []]);
  });
});

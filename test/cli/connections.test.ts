/** Connections: checked, sealed, replaced, asked and destroyed; secrets never come out again. */
import { join } from 'node:path';
import { startDevServer } from '../../dev-server';
import { type Sandbox, type SandboxCompany, startSandbox } from '../../sandbox';
import { loadKeyring } from '../../src/encryption/keyring';
import { createConnections } from '../../src/vault/connections';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { createOperator } from '../support/command-line';
import { connectionsSchema, errorOf } from '../support/documents';
import { until } from '../support/patience';

const operator = createOperator();
let sandbox: Sandbox;
let acme: SandboxCompany;

beforeAll(async () => {
  sandbox = await startSandbox();
  acme = sandbox.company('acme');
  operator.keepSecret(acme.apiToken, acme.accessToken, basic(acme.apiId, acme.apiToken), WRONG);
  await operator.run(['keys', 'generate']);
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
});

const WRONG = 'a-token-that-is-wrong';
const SIX_MONTHS = 182 * 86_400; // of the sandbox
const basic = (id: string, token: string) => Buffer.from(`${id}:${token}`).toString('base64');
const apiKey = () => ({ AIRCALL_API_ID: acme.apiId, AIRCALL_API_TOKEN: acme.apiToken });
const connect = (name: string, environment: Record<string, string>, ...more: string[]) =>
  operator.ask(['connect', name, '--base-url', sandbox.baseUrl, ...more], environment);

async function stored() {
  const { document } = await operator.ask(['connections']);
  return connectionsSchema.parse(document).connections;
}

describe('connect', () => {
  test('with wrong credentials it fails, stores nothing, and asks Aircall at most four times', async () => {
    const before = sandbox.requests().length;
    const wrong = await connect('wrong', { AIRCALL_API_ID: acme.apiId, AIRCALL_API_TOKEN: WRONG });
    expect(wrong.exit).toBe(1);
    expect(errorOf(wrong.document)).toMatchObject({
      code: expect.stringMatching(/^(unauthorized|forbidden)$/),
      message: expect.stringContaining('refuses the credentials'),
    });
    const sent = sandbox.requests().length - before;
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThanOrEqual(4);
    expect(await stored()).toEqual([]);
  });

  test('where nobody answers it fails and stores nothing', async () => {
    const nobody = await operator.ask(['connect', 'nobody', '--base-url', 'http://127.0.0.1:9/v1'], apiKey());
    expect(nobody.exit).toBe(1);
    expect(errorOf(nobody.document)).toMatchObject({ code: 'unreachable' });
    expect(await stored()).toEqual([]);
  });

  test('with an API key from the environment it is stored with its budget, and again with an access token it is replaced', async () => {
    const before = acme.requests().length;
    const first = await connect('acme', apiKey(), '--limit-per-minute', '120', '--share', '0.5');
    expect(first).toEqual({
      exit: 0,
      document: {
        connection: 'acme',
        company: 'acme',
        baseUrl: sandbox.baseUrl,
        limitPerMinute: 120,
        share: 0.5,
        country: null,
        language: 'en',
        notice: null,
        approvals: 0,
        deletionsPerDay: null,
        replaced: false,
        callsServed: acme.calls().filter(({ started_at }) => started_at > Date.now() / 1000 - SIX_MONTHS).length,
        requestsWoken: 0,
        paused: false,
      },
    });
    expect(await stored()).toMatchObject([
      {
        connection: 'acme',
        state: 'no-worker',
        credential: 'api-key',
        // The server has it before any worker does.
        budget: { limitPerMinute: 120, share: 0.5, configuredPerMinute: 60, effectivePerMinute: 60 },
        backlog: { steps: 0 },
        rateLimited: { count: 0, lastAt: null },
      },
    ]);
    const second = await connect('acme', { AIRCALL_ACCESS_TOKEN: acme.accessToken });
    // Of what was not named again nothing has changed.
    expect(second).toMatchObject({ exit: 0, document: { limitPerMinute: 120, share: 0.5, replaced: true } });
    expect(await stored()).toMatchObject([{ connection: 'acme', credential: 'oauth' }]);
    const sent = acme.requests().slice(before);
    const checks = ['/v1/ping', '/v1/company', '/v1/contacts/search', '/v1/calls'];
    expect(sent.map(({ path }) => path)).toEqual([...checks, ...checks]);
    // A search shows nobody, and of the calls one row is asked for.
    expect(sent.map(({ query }) => query.per_page ?? '')).toEqual(['', '', '1', '1', '', '', '1', '1']);
    expect(sent[2]?.query.email).toMatch(/\.invalid$/);
  });

  test('with the limit left to Aircall it starts with the usual one', async () => {
    const auto = await connect('acme', apiKey(), '--limit-per-minute', 'auto', '--share', '0.75');
    expect(auto).toMatchObject({ exit: 0, document: { limitPerMinute: 'auto' } });
    expect(await stored()).toMatchObject([
      {
        budget: {
          limitPerMinute: 'auto',
          observedLimitPerMinute: null,
          configuredPerMinute: 45,
          effectivePerMinute: 45,
        },
      },
    ]);
  });

  test('wrong credentials do not replace good ones', async () => {
    expect((await connect('acme', { AIRCALL_ACCESS_TOKEN: WRONG })).exit).toBe(1);
    expect(await operator.ask(['ping', 'acme'])).toEqual({
      exit: 0,
      document: { connection: 'acme', ping: 'pong' },
    });
  });

  test('a secret on the command line works, is warned about, and is not repeated', async () => {
    const args = ['connect', 'by-argument', '--base-url', sandbox.baseUrl, '--api-id', acme.apiId];
    const { exit, stderr } = await operator.run([...args, '--api-token', acme.apiToken]);
    expect(exit).toBe(0);
    expect(stderr).toContain('AIRCALL_API_TOKEN');
  });

  test('no credentials, and two sorts of them, are wrong usage', async () => {
    const none = await connect('acme', {});
    const both = await connect('acme', { ...apiKey(), AIRCALL_ACCESS_TOKEN: acme.accessToken });
    const spoilt = await connect('acme', { AIRCALL_ACCESS_TOKEN: `${acme.accessToken}\nx` });
    expect([none, both, spoilt].map(({ exit }) => exit)).toEqual([2, 2, 2]);
    expect(errorOf(none.document).message).toContain('AIRCALL_ACCESS_TOKEN');
  });
});

describe('ping and disconnect', () => {
  test('ping fails when Aircall refuses the credentials, and asks at most four times', async () => {
    acme.revokeCredentials();
    const before = sandbox.requests().length;
    const refused = await operator.ask(['ping', 'acme']);
    const sent = sandbox.requests().length - before;
    acme.restoreCredentials();
    expect(refused.exit).toBe(1);
    expect(errorOf(refused.document).code).toBe('forbidden');
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThanOrEqual(4);
  });

  test('a connection that was disconnected is gone', async () => {
    expect(await operator.ask(['disconnect', 'acme'])).toEqual({
      exit: 0,
      document: { connection: 'acme', disconnected: true, requestsOpen: 0 },
    });
    const gone = await operator.ask(['ping', 'acme']);
    expect(gone.exit).toBe(2);
    expect(errorOf(gone.document)).toMatchObject({
      code: 'unknown-connection',
      message: expect.stringContaining('acme'),
    });
    expect((await stored()).map(({ connection }) => connection)).toEqual(['by-argument']);
  });
});

test('where the vault is not configured, the message names its variable', async () => {
  const places = ['', 'gs://bucket/prefix', 's3://', 's3://Bucket', 's3://bucket/../prefix', 's3://bucket//prefix'];
  const refused = await Promise.all(places.map(place => operator.ask(['connections'], { AIRCALL_DSR_VAULT: place })));
  for (const { exit, document } of refused) {
    expect(exit).toBe(2);
    expect(errorOf(document)).toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('AIRCALL_DSR_VAULT'),
    });
  }
});

test('connections are listed where no Temporal server answers, without the budgets in force', async () => {
  const { exit, stdout, stderr } = await operator.run(['connections', '--json'], { TEMPORAL_ADDRESS: '127.0.0.1:9' });
  expect(exit).toBe(0);
  const { connections } = connectionsSchema.parse(JSON.parse(stdout));
  expect(connections[0]).toMatchObject({ connection: 'by-argument', budget: { effectivePerMinute: null } });
  expect(stderr).toContain('no Temporal server answers');
});

test('more workers than the server lets wait for steps are told, with the setting to raise', async () => {
  const server = await startDevServer({ dynamicConfig: ['frontend.namespaceCount=4'] });
  const keyring = loadKeyring(operator.environment.AIRCALL_DSR_KEYS);
  const folder = join(operator.folder, 'crowded');
  const connections = createConnections(createVault(createFolderDriver(folder), keyring));
  for (let n = 1; n <= 12; n += 1) {
    await connections.put(
      {
        name: `crowd-${n}`,
        baseUrl: sandbox.baseUrl,
        limitPerMinute: 60,
        share: 0.75,
        credential: { kind: 'api-key', apiId: acme.apiId, apiToken: acme.apiToken },
        credentialVersion: 1,
        connectedAt: new Date().toISOString(),
        incarnation: 1,
      },
      undefined,
    );
  }
  const worker = await operator.processes.startWorker({ TEMPORAL_ADDRESS: server.address, AIRCALL_DSR_VAULT: folder });
  await until('it is told', () => worker.stderr().includes('polls-refused'));
  await worker.end('SIGTERM');
  await server.stop();
  expect(worker.stderr().match(/polls-refused: .*frontend\.namespaceCount/g)).toHaveLength(1);
});

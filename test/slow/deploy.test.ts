/**
 * The deployment's files under real tools: Docker Compose reads them as it does before it asks an engine, hadolint, the
 * server's own check and Prometheus's judge theirs, and the gate runs as it is configured, in front of the Web UI with its
 * image's configuration and our codec server.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { defaultPayloadConverter } from '@temporalio/common';
import { z } from 'zod';
import { ANY_PORT, type DevServer, findFreePort, HOST, resolveTemporalServer, startDevServer } from '../../dev-server';
import { hasEnded, runCommand } from '../../dev-server/run-command';
import { loadKeyring } from '../../src/encryption/keyring';
import { createPayloadCodec } from '../../src/encryption/payload-codec';
import { readAlerts, readQueries } from '../support/alerts';
import { createOperator } from '../support/command-line';
import { composeService, environmentOf, readComposeFile } from '../support/compose';
import {
  resolveCaddy,
  resolveDockerCompose,
  resolveHadolint,
  resolvePromtool,
  resolveUiServer,
} from '../support/deploy-tools';
import { until } from '../support/patience';

const ROOT = join(__dirname, '../..');
const { services, secrets } = readComposeFile();

test('Docker Compose takes the file, with the profile of the sandbox too', async () => {
  const file = await resolveDockerCompose();
  const config = (...more: string[]) =>
    runCommand({ file, args: ['--file', join(ROOT, 'docker-compose.yml'), ...more], cwd: ROOT });
  const shown = z
    .object({ services: z.record(z.string(), z.object({ user: z.string() })) })
    .parse(JSON.parse(await config('--profile', 'sandbox', 'config', '--format', 'json')));
  expect(Object.keys(shown.services).sort()).toEqual(Object.keys(services).sort());
  for (const { user } of Object.values(shown.services)) expect(user).toBe('1000:1000');
  expect(Object.keys(secrets)).toHaveLength(4);
  await expect(config('--profile', 'sandbox', 'config', '--no-such-option')).rejects.toThrow('unknown flag');
});

test('hadolint finds nothing to say about the Dockerfile', async () => {
  const file = await resolveHadolint();
  const judge = (path: string) => runCommand({ file, args: ['--no-color', path] });
  expect(await judge(join(ROOT, 'Dockerfile'))).toBe('');
  const careless = join(operator.folder, 'Dockerfile');
  writeFileSync(careless, 'FROM node:latest\n');
  await expect(judge(careless)).rejects.toThrow('DL3007');
});

test('the server knows every one of its settings', async () => {
  const file = await resolveTemporalServer();
  const told = await runCommand({ file, args: ['validate-dynamic-config', join(ROOT, 'deploy/dynamicconfig.yaml')] });
  expect(told).toContain('dynamicconfig.yaml');
  expect(told).not.toMatch(/error|warning/);
});

test('Prometheus takes the alert rules and the queries of the dashboard, and each alert fires where it should and not elsewhere', async () => {
  const file = await resolvePromtool();
  const promtool = (...args: string[]) => runCommand({ file, args, cwd: join(ROOT, 'test/fixtures') });
  const rules = join(ROOT, 'deploy/alerts.yml');
  expect(await promtool('check', 'rules', '--lint-fatal', rules)).toContain(`${readAlerts().length} rules found`);
  expect(await promtool('test', 'rules', 'alerts-test.yml')).toContain('SUCCESS');
  const expressions = readQueries().map(query => query.replaceAll('$connection', '.*'));
  const asRules = (queries: readonly string[]) => {
    const path = join(operator.folder, 'queries.yml');
    const named = queries.map((expr, index) => ({ record: `query:${index}`, expr }));
    writeFileSync(path, JSON.stringify({ groups: [{ name: 'queries', rules: named }] })); // YAML takes JSON
    return promtool('check', 'rules', path);
  };
  expect(await asRules(expressions)).toContain(`${expressions.length} rules found`);
  await expect(asRules(['sum by (connection'])).rejects.toThrow('could not parse expression');
});

const operator = createOperator();
const TOKEN = 'the-token-of-the-codec-server';
let temporal: DevServer;
let origin: string;
const running: ChildProcess[] = [];

/** A service of docker-compose.yml under its own variables, and those that stand for its place in the network. */
function startAs(name: string, file: string, args: readonly string[], place: Readonly<Record<string, string>>) {
  const environment = environmentOf(composeService(name), { AIRCALL_DSR_UI_ORIGIN: origin });
  const child = spawn(file, args, { env: { ...environment, ...place }, stdio: ['ignore', 'ignore', 'pipe'] });
  running.push(child);
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  return (path: string) =>
    until(`the ${name} answers`, () => {
      if (hasEnded(child)) throw new Error(`the ${name} ended with ${child.signalCode ?? child.exitCode}: ${told}`);
      return asked(path).then(
        ({ ok }) => ok,
        () => false,
      );
    });
}

beforeAll(async () => {
  operator.keepSecret(TOKEN);
  await operator.run(['keys', 'generate']);
  const viewer = join(operator.folder, 'keys-viewer.json');
  await operator.run(['keys', 'export', '--role', 'viewer', '--out', viewer]);
  const token = join(operator.folder, 'token');
  writeFileSync(token, `${TOKEN}\n`);
  temporal = await startDevServer();
  const [port, codecPort, uiPort] = [
    await findFreePort(ANY_PORT),
    await findFreePort(ANY_PORT),
    await findFreePort(ANY_PORT),
  ];
  origin = `http://localhost:${port}`;
  // As in the container: beyond this machine, so that it asks for the token.
  const listen = services['codec-server']?.command[2]?.replace(/\d+$/, String(codecPort)) ?? '';
  const args = ['codec-server', '--listen', listen, '--ui-origin', origin];
  await operator.processes.serve(args, /Listening/, { AIRCALL_DSR_KEYS: viewer, AIRCALL_DSR_CODEC_TOKEN_FILE: token });
  const ui = await resolveUiServer();
  const uiAnswers = startAs('ui', ui.file, ['--root', ui.root, '--env', 'docker', 'start'], {
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_UI_PORT: String(uiPort),
  });
  const config = ['--config', join(ROOT, 'deploy/Caddyfile'), '--adapter', 'caddyfile'];
  const gateAnswers = startAs('gate', await resolveCaddy(), ['run', ...config], {
    XDG_CONFIG_HOME: operator.folder,
    XDG_DATA_HOME: operator.folder,
    GATE_PORT: String(port),
    CODEC_ADDRESS: `${HOST}:${codecPort}`,
    CODEC_TOKEN_FILE: token,
    UI_ADDRESS: `${HOST}:${uiPort}`,
  });
  await gateAnswers('/gate/health');
  await uiAnswers('/healthz');
});
afterAll(async () => {
  for (const child of running.filter(each => !hasEnded(each))) {
    child.kill('SIGTERM');
    await once(child, 'close');
  }
  await temporal?.stop();
  await operator.stop();
});

const asked = (path: string, init?: RequestInit) => fetch(`${origin}${path}`, init);

async function decoded(from: string): Promise<{ readonly status: number; readonly text: string }> {
  const codec = createPayloadCodec(loadKeyring(operator.environment.AIRCALL_DSR_KEYS));
  const payload = defaultPayloadConverter.toPayload('person@example.com');
  const [sealed = {}] = await codec.encode([payload ?? {}]);
  const base64 = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64');
  const metadata = Object.fromEntries(
    Object.entries(sealed.metadata ?? {}).map(([name, bytes]) => [name, base64(bytes)]),
  );
  const reply = await asked('/codec/decode', {
    method: 'POST',
    headers: { Origin: from, 'Content-Type': 'application/json', 'X-Namespace': 'default' },
    body: JSON.stringify({ payloads: [{ metadata, data: base64(sealed.data) }] }),
  });
  const shown = z.object({ payloads: z.array(z.object({ data: z.string() })) }).safeParse(await reply.json());
  return { status: reply.status, text: shown.success ? shown.data.payloads.map(({ data }) => atob(data)).join() : '' };
}

test('the gate shows the Web UI, and payloads to its pages without their knowing the token', async () => {
  const page = await asked('/');
  expect({ status: page.status, html: (await page.text()).includes('<html') }).toEqual({ status: 200, html: true });
  expect(await decoded(origin)).toEqual({ status: 200, text: '"person@example.com"' });
});

test('the gate shows payloads to no other page', async () => {
  expect(await decoded('http://localhost:1')).toEqual({ status: 403, text: '' });
});

/** A request under a name of the caller's choice, as a browser sends it to a name that leads here. */
async function askedAs(host: string, path: string, method = 'GET'): Promise<{ readonly status: number; text: string }> {
  const sent = request(`${origin}${path}`, { method, headers: { host } }).end();
  const [reply] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: reply.statusCode ?? 0, text: await text(reply) };
}

test('the gate answers under the name of the Web UI only: a name of another site that leads here gets nothing', async () => {
  const { host, port } = new URL(origin);
  const own = await askedAs(host, '/');
  expect({ ...own, text: own.text.includes('<html') }).toEqual({ status: 200, text: true });
  for (const other of [`evil.example.com:${port}`, `127.0.0.1:${port}`, 'localhost', `${host}.evil.example.com`, 'x']) {
    for (const [path, method] of [
      ['/', 'GET'],
      ['/api/v1/settings', 'GET'],
      ['/codec/decode', 'POST'],
      ['/codec/gate/health', 'GET'],
    ] as const)
      expect(await askedAs(other, path, method)).toEqual({
        status: 421,
        text: 'Open the Web UI at its address, AIRCALL_DSR_UI_ORIGIN.',
      });
  }
  // What Docker asks: it shows nothing.
  expect(await askedAs('127.0.0.1:8080', '/gate/health')).toEqual({ status: 200, text: '' });
});

test('the Web UI shows requests and queries them, and changes none', async () => {
  expect(await (await asked('/api/v1/settings')).json()).toMatchObject({ DisableWriteActions: true });
  const { headers } = await asked('/');
  const [, csrf = ''] = /_csrf=(\w+)/.exec(headers.get('set-cookie') ?? '') ?? [];
  expect(csrf).not.toBe('');
  const send = async (path: string, method = 'POST') => {
    const { status } = await asked(`/api/v1/namespaces/default/${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', Cookie: `_csrf=${csrf}`, 'X-CSRF-Token': csrf },
      body: '{}',
    });
    return status;
  };
  for (const action of ['terminate', 'cancel', 'reset', 'signal/credentialsUpdated', 'update/extend'])
    expect(await send(`workflows/dsr:acme:access:case-17/${action}`)).toBe(405);
  expect(await send('workflows/dsr:acme:access:case-18')).toBe(405);
  expect(await send('schedules/x', 'DELETE')).toBe(405);
  // There is no such request; the question reached the server.
  expect(await send('workflows/dsr:acme:access:case-17/query/status')).not.toBe(405);
});

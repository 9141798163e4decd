/**
 * The deployment's files under real tools: Docker Compose reads them as it does before it asks an engine, hadolint, the
 * server's own check and Prometheus's judge theirs, and the gate of the Web UI runs as it is configured, in front of a real Web UI and our
 * codec server.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultPayloadConverter } from '@temporalio/common';
import { z } from 'zod';
import { ANY_PORT, type DevServer, findFreePort, HOST, resolveTemporalServer, startDevServer } from '../../dev-server';
import { hasEnded, runCommand } from '../../dev-server/run-command';
import { loadKeyring } from '../../src/encryption/keyring';
import { createPayloadCodec } from '../../src/encryption/payload-codec';
import { readAlerts, readQueries } from '../support/alerts';
import { createOperator } from '../support/command-line';
import { readComposeFile } from '../support/compose';
import { resolveCaddy, resolveDockerCompose, resolveHadolint, resolvePromtool } from '../support/deploy-tools';
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
let gate: ChildProcess;
let origin: string;

beforeAll(async () => {
  operator.keepSecret(TOKEN);
  await operator.run(['keys', 'generate']);
  const viewer = join(operator.folder, 'keys-viewer.json');
  await operator.run(['keys', 'export', '--role', 'viewer', '--out', viewer]);
  const token = join(operator.folder, 'token');
  writeFileSync(token, `${TOKEN}\n`);
  temporal = await startDevServer({ ui: true });
  const [port, codecPort] = [await findFreePort(ANY_PORT), await findFreePort(ANY_PORT)];
  origin = `http://localhost:${port}`;
  // As in the container: beyond this machine, so that it asks for the token.
  const listen = services['codec-server']?.command[2]?.replace(/\d+$/, String(codecPort)) ?? '';
  const args = ['codec-server', '--listen', listen, '--ui-origin', origin];
  await operator.processes.serve(args, /Listening/, { AIRCALL_DSR_KEYS: viewer, AIRCALL_DSR_CODEC_TOKEN_FILE: token });
  const config = ['--config', join(ROOT, 'deploy/Caddyfile'), '--adapter', 'caddyfile'];
  gate = spawn(await resolveCaddy(), ['run', ...config], {
    env: {
      XDG_CONFIG_HOME: operator.folder,
      XDG_DATA_HOME: operator.folder,
      GATE_PORT: String(port),
      CODEC_ADDRESS: `${HOST}:${codecPort}`,
      CODEC_TOKEN_FILE: token,
      UI_ADDRESS: new URL(temporal.uiUrl ?? '').host,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  gate.stderr?.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  await until('the gate answers', () => {
    if (hasEnded(gate)) throw new Error(`the gate ended with ${gate.signalCode ?? gate.exitCode}: ${told}`);
    return asked('/gate/health').then(
      ({ ok }) => ok,
      () => false,
    );
  });
});
afterAll(async () => {
  if (gate !== undefined && !hasEnded(gate)) {
    gate.kill('SIGTERM');
    await once(gate, 'close');
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

/**
 * The codec server: whoever may ask sees payloads in the clear, in the real `temporal` command too; nobody else does, and
 * its log tells every decode without a word of it.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import fetch from 'node-fetch';
import { z } from 'zod';
import { resolveTemporalCli } from '../../dev-server';
import { loadKeyring } from '../../src/encryption/keyring';
import { createPayloadCodec } from '../../src/encryption/payload-codec';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { createOperator, type RunningCommand } from '../support/command-line';
import { errorOf } from '../support/documents';
import { until } from '../support/patience';
import { environment } from '../support/service';

const EMAIL = 'quirina.vandermolen@example.org';
const UI = 'http://ui.example.com:8233';
const TOKEN = 'a-token-of-24-characters';

const operator = createOperator();
let open: RunningCommand;
let guarded: RunningCommand;
let encoding: RunningCommand;

const urlOf = (command: RunningCommand) => z.object({ url: z.url() }).parse(JSON.parse(command.stdout())).url;
const serve = (args: readonly string[], more = {}) =>
  operator.serve(['codec-server', ...args, '--ui-origin', UI, '--json'], /\}\s*$/, more);

beforeAll(async () => {
  await operator.run(['keys', 'generate']);
  open = await serve(['--listen', '127.0.0.1:0']);
  guarded = await serve(['--listen', '0.0.0.0:0'], { AIRCALL_DSR_CODEC_TOKEN: TOKEN });
  encoding = await serve(['--listen', '0.0.0.0:0', '--encode'], { AIRCALL_DSR_CODEC_TOKEN: TOKEN });
  operator.keepSecret(EMAIL, TOKEN);
});
afterAll(async () => {
  const ended = await Promise.all([open, guarded, encoding].map(command => command?.end('SIGTERM')));
  await operator.stop();
  expect(ended.map(ran => ran?.exit)).toEqual([0, 0, 0]);
});

const codec = (ring = loadKeyring(join(operator.folder, 'keys.json'))) => createPayloadCodec(ring);
async function encrypted(value: unknown, by = codec()): Promise<Payload> {
  const [payload = {}] = await by.encode([defaultPayloadConverter.toPayload(value)]);
  return payload;
}
const jsonOf = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
  ),
  data: Buffer.from(data ?? []).toString('base64'),
});
const tells = (line: RegExp, by = open) => until(`the log has ${line}`, () => line.test(by.stderr()));
const answerSchema = z.strictObject({
  payloads: z.array(z.strictObject({ metadata: z.record(z.string(), z.base64()), data: z.base64() })),
});
const textOf = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString();

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}
const ask = (url: string, { path = '/decode', method = 'POST', headers = {}, body }: Asked = {}) =>
  fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(method === 'POST' && { body: body ?? JSON.stringify({ payloads: [] }) }),
  });

test('decodes what was encrypted, and encrypts what comes back if it was started for that', async () => {
  const payloads = [await encrypted({ email: EMAIL }), await encrypted(42)].map(jsonOf);
  const headers = { 'x-namespace': 'default' };
  const reply = await ask(urlOf(open), { headers, body: JSON.stringify({ payloads }) });
  const decoded = answerSchema.parse(await reply.json()).payloads;
  expect(decoded.map(({ data }) => textOf(data))).toEqual([JSON.stringify({ email: EMAIL }), '42']);
  expect(textOf(decoded[0]?.metadata.encoding)).toBe('json/plain');
  expect(reply.headers.get('cache-control')).toBe('no-store');

  const body = JSON.stringify({ payloads: decoded });
  const authorized = { ...headers, authorization: `Bearer ${TOKEN}` };
  const asked = { path: '/encode', headers: authorized, body };
  const url = urlOf(encoding).replace('0.0.0.0', '127.0.0.1');
  const encoded = answerSchema.parse(await (await ask(url, asked)).json()).payloads;
  expect(encoded.map(({ metadata }) => textOf(metadata.encoding))).toEqual(['binary/encrypted', 'binary/encrypted']);
  const again = await ask(urlOf(open), { body: JSON.stringify({ payloads: encoded }) });
  expect(answerSchema.parse(await again.json()).payloads).toEqual(decoded);
  await tells(/^decoded 2 of 2 payloads of namespace default for 127\.0\.0\.1, \d{4}-/m);
  await tells(/^encoded 2 payloads of namespace default for 127\.0\.0\.1, \d{4}-/m, encoding);
});

test('encrypts nothing otherwise, and logs who tried', async () => {
  const payloads = [jsonOf(defaultPayloadConverter.toPayload({ email: EMAIL }))];
  const reply = await ask(urlOf(open), { path: '/encode', body: JSON.stringify({ payloads }) });
  expect(reply.status).toBe(403);
  expect(await reply.json()).toEqual({ message: 'this server does not encrypt; start it with --encode' });
  await tells(/^refused with 403 for 127\.0\.0\.1, \d{4}-.*: this server does not encrypt/m);
  expect(open.stderr()).not.toMatch(/^encoded/m);
});

test('a payload that cannot be read hides no other: a text in its place says why', async () => {
  const broken = await encrypted({ email: EMAIL });
  const data = Buffer.from(broken.data ?? []);
  data.writeUInt8(data.readUInt8(20) ^ 1, 20);
  const payloads = [
    await encrypted('whole'),
    { ...broken, data },
    await encrypted(EMAIL, codec(keyringOf(['k-elsewhere', keyOf('elsewhere')]))),
    defaultPayloadConverter.toPayload('in the clear'),
  ].map(jsonOf);
  const reply = await ask(urlOf(open), { body: JSON.stringify({ payloads }) });
  const texts = answerSchema.parse(await reply.json()).payloads.map(each => textOf(each.data));
  expect(texts).toEqual([
    '"whole"',
    expect.stringContaining('payload-broken'),
    expect.stringContaining('k-elsewhere'),
    '"in the clear"',
  ]);
  await tells(/^decoded 2 of 4 payloads of namespace unknown/m);
});

test('is found below any path, as behind a proxy, and takes a payload without data', async () => {
  const empty = { metadata: { encoding: Buffer.from('binary/null').toString('base64') } };
  const payloads = [jsonOf(await encrypted(42)), empty, { ...empty, data: null }, { metadata: null, data: null }];
  const reply = await ask(`${urlOf(open)}/acme/eu`, { body: JSON.stringify({ payloads }) });
  const decoded = answerSchema.parse(await reply.json()).payloads;
  expect(decoded.map(({ data }) => textOf(data))).toEqual(['42', '', '', '']);
  expect(decoded.map(({ metadata }) => textOf(metadata.encoding))).toEqual([
    'json/plain',
    'binary/null',
    'binary/null',
    '',
  ]);
});

test('asked to end, it answers what it is at, waits for nobody for ever, and ends with exit code 0', async () => {
  const own = await serve(['--listen', '127.0.0.1:0']);
  const url = urlOf(own);
  const body = JSON.stringify({ payloads: [jsonOf(await encrypted({ email: EMAIL }))] });
  // A server that says `continue` has begun with the request.
  const begun = async () => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length, expect: '100-continue' };
    const asked = request(`${url}/decode`, { method: 'POST', headers }).on('error', () => {});
    await once(asked, 'continue');
    return asked;
  };
  const [finished, abandoned] = [await begun(), await begun()];
  const ended = own.end('SIGTERM');
  await until('it takes nobody new', () =>
    ask(url).then(
      () => false,
      () => true,
    ),
  );
  const answered = once(finished, 'response');
  finished.end(body);
  const [response] = z.tuple([z.instanceof(IncomingMessage)]).parse(await answered);
  expect(response.statusCode).toBe(200);
  expect(answerSchema.parse(await json(response)).payloads.map(({ data }) => textOf(data))).toEqual([
    JSON.stringify({ email: EMAIL }),
  ]);
  expect((await ended).exit).toBe(0);
  abandoned.destroy();
});

describe('a web page may ask', () => {
  const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-namespace' };
  test('where it is the Web UI, also before it asks', async () => {
    const asked = await ask(urlOf(open), { method: 'OPTIONS', headers: { origin: UI, ...preflight } });
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-headers')).toContain('x-namespace');
    for (const reply of [asked, await ask(urlOf(open), { headers: { origin: UI } })]) {
      expect(reply.headers.get('access-control-allow-origin')).toBe(UI);
      expect(reply.headers.get('vary')).toContain('Origin');
    }
  });

  test.each([
    'http://evil.example.com',
    'null',
    'http://ui.example.com',
    'https://ui.example.com:8233',
    'http://127.0.0.1:8888',
    `${UI}.evil.example.com`,
  ])('and not where it is from %s', async origin => {
    for (const method of ['POST', 'OPTIONS']) {
      const reply = await ask(urlOf(open), { method, headers: { origin, ...preflight } });
      expect(reply.status).toBe(403);
      expect(reply.headers.get('access-control-allow-origin')).toBeNull();
    }
    await tells(/^refused with 403 for 127\.0\.0\.1, \d{4}-.*: .*--ui-origin$/m);
    expect(open.stderr()).not.toContain(origin);
  });
});

test.each<[string, number, Asked]>([
  ['another path', 404, { path: '/' }],
  ['a path below', 404, { path: '/decode/all' }],
  ['a path that only asks for it', 404, { path: '/other?of=/decode' }],
  ['a path that is none', 404, { path: '//' }],
  ['a GET', 405, { method: 'GET' }],
  ['a body of another type', 415, { headers: { 'content-type': 'text/plain' } }],
  ['a body that is no JSON', 400, { body: `{"payloads":[{"data":"${EMAIL}"` }],
  ['a body of another shape', 400, { body: JSON.stringify({ payloads: { email: EMAIL } }) }],
  ['a payload that is no base64', 400, { body: JSON.stringify({ payloads: [{ data: EMAIL }] }) }],
  ['a body beyond 16 MiB', 413, { body: ' '.repeat(17 * 1024 * 1024) }],
])('%s is refused with %d and a message that quotes nothing', async (_what, status, asked) => {
  const reply = await ask(urlOf(open), asked);
  expect(reply.status).toBe(status);
  const { message } = z.strictObject({ message: z.string().min(10) }).parse(await reply.json());
  expect(message).not.toContain('quirina');
});

describe('beyond this machine', () => {
  test.each([
    ['no token', {}, 401],
    ['another one', { authorization: `Bearer ${TOKEN.toUpperCase()}` }, 401],
    ['the beginning of it', { authorization: `Bearer ${TOKEN.slice(0, -1)}` }, 401],
    ['it without its scheme', { authorization: TOKEN }, 401],
    ['it', { authorization: `Bearer ${TOKEN}` }, 200],
  ])('whoever has %s is answered accordingly', async (_what, headers, status) => {
    const url = urlOf(encoding).replace('0.0.0.0', '127.0.0.1');
    for (const path of ['/decode', '/encode']) {
      const reply = await ask(url, { path, headers });
      expect(reply.status).toBe(status);
      expect(reply.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null);
    }
  });

  test.each<[string, string[], Record<string, string>, string]>([
    ['no token', ['--listen', '0.0.0.0:0'], {}, 'configuration'],
    ['a short one', ['--listen', '0.0.0.0:0'], { AIRCALL_DSR_CODEC_TOKEN: 'short' }, 'configuration'],
    ['one of two words', [], { AIRCALL_DSR_CODEC_TOKEN: `${TOKEN} ${TOKEN}` }, 'configuration'],
    ['one that no header carries', [], { AIRCALL_DSR_CODEC_TOKEN: 'ł'.repeat(20) }, 'configuration'],
    ['a file that is not there', [], { AIRCALL_DSR_CODEC_TOKEN_FILE: '/nowhere' }, 'configuration'],
    ['no port', ['--listen', '127.0.0.1'], {}, 'usage'],
    ['a path as origin', ['--ui-origin', 'http://ui.example.com/path'], {}, 'usage'],
    ['a star as origin', ['--ui-origin', '*'], {}, 'usage'],
  ])('it does not start with %s', async (_what, args, more, code) => {
    const { exit, document } = await operator.ask(['codec-server', '--listen', '127.0.0.1:0', ...args], more);
    expect({ exit, code: errorOf(document).code }).toEqual({ exit: 2, code });
  });

  test('the token may come from a file', async () => {
    const file = join(operator.folder, 'token');
    writeFileSync(file, `${TOKEN}\n`);
    const own = await serve(['--listen', '127.0.0.1:0'], { AIRCALL_DSR_CODEC_TOKEN_FILE: file });
    expect((await ask(urlOf(own))).status).toBe(401);
    expect((await ask(urlOf(own), { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200);
    expect((await own.end('SIGINT')).exit).toBe(0);
  });
});

test('the temporal command shows the input of a request through it, and ciphertext without it', async () => {
  const connection = await Connection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
  const client = new Client({ connection, dataConverter: { payloadCodecs: [codec()] } });
  const workflowId = `dsr:nobody:access:${operator.taskQueue}`;
  await client.workflow.start('accessRequest', { workflowId, taskQueue: operator.taskQueue, args: [{ email: EMAIL }] });
  const cli = await resolveTemporalCli();
  const address = environment('TEST_TEMPORAL_ADDRESS');
  const show = async (args: readonly string[], more = {}) => {
    const wanted = ['workflow', 'show', '--address', address, '--workflow-id', workflowId, '--output', 'json'];
    const { stdout } = await promisify(execFile)(cli, [...wanted, ...args], { env: { ...process.env, ...more } });
    return stdout;
  };
  const shown = Buffer.from(JSON.stringify({ email: EMAIL })).toString('base64');
  const stored = await show([]);
  expect(stored).toContain(Buffer.from('binary/encrypted').toString('base64'));
  expect(stored).not.toContain(shown);
  expect(await show(['--codec-endpoint', urlOf(open)])).toContain(shown);
  const url = urlOf(guarded).replace('0.0.0.0', '127.0.0.1');
  await expect(show(['--codec-endpoint', url])).rejects.toThrow();
  expect(guarded.stderr()).toMatch(/^refused with 401 for 127\.0\.0\.1, \d{4}-.*: a bearer token is needed$/m);
  const unseen = { TEMPORAL_CODEC_ENDPOINT: url, TEMPORAL_CODEC_AUTH: `Bearer ${TOKEN}` };
  expect(await show([], unseen)).toContain(shown);
  await client.workflow.getHandle(workflowId).terminate();
  await connection.close();
});

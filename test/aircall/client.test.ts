/** The Aircall client over real HTTP: one request per call, and one code for each way in which it can end. */
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { type FaultRule, type Sandbox, startSandbox } from '../../sandbox';
import {
  type AircallClient,
  type AircallClientOptions,
  type ApiRequest,
  BODY_BYTES_MAX,
  createAircallClient,
} from '../../src/aircall/client';
import { ENDPOINTS } from '../../src/aircall/endpoints';
import { AircallError, type AircallErrorCode } from '../../src/aircall/errors';
import { WRONG_CLOCKS, withClock } from '../support/clocks';
import { type RawServer, startRawServer, startSelfSigned } from './support/raw-server';

const EMAIL = 'zoe.nunez+dsr@example.com';
const PHONE = '+14155550123';
const TOKEN = 'a-very-secret-access-token';
const NEVER_MS = 50_000;

let sandbox: Sandbox;
const cleanUp: (() => unknown)[] = [];
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(async () => sandbox.close());
beforeEach(() => {
  sandbox.setFaults(undefined);
  sandbox.clearRequests();
});
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

function client(options: AircallClientOptions = {}): AircallClient {
  const created = createAircallClient(options);
  cleanUp.push(() => created.close());
  return created;
}

async function raw(...args: Parameters<typeof startRawServer>): Promise<RawServer> {
  const server = await startRawServer(...args);
  cleanUp.push(() => server.stop());
  return server;
}

function search(baseUrl = sandbox.baseUrl): ApiRequest {
  const { apiId, apiToken } = sandbox.company('acme');
  return { endpoint: ENDPOINTS.searchContacts, baseUrl, authorization: { apiId, apiToken }, query: { email: EMAIL } };
}

async function errorOf(sent: Promise<unknown>): Promise<AircallError> {
  const error: unknown = await sent.then(
    body => {
      throw new Error(`there was a reply: ${inspect(body)}`);
    },
    (failure: unknown) => failure,
  );
  if (error instanceof AircallError) return error;
  throw error;
}

const status = (code: number): FaultRule => ({ action: 'status', status: code });

const FAULTS = {
  'rate-limited': [status(429), { ...status(429), body: 'empty' }, { ...status(429), body: 'html' }],
  unauthorized: [status(401)],
  forbidden: [status(403)],
  'not-found': [status(404)],
  rejected: [status(400), status(405), status(409), status(422)],
  redirected: [{ action: 'redirect' }, status(304)],
  unavailable: [status(408), status(500), { ...status(502), body: 'html' }, status(503), status(504), status(599)],
  unreachable: [{ action: 'drop' }, { action: 'drop-after' }, { action: 'truncate' }],
  'not-trusted': [], // nothing reaches the sandbox: see below
  'timed-out': [{ action: 'hang' }],
  'unexpected-reply': [{ action: 'malformed' }, { action: 'html' }, { ...status(200), body: 'empty' }],
  'reply-too-large': [{ action: 'oversize' }],
} satisfies Record<AircallErrorCode, FaultRule[]>;

const CASES = Object.entries(FAULTS).flatMap(([code, rules]) =>
  rules.map((rule: FaultRule) => ({
    code,
    rule,
    name: [rule.action, rule.status, rule.body].filter(Boolean).join(' '),
  })),
);

describe('an API request that fails', () => {
  test.each(CASES)('ends as $code after $name, sent exactly once', async ({ code, rule }) => {
    sandbox.setFaults({ rules: [rule] });
    // Only where silence is the fault is the time short: elsewhere a slow machine must not look like one.
    const headersTimeoutMs = code === 'timed-out' ? 300 : NEVER_MS;
    const error = await errorOf(client({ headersTimeoutMs, bodyBytesMax: 1_000_000 }).send(search()));
    expect(error.code).toBe(code);
    expect(sandbox.requests()).toHaveLength(1);
    expect(sandbox.requests()[0]?.fault).toBe(rule.action);
  });

  test.each([
    ['a certificate that nobody vouches for', () => startSelfSigned(), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['no certificate at all', async () => raw(() => {}), 'EPROTO|ERR_SSL'],
  ] as const)('ends as not-trusted where the server has %s, and sends nothing', async (_, startServer, short) => {
    const server = await startServer();
    cleanUp.push(() => server.stop());
    const error = await errorOf(client().send(search(server.baseUrl.replace('http:', 'https:'))));
    expect(error).toMatchObject({ code: 'not-trusted', message: expect.stringMatching(short) });
    expect(server.received).toHaveLength(0);
  });

  test('ends as unreachable where nobody listens', async () => {
    const server = await raw(() => {});
    await server.stop();
    const error = await errorOf(client().send(search(server.baseUrl)));
    expect(error).toMatchObject({ code: 'unreachable', message: 'contact search: no reply (ECONNREFUSED)' });
  });

  test('tells a refusal of the company itself: a wrong key is forbidden, a page too far rejected', async () => {
    const wrongKey = { ...search(), authorization: { accessToken: TOKEN } };
    expect((await errorOf(client().send(wrongKey))).code).toBe('forbidden');
    const { authorization: _, ...withoutKey } = search();
    expect((await errorOf(client().send(withoutKey))).code).toBe('unauthorized');
    const tooFar = { ...search(), query: { email: EMAIL, page: '201', per_page: '50' } };
    expect((await errorOf(client().send(tooFar))).code).toBe('rejected');
    expect(sandbox.requests()).toHaveLength(3);
  });

  test('does not follow a redirect, wherever it leads', async () => {
    const server = await raw((response, { number }) => {
      if (number === 1) response.writeHead(307, { location: '/v1/ping' }).end();
      else response.writeHead(200).end('{"ping":"pong"}');
    });
    expect((await errorOf(client().send(search(server.baseUrl)))).code).toBe('redirected');
    expect(server.received).toHaveLength(1);
  });
});

describe('the time that an API request may take', () => {
  test('ends with late headers, and the connection is let go', async () => {
    const server = await raw(() => {});
    const sent = client({ headersTimeoutMs: 300, bodyTimeoutMs: NEVER_MS }).send(search(server.baseUrl));
    expect((await errorOf(sent)).code).toBe('timed-out');
    await server.connectionEnded;
    expect(server.received).toHaveLength(1);
  });

  test('ends with a body that stops half-way', async () => {
    const server = await raw(response => response.writeHead(200).write('{"contacts":['));
    const sent = client({ headersTimeoutMs: NEVER_MS, bodyTimeoutMs: 500 }).send(search(server.baseUrl));
    expect((await errorOf(sent)).code).toBe('timed-out');
    await server.connectionEnded;
  });

  test('ends with a body that trickles without end', async () => {
    const server = await raw(response => {
      response.writeHead(200).write('[');
      const timer = setInterval(() => response.write('1,'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const sent = client({ headersTimeoutMs: NEVER_MS, bodyTimeoutMs: 500 }).send(search(server.baseUrl));
    expect((await errorOf(sent)).code).toBe('timed-out');
    await server.connectionEnded;
  });

  test('is not cut for a body that comes after the time for the headers', async () => {
    const server = await raw(response => {
      response.writeHead(200).write('{"ping":');
      setTimeout(() => response.end('"pong"}'), 2_500);
    });
    const patient = client({ headersTimeoutMs: 2_000, bodyTimeoutMs: NEVER_MS });
    expect(await patient.send({ ...search(server.baseUrl), endpoint: ENDPOINTS.ping })).toEqual({ ping: 'pong' });
  });
});

describe('the size of a reply', () => {
  test('is bounded after decompression', async () => {
    const body = gzipSync(`"${'x'.repeat(2_000_000)}"`);
    const server = await raw(response => response.writeHead(200, { 'content-encoding': 'gzip' }).end(body));
    expect(body.length).toBeLessThan(10_000);
    const error = await errorOf(client({ bodyBytesMax: 100_000 }).send(search(server.baseUrl)));
    expect(error.code).toBe('reply-too-large');
    expect(await client({ bodyBytesMax: 3_000_000 }).send(search(server.baseUrl))).toHaveLength(2_000_000);
  });

  test('is at most 4 MiB where nothing else is said', async () => {
    const server = await raw((response, { number }) =>
      response.writeHead(200).end(`"${'x'.repeat(BODY_BYTES_MAX - 3 + number)}"`),
    );
    const patient = client({});
    expect(await patient.send(search(server.baseUrl))).toHaveLength(4 * 1024 * 1024 - 2);
    expect((await errorOf(patient.send(search(server.baseUrl)))).code).toBe('reply-too-large');
  });

  test('does not matter where the status says it all: such a body is not read', async () => {
    const server = await raw(response => response.writeHead(404).write('x'.repeat(1_000_000)));
    const error = await errorOf(client({ bodyBytesMax: 10 }).send(search(server.baseUrl)));
    expect(error.code).toBe('not-found');
    await server.connectionEnded;
  });
});

describe('what an API request carries', () => {
  const pong = async () => raw(response => response.writeHead(200).end('{"ping":"pong"}'));

  test('is an API key as Basic authorization', async () => {
    const server = await pong();
    await client().send({ ...search(server.baseUrl), authorization: { apiId: 'id', apiToken: 'tö:ken' } });
    const [received] = server.received;
    expect(received?.headers.authorization).toBe(`Basic ${Buffer.from('id:tö:ken').toString('base64')}`);
    expect(received?.headers['content-type']).toBeUndefined();
  });

  test('is an access token as Bearer authorization', async () => {
    const server = await pong();
    await client().send({ ...search(server.baseUrl), authorization: { accessToken: TOKEN } });
    expect(server.received[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
  });

  test('is no Authorization header where none is given, and a JSON body at the token endpoint', async () => {
    const server = await pong();
    const body = { grant_type: 'refresh_token', refresh_token: 'r' };
    await client().send({ endpoint: ENDPOINTS.token, baseUrl: server.baseUrl, body });
    const [received] = server.received;
    expect(received).toMatchObject({ method: 'POST', url: '/v1/oauth/token', body: JSON.stringify(body) });
    expect(received?.headers.authorization).toBeUndefined();
    expect(received?.headers['content-type']).toBe('application/json');
  });

  test('is a content type on a deletion, which has no body', async () => {
    const server = await raw(response => response.writeHead(204).end());
    expect(
      await client().send({ ...search(server.baseUrl), endpoint: ENDPOINTS.deleteContact, id: 7 }),
    ).toBeUndefined();
    expect(server.received[0]).toMatchObject({ method: 'DELETE', body: '' });
    expect(server.received[0]?.url).toMatch(/^\/v1\/contacts\/7(\?|$)/);
    expect(server.received[0]?.headers['content-type']).toBe('application/json');
  });

  test('is an address with its plus sign escaped, newest first', async () => {
    await client().send(search());
    expect(sandbox.requests()[0]?.query).toEqual({ order: 'desc', email: EMAIL });
  });
});

test('requests that follow each other share one connection, deletions without a reply body included', async () => {
  const server = await raw((response, { method }) => {
    if (method === 'DELETE') response.writeHead(204).end();
    else response.writeHead(200).end('{"ping":"pong"}');
  });
  const shared = client();
  for (const endpoint of [ENDPOINTS.ping, ENDPOINTS.deleteContact, ENDPOINTS.ping, ENDPOINTS.searchCalls]) {
    await shared.send({ ...search(server.baseUrl), endpoint, id: 1 });
  }
  expect(server.received).toHaveLength(4);
  expect(server.connections()).toBe(1);
});

describe('a 429', () => {
  const limited = (headers: Record<string, string>) => {
    sandbox.setFaults({ rules: [{ ...status(429), headers }] });
    return errorOf(client().send(search()));
  };

  test('hands on what its headers say', async () => {
    expect((await limited({ 'Retry-After': '7', 'X-AircallApi-Limit': '60' })).limit).toEqual({
      delayMs: 7_000,
      limitPerMinute: 60,
    });
    expect((await limited({ 'X-AircallApi-Reset': '99999999999' })).limit).toEqual({ delayMs: 300_000 });
    expect((await limited({ 'X-AircallApi-Reset': '1614093780' })).limit).toEqual({ delayMs: 1_000 });
    expect((await limited({ 'X-AircallApi-Reset': 'soon', 'Retry-After': '-3' })).limit).toEqual({});
    expect((await limited({ 'Retry-After': 'Wed, 21 Oct 2026 07:28:00 GMT' })).limit).toEqual({});
  });

  test.each(Object.entries(WRONG_CLOCKS))(
    'is waited for by the clock of the server, also at %s',
    async (_, aheadMs) => {
      const sentMs = Date.UTC(2026, 9, 21, 7, 28);
      const reset = { 'X-AircallApi-Reset': String(sentMs / 1000 + 30), Date: new Date(sentMs).toUTCString() };
      expect((await withClock(aheadMs, () => limited(reset))).limit).toEqual({ delayMs: 30_000 });
    },
  );

  test.each(['seconds', 'milliseconds', 'retry-after', 'none'] as const)(
    'of a company that is blocked for a minute is understood with its headers in %s',
    async limitedHeaders => {
      const blocked = await startSandbox();
      cleanUp.push(() => blocked.close());
      const company = blocked.company('acme');
      company.behave({ rateLimit: { mode: 'block', perMinute: 1 }, limitedHeaders });
      const { apiId, apiToken } = company;
      const request = { ...search(blocked.baseUrl), authorization: { apiId, apiToken } };
      await client().send(request);
      const { code, limit } = await errorOf(client().send(request));
      expect(code).toBe('rate-limited');
      if (limitedHeaders === 'none') return expect(limit).toEqual({});
      // A unit taken for the other one would end at a bound: 1 s or 300 s.
      expect(limit.delayMs).toBeGreaterThan(5_000);
      expect(limit.delayMs).toBeLessThanOrEqual(61_000);
      expect(limit.limitPerMinute).toBe(limitedHeaders === 'retry-after' ? undefined : 1);
    },
  );
});

describe('an error tells nothing about the person, the address or the credential', () => {
  const SECRETS = [
    EMAIL,
    encodeURIComponent(EMAIL),
    'zoe',
    PHONE,
    PHONE.slice(1),
    TOKEN,
    '127.0.0.1',
    '/v1/',
    'unheard-of',
  ];
  const REPLIES: Record<string, Parameters<typeof startRawServer>[0]> = {
    'a refusal that quotes it': response => response.writeHead(422).end(`{"message":"unheard-of ${EMAIL} ${PHONE}"}`),
    'a body that is not JSON': response => response.writeHead(200).end(`{"unheard-of":"${EMAIL}" ${PHONE}`),
    'an empty body': response => response.writeHead(200).end(),
    'a broken connection': response => response.destroy(),
    'a body that breaks off': response => {
      response.writeHead(200, { 'content-length': '5000' });
      response.write(`{"unheard-of":"${EMAIL}`, () => response.destroy());
    },
    'a redirect to it': response =>
      response.writeHead(302, { location: `https://unheard-of.invalid/?q=${EMAIL}` }).end(),
    'a body that is too large': response => response.writeHead(200).end(`"${EMAIL}${'x'.repeat(5_000)}"`),
    'a broken compression': response =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(`unheard-of ${EMAIL}`),
    'no reply': () => {},
  };

  test.each(Object.keys(REPLIES))('after %s', async name => {
    const server = await raw(REPLIES[name] ?? (() => {}));
    const sent = client({ bodyBytesMax: 1_000, headersTimeoutMs: name === 'no reply' ? 300 : NEVER_MS }).send({
      ...search(server.baseUrl),
      authorization: { accessToken: TOKEN },
      query: { email: EMAIL, phone_number: PHONE },
    });
    const error = await errorOf(sent);
    expect(server.received[0]?.url).toContain(encodeURIComponent(EMAIL));
    const told = [
      inspect(error, { depth: null, showHidden: true, maxStringLength: null }),
      error.stack,
      error.message,
      String(error),
      JSON.stringify(error),
      inspect(error.cause),
    ].join('\n');
    expect(told).toContain('contact search');
    for (const secret of SECRETS) expect(told).not.toContain(secret);
  });
});

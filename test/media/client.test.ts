/** Downloads over real HTTP: what arrives is what the store has, each way to fail has a code, and nothing says the link. */
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { type FaultRule, type Sandbox, type SandboxCompany, startSandbox } from '../../sandbox';
import { createMediaClient, type MediaClient, type MediaClientOptions, type MediaFacts } from '../../src/media/client';
import { AFTER, MediaError, type MediaErrorCode } from '../../src/media/errors';
import { parseMediaHosts } from '../../src/media/hosts';
import { type RawServer, startRawServer, startSelfSigned } from '../aircall/support/raw-server';
import { until } from '../support/patience';

const NEVER_MS = 100_000;
const API = 'https://api.aircall.io/v1';
const MP3 = Buffer.concat([Buffer.from('ID3\u0003\0\0\0\0\0\0', 'latin1'), Buffer.alloc(5_000, 7)]);

let sandbox: Sandbox;
let acme: SandboxCompany;
let clockMs = Date.now();
const cleanUp: (() => unknown)[] = [];
beforeAll(async () => {
  sandbox = await startSandbox({ now: () => clockMs });
  acme = sandbox.company('acme');
});
afterAll(async () => sandbox.close());
beforeEach(() => {
  sandbox.setFaults(undefined);
  sandbox.clearRequests();
  acme.behave({ mediaBytes: 0, mediaSeconds: 3_600 });
});
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

function client(options: Partial<MediaClientOptions> = {}): MediaClient {
  const created = createMediaClient({ hosts: [], headersTimeoutMs: NEVER_MS, silenceTimeoutMs: NEVER_MS, ...options });
  cleanUp.push(() => created.close());
  return created;
}

async function raw(answer: (response: ServerResponse) => void): Promise<RawServer & { readonly link: string }> {
  const server = await startRawServer(response => answer(response));
  cleanUp.push(() => server.stop());
  return { ...server, link: `${new URL(server.baseUrl).origin}/secret-path/call.mp3?X-Amz-Signature=secret` };
}

function recording(): { readonly link: string; readonly call: number } {
  const call = acme.calls().find(each => each.recording !== null);
  return { link: call?.recording ?? '', call: call?.id ?? 0 };
}

async function all(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function errorOf(downloaded: Promise<unknown>): Promise<unknown> {
  return downloaded.then(
    value => {
      throw new Error(`there is a file: ${inspect(value)}`);
    },
    (error: unknown) => error,
  );
}

async function mediaErrorOf(downloaded: Promise<unknown>): Promise<MediaError> {
  const error = await errorOf(downloaded);
  if (error instanceof MediaError) return error;
  throw error;
}

const fromSandbox = (link = recording().link) => ({ link, baseUrl: sandbox.baseUrl });

describe('a download', () => {
  async function isTruth(): Promise<MediaFacts> {
    const { link, call } = recording();
    const { stored, ...facts } = await client().download(fromSandbox(link), all);
    const truth = acme.media().find(each => each.call === call && each.kind === 'recording');
    expect(facts).toEqual({ sizeBytes: truth?.sizeBytes, sha256: truth?.sha256, type: 'audio/mpeg' });
    expect([stored.length, createHash('sha256').update(stored).digest('hex')]).toEqual([facts.sizeBytes, facts.sha256]);
    return facts;
  }

  test('is the file that the store has, byte by byte, small or large, and no API request', async () => {
    expect((await isTruth()).sizeBytes).toBeLessThan(6_000);
    acme.behave({ mediaBytes: 3_000_000 });
    expect((await isTruth()).sizeBytes).toBeGreaterThan(2_999_999);
    expect(sandbox.requests()).toEqual([]);
    expect(sandbox.mediaRequests().map(({ status }) => status)).toEqual([200, 200]);
  });

  test('sends no credential, no cookie and nothing else that a store could log, and the link as it is', async () => {
    const server = await raw(response => response.end(MP3));
    const link = `${server.link}&X-Amz-Credential=A%2FB%2Fus-west-2`;
    await client().download({ link, baseUrl: server.baseUrl }, all);
    const [{ headers, method, url } = {}] = server.received;
    expect([method, url]).toEqual(['GET', link.slice(new URL(link).origin.length)]);
    expect(Object.keys(headers ?? {}).sort()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'host',
      'user-agent',
    ]);
  });

  test('takes a file in chunks, whose first piece is shorter than what tells audio', async () => {
    const server = await raw(response => {
      response.write(MP3.subarray(0, 2), () => setImmediate(() => response.end(MP3.subarray(2))));
    });
    const { stored, sizeBytes } = await client().download({ link: server.link, baseUrl: server.baseUrl }, all);
    expect([stored.equals(MP3), sizeBytes]).toEqual([true, MP3.length]);
  });

  test('uses a connection again', async () => {
    const server = await raw(response => response.end(MP3));
    const one = client();
    for (const _ of [1, 2, 3]) await one.download({ link: server.link, baseUrl: server.baseUrl }, all);
    expect([server.received.length, server.connections()]).toEqual([3, 1]);
  });

  test('reads no faster than its store takes the bytes', async () => {
    const sizeBytes = 128 * 1024 * 1024;
    const chunk = Buffer.alloc(64 * 1024);
    let sent = 0;
    let isBlocked = false;
    const server = await raw(response => {
      response.writeHead(200, { 'content-length': sizeBytes });
      response.write(MP3.subarray(0, 20));
      sent = 20;
      const more = () => {
        isBlocked = false;
        while (sent < sizeBytes && !response.destroyed) {
          const piece = chunk.subarray(0, sizeBytes - sent);
          sent += piece.length;
          if (!response.write(piece)) {
            isBlocked = true;
            response.once('drain', more);
            return;
          }
        }
        response.end();
      };
      more();
    });
    const { stored } = await client().download({ link: server.link, baseUrl: server.baseUrl }, async bytes => {
      let atPause = 0;
      for await (const _ of bytes) {
        if (atPause > 0) continue;
        let before = -1;
        await until('the store of the file waits', () => {
          const isSame = isBlocked && sent === before;
          before = sent;
          return isSame;
        });
        atPause = sent;
      }
      return atPause;
    });
    expect(stored).toBeLessThan(sizeBytes / 4);
    expect(sent).toBe(sizeBytes);
  });
});

const status = (code: number): FaultRule => ({ action: 'status', status: code });

const FAULTS = {
  expired: [status(403), status(401)],
  gone: [status(404)],
  'host-refused': [], // nothing reaches the sandbox: see below
  redirected: [{ action: 'redirect' }, { action: 'redirect', location: '/media/elsewhere' }],
  rejected: [status(206), status(400), status(416)],
  unavailable: [status(408), status(429), status(500), { ...status(503), body: 'html' }],
  unreachable: [{ action: 'drop' }],
  'not-trusted': [], // likewise
  'timed-out': [{ action: 'hang' }, { action: 'hold-body' }],
  incomplete: [{ action: 'truncate' }],
  'too-large': [], // see below
  'not-audio': [{ action: 'html' }, { action: 'malformed' }, { action: 'oversize' }, { ...status(200), body: 'empty' }],
} satisfies Record<MediaErrorCode, FaultRule[]>;

const CASES = Object.entries(FAULTS).flatMap(([code, rules]) =>
  rules.map((rule: FaultRule) => ({
    code,
    rule,
    name: [rule.action, rule.status, rule.location, rule.body].filter(Boolean).join(' '),
  })),
);

describe('a download that fails', () => {
  test.each(CASES)('ends as $code after $name, sent exactly once', async ({ code, rule }) => {
    sandbox.setFaults({ rules: [], media: [rule] });
    const timeoutMs = code === 'timed-out' ? 300 : NEVER_MS;
    const error = await mediaErrorOf(
      client({ headersTimeoutMs: timeoutMs, silenceTimeoutMs: timeoutMs }).download(fromSandbox(), all),
    );
    expect(error.code).toBe(code);
    expect(sandbox.mediaRequests()).toMatchObject([{ fault: rule.action }]);
    sandbox.release();
  });

  test('ends as expired or gone if the link has expired, or the recording was deleted', async () => {
    acme.behave({ mediaSeconds: 600 });
    const { link } = recording();
    clockMs += 600_000;
    expect(await mediaErrorOf(client().download(fromSandbox(link), all))).toMatchObject({ code: 'expired' });
    const { apiId, apiToken } = acme;
    const authorization = `Basic ${Buffer.from(`${apiId}:${apiToken}`).toString('base64')}`;
    const { link: fresh, call } = recording();
    await fetch(`${sandbox.baseUrl}/calls/${call}/recording`, { method: 'DELETE', headers: { authorization } });
    expect(await mediaErrorOf(client().download(fromSandbox(fresh), all))).toMatchObject({ code: 'gone' });
  });

  test.each([
    ['', 'https://media.example.com/x.mp3'],
    ['', 'http://169.254.169.254/latest/meta-data'],
    ['', 'not a link'],
    ['', ''],
  ])('ends as host-refused for a link that may lead nowhere, and asks for no address', async (named, link) => {
    const resolve = jest.fn();
    const hosts = parseMediaHosts(named) ?? [];
    expect(await mediaErrorOf(client({ hosts, resolve }).download({ link, baseUrl: API }, all))).toMatchObject({
      code: 'host-refused',
    });
    expect(resolve).not.toHaveBeenCalled();
  });

  test('ends as host-refused if a host of the storage has a private address, and nothing is sent; a named one may', async () => {
    const server = await raw(response => response.end(MP3));
    const { port } = new URL(server.link);
    const resolve = jest.fn(async () => [{ address: '127.0.0.1', family: 4 }]);
    const link = 'https://a-bucket.s3.us-west-2.amazonaws.com/x.mp3';
    expect(await mediaErrorOf(client({ resolve }).download({ link, baseUrl: API }, all))).toMatchObject({
      code: 'host-refused',
      message: 'media: the address of its host is not public',
    });
    expect(server.connections()).toBe(0);
    const hosts = parseMediaHosts(`media.example.com:${port}`) ?? [];
    const named = { link: `http://media.example.com:${port}/x.mp3`, baseUrl: API };
    expect(await client({ hosts, resolve }).download(named, all)).toMatchObject({ sizeBytes: MP3.length });
    expect(resolve.mock.calls).toEqual([['a-bucket.s3.us-west-2.amazonaws.com'], ['media.example.com']]);
  });

  test('ends as not-trusted where the store has a certificate that nobody vouches for, and sends nothing', async () => {
    const server = await startSelfSigned(response => response.end(MP3));
    cleanUp.push(() => server.stop());
    const { port } = new URL(server.baseUrl);
    const hosts = parseMediaHosts(`localhost:${port}`) ?? [];
    const request = { link: `https://localhost:${port}/x.mp3`, baseUrl: API };
    const error = await mediaErrorOf(client({ hosts }).download(request, all));
    expect(error.message).toBe('media: no trusted connection (DEPTH_ZERO_SELF_SIGNED_CERT)');
    expect([error.code, server.received]).toEqual(['not-trusted', []]);
  });

  test('ends as unreachable where nobody listens, or the name has no address', async () => {
    const server = await raw(() => {});
    await server.stop();
    const { link, baseUrl } = server;
    expect(await mediaErrorOf(client().download({ link, baseUrl }, all))).toMatchObject({
      code: 'unreachable',
      message: 'media: no reply (ECONNREFUSED)',
    });
    const resolve = async () =>
      Promise.reject(Object.assign(new Error('getaddrinfo of a name'), { code: 'ENOTFOUND' }));
    const stored = { link: 'https://a-bucket.s3.us-west-2.amazonaws.com/x.mp3', baseUrl: API };
    expect(await mediaErrorOf(client({ resolve }).download(stored, all))).toMatchObject({
      code: 'unreachable',
      message: 'media: no reply (ENOTFOUND)',
    });
  });

  test('ends as too-large by the size that is announced, before a byte is read, or by what comes', async () => {
    acme.behave({ mediaBytes: 200_000 });
    const store = jest.fn(all);
    const { download } = client({ fileBytesMax: 100_000 });
    expect(await mediaErrorOf(download(fromSandbox(), store))).toMatchObject({
      code: 'too-large',
      message: 'media: the file is larger than 100000 bytes',
    });
    expect(store).not.toHaveBeenCalled();
    const endless = await raw(response => {
      const more = () => {
        while (!response.destroyed && response.write(MP3));
      };
      response.on('drain', more);
      more();
    });
    expect(await mediaErrorOf(download({ link: endless.link, baseUrl: endless.baseUrl }, store))).toMatchObject({
      code: 'too-large',
    });
    await endless.connectionEnded;
    expect((await client({ fileBytesMax: 200_100 }).download(fromSandbox(), all)).sizeBytes).toBeGreaterThan(199_999);
  });

  test.each<[string, (response: ServerResponse) => void]>([
    [
      'does not say where it ends',
      response => {
        response.useChunkedEncodingByDefault = false;
        response.writeHead(200, { connection: 'close' }).end(MP3);
      },
    ],
    [
      'lacks its last chunk',
      response => {
        response.write(MP3, () => response.destroy());
      },
    ],
    [
      'ends before the size that it announced',
      response => {
        response.writeHead(200, { 'content-length': MP3.length + 1 });
        response.write(MP3, () => response.destroy());
      },
    ],
  ])('ends as incomplete if the file %s', async (_, answer) => {
    const { link, baseUrl } = await raw(answer);
    expect(await mediaErrorOf(client().download({ link, baseUrl }, all))).toMatchObject({ code: 'incomplete' });
  });

  test('hands nothing to the store of what is no audio, whatever its sender calls it', async () => {
    const store = jest.fn(all);
    const { link, baseUrl } = await raw(response => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' }).end('<html>Please log in</html>');
    });
    expect(await mediaErrorOf(client().download({ link, baseUrl }, store))).toMatchObject({ code: 'not-audio' });
    expect(store).not.toHaveBeenCalled();
  });

  test('says nothing of the link, in no part of its error', async () => {
    const { link } = recording();
    const secrets = [link, new URL(link).pathname, new URL(link).host, '127.0.0.1', 'Signature', 'recordings'];
    const errors: unknown[] = [];
    for (const { rule } of CASES) {
      sandbox.setFaults({ rules: [], media: [rule] });
      const options = { headersTimeoutMs: 300, silenceTimeoutMs: 300 };
      errors.push(await errorOf(client(options).download(fromSandbox(link), all)));
      sandbox.release();
    }
    const server = await raw(() => {});
    await server.stop();
    errors.push(await errorOf(client().download({ link: server.link, baseUrl: server.baseUrl }, all)));
    errors.push(await errorOf(client().download({ link, baseUrl: API }, all)));
    for (const error of errors) {
      const shown = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }) + JSON.stringify(error);
      expect(secrets.filter(secret => shown.includes(secret))).toEqual([]);
    }
    expect(errors).toHaveLength(CASES.length + 2);
  });

  test('says for each code what helps, and a new link helps if the link has expired', () => {
    expect(Object.entries(AFTER).filter(([, helps]) => helps === 'new-link')).toEqual([['expired', 'new-link']]);
    expect(Object.keys(AFTER).sort()).toEqual(Object.keys(FAULTS).sort());
  });
});

describe('the time that a download may take', () => {
  test('ends with the time for the whole file, however steadily it comes', async () => {
    acme.behave({ mediaBytes: 400_000 });
    sandbox.setFaults({ rules: [], media: [{ action: 'slow', delayMs: 200 }] });
    const error = await mediaErrorOf(client({ fileTimeoutMs: 500 }).download(fromSandbox(), all));
    expect([error.code, error.message]).toEqual(['timed-out', 'media: the file did not come in time']);
  });

  test('does not count the time of its store as a silence', async () => {
    const silenceTimeoutMs = 2_000;
    const { stored } = await client({ silenceTimeoutMs }).download(fromSandbox(), async bytes => {
      await new Promise(resolve => setTimeout(resolve, silenceTimeoutMs * 1.25));
      for await (const _ of bytes);
      return 'stored';
    });
    expect(stored).toBe('stored');
  });

  test('ends when it is stopped, with the reason of that, before it begins, without a reply, or within the file', async () => {
    const reason = new Error('the step must stop');
    const aborted = { ...fromSandbox(), stop: AbortSignal.abort(reason) };
    expect(await errorOf(client().download(aborted, all))).toBe(reason);
    expect(sandbox.mediaRequests()).toEqual([]);
    for (const action of ['hang', 'hold-body'] as const) {
      sandbox.clearRequests();
      acme.behave({ mediaBytes: 400_000 });
      sandbox.setFaults({ rules: [], media: [{ action }] });
      const controller = new AbortController();
      let pieces = 0;
      const ended = errorOf(
        client().download({ ...fromSandbox(), stop: controller.signal }, async bytes => {
          for await (const _ of bytes) pieces += 1;
        }),
      );
      await until('it is under way', () => sandbox.mediaRequests().length === 1 && (action === 'hang' || pieces > 1));
      controller.abort(reason);
      expect(await ended).toBe(reason);
      sandbox.release();
    }
  });
});

describe('the store of a download', () => {
  test('fails with its own error, and the connection is let go', async () => {
    const server = await raw(response => {
      response.writeHead(200, { 'content-length': 1_000_000 }).write(MP3);
    });
    const broken = new Error('no space');
    const { link, baseUrl } = server;
    const ended = client().download({ link, baseUrl }, async bytes => {
      for await (const _ of bytes) throw broken;
    });
    expect(await errorOf(ended)).toBe(broken);
    await server.connectionEnded;
  });

  test('does not hide why the download failed, whatever it makes of that', async () => {
    sandbox.setFaults({ rules: [], media: [{ action: 'truncate' }] });
    for (const store of [
      (bytes: AsyncIterable<Buffer>) =>
        all(bytes).catch(() => Promise.reject(new Error('the vault says something else'))),
      (bytes: AsyncIterable<Buffer>) => all(bytes).catch(() => Buffer.alloc(0)),
    ]) {
      expect(await mediaErrorOf(client().download(fromSandbox(), store))).toMatchObject({ code: 'incomplete' });
    }
  });

  test('must read all of the file: what it left out is not taken as stored', async () => {
    const ignoring = errorOf(client().download(fromSandbox(), async () => 'stored'));
    expect(await ignoring).toEqual(new RangeError('the store of a file has not read all of it'));
  });
});

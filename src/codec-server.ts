/**
 * The codec server decrypts payloads for the Web UI and the `temporal` command, by Temporal's protocol. Personal data
 * leaves the service here: the server checks each client first, logs every decode and encode, and never logs
 * content. Protocol: docs/temporal.md 5.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { z } from 'zod';
import { KeyringError } from './encryption/key-file';
import type { Keyring } from './encryption/keyring';
import { createPayloadCodec, isEncrypted, PayloadBroken } from './encryption/payload-codec';
import type { Log } from './log';

export interface CodecServerOptions {
  readonly keyring: Keyring;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** The one web page that may call: scheme, host and port of the Temporal Web UI. */
  readonly uiOrigin: string;
  /** Required of every request if given. */
  readonly token?: string | undefined;
  /** Whether it encrypts too: anyone who may call can then make inputs that workers accept. */
  readonly encodes: boolean;
  /** Receives a line for each decode, encode and refusal; no content. */
  readonly log: Log;
}

export interface CodecServer {
  readonly url: string;
  /** Answers requests in flight, for five seconds at most, and takes no new ones. */
  close(): Promise<void>;
}

/** Limit of one request: the Web UI requests a page of events at once. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;
const NAMESPACE = /^[A-Za-z0-9._-]{1,255}$/;
const ALLOWED_HEADERS = 'content-type, x-namespace, authorization';
/** Also below another path, as behind a proxy: the protocol uses the last part only. */
const DOORS = /^[^?]*\/(decode|encode)(?:\?|$)/;
/** For requests in flight when it ends. */
const CLOSE_WITHIN_MS = 5_000;

const bodySchema = z.object({
  payloads: z
    .array(z.object({ metadata: z.record(z.string(), z.base64()).nullish(), data: z.base64().nullish() }))
    .max(10_000),
});

class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Listens when it resolves. @throws if the address cannot be listened on */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  const { keyring, host, port, uiOrigin, encodes, log } = options;
  const codec = createPayloadCodec(keyring);
  const wanted = options.token === undefined ? undefined : tokenDigest(`Bearer ${options.token}`);

  /**
   * One payload that cannot be read must not hide the others: a text in its place gives the reason. Payloads that are not
   * encrypted (Temporal's own notes on local activities) stay unchanged.
   */
  async function decoded(payload: Payload): Promise<{ readonly payload: Payload; readonly readable: boolean }> {
    if (!isEncrypted(payload)) return { payload, readable: true };
    try {
      const [first = {}] = await codec.decode([payload]);
      return { payload: first, readable: true };
    } catch (error) {
      if (!(error instanceof KeyringError || error instanceof PayloadBroken)) throw error;
      return { payload: defaultPayloadConverter.toPayload(`[${error.code}] ${error.message}`), readable: false };
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse, whom: string): Promise<unknown> {
    const { origin } = request.headers;
    response.setHeader('Vary', 'Origin');
    if (origin !== undefined) {
      // Also refuses other names of this machine: a page of another origin must not call, even from this machine.
      if (origin !== uiOrigin)
        throw new Refused(403, 'this origin is not allowed; start the server with it as --ui-origin');
      response.setHeader('Access-Control-Allow-Origin', uiOrigin);
      response.setHeader('Access-Control-Allow-Credentials', 'true');
    }
    const [, door] = DOORS.exec(request.url ?? '') ?? [];
    if (door === undefined) throw new Refused(404, 'the paths are /decode and /encode');
    if (request.method === 'OPTIONS') {
      response.setHeader('Access-Control-Allow-Methods', 'POST, OPTIONS');
      response.setHeader('Access-Control-Allow-Headers', ALLOWED_HEADERS);
      return undefined;
    }
    if (request.method !== 'POST') {
      response.setHeader('Allow', 'POST, OPTIONS');
      throw new Refused(405, 'the method must be POST');
    }
    if (wanted !== undefined && !timingSafeEqual(wanted, tokenDigest(request.headers.authorization ?? ''))) {
      response.setHeader('WWW-Authenticate', 'Bearer');
      throw new Refused(401, 'a bearer token is needed');
    }
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
      throw new Refused(415, 'the content type must be application/json');
    if (door === 'encode' && !encodes) throw new Refused(403, 'this server does not encrypt; start it with --encode');
    const payloads = payloadsOf(await bodyOf(request));
    const namespace = String(request.headers['x-namespace'] ?? '');
    const forWhom = `namespace ${NAMESPACE.test(namespace) ? namespace : 'unknown'} for ${whom}`;
    if (door === 'encode') {
      const encoded = await codec.encode(payloads);
      log({ level: 'info', message: `encoded ${encoded.length} payloads of ${forWhom}` });
      return { payloads: encoded.map(jsonOf) };
    }
    const shown = await Promise.all(payloads.map(decoded));
    const unreadable = shown.filter(({ readable }) => !readable).length;
    log({ level: 'info', message: `decoded ${shown.length - unreadable} of ${shown.length} payloads of ${forWhom}` });
    return { payloads: shown.map(({ payload }) => jsonOf(payload)) };
  }

  const server = createServer((request, response) => {
    // Read now: a closed connection has no address.
    const whom = `${request.socket.remoteAddress ?? 'somebody'}, ${new Date().toISOString()}`;
    const send = (status: number, document: unknown) => {
      if (!server.listening) response.setHeader('Connection', 'close'); // so that a kept connection sends no further request
      sendJson(response, status, document);
    };
    answer(request, response, whom).then(
      document => send(document === undefined ? 204 : 200, document),
      (error: unknown) => {
        const kind = error instanceof Error ? error.name : 'unknown';
        if (error instanceof Refused)
          log({ level: 'warn', message: `refused with ${error.status} for ${whom}: ${error.message}` });
        else log({ level: 'error', message: `a request failed (${kind})`, code: kind });
        const { status, message } = error instanceof Refused ? error : new Refused(500, 'the request failed');
        send(status, { message });
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close() {
      const late = setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN_MS);
      return new Promise(resolve =>
        server.close(() => {
          clearTimeout(late);
          resolve();
        }),
      );
    },
  };
}

function tokenDigest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  // The rest above the limit is read and dropped: a sender who is cut off may never see the answer.
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    const bytes = Buffer.from(part);
    size += bytes.length;
    if (size > BODY_BYTES_MAX) throw new Refused(413, `a body holds at most ${BODY_BYTES_MAX} bytes`);
    parts.push(bytes);
  }
  return Buffer.concat(parts).toString();
}

function payloadsOf(body: string): Payload[] {
  try {
    return bodySchema.parse(JSON.parse(body)).payloads.map(({ metadata, data }) => ({
      metadata: Object.fromEntries(
        Object.entries(metadata ?? {}).map(([name, text]) => [name, Buffer.from(text, 'base64')]),
      ),
      data: Buffer.from(data ?? '', 'base64'),
    }));
  } catch {
    // Neither a JSON error nor a schema error is passed on: both can quote the body.
    throw new Refused(400, 'the body must be { "payloads": [{ "metadata", "data" }] } with base64 values');
  }
}

function jsonOf({ metadata, data }: Payload) {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
    ),
    data: Buffer.from(data ?? []).toString('base64'),
  };
}

function sendJson(response: ServerResponse, status: number, document: unknown): void {
  response.statusCode = status;
  if (document === undefined) {
    response.end();
    return;
  }
  response.setHeader('Content-Type', 'application/json');
  response.setHeader('Cache-Control', 'no-store');
  response.end(JSON.stringify(document));
}

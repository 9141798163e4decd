/**
 * One API request to Aircall: sent once, bounded in time and size, and answered with JSON or an AircallError. It never
 * retries, pages, follows a redirect or a link, or refreshes a token: each of those would be a second API request.
 * Credentials go into the Authorization header (the token endpoint: into its body) and nowhere else.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import fetch, { FetchError, type Response } from 'node-fetch';
import { isTlsCode, shortCode } from '../error-code';
import type { Endpoint } from './endpoints';
import { AircallError, codeOfStatus, readRateLimit } from './errors';

export type Authorization = { readonly apiId: string; readonly apiToken: string } | { readonly accessToken: string };

export interface ApiRequest {
  readonly endpoint: Endpoint;
  /** With the version, without a slash at the end: `https://api.aircall.io/v1`. */
  readonly baseUrl: string;
  readonly authorization?: Authorization;
  readonly id?: number;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, string>>;
  /** Gives up the request: its reply counts as late. */
  readonly stop?: AbortSignal;
}

export interface AircallClient {
  /**
   * The parsed body of a success; undefined if it has none (204).
   * @throws {AircallError}
   */
  send(request: ApiRequest): Promise<unknown>;
  /** Closes idle connections. */
  close(): void;
}

/**
 * 4 MiB: 50 calls with all their parts take far less than 1 MiB. Reading JSON blocks the process, and so all companies: 4 MiB
 * of small values for half a second, 16 MiB for three.
 */
export const BODY_BYTES_MAX = 4 * 1024 * 1024;

export interface AircallClientOptions {
  /** Until the headers of the reply; 20 s if not given. */
  readonly headersTimeoutMs?: number;
  /** Until the end of the body; 45 s if not given: below the activities' start-to-close of 60 s. */
  readonly bodyTimeoutMs?: number;
  /** Of a decompressed body; `BODY_BYTES_MAX` if not given. */
  readonly bodyBytesMax?: number;
}

export function createAircallClient(options: AircallClientOptions = {}): AircallClient {
  const { headersTimeoutMs = 20_000, bodyTimeoutMs = 45_000, bodyBytesMax = BODY_BYTES_MAX } = options;
  const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };

  async function send({ endpoint, baseUrl, authorization, id, query = {}, body, stop }: ApiRequest): Promise<unknown> {
    const url = new URL(baseUrl + endpoint.path.replace(':id', String(id)));
    url.search = new URLSearchParams({ ...endpoint.always, ...query }).toString();

    const abort = new AbortController();
    const bodyTimer = setTimeout(() => abort.abort(), bodyTimeoutMs);
    const headersTimer = setTimeout(() => abort.abort(), headersTimeoutMs);
    const onStop = () => abort.abort();
    stop?.addEventListener('abort', onStop);
    try {
      const response = await fetch(url, {
        method: endpoint.method,
        headers: {
          accept: 'application/json',
          'user-agent': 'aircall-dsr',
          // Aircall requires it on every request that changes something, with or without a body.
          ...(endpoint.method === 'GET' ? {} : { 'content-type': 'application/json' }),
          ...(authorization === undefined ? {} : { authorization: headerOf(authorization) }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'manual',
        size: bodyBytesMax,
        signal: abort.signal,
        agent: url.protocol === 'https:' ? agents.https : agents.http,
      });
      clearTimeout(headersTimer);
      return await read(endpoint, response);
    } catch (error) {
      if (error instanceof AircallError) throw error;
      if (abort.signal.aborted) throw new AircallError('timed-out', `${endpoint.name}: no complete reply in time`);
      if (error instanceof FetchError && error.type === 'max-size') {
        throw new AircallError('reply-too-large', `${endpoint.name}: the reply is larger than ${bodyBytesMax} bytes`);
      }
      // The library's message holds the URL, and the URL the identity: only the error's short code is passed on.
      const short = shortCode(error);
      if (isTlsCode(short)) throw new AircallError('not-trusted', `${endpoint.name}: no trusted connection (${short})`);
      throw new AircallError('unreachable', `${endpoint.name}: no reply (${short})`);
    } finally {
      clearTimeout(headersTimer);
      clearTimeout(bodyTimer);
      stop?.removeEventListener('abort', onStop);
      abort.abort(); // releases a body that was not read
    }
  }

  return {
    send,
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

/** When a reply was sent, by the clock that its other times go by: the server's. By ours if it does not say. */
function answeredMs(header: (name: string) => string | null): number {
  const ms = Date.parse(header('date') ?? '');
  return Number.isNaN(ms) ? Date.now() : ms;
}

async function read(endpoint: Endpoint, response: Response): Promise<unknown> {
  if (!response.ok) {
    // The body is not read: its shapes vary, and only status and headers decide.
    const code = codeOfStatus(response.status);
    const header = (name: string) => response.headers.get(name);
    const limit = code === 'rate-limited' ? readRateLimit(header, answeredMs(header)) : undefined;
    throw new AircallError(code, `${endpoint.name}: status ${response.status}`, limit);
  }
  const text = await response.text();
  if (text === '') {
    if (endpoint.method === 'DELETE') return undefined;
    throw new AircallError('unexpected-reply', `${endpoint.name}: status ${response.status} with an empty body`);
  }
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message is not passed on: it quotes the body.
    throw new AircallError(
      'unexpected-reply',
      `${endpoint.name}: status ${response.status} with a body that is not JSON`,
    );
  }
}

function headerOf(authorization: Authorization): string {
  if ('accessToken' in authorization) return `Bearer ${authorization.accessToken}`;
  return `Basic ${Buffer.from(`${authorization.apiId}:${authorization.apiToken}`).toString('base64')}`;
}

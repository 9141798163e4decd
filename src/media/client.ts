/**
 * Downloads a recording or voicemail: one HTTP request, without credentials, to a host that media may come from, streamed into its
 * store in constant memory. It never follows a redirect, never retries, and nothing that it throws holds the link: whoever has the
 * link has the file. Facts: docs/aircall.md 7.
 */
import { createHash } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import fetch, { type Response } from 'node-fetch';
import { isTlsCode, shortCode } from '../error-code';
import { createLookup, NOT_PUBLIC, type Resolve } from './addresses';
import { type AudioType, audioTypeOf, HEAD_BYTES } from './audio';
import { MediaError, mediaCodeOf } from './errors';
import { type NamedHost, type Place, placeOf } from './hosts';

export interface MediaRequest {
  /** A link of a call. */
  readonly link: string;
  /** Of the connection whose API returned the link. */
  readonly baseUrl: string | undefined;
  /** Ends the download, which then throws its reason. */
  readonly stop?: AbortSignal;
}

export interface MediaFacts {
  readonly sizeBytes: number;
  /** Of the whole file, hexadecimal. */
  readonly sha256: string;
  /** By its first bytes. */
  readonly type: AudioType;
}

export interface MediaClient {
  /**
   * Hands the bytes of a file to `store`, which reads all of them, and returns what it returned with the facts about them. If the
   * download fails, the bytes end with its error. Until then nobody knows whether they are whole: what `store` has written
   * counts only if this returns. Nothing is handed on of what is no audio.
   * @throws {MediaError}, whatever `store` makes of it
   * @throws what `store` throws, if the download did not fail
   */
  download<T>(
    request: MediaRequest,
    store: (bytes: AsyncIterable<Buffer>) => Promise<T>,
  ): Promise<MediaFacts & { readonly stored: T }>;
  /** Closes idle connections. */
  close(): void;
}

/** 256 MiB: nine hours at 64 kbit/s, which is more than the sound of a telephone holds. */
export const FILE_BYTES_MAX = 256 * 1024 * 1024;

export interface MediaClientOptions {
  /** Hosts of AIRCALL_DSR_MEDIA_HOSTS. */
  readonly hosts: readonly NamedHost[];
  /** Of one file; `FILE_BYTES_MAX` if not given. */
  readonly fileBytesMax?: number;
  /** Until the headers of the reply; 20 s if not given. */
  readonly headersTimeoutMs?: number;
  /** Between two pieces of the file, while `store` waits for one; 30 s if not given. */
  readonly silenceTimeoutMs?: number;
  /** Until the end of the file, with the time that `store` takes; 30 minutes if not given. */
  readonly fileTimeoutMs?: number;
  /** The system's if not given. */
  readonly resolve?: Resolve;
}

export function createMediaClient(options: MediaClientOptions): MediaClient {
  const { hosts, fileBytesMax = FILE_BYTES_MAX, resolve = resolveBySystem } = options;
  const { headersTimeoutMs = 20_000, silenceTimeoutMs = 30_000, fileTimeoutMs = 30 * 60_000 } = options;
  const agents = createAgents(resolve);

  async function download<T>(
    { link, baseUrl, stop }: MediaRequest,
    store: (bytes: AsyncIterable<Buffer>) => Promise<T>,
  ): Promise<MediaFacts & { readonly stored: T }> {
    stop?.throwIfAborted();
    const url = URL.canParse(link) ? new URL(link) : undefined;
    const place = url && placeOf(url, hosts, baseUrl);
    if (url === undefined || place === undefined)
      throw new MediaError('host-refused', 'not a host that it may come from');

    const limit = createTimeLimit(fileTimeoutMs, stop);
    try {
      const response = await limit.within(
        headersTimeoutMs,
        fetch(url, {
          headers: { accept: 'audio/*', 'accept-encoding': 'identity', 'user-agent': 'aircall-dsr' },
          compress: false, // what is stored is what was sent, and as large
          redirect: 'manual',
          signal: limit.signal,
          agent: agents.of(place, url.protocol),
        }),
        connectionError,
      );
      const pieces = piecesOf(response, piece => limit.within(silenceTimeoutMs, piece, bodyError));
      return await receive(pieces, declaredSize(response, fileBytesMax), fileBytesMax, store);
    } finally {
      limit.end(); // also releases a body that was not read
    }
  }

  return { download, close: agents.close };
}

const resolveBySystem: Resolve = hostname => lookup(hostname, { all: true });

function createAgents(resolve: Resolve) {
  const ofAnyAddress = { keepAlive: true, lookup: createLookup(resolve, { publicOnly: false }) };
  const storage = new HttpsAgent({ keepAlive: true, lookup: createLookup(resolve, { publicOnly: true }) });
  const https = new HttpsAgent(ofAnyAddress);
  const http = new HttpAgent(ofAnyAddress);
  return {
    of(place: Place, protocol: string): HttpAgent {
      if (place === 'storage') return storage;
      return protocol === 'https:' ? https : http;
    },
    close() {
      for (const agent of [storage, https, http]) agent.destroy();
    },
  };
}

/** Ends a download whose time is up, or that is stopped. */
function createTimeLimit(wholeMs: number, stop: AbortSignal | undefined) {
  const abort = new AbortController();
  const giveUp = () => abort.abort();
  const whole = setTimeout(giveUp, wholeMs);
  stop?.addEventListener('abort', giveUp);
  return {
    signal: abort.signal,
    /** The result of work that the signal ends; an error of its own becomes a MediaError by `errorOf`. */
    async within<T>(limitMs: number, work: Promise<T>, errorOf: (error: unknown) => MediaError): Promise<T> {
      const timer = setTimeout(giveUp, limitMs);
      try {
        return await work;
      } catch (error) {
        stop?.throwIfAborted();
        throw abort.signal.aborted ? new MediaError('timed-out', 'the file did not come in time') : errorOf(error);
      } finally {
        clearTimeout(timer);
      }
    },
    end() {
      clearTimeout(whole);
      stop?.removeEventListener('abort', giveUp);
      giveUp();
    },
  };
}

/** The library's message is not passed on: it holds the link. */
function connectionError(error: unknown): MediaError {
  const code = shortCode(error);
  if (code === NOT_PUBLIC) return new MediaError('host-refused', 'the address of its host is not public');
  if (isTlsCode(code)) return new MediaError('not-trusted', `no trusted connection (${code})`);
  return new MediaError('unreachable', `no reply (${code})`);
}

function bodyError(error: unknown): MediaError {
  return new MediaError('incomplete', `the connection ended within the file (${shortCode(error)})`);
}

/**
 * What a reply says of its size; undefined if it comes in chunks, whose last one is known. Other successes hold a part of a file, or none.
 * @throws {MediaError}
 */
function declaredSize({ status, headers }: Response, bytesMax: number): number | undefined {
  if (status !== 200) throw new MediaError(mediaCodeOf(status), `status ${status}`);
  const length = headers.get('content-length');
  if (length === null) {
    if (headers.get('transfer-encoding') === 'chunked') return undefined;
    throw new MediaError('incomplete', 'the reply does not say where the file ends');
  }
  const sizeBytes = Number(length);
  if (sizeBytes > bytesMax) throw tooLarge(bytesMax);
  return sizeBytes;
}

function tooLarge(bytesMax: number): MediaError {
  return new MediaError('too-large', `the file is larger than ${bytesMax} bytes`);
}

/** The body of a reply; `wait` bounds the wait for each piece, not the time between them. */
async function* piecesOf(
  { body }: Response,
  wait: <T>(piece: Promise<T>) => Promise<T>,
): AsyncGenerator<Buffer, void, undefined> {
  if (body === null) return;
  const pieces = body[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await wait(pieces.next());
    if (done === true) return;
    yield Buffer.isBuffer(value) ? value : Buffer.from(value);
  }
}

/** Checks the pieces of a file on their way into its store. */
async function receive<T>(
  pieces: AsyncGenerator<Buffer, void, undefined>,
  declaredBytes: number | undefined,
  bytesMax: number,
  store: (bytes: AsyncIterable<Buffer>) => Promise<T>,
): Promise<MediaFacts & { readonly stored: T }> {
  const head = await headOf(pieces);
  const type = audioTypeOf(head);
  if (type === undefined) throw new MediaError('not-audio', 'the file does not begin like audio');

  const hash = createHash('sha256');
  let sizeBytes = 0;
  let end: { readonly failure?: unknown } | undefined;
  async function* checked(): AsyncGenerator<Buffer> {
    try {
      for await (const piece of whole(head, pieces)) {
        sizeBytes += piece.length;
        if (sizeBytes > bytesMax) throw tooLarge(bytesMax);
        hash.update(piece);
        yield piece;
      }
      if (declaredBytes !== undefined && sizeBytes !== declaredBytes)
        throw new MediaError('incomplete', `${sizeBytes} of ${declaredBytes} bytes came`);
      end = {};
    } catch (failure) {
      end = { failure };
      throw failure;
    }
  }

  const stored = await store(checked()).catch((error: unknown) => {
    throw end?.failure ?? error;
  });
  if (end === undefined) throw new RangeError('the store of a file has not read all of it');
  if (end.failure !== undefined) throw end.failure;
  return { stored, sizeBytes, sha256: hash.digest('hex'), type };
}

async function headOf(pieces: AsyncGenerator<Buffer, void, undefined>): Promise<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < HEAD_BYTES) {
    const { done, value } = await pieces.next();
    if (done === true) return head;
    head = Buffer.concat([head, value]);
  }
  return head;
}

async function* whole(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}

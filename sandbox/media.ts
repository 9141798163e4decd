/**
 * Recordings and voicemails behind signed-looking URLs, as from a storage host: the URL alone is the credential.
 * It must never accept Aircall's Authorization header, nor a URL that has expired. Facts: docs/aircall.md 7.
 */
import { createHmac } from 'node:crypto';
import { hexOf, numberOf } from './random';
import type { Reply } from './wire';

export type MediaKind = 'recording' | 'voicemail';

export interface MediaFile {
  readonly company: string;
  readonly callId: number;
  readonly kind: MediaKind;
}

export function mediaUrl(origin: string, file: MediaFile, at: number, seconds: number): string {
  const ending = file.kind === 'voicemail' ? '-voicemail' : '';
  const hash = hexOf(32, file.company, file.callId, file.kind);
  const path = `/media/${encodeURIComponent(file.company)}/recordings/call-${file.callId}-${hash}${ending}.mp3`;
  const date = new Date(at).toISOString().replace(/\.\d+|[-:]/g, '');
  const query = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Date': date,
    'X-Amz-Expires': String(seconds),
    'X-Amz-SignedHeaders': 'host',
    'X-Amz-Signature': sign(path, date, String(seconds)),
  });
  return `${origin}${path}?${query}`;
}

/** Answers a media request; `exists` returns whether the call still has the file. */
export function serveMedia(
  url: URL,
  authorization: string | undefined,
  at: number,
  exists: (file: MediaFile) => boolean,
): Reply {
  if (authorization !== undefined) {
    return refuse(
      400,
      'InvalidArgument',
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
    );
  }
  const date = url.searchParams.get('X-Amz-Date') ?? '';
  const seconds = url.searchParams.get('X-Amz-Expires') ?? '';
  if (url.searchParams.get('X-Amz-Signature') !== sign(url.pathname, date, seconds)) {
    return refuse(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided.',
    );
  }
  const signedAt = Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
  if (at >= signedAt + Number(seconds) * 1_000) return refuse(403, 'AccessDenied', 'Request has expired');
  const [, company, callId, voicemail] =
    /^\/media\/([^/]+)\/recordings\/call-(\d+)-[0-9a-f]+(-voicemail)?\.mp3$/.exec(url.pathname) ?? [];
  const file: MediaFile = {
    company: decodeURIComponent(company ?? ''),
    callId: Number(callId),
    kind: voicemail === undefined ? 'recording' : 'voicemail',
  };
  if (!exists(file)) return refuse(404, 'NoSuchKey', 'The specified key does not exist.');
  return { status: 200, bytes: soundOf(file), headers: { 'Content-Type': 'audio/mpeg' } };
}

/** The bytes of a file: an ID3 header and frames of MPEG sync words, different for each call, 2 to 6 kB. */
export function soundOf({ company, callId, kind }: MediaFile): Buffer {
  const frames = 5 + (numberOf(company, callId, kind) % 10);
  const frame = Buffer.alloc(417, hexOf(64, company, callId, kind), 'hex');
  frame.set([0xff, 0xfb, 0x90, 0x00]);
  return Buffer.concat([
    Buffer.from('ID3\u0003\0\0\0\0\0\0', 'latin1'),
    ...Array.from({ length: frames }, () => frame),
  ]);
}

function sign(path: string, date: string, seconds: string): string {
  return createHmac('sha256', 'sandbox media').update(`${path}\n${date}\n${seconds}`).digest('hex');
}

function refuse(status: number, code: string, message: string): Reply {
  return {
    status,
    text: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
    headers: { 'Content-Type': 'application/xml' },
  };
}

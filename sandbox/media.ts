/**
 * Recordings and voicemails behind signed-looking URLs, as from a storage host: the URL alone is the credential.
 * It must never accept Aircall's Authorization header, nor a URL that has expired. Facts: docs/aircall.md 7.
 */
import { createHmac } from 'node:crypto';
import { hexOf } from './random';
import type { MediaFile } from './sound';
import type { Body, Reply } from './wire';

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

/** The file that a path names. */
export function mediaFileOf(path: string): MediaFile | undefined {
  const [, company, callId, voicemail] =
    /^\/media\/([\w%.~-]+)\/recordings\/call-(\d+)-[0-9a-f]+(-voicemail)?\.mp3$/.exec(path) ?? [];
  if (company === undefined) return undefined;
  return {
    company: decodeURIComponent(company),
    callId: Number(callId),
    kind: voicemail === undefined ? 'recording' : 'voicemail',
  };
}

/** Answers a media request. `sound` is what the file holds; undefined if the call does not have it. */
export function serveMedia(url: URL, authorization: string | undefined, at: number, sound: Body | undefined): Reply {
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
  if (sound === undefined) return refuse(404, 'NoSuchKey', 'The specified key does not exist.');
  return { status: 200, body: sound, headers: { 'Content-Type': 'audio/mpeg' } };
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

/**
 * The MP3 of a recording or voicemail: silence that players play, as long as its size says, with the bytes of its own call.
 * It must depend on the file and the size only, and never be in memory whole: tests have gigabytes of it.
 * Facts: ISO 13818-3 (frames of MPEG-2 layer III), ID3 2.3 (the tag in front).
 */
import { createHash } from 'node:crypto';
import { hexOf, numberOf } from './random';
import type { Body } from './wire';

export type MediaKind = 'recording' | 'voicemail';

export interface MediaFile {
  readonly company: string;
  readonly callId: number;
  readonly kind: MediaKind;
}

/** MPEG-2 layer III, 8 kbit/s, 16 kHz, mono, without a checksum: 36 bytes are 36 ms. */
const FRAME_HEADER = [0xff, 0xf3, 0x18, 0xc4];
const FRAME_BYTES = 36;
/** Behind header and side information, whose zeros say that no sound follows: what players skip. */
const FREE = 13;
const FRAMES_A_CHUNK = 1_800;

/** @param sizeBytesMin the size, to be filled up with whole frames; 0: 2 to 6 kB, by the file */
export function soundOf(file: MediaFile, sizeBytesMin: number): Body {
  const tag = tagOf(file);
  const { company, callId, kind } = file;
  const frames =
    sizeBytesMin === 0
      ? 56 + (numberOf(company, callId, kind) % 105)
      : Math.max(1, Math.ceil((sizeBytesMin - tag.length) / FRAME_BYTES));
  return { sizeBytes: tag.length + frames * FRAME_BYTES, chunks: () => chunksOf(tag, frameOf(file), frames) };
}

/** Hexadecimal. */
export function sha256Of(body: Body): string {
  const hash = createHash('sha256');
  for (const chunk of body.chunks()) hash.update(chunk);
  return hash.digest('hex');
}

function* chunksOf(tag: Buffer, frame: Buffer, frames: number): Generator<Buffer> {
  yield tag;
  for (let first = 0; first < frames; first += FRAMES_A_CHUNK) {
    const count = Math.min(FRAMES_A_CHUNK, frames - first);
    const chunk = Buffer.alloc(count * FRAME_BYTES, frame);
    for (let n = 0; n < count; n += 1) number(chunk, n * FRAME_BYTES + FREE, first + n);
    yield chunk;
  }
}

/** No two frames are the same, so that a chunk that is missing or misplaced shows. No byte may look like a header's first. */
function number(chunk: Buffer, at: number, n: number): void {
  for (let digit = 0; digit < 4; digit += 1) chunk[at + digit] = (n >>> (7 * digit)) & 0x7f;
}

function frameOf({ company, callId, kind }: MediaFile): Buffer {
  const frame = Buffer.alloc(FRAME_BYTES);
  frame.set(FRAME_HEADER);
  const own = Buffer.from(hexOf(32, company, callId, kind), 'hex').map(byte => byte & 0x7f);
  frame.set(own, FREE + 4);
  return frame;
}

/** A tag with one field, the title. */
function tagOf({ callId, kind }: MediaFile): Buffer {
  const title = Buffer.from(`\0Sandbox, ${kind} of call ${callId}`, 'latin1');
  const field = Buffer.concat([Buffer.from('TIT2\0\0\0'), Buffer.from([title.length, 0, 0]), title]);
  return Buffer.concat([Buffer.from('ID3\u0003\0\0\0\0\0'), Buffer.from([field.length]), field]);
}

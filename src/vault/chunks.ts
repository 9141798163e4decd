/**
 * Files of any size in the vault: the bytes lie in sealed chunks of one size, and a head lists them. Whoever writes stores the head
 * last, so that a reader finds a whole file or none. One chunk is in memory at a time, and no chunk is returned unverified.
 */
import { createHash, randomBytes } from 'node:crypto';
import { listOf, matching, object, type Shape, type Shaped, whole } from '../request/shapes';
import { sideBySide } from '../side-by-side';
import { sha256Of } from './digest';
import { CaseFileBroken } from './errors';
import type { Vault } from './vault';

export interface FileLimits {
  readonly chunkBytes: number;
  readonly fileBytesMax: number;
}

/** The head of the largest file lists 16,384 chunks, in about 1 MiB. */
export const FILE_LIMITS: FileLimits = { chunkBytes: 4 * 1024 ** 2, fileBytesMax: 64 * 1024 ** 3 };

/** Of all recordings and voicemails in one package, which is a file too: the rest of it is for records and texts. */
export const AUDIO_BYTES_MAX = 60 * 1024 ** 3;

const digest = matching(/^[0-9a-f]{64}$/);
const fields = object({
  /** The folder of its chunks. */
  chunksIn: matching(/^[0-9a-f]{24}$/),
  /** Of each chunk but the last, which may be shorter; plain. */
  chunkBytes: whole,
  sizeBytes: whole,
  /** Of the whole file, hexadecimal. */
  sha256: digest,
  /** SHA-256 of each chunk, in order. */
  chunks: listOf(digest),
});
export type FileHead = Shaped<typeof fields>;

/** Whether a value is a head, with as many chunks as its size needs. */
export const headShape: Shape<FileHead> = (value): value is FileHead =>
  fields(value) && value.chunkBytes > 0 && value.chunks.length === Math.ceil(value.sizeBytes / value.chunkBytes);

/** Where the chunks of a request lie. */
export interface ChunkStore {
  /** Looked up for each chunk: no long stream goes on with a key that was destroyed meanwhile. */
  readonly vault: () => Promise<Pick<Vault, 'get' | 'putIfAbsent' | 'delete'>>;
  readonly folder: string;
}

/**
 * Stores the chunks of a file, and returns its head for the caller to store. An attempt that fails deletes its chunks, because it may be
 * repeated many times; one that is killed leaves them, and nothing names them.
 * @throws {CaseFileBroken} `file-too-large`; whatever `bytes` throws
 */
export async function writeChunks(
  store: ChunkStore,
  bytes: AsyncIterable<Uint8Array>,
  { chunkBytes, fileBytesMax }: FileLimits,
): Promise<FileHead> {
  const chunksIn = randomBytes(12).toString('hex');
  const hash = createHash('sha256');
  const chunks: string[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of inChunks(bytes, chunkBytes)) {
      sizeBytes += chunk.length;
      if (sizeBytes > fileBytesMax)
        throw new CaseFileBroken(
          'file-too-large',
          `A file is larger than the ${fileBytesMax / 1024 ** 3} GiB that the vault takes.`,
        );
      hash.update(chunk);
      chunks.push(sha256Of(chunk));
      await (await store.vault()).putIfAbsent(placeOf(store.folder, chunksIn, chunks.length - 1), chunk);
    }
  } catch (error) {
    await deleteChunks(store, chunksIn, chunks.length).catch(() => {}); // the first error says more
    throw error;
  }
  return { chunksIn, chunkBytes, sizeBytes, sha256: hash.digest('hex'), chunks };
}

const DELETED_AT_ONCE = 8;

/** Up to the first that cannot be deleted: a vault that does not answer must not hold up the failure. */
async function deleteChunks({ vault, folder }: ChunkStore, chunksIn: string, count: number): Promise<void> {
  const places = Array.from({ length: count }, (_, place) => placeOf(folder, chunksIn, place));
  await sideBySide(places, DELETED_AT_ONCE, async key => (await vault()).delete(key));
}

/**
 * The bytes of a file from an offset on.
 * @param from at most the size of the file
 * @throws {CaseFileBroken} `case-file-broken`: a chunk is missing, or not the one that the head names
 */
export async function* readChunks(
  { vault, folder }: ChunkStore,
  { chunksIn, chunkBytes, sizeBytes, chunks }: FileHead,
  from: number,
): AsyncGenerator<Buffer> {
  const first = Math.floor(from / chunkBytes);
  for (const [place, expected] of chunks.entries()) {
    if (place < first) continue;
    const found = await (await vault()).get(placeOf(folder, chunksIn, place));
    if (found === undefined)
      throw new CaseFileBroken(
        'case-file-broken',
        'A part of a file is missing from the vault. Restore the vault from a backup.',
      );
    const { value } = found;
    if (value.length !== Math.min(chunkBytes, sizeBytes - place * chunkBytes) || sha256Of(value) !== expected)
      throw new CaseFileBroken('case-file-broken', 'A part of a file is not the one that its head names.');
    yield place === first ? value.subarray(from - first * chunkBytes) : value;
  }
}

/** The same bytes in chunks of one size, the last one shorter. A chunk is valid until the next one is asked for. */
async function* inChunks(bytes: AsyncIterable<Uint8Array>, chunkBytes: number): AsyncGenerator<Buffer> {
  const chunk = Buffer.allocUnsafe(chunkBytes);
  let filled = 0;
  for await (const piece of bytes) {
    for (let taken = 0; taken < piece.length; ) {
      const part = piece.subarray(taken, taken + chunkBytes - filled);
      chunk.set(part, filled);
      taken += part.length;
      filled += part.length;
      if (filled === chunkBytes) {
        yield chunk;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

/** Names of one length, so that a store lists them in order. */
function placeOf(folder: string, chunksIn: string, place: number): string {
  return `${folder}/${chunksIn}/${String(place).padStart(8, '0')}`;
}

/**
 * A zip file as a stream: files are read one by one while it is read, and none is held as a whole. It switches to zip64 where
 * sizes or counts need it. The same files make the same bytes with the same version of Node.
 */
import { createHash } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { ZipFile } from 'yazl';

/** A file whose size and digest are known before it is read. */
export interface PackageFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Not worth compressing. */
  readonly stored: boolean;
  /** Its bytes, from the beginning, each time. */
  readonly open: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A file did not have the bytes that its size and digest state: a zip file of it would not fit its manifest. */
export class PackageFileChanged extends Error {
  override readonly name = 'PackageFileChanged';
}

/** Of every file: a package says nothing of when and by whom it was made. */
const NEUTRAL = { mtime: new Date(Date.UTC(1980, 0, 1)), mode: 0o100600, forceDosTimestamp: true } as const;

/**
 * The zip file of the files, in their order. Nothing is opened before it is read; a reader that stops closes what is open.
 * The stream fails with what a file's `open` throws, or with {@link PackageFileChanged}.
 */
export function writeZip(files: readonly PackageFile[]): Readable {
  return Readable.from(zipped(files), { objectMode: false });
}

async function* zipped(files: readonly PackageFile[]): AsyncGenerator<Uint8Array> {
  const zip = new ZipFile();
  const output = new PassThrough();
  const fail = (error: Error) => output.destroy(error);
  let source: Readable | undefined;
  zip.on('error', fail);
  output.once('close', () => source?.destroy());
  for (const file of files) {
    const compression = file.stored ? { compress: false, size: file.sizeBytes } : { compress: true };
    zip.addReadStreamLazy(file.path, { ...NEUTRAL, ...compression }, give => {
      source = Readable.from(checked(file), { objectMode: false });
      source.once('error', fail); // the library listens to no error of a source
      give(null, source);
    });
  }
  zip.end();
  zip.outputStream.pipe(output);
  yield* output;
}

/** Each of the streams in a row holds some pieces: small ones, so that they hold little together. */
const PIECE_BYTES = 65_536;

async function* checked({ path, sizeBytes, sha256, open }: PackageFile): AsyncGenerator<Uint8Array> {
  const digest = createHash('sha256');
  let readBytes = 0;
  for await (const chunk of open()) {
    digest.update(chunk);
    readBytes += chunk.length;
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
  }
  if (readBytes !== sizeBytes || digest.digest('hex') !== sha256)
    throw new PackageFileChanged(`${path} has other bytes than its digest states.`);
}

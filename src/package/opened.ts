/**
 * A package as somebody hands it in: the zip file, or the folder into which it was extracted. It only reads, and follows no link: every
 * name and size is what somebody claims. Nothing is held but names.
 */
import { createReadStream, type Dirent, type Stats } from 'node:fs';
import { open as openFile, readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { type Entry, getFileNameLowLevel, openPromise, type ZipFile } from 'yauzl';
import { ReceiptError } from '../receipt/sign';

export interface OpenedFile {
  /** As it is named there, with `/` between folders; anything may stand in it. */
  readonly path: string;
  /** As it is stated there; undefined for what is no file: a link, a device. */
  readonly sizeBytes: number | undefined;
  /** Its bytes, from the beginning, once. Fails if they cannot be read as what they claim to be. */
  readonly open: () => Promise<Readable>;
}

export interface OpenedPackage {
  /** Every file, in its order there; a zip file may hold several of one name. */
  readonly files: readonly OpenedFile[];
  close(): Promise<void>;
}

/** More files than any package has: it has one for each recording, and a few more. */
const FILES_MAX = 200_000;
/** How a zip file begins, and one without files. */
const ZIP = ['PK\u0003\u0004', 'PK\u0005\u0006'];

/**
 * @returns undefined if the path is neither a folder nor a zip file, or cannot be read
 * @throws {ReceiptError} `receipt-malformed` for a broken zip file, or more than 200,000 files
 */
export async function openPackage(path: string): Promise<OpenedPackage | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return openFolder(path);
  return found !== undefined && (await isZip(path, found)) ? openZip(path) : undefined;
}

async function isZip(path: string, { size }: Stats): Promise<boolean> {
  const file = await openFile(path).catch(() => undefined);
  if (file === undefined) return false;
  const start = Buffer.alloc(Math.min(4, size));
  await file.read(start, 0, start.length, 0).finally(() => file.close());
  return ZIP.includes(start.toString('latin1'));
}

async function openFolder(folder: string): Promise<OpenedPackage> {
  const files: OpenedFile[] = [];
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true })) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else files.push(await fileIn(folder, path, entry));
      refuseMany(files.length + folders.length);
    }
  }
  return { files, close: async () => {} };
}

async function fileIn(folder: string, path: string, entry: Dirent): Promise<OpenedFile> {
  return {
    path: relative(folder, path).split(sep).join('/'),
    sizeBytes: entry.isFile() ? (await stat(path)).size : undefined,
    open: async () => createReadStream(path),
  };
}

async function openZip(path: string): Promise<OpenedPackage> {
  try {
    // A name that leads out of the folder must be told like any other, so names are decoded here.
    const zip = await openPromise(path, { decodeStrings: false, autoClose: false });
    const files: OpenedFile[] = [];
    for await (const entry of zip.eachEntry()) {
      const name = nameOf(entry);
      if (name.endsWith('/') && entry.uncompressedSize === 0) continue; // a folder
      files.push({ path: name, sizeBytes: entry.uncompressedSize, open: () => openEntry(zip, entry) });
      refuseMany(files.length);
    }
    return { files, close: async () => zip.close() };
  } catch (error) {
    if (error instanceof ReceiptError) throw error;
    throw new ReceiptError('receipt-malformed', 'The zip file is broken or cut off: its list of files cannot be read.');
  }
}

function nameOf({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry): string {
  return getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, true);
}

/** A program that reads from the beginning goes by the name before the bytes, others by that in the list: both must be the same. */
async function openEntry(zip: ZipFile, entry: Entry): Promise<Readable> {
  const { fileName } = await zip.readLocalFileHeaderPromise(entry);
  if (!fileName.equals(entry.fileNameRaw)) throw new Error('the file has two names');
  return zip.openReadStreamPromise(entry);
}

function refuseMany(count: number): void {
  if (count > FILES_MAX) throw new ReceiptError('receipt-malformed', `The package holds more than ${FILES_MAX} files.`);
}

/** Files that commands save: whole or not at all, readable by their owner only, and never over another file. */
import { createHash, type Hash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { constants, copyFile, type FileHandle, link, open, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { errorCode } from '../error-code';
import type { StoredFile } from '../vault/cases';
import { CommandError, EXIT, usage } from './errors';

/** @throws {CommandError} `usage`: there is a file already, or no folder for it */
export async function refuseUnusable(path: string): Promise<void> {
  if (await isThere(path)) throw otherFile();
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (!folder?.isDirectory()) throw usage('The folder of --out does not exist. Make it, or name another file.');
}

/**
 * Like `refuseUnusable`, but accepts a file that already has the digest of the bytes to save.
 * @param expected SHA-256 in hex, if it is known before
 */
export async function refuseOther(path: string, expected: () => Promise<string | undefined>): Promise<void> {
  if (!(await isThere(path))) return refuseUnusable(path);
  const digest = await expected();
  if (digest === undefined || digest !== (await digestOfFile(path))) throw otherFile();
}

/**
 * Saves a file; one with the same bytes is left as it is.
 * @throws {CommandError} `usage`: there is another file
 */
export async function saveOnce(path: string, bytes: Buffer | string): Promise<void> {
  const whole = `${path}.${randomUUID()}.part`;
  try {
    await writeFile(whole, bytes, { flag: 'wx', mode: 0o600 });
    await publish(whole, path);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    if ((await digestOfFile(path)) !== createHash('sha256').update(bytes).digest('hex')) throw otherFile();
  } finally {
    await rm(whole, { force: true });
  }
}

/**
 * Saves a large file in constant memory; one with the same bytes is left as it is. What an interrupted command has written stays in
 * `<path>.<digest>.part`, and the next one continues there. Each writes the same bytes at the same places, so that several that run
 * at once do no harm. The caller deletes the part, by `removePart`, if nobody will continue.
 * @throws {CommandError} `usage`: there is another file, or a part that others can read; `case-file-broken`; whatever `file` throws
 */
export async function saveStream(path: string, file: StoredFile): Promise<void> {
  if (await hasSaved(path, file)) return removePart(path, file);
  const part = partOf(path, file);
  const handle = await openPart(part);
  if (handle === undefined) {
    if (await hasSaved(path, file)) return; // published by another command since
    throw foreignPart();
  }
  try {
    await writeTo(handle, file);
  } finally {
    await handle.close();
  }
  try {
    await publish(part, path);
  } catch (error) {
    // Another command has published meanwhile, and deleted the part.
    if (!['EEXIST', 'ENOENT'].includes(errorCode(error) ?? '') || !(await hasSaved(path, file))) throw error;
  }
  await removePart(path, file);
}

/** Deletes what an interrupted `saveStream` left. */
export async function removePart(path: string, file: StoredFile): Promise<void> {
  await rm(partOf(path, file), { force: true });
}

/** @throws {CommandError} `usage`: there is another file */
async function hasSaved(path: string, { sha256 }: StoredFile): Promise<boolean> {
  if (!(await isThere(path))) return false;
  if ((await digestOfFile(path)) === sha256) return true;
  throw otherFile();
}

/** A symbolic link, a folder. */
const FOREIGN: readonly string[] = ['ELOOP', 'EISDIR'];

/** Named by its content: a part of another file is never continued. */
function partOf(path: string, { sha256 }: StoredFile): string {
  return `${path}.${sha256.slice(0, 16)}.part`;
}

/** Undefined for a file of somebody else, or with other names: in a shared folder anybody can take a name that can be foreseen. */
async function openPart(part: string): Promise<FileHandle | undefined> {
  try {
    const handle = await open(part, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    const found = await handle.stat();
    const isOurs = found.isFile() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
    if (isOurs && found.nlink === 1) return handle;
    await handle.close();
  } catch (error) {
    if (!FOREIGN.includes(errorCode(error) ?? '')) throw error;
  }
  return undefined;
}

/** Continues behind what is there, or, if that is not the beginning of the file, writes all of it. */
async function writeTo(handle: FileHandle, file: StoredFile): Promise<void> {
  const { size } = await handle.stat();
  const there = Math.min(size, file.sizeBytes);
  if (size > there) await handle.truncate(there);
  for (const from of there > 0 ? [there, 0] : [0]) {
    const hash = createHash('sha256');
    if (from > 0) await readInto(hash, handle, from);
    let at = from;
    for await (const bytes of file.read(from)) {
      hash.update(bytes);
      for (let done = 0; done < bytes.length; )
        done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
      at += bytes.length;
    }
    if (hash.digest('hex') !== file.sha256) continue;
    return handle.sync();
  }
  throw new CommandError(
    'case-file-broken',
    'The stored file is not the one that its request states. Restore the vault from a backup.',
    EXIT.failed,
  );
}

/** Gives a file its name at once, unless the name is taken. Some file systems have no links. */
async function publish(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function readInto(hash: Hash, handle: FileHandle, sizeBytes: number): Promise<void> {
  const stream = handle.createReadStream({ start: 0, end: sizeBytes - 1, autoClose: false });
  for await (const bytes of stream) hash.update(bytes);
}

/** Undefined if it cannot be read. */
async function digestOfFile(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch {
    return undefined;
  }
  return hash.digest('hex');
}

function otherFile(): CommandError {
  return usage('The file of --out exists already and stays unchanged. Name another file.');
}

function foreignPart(): CommandError {
  return usage(
    'Another file has the name under which --out is written first: it ends in .part. Delete it, or name another file.',
  );
}

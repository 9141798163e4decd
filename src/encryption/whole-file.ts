/**
 * Writes a small file whole or not at all, through short writes, full disks and power cuts: under another name, synced and
 * read back, then named, and the folder synced. No file ever has the name that was not read back.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export class FileNotWritten extends Error {
  override readonly name = 'FileNotWritten';
  /** @param named whether the new file has its name, although the disk may not keep it */
  constructor(
    readonly named: boolean,
    override readonly cause: unknown,
  ) {
    super('a file was not written');
  }
}

/**
 * Its owner only may read the file.
 * @param how `new` never replaces a file
 * @throws {FileNotWritten} with the cause: `EEXIST` if a new file is there already
 */
export function writeWhole(path: string, text: string, how: 'new' | 'replace'): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  let named = false;
  try {
    writeSynced(temporary, Buffer.from(text));
    if (readFileSync(temporary, 'utf8') !== text) throw new Error('what was written is read back as something else');
    if (how === 'replace') renameSync(temporary, path);
    else linkSync(temporary, path);
    named = true;
    rmSync(temporary, { force: true });
    syncFolder(dirname(path));
  } catch (error) {
    removeIfPossible(temporary);
    throw new FileNotWritten(named, error);
  }
}

function writeSynced(path: string, bytes: Buffer): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    for (let at = 0; at < bytes.length; ) {
      const written = writeSync(descriptor, bytes, at);
      if (written <= 0) throw new Error('nothing was written');
      at += written;
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The error that led here is the one to report; what stays is a file that nobody else may read. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    return;
  }
}

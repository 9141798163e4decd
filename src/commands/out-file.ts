/** Files that commands save: whole or not at all, readable by their owner only, and never over another file. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { constants, copyFile, link, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { errorCode } from '../error-code';
import { type CommandError, usage } from './errors';

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

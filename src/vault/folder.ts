/**
 * The vault in a folder. An object is a folder that holds its newest generation as a numbered file; a new generation is
 * linked into place, which the file system lets exactly one writer do, so no lock can be left behind. A file begins with
 * the tokens of the generations that it descends from: from them a writer that was overtaken knows at once if it had won.
 * Files are 0600, folders 0700, and both are flushed to disk before a write resolves.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { errorCode } from '../error-code';
import { isBehind, isKey, segmentsOf, type VaultDriver } from './vault';

/** `~` occurs in no segment of a key, so that a key may lie below another one. */
const GENERATION = /^~[1-9]\d*$/;
const STAGING = '.staging';
/** A write takes seconds, and one that lost its file is repeated: an older file is that of a process that died. */
const STAGED_MS_MAX = 3_600_000;
const TOKEN_BYTES = 8;
/** Number of ancestors that a file names; a writer would have to be overtaken as often between two steps. */
const LINEAGE_MAX = 256;

interface Generation {
  readonly number: number;
  readonly bytes: Buffer;
  /** Tokens, its own first. */
  readonly lineage: readonly string[];
  readonly version: string;
}

interface Page {
  readonly keys: string[];
  readonly max: number;
  readonly after: string | undefined;
}

export function createFolderDriver(folder: string): VaultDriver {
  const root = resolve(folder);
  let staging: Promise<void> | undefined;
  let isSwept = false;

  function pathOf(key: string): string {
    const segments = segmentsOf(key);
    if (segments[0] === STAGING) throw new RangeError('a vault key has a segment of the driver’s own');
    return join(root, ...segments);
  }

  /** Existing generations, newest first. */
  async function generations(path: string): Promise<number[]> {
    const entries = await orEmpty(readdir(path));
    const numbers = entries.filter(name => GENERATION.test(name)).map(name => Number(name.slice(1)));
    return numbers.sort((a, b) => b - a);
  }

  async function newestOf(path: string): Promise<Generation | undefined> {
    for (let [number] = await generations(path); number !== undefined; ) {
      const read = await generationAt(path, number);
      // Numbers of newest generations only grow. If the newest has changed by the time the file is read, the file may be
      // that of a late writer, who took the number when it was free again: read again.
      const [after] = await generations(path);
      if (read !== undefined && after === number) return read;
      number = after;
    }
    return undefined;
  }

  /** Makes durable bytes the generation that follows `base`; false if something else does, or `base` was deleted. */
  async function put(path: string, bytes: Buffer, base: Generation | undefined): Promise<boolean> {
    const token = randomBytes(TOKEN_BYTES).toString('hex');
    const number = (base?.number ?? 0) + 1;
    const lineage = [token, ...(base?.lineage ?? [])].slice(0, LINEAGE_MAX);
    const temporary = join(root, STAGING, token);
    try {
      staging ??= makeFolder(join(root, STAGING));
      await staging;
      await writeDurably(temporary, [Buffer.from(`${lineage.join(' ')}\n`), bytes]);
      if (!isSwept) {
        isSwept = true;
        await removeAbandoned(join(root, STAGING), (await stat(temporary)).mtimeMs);
      }
      if (base === undefined) await makeFolder(path);
      await link(temporary, fileOf(path, number));
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false;
      staging = undefined; // the one who removed it may have removed everything
      if (errorCode(error) === 'ENOENT') return base === undefined && put(path, bytes, base); // a delete removed the folder
      throw error;
    } finally {
      await rm(temporary, { force: true });
    }
    if (base === undefined && (await generations(path))[0] === number) {
      await syncFolder(path); // nothing follows it, and nothing was before it
      return true;
    }
    // A late writer can link a number that was in use and is free again, so the link alone proves nothing. The base is
    // read first: it may be missing after a delete, or because ours was followed already, and then ours is not the newest.
    const followsBase = base === undefined || (await generationAt(path, base.number))?.version === base.version;
    const newest = await newestOf(path);
    if (newest !== undefined && newest.number - number >= LINEAGE_MAX)
      throw new Error('a vault write was overtaken too often to know its outcome');
    const isNewest = newest?.version === token;
    if (newest === undefined || !newest.lineage.includes(token) || (isNewest && !followsBase)) {
      if (isNewest || (newest !== undefined && newest.number > number)) await rm(fileOf(path, number), { force: true });
      return false;
    }
    await syncFolder(path);
    for (const older of await generations(path)) if (older < number) await rm(fileOf(path, older), { force: true });
    return true;
  }

  async function keysIn(path: string, key: string): Promise<string[]> {
    const entries = await orEmpty(readdir(path, { withFileTypes: true }));
    const keys = entries.some(({ name }) => GENERATION.test(name)) ? [key] : [];
    for (const entry of entries) {
      if (!entry.isDirectory() || !isKey(entry.name) || (path === root && entry.name === STAGING)) continue;
      keys.push(...(await keysIn(join(path, entry.name), key === '' ? entry.name : `${key}/${entry.name}`)));
    }
    return keys;
  }

  /** Removes a folder and those above it as far as they are empty: days that have passed would make each page slower. */
  async function removeEmpty(path: string): Promise<void> {
    for (let folder = path; folder !== root; folder = dirname(folder)) {
      try {
        await rmdir(folder);
      } catch (error) {
        if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errorCode(error) ?? '')) return;
        throw error;
      }
    }
  }

  /** Adds keys below a folder, in the order of `page`, until there are `max`. Returns whether the folder is an object itself. */
  async function addPage(path: string, key: string, page: Page): Promise<boolean> {
    const entries = await orEmpty(readdir(path, { withFileTypes: true }));
    const names = entries.filter(entry => entry.isDirectory() && isKey(entry.name)).map(({ name }) => name);
    const objects = new Set<string>();
    for (const name of names.flatMap(each => [`${each}/`, `${each}~`]).sort()) {
      if (page.keys.length >= page.max) break;
      const child = name.slice(0, -1);
      const childKey = key === '' ? child : `${key}/${child}`;
      if (childKey === STAGING) continue;
      if (name.endsWith('/')) {
        // All keys below it lie between `child/` and `child/~`.
        if (isBehind(`${childKey}/`, page.after) && (await addPage(join(path, child), childKey, page)))
          objects.add(child);
      } else if (
        isBehind(childKey, page.after) &&
        (objects.has(child) || (await generations(join(path, child))).length > 0)
      )
        page.keys.push(childKey);
    }
    return entries.some(({ name }) => GENERATION.test(name));
  }

  return {
    async get(key) {
      const newest = await newestOf(pathOf(key));
      return newest && { value: newest.bytes, version: newest.version };
    },

    async putIfAbsent(key, bytes) {
      const path = pathOf(key);
      const [newest] = await generations(path);
      return newest === undefined && put(path, bytes, undefined);
    },

    async putIfUnchanged(key, bytes, version) {
      const path = pathOf(key);
      const newest = await newestOf(path);
      return newest?.version === version && put(path, bytes, newest);
    },

    async list(prefix) {
      const keys = await keysIn(prefix === '' ? root : pathOf(prefix), prefix);
      return keys.filter(key => key !== prefix).sort();
    },

    async page(prefix, max, after) {
      const page: Page = { keys: [], max, after };
      await addPage(prefix === '' ? root : pathOf(prefix), prefix, page);
      return page.keys;
    },

    async delete(key) {
      const path = pathOf(key);
      for (;;) {
        // Oldest first: until the last one is deleted, a reader sees the newest.
        const left = await generations(path);
        for (const generation of left.reverse()) await rm(fileOf(path, generation), { force: true });
        await syncFolder(path);
        try {
          await rmdir(path);
          return await removeEmpty(dirname(path));
        } catch (error) {
          if (errorCode(error) === 'ENOENT') return;
          if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error;
          if ((await generations(path)).length === 0) return; // only other keys lie below it
        }
      }
    },
  };
}

function fileOf(path: string, generation: number): string {
  return join(path, `~${generation}`);
}

async function generationAt(path: string, number: number): Promise<Generation | undefined> {
  try {
    const file = await readFile(fileOf(path, number));
    const headEnd = file.indexOf('\n');
    const lineage = file.subarray(0, Math.max(0, headEnd)).toString().split(' ');
    return { number, bytes: file.subarray(headEnd + 1), lineage, version: lineage[0] ?? '' };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** @param nowMs the time of the file system: another clock may be wrong */
async function removeAbandoned(staging: string, nowMs: number): Promise<void> {
  for (const name of await readdir(staging)) {
    const path = join(staging, name);
    try {
      if ((await stat(path)).mtimeMs < nowMs - STAGED_MS_MAX) await rm(path, { force: true });
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error; // its writer has just removed it
    }
  }
}

async function makeFolder(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  for (let folder = path; folder.length >= made.length; folder = dirname(folder)) await syncFolder(dirname(folder));
}

/** @param parts one after the other: a large object is not copied for its head */
async function writeDurably(path: string, parts: readonly Buffer[]): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    for (const part of parts) await file.writeFile(part); // each behind the one before
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

async function orEmpty<T>(entries: Promise<T[]>): Promise<T[]> {
  try {
    return await entries;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

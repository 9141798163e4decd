/**
 * Makes a file or folder of the cache once, for any number of processes that need it at the same time.
 * Nobody ever sees a half-made result: it is made beside its place and renamed. That rename is the safety; the lock
 * beside it only saves work, so if two processes wrongly both believe to hold it, both make the same and no harm is done.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from './run-command';

const CHECK_AGAIN_MS = 250;
const HEARTBEAT_MS = 5_000;
/** Also frees the lock of a process that cannot be checked, because it ran on another host or its id was reused. */
const SILENT_MAX_MS = 60_000;

export interface Job {
  /** Place of the result. */
  readonly path: string;
  /** Makes the result at the given path, which is alone in an empty folder beside `path`. */
  make(temporaryPath: string): Promise<void>;
  /** Called every moment while another process is making it. */
  onWait?(holder: string): void;
}

/** Resolves with `path` once it is there. Rejects with the error of `make`. */
export async function makeOnce({ path, make, onWait }: Job): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const lock = `${path}.lock`;
  const me = `${process.pid}@${hostname()}`;
  while (!existsSync(path)) {
    if (await takeLock(lock, me)) {
      const heartbeat = setInterval(
        () => void utimes(lock, new Date(), new Date()).catch(() => undefined),
        HEARTBEAT_MS,
      );
      const workshop = workshopOf(path, me);
      try {
        if (!existsSync(path)) {
          await mkdir(workshop, { recursive: true });
          const temporaryPath = join(workshop, 'result');
          await make(temporaryPath);
          await rename(temporaryPath, path).catch((error: unknown) => {
            // A folder of another process, which believed to hold the lock too.
            if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'EEXIST')) throw error;
          });
        }
      } finally {
        clearInterval(heartbeat);
        await rm(workshop, { recursive: true, force: true });
        if ((await readHolder(lock)) === me) await rm(lock, { force: true });
      }
      return path;
    }
    const holder = await readHolder(lock);
    if (holder === undefined) continue;
    if (await isAbandoned(lock, holder)) {
      await rm(workshopOf(path, holder), { recursive: true, force: true });
      if ((await readHolder(lock)) === holder) await rm(lock, { force: true });
      continue;
    }
    onWait?.(holder);
    await sleep(CHECK_AGAIN_MS);
  }
  return path;
}

/** Derived from the holder, so that the next process also removes the files of a dead one. */
function workshopOf(path: string, holder: string): string {
  return `${path}.${holder}.tmp`;
}

/** A link appears with its content or not at all, so nobody reads a lock without a holder. */
async function takeLock(lock: string, me: string): Promise<boolean> {
  const draft = `${lock}.${randomUUID()}`;
  await writeFile(draft, me);
  try {
    await link(draft, lock);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function readHolder(lock: string): Promise<string | undefined> {
  return readFile(lock, 'utf8').catch(() => undefined);
}

async function isAbandoned(lock: string, holder: string): Promise<boolean> {
  const [pid, host] = holder.split('@');
  if (host === hostname() && !isAlive(Number(pid))) return true;
  const silentMs = await stat(lock).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  return silentMs > SILENT_MAX_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

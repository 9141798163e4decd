/** Folders of tests, in memory if the machine has such a place: what a vault syncs to a disk costs most of its time. */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
const PLACE = statSync(MEMORY, { throwIfNoEntry: false })?.isDirectory() === true ? MEMORY : tmpdir();

/** A new folder; whoever makes it removes it. */
export function makeFolder(): string {
  return mkdtempSync(join(PLACE, 'aircall-dsr-'));
}

/** A place for what takes long to make, under a name that says what it is made from. */
export function cachedPath(name: string): string {
  const folder = join(__dirname, '../../node_modules/.cache/aircall-dsr-tests');
  mkdirSync(folder, { recursive: true });
  return join(folder, name);
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

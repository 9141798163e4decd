/** Folders of tests, in memory if the machine has such a place: what a vault syncs to a disk costs most of its time. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
const PLACE = statSync(MEMORY, { throwIfNoEntry: false })?.isDirectory() === true ? MEMORY : tmpdir();

/** A new folder; whoever makes it removes it. */
export function makeFolder(): string {
  return mkdtempSync(join(PLACE, 'aircall-dsr-'));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

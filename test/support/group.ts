/**
 * Test files that run in one process, one after the other: to load the SDK, and to make its code fast, takes longer than most
 * of them. Each of them also runs alone: `npx jest --config jest.files.config.js test/service/access`.
 */
import { join } from 'node:path';

const ends: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const end of ends) await end();
});

/** Ends something when all tests of this process have ended, rather than those of one file. */
export function atEnd(end: () => Promise<void>): void {
  ends.push(end);
}

/** @param files relative to test/, without `.test.ts` */
export function runTogether(...files: readonly string[]): void {
  for (const file of files) describe(file, () => void require(join(__dirname, '..', `${file}.test`)));
}

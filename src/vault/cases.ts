/** Requests in the vault: their records, case files and packages, when they ended, and their marks. */
import { type CaseFiles, createCaseFiles } from './case-files';
import { createEnded, type Ended } from './ended';
import { createMarks, type Marks } from './marks';
import { createRecords, type Records } from './records';
import type { Vault } from './vault';

export type { CaseRef, StepProgress } from '../request/contracts';
export type { Objects, StoredFile } from './case-files';
export type { Ended, Entry, Folder, Shelf } from './ended';
export { CaseFileBroken } from './errors';
export { hasEnded, type RequestRecord } from './records';

export interface Cases extends Omit<Records, 'own'>, CaseFiles, Marks {
  readonly ended: Ended;
}

export function createCases(vault: Vault): Cases {
  const marks = createMarks(vault);
  const ended = createEnded(vault);
  const { own, ...records } = createRecords(vault, marks, ended);
  return { ...records, ...createCaseFiles(own), ...marks, ended };
}

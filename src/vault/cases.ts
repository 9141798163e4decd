/** Requests in the vault: their records, their case files and packages, and their marks. */
import { type CaseFiles, createCaseFiles } from './case-files';
import { createMarks, type Marks } from './marks';
import { createRecords, type Records } from './records';
import type { Vault } from './vault';

export type { CaseRef, StepProgress } from '../request/contracts';
export { CaseFileBroken } from './errors';
export { hasEnded, type RequestRecord } from './records';

export interface Cases extends Omit<Records, 'own'>, CaseFiles, Marks {}

export function createCases(vault: Vault): Cases {
  const marks = createMarks(vault);
  const { own, ...records } = createRecords(vault, marks);
  return { ...records, ...createCaseFiles(own), ...marks };
}

/** Requests in the vault: their records, their case files and packages, and the marks of open access requests. */
import { type CaseFiles, createCaseFiles } from './case-files';
import { createOpenAccesses, type OpenAccesses } from './open-accesses';
import { createRecords, type Records } from './records';
import type { Vault } from './vault';

export type { CaseRef, StepProgress } from '../request/contracts';
export { CaseFileBroken } from './errors';
export { hasEnded, type RequestRecord } from './records';

export interface Cases extends Omit<Records, 'own'>, CaseFiles, OpenAccesses {}

export function createCases(vault: Vault): Cases {
  const accesses = createOpenAccesses(vault);
  const { own, ...records } = createRecords(vault, accesses);
  return { ...records, ...createCaseFiles(own), ...accesses };
}

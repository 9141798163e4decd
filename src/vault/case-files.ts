/**
 * The objects of a request in the vault besides its record: write-once objects that later steps read by the references in the
 * history, the progress of its steps, and its package. All of them are sealed under the request's own key.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type CaseRef, caseRefShape, type StepProgress } from '../request/contracts';
import type { RequestRef } from '../request/names';
import { object, optional, text } from '../request/shapes';
import { CaseFileBroken, isUnreadable } from './errors';
import { folderOf } from './request-folder';
import type { Vault } from './vault';

export interface CaseFiles {
  /** @throws {CaseFileBroken} `case-file-shredded` */
  write(request: RequestRef, value: unknown): Promise<CaseRef>;
  /** @throws {CaseFileBroken} if the object is missing, is not the one that the history names, or was destroyed */
  read(request: RequestRef, ref: CaseRef): Promise<unknown>;

  /** The API requests that a step has sent before its next attempt: a request that is cancelled meanwhile still counts them. */
  noteProgress(request: RequestRef, step: string, progress: StepProgress): Promise<void>;
  progress(request: RequestRef, step: string): Promise<StepProgress | undefined>;

  /** Notes the plan of the request for people who open it; a later one replaces it. @throws {CaseFileBroken} `case-file-shredded` */
  notePlan(request: RequestRef, noted: NotedPlan): Promise<void>;
  /** Undefined if the request came to no plan. @throws {CaseFileBroken} */
  notedPlan(request: RequestRef): Promise<NotedPlan | undefined>;

  /** Stores the package once per content and returns its uri. @throws {CaseFileBroken} `case-file-shredded` */
  writePackage(request: RequestRef, bytes: Buffer, sha256: string): Promise<string>;
  /** The request's own package of that content; undefined if there is none. @throws {CaseFileBroken} */
  readPackage(request: RequestRef, sha256: string): Promise<Buffer | undefined>;
}

/** The plan that a request came to, its digest, and the approval that it has. */
export interface NotedPlan {
  readonly plan: CaseRef;
  readonly planDigest: string;
  readonly approval?: CaseRef | undefined;
}

const notedPlanShape = object({ plan: caseRefShape, planDigest: text, approval: optional(caseRefShape) });

const PACKAGE_URI = 'vault:';
const SHA256_PATTERN = /^[0-9a-f]{64}$/;

/** @param own returns the vault that seals with the key of a request. @throws {CaseFileBroken} `case-file-shredded` */
export function createCaseFiles(own: (request: RequestRef) => Promise<Vault>): CaseFiles {
  const progressKey = (request: RequestRef, step: string) => `${folderOf(request)}/progress/${step}`;
  const planKey = (request: RequestRef) => `${folderOf(request)}/plan`;
  const packageKey = (request: RequestRef, sha256: string) => `${folderOf(request)}/package/${sha256}.zip`;
  return {
    async write(request, value) {
      const bytes = jsonOf(value);
      const ref = randomBytes(12).toString('hex');
      await (await own(request)).putIfAbsent(`${folderOf(request)}/case/${ref}`, bytes);
      return { ref, digest: sha256Of(bytes), sizeBytes: bytes.length };
    },
    async read(request, { ref, digest }) {
      const found = await (await own(request)).get(`${folderOf(request)}/case/${ref}`);
      if (found === undefined)
        throw new CaseFileBroken(
          'case-file-broken',
          'An object of the case file is missing from the vault. Restore the vault from a backup.',
        );
      if (sha256Of(found.value) !== digest)
        throw new CaseFileBroken(
          'case-file-broken',
          'An object of the case file is not the one that the history names.',
        );
      return JSON.parse(found.value.toString());
    },

    async noteProgress(request, step, progress) {
      const key = progressKey(request, step);
      const bytes = jsonOf(progress);
      const mine = await own(request);
      try {
        await mine.update(key, present => (present !== undefined && isLate(present, progress) ? undefined : bytes));
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        await mine.replace(key, jsonOf({ ...progress, uncertain: true })); // of the earlier attempts nothing is known
      }
    },
    async progress(request, step) {
      const mine = await own(request);
      try {
        const stored = await mine.get(progressKey(request, step));
        return stored && readProgress(stored.value);
      } catch (error) {
        if (!isUnreadable(error)) throw error;
        return { sent: 0, uncertain: true };
      }
    },

    async notePlan(request, noted) {
      await (await own(request)).replace(planKey(request), jsonOf(noted));
    },
    async notedPlan(request) {
      const found = await (await own(request)).get(planKey(request));
      if (found === undefined) return undefined;
      const noted: unknown = JSON.parse(found.value.toString());
      if (notedPlanShape(noted)) return noted;
      throw new CaseFileBroken(
        'case-file-broken',
        'The note of the plan does not have the shape in which it was written.',
      );
    },

    async writePackage(request, bytes, sha256) {
      const key = packageKey(request, sha256);
      await (await own(request)).putIfAbsent(key, bytes); // already there: a repeated step made the same bytes
      return `${PACKAGE_URI}${key}`;
    },
    async readPackage(request, sha256) {
      if (!SHA256_PATTERN.test(sha256)) return undefined; // packages only: credentials lie in the same vault
      const found = await (await own(request)).get(packageKey(request, sha256));
      if (found === undefined || sha256Of(found.value) === sha256) return found?.value;
      throw new CaseFileBroken('case-file-broken', 'The package is not the one that the record of its request states.');
    },
  };
}

function readProgress(bytes: Buffer): StepProgress {
  return JSON.parse(bytes.toString());
}

/** Whether a later attempt has stored more already. */
function isLate(present: Buffer, { sent }: StepProgress): boolean {
  return readProgress(present).sent >= sent;
}

/** Hexadecimal. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function jsonOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/**
 * The objects of a request in the vault besides its record: write-once objects and files that later steps read by the references in
 * the history, the progress of its steps, and its package. All of them are sealed under the request's own key.
 */
import { randomBytes } from 'node:crypto';
import { type CaseRef, caseRefShape, type StepProgress } from '../request/contracts';
import type { PackageRef } from '../request/model';
import type { RequestRef } from '../request/names';
import { object, optional, text } from '../request/shapes';
import { type ChunkStore, FILE_LIMITS, type FileHead, headShape, readChunks, writeChunks } from './chunks';
import { sha256Of } from './digest';
import { CaseFileBroken, isUnreadable } from './errors';
import { folderOf, linksOf } from './request-folder';
import type { Vault } from './vault';

/** Write-once objects under names that are not used again. */
export interface Objects {
  /** @throws {CaseFileBroken} `case-file-shredded` */
  write(request: RequestRef, value: unknown): Promise<CaseRef>;
  /** @throws {CaseFileBroken} if the object is missing, is not the one that the history names, or was destroyed */
  read(request: RequestRef, ref: CaseRef): Promise<unknown>;
}

export interface CaseFiles extends Objects {
  /** Links that are keys. They lie apart, so that the end of the request destroys those that a step left when it died. */
  readonly links: Objects & {
    /** Nothing happens if there is none; backups of the vault keep it. @throws {CaseFileBroken} `case-file-shredded` */
    remove(request: RequestRef, ref: CaseRef): Promise<void>;
  };
  /** Of these names those that are `by`'s: each is of whoever claims it first. @throws {CaseFileBroken} `case-file-shredded` */
  claim(request: RequestRef, by: string, names: readonly string[]): Promise<string[]>;

  /**
   * Stores a file of up to 64 GiB in constant memory. The reference names its head, which is stored last: digest and size of the file
   * itself are those of `openFile`.
   * @throws {CaseFileBroken} `file-too-large`, `case-file-shredded`; whatever `bytes` throws
   */
  writeFile(request: RequestRef, bytes: AsyncIterable<Uint8Array>): Promise<CaseRef>;
  /** @throws {CaseFileBroken} as `read`, or if the object is no file */
  openFile(request: RequestRef, ref: CaseRef): Promise<StoredFile>;

  /** The API requests that a step has sent before its next attempt: a request that is cancelled meanwhile still counts them. */
  noteProgress(request: RequestRef, step: string, progress: StepProgress): Promise<void>;
  progress(request: RequestRef, step: string): Promise<StepProgress | undefined>;

  /** Notes the plan of the request for people who open it; a later one replaces it. @throws {CaseFileBroken} `case-file-shredded` */
  notePlan(request: RequestRef, noted: NotedPlan): Promise<void>;
  /** Undefined if the request came to no plan. @throws {CaseFileBroken} */
  notedPlan(request: RequestRef): Promise<NotedPlan | undefined>;

  /** Stores the package as `writeFile` does, under its content: repeated with the same bytes, it answers the same. @throws as `writeFile` */
  writePackage(request: RequestRef, bytes: AsyncIterable<Uint8Array>): Promise<PackageRef>;
  /** The request's own package of that content; undefined if there is none. @throws {CaseFileBroken} */
  openPackage(request: RequestRef, sha256: string): Promise<StoredFile | undefined>;
}

/** A file as its head describes it. */
export interface StoredFile {
  readonly sizeBytes: number;
  /** Of the whole file, hexadecimal. */
  readonly sha256: string;
  /**
   * Its bytes in pieces of up to 4 MiB, each verified before it is returned.
   * @param from where they begin, at most the size
   * @throws {CaseFileBroken} also if a part is missing, or was changed
   */
  read(from: number): AsyncGenerator<Buffer>;
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
  const packageKey = (request: RequestRef, sha256: string) => `${folderOf(request)}/package/${sha256}`;
  const claimsKey = (request: RequestRef) => `${folderOf(request)}/claims`;
  const chunksOf = (request: RequestRef): ChunkStore => ({
    vault: () => own(request),
    folder: `${folderOf(request)}/chunks`,
  });
  const storedFile = (request: RequestRef, head: FileHead): StoredFile => ({
    sizeBytes: head.sizeBytes,
    sha256: head.sha256,
    read: from => readChunks(chunksOf(request), head, from),
  });
  const objectsIn = (folder: (request: RequestRef) => string): Objects => ({
    async write(request, value) {
      // The digest stands in histories and evidence: without the salt, who guesses a short content could prove the guess.
      const bytes = jsonOf({ salt: randomBytes(16).toString('hex'), value });
      const ref = { ref: randomBytes(12).toString('hex'), digest: sha256Of(bytes), sizeBytes: bytes.length };
      await (await own(request)).putIfAbsent(`${folder(request)}/${ref.ref}`, bytes);
      return ref;
    },
    async read(request, { ref, digest }) {
      const found = await (await own(request)).get(`${folder(request)}/${ref}`);
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
      return JSON.parse(found.value.toString()).value;
    },
  });
  const files: CaseFiles = {
    ...objectsIn(request => `${folderOf(request)}/case`),
    links: {
      ...objectsIn(linksOf),
      async remove(request, { ref }) {
        await (await own(request)).delete(`${linksOf(request)}/${ref}`);
      },
    },
    async claim(request, by, names) {
      const bytes = await (await own(request)).update(claimsKey(request), present => {
        const claimed = claimsIn(present);
        const fresh = names.filter(name => !(name in claimed));
        return fresh.length === 0
          ? undefined
          : jsonOf({ ...claimed, ...Object.fromEntries(fresh.map(name => [name, by])) });
      });
      const claimed = claimsIn(bytes);
      return names.filter(name => claimed[name] === by);
    },

    async writeFile(request, bytes) {
      return files.write(request, await writeChunks(chunksOf(request), bytes, FILE_LIMITS));
    },
    async openFile(request, ref) {
      const head = await files.read(request, ref);
      if (headShape(head)) return storedFile(request, head);
      throw new CaseFileBroken('case-file-broken', 'An object of the case file is not a file.');
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

    async writePackage(request, bytes) {
      const head = await writeChunks(chunksOf(request), bytes, FILE_LIMITS);
      const { sha256, sizeBytes } = head;
      const key = packageKey(request, sha256);
      await (await own(request)).putIfAbsent(key, jsonOf(head)); // already there: a repeated step made the same bytes
      return { uri: `${PACKAGE_URI}${key}`, sha256, sizeBytes };
    },
    async openPackage(request, sha256) {
      if (!SHA256_PATTERN.test(sha256)) return undefined; // packages only: credentials lie in the same vault
      const found = await (await own(request)).get(packageKey(request, sha256));
      if (found === undefined) return undefined;
      const head: unknown = JSON.parse(found.value.toString());
      if (headShape(head) && head.sha256 === sha256) return storedFile(request, head);
      throw new CaseFileBroken('case-file-broken', 'The package is not the one that the record of its request states.');
    },
  };
  return files;
}

/** Whose each name is. */
function claimsIn(bytes: Buffer | undefined): Readonly<Record<string, string>> {
  return bytes === undefined ? {} : JSON.parse(bytes.toString());
}

function readProgress(bytes: Buffer): StepProgress {
  return JSON.parse(bytes.toString());
}

/** Whether a later attempt has stored more already. */
function isLate(present: Buffer, { sent }: StepProgress): boolean {
  return readProgress(present).sent >= sent;
}

function jsonOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

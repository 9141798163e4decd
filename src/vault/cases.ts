/**
 * Requests in the vault: the request's record (no personal data), its case file (write-once objects that later steps read
 * by the references in the history) and its package. Nothing here is read, modified and written back but the record.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { RequestResult } from '../request/model';
import type { RequestRef } from '../request/names';
import type { Vault } from './vault';

/** Names one write-once object of a case file; the digest is that of its plain bytes. */
export interface CaseRef {
  readonly ref: string;
  readonly digest: string;
}

/** What stays of a request: ids, times, counts, the keyed hash of the subject. */
export interface RequestRecord {
  readonly request: RequestRef;
  readonly subjectHash: string;
  readonly runId: string;
  readonly startedAt: string;
  /** A deletion that only plans: the same id never answers for one that deletes. */
  readonly dryRun?: boolean;
  /** Present once the request has ended. */
  readonly result?: RequestResult;
}

/** What attempts of one API step hand on to the next. */
export interface StepProgress {
  /** API requests, all attempts together. */
  readonly sent: number;
  /** One of them may have taken effect at Aircall although its reply was not seen. */
  readonly uncertain: boolean;
}

/** An access request that has not ended, as a deletion of the same subject sees it. */
export interface OpenAccess {
  readonly request: RequestRef;
  readonly runId: string;
}

export class CaseFileBroken extends Error {
  readonly code = 'case-file-broken' as const;
  override readonly name = 'CaseFileBroken';
}

export interface Cases {
  write(request: RequestRef, value: unknown): Promise<CaseRef>;
  /** @throws {CaseFileBroken} where the object is missing or is not the one that the history names */
  read(request: RequestRef, ref: CaseRef): Promise<unknown>;

  /** Creates the record, or answers the one that is there. */
  open(record: RequestRecord): Promise<{ readonly record: RequestRecord; readonly created: boolean }>;
  record(request: RequestRef): Promise<RequestRecord | undefined>;
  /** Replaces the record, whatever it held. */
  update(record: RequestRecord): Promise<void>;

  /** What a step that is to be tried again has sent so far: a request that is cancelled meanwhile still tells it. */
  noteProgress(request: RequestRef, step: string, progress: StepProgress): Promise<void>;
  progress(request: RequestRef, step: string): Promise<StepProgress | undefined>;

  /** Stores the package once per content and answers its uri. */
  writePackage(request: RequestRef, bytes: Buffer, sha256: string): Promise<string>;
  readPackage(uri: string): Promise<Buffer | undefined>;

  openAccesses(connection: string, subjectHash: string): Promise<OpenAccess[]>;
  markOpenAccess(subjectHash: string, access: OpenAccess): Promise<void>;
  unmarkOpenAccess(subjectHash: string, request: RequestRef): Promise<void>;
}

const PACKAGE_URI = 'vault:';
const PACKAGE_URI_PATTERN = /^vault:requests\/[^/]+\/[^/]+\/[^/]+\/package\/[0-9a-f]{64}\.zip$/;

export function createCases(vault: Vault): Cases {
  const folderOf = ({ connection, kind, requestId }: RequestRef) => `requests/${connection}/${kind}/${requestId}`;
  const recordKey = (request: RequestRef) => `${folderOf(request)}/record`;
  const progressKey = (request: RequestRef, step: string) => `${folderOf(request)}/progress/${step}`;
  const accessesOf = (connection: string, subjectHash: string) => `open-access/${connection}/${subjectHash}`;

  async function readJson<T>(key: string): Promise<{ value: T; version: string } | undefined> {
    const stored = await vault.get(key);
    return stored && { value: JSON.parse(stored.value.toString()), version: stored.version };
  }

  const cases: Cases = {
    async write(request, value) {
      const bytes = Buffer.from(JSON.stringify(value));
      const ref = randomBytes(12).toString('hex');
      await vault.putIfAbsent(`${folderOf(request)}/case/${ref}`, bytes);
      return { ref, digest: sha256Of(bytes) };
    },
    async read(request, { ref, digest }) {
      const stored = await vault.get(`${folderOf(request)}/case/${ref}`);
      if (stored === undefined)
        throw new CaseFileBroken(
          'An object of the case file is missing from the vault. Restore the vault from a backup.',
        );
      if (sha256Of(stored.value) !== digest)
        throw new CaseFileBroken('An object of the case file is not the one that the history names.');
      return JSON.parse(stored.value.toString());
    },

    async open(record) {
      const created = await vault.putIfAbsent(recordKey(record.request), Buffer.from(JSON.stringify(record)));
      const present = created ? record : await cases.record(record.request);
      return present === undefined ? cases.open(record) : { record: present, created };
    },
    async record(request) {
      return (await readJson<RequestRecord>(recordKey(request)))?.value;
    },
    async update(record) {
      const bytes = Buffer.from(JSON.stringify(record));
      for (;;) {
        const present = await vault.get(recordKey(record.request));
        const written =
          present === undefined
            ? await vault.putIfAbsent(recordKey(record.request), bytes)
            : await vault.putIfUnchanged(recordKey(record.request), bytes, present.version);
        if (written) return;
      }
    },

    async noteProgress(request, step, progress) {
      const key = progressKey(request, step);
      const bytes = Buffer.from(JSON.stringify(progress));
      for (;;) {
        const present = await readJson<StepProgress>(key);
        if (present !== undefined && present.value.sent >= progress.sent) return; // a late attempt
        const written =
          present === undefined
            ? await vault.putIfAbsent(key, bytes)
            : await vault.putIfUnchanged(key, bytes, present.version);
        if (written) return;
      }
    },
    async progress(request, step) {
      return (await readJson<StepProgress>(progressKey(request, step)))?.value;
    },

    async writePackage(request, bytes, sha256) {
      const key = `${folderOf(request)}/package/${sha256}.zip`;
      await vault.putIfAbsent(key, bytes); // already there: a repeated step made the same bytes
      return `${PACKAGE_URI}${key}`;
    },
    async readPackage(uri) {
      // Packages only: a uri comes from outside, and credentials lie in the same vault.
      if (!PACKAGE_URI_PATTERN.test(uri)) return undefined;
      return (await vault.get(uri.slice(PACKAGE_URI.length)))?.value;
    },

    async openAccesses(connection, subjectHash) {
      const keys = await vault.list(accessesOf(connection, subjectHash));
      const found = await Promise.all(keys.map(key => readJson<OpenAccess>(key)));
      return found.flatMap(stored => (stored === undefined ? [] : [stored.value]));
    },
    async markOpenAccess(subjectHash, access) {
      const key = `${accessesOf(access.request.connection, subjectHash)}/${access.request.requestId}`;
      await vault.delete(key); // a mark of a run that was terminated, if any
      await vault.putIfAbsent(key, Buffer.from(JSON.stringify(access)));
    },
    async unmarkOpenAccess(subjectHash, request) {
      await vault.delete(`${accessesOf(request.connection, subjectHash)}/${request.requestId}`);
    },
  };
  return cases;
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

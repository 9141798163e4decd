/**
 * Requests in the vault: the request's record (no personal data), its case file (write-once objects that later steps read
 * by the references in the history) and its package. Nothing here is read, modified and written back but the record.
 * All but the record are sealed under a key of the request's own, which only the record holds: one write of the record
 * destroys that key, and with it whatever copies of them there are in this vault.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../request/clock';
import { noCounts, type RequestResult } from '../request/model';
import type { RequestRef } from '../request/names';
import { type DataKey, newDataKey, sealKeysOf } from './data-key';
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
  /** With its extension, where it has one. */
  readonly clock?: Clock;
  /** Present once the request has ended. */
  readonly result?: RequestResult;
  /** When the case file and the package were destroyed; ISO 8601. */
  readonly shreddedAt?: string;
}

/** `dataKey` seals what the request has besides this record; it is gone once that was destroyed. */
interface StoredRecord extends RequestRecord {
  readonly dataKey?: DataKey;
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

export type CaseFileCode = 'case-file-broken' | 'case-file-shredded';

export class CaseFileBroken extends Error {
  override readonly name = 'CaseFileBroken';
  constructor(
    readonly code: CaseFileCode,
    message: string,
  ) {
    super(message);
  }
}

export interface Cases {
  /** @throws {CaseFileBroken} `case-file-shredded` */
  write(request: RequestRef, value: unknown): Promise<CaseRef>;
  /** @throws {CaseFileBroken} where the object is missing, is not the one that the history names, or was destroyed */
  read(request: RequestRef, ref: CaseRef): Promise<unknown>;

  /** Creates the record; takes over that of a run of the same request which left no result; else answers the one there. */
  open(record: RequestRecord): Promise<RequestRecord>;
  record(request: RequestRef): Promise<RequestRecord | undefined>;
  /** Keeps the clock of a run that has been extended. */
  noteClock(request: RequestRef, runId: string, clock: Clock): Promise<void>;
  /** Keeps how the request ended, and answers the record. */
  close(request: RequestRef, result: RequestResult): Promise<RequestRecord>;

  /**
   * Destroys the case file and the package: their key first, then them. What was destroyed before, or left, is safe. Nothing
   * happens where the record is meanwhile that of a run which has no result and is not `runId`: that one may be open.
   */
  shred(request: RequestRef, at: Date, runId: string | undefined): Promise<void>;
  /** Shreds likewise, and keeps of the result what answers the same request id: `purged`. Undefined where nothing was kept. */
  purge(request: RequestRef, at: Date, runId: string | undefined): Promise<RequestResult | undefined>;
  /** Requests that have more in the vault than their record. */
  unshredded(): Promise<RequestRef[]>;
  /** Where the vault has the record of a request. */
  recordKey(request: RequestRef): string;
  /** Whether an object of the vault is sealed with the keyring and lives until somebody deletes it. */
  isLasting(key: string): boolean;

  /** What a step that is to be tried again has sent so far: a request that is cancelled meanwhile still tells it. */
  noteProgress(request: RequestRef, step: string, progress: StepProgress): Promise<void>;
  progress(request: RequestRef, step: string): Promise<StepProgress | undefined>;

  /** Stores the package once per content and answers its uri. @throws {CaseFileBroken} `case-file-shredded` */
  writePackage(request: RequestRef, bytes: Buffer, sha256: string): Promise<string>;
  /** Undefined where there is none, or it was destroyed. */
  readPackage(uri: string): Promise<Buffer | undefined>;

  openAccesses(connection: string, subjectHash: string): Promise<OpenAccess[]>;
  markOpenAccess(subjectHash: string, access: OpenAccess): Promise<void>;
  unmarkOpenAccess(subjectHash: string, request: RequestRef): Promise<void>;
}

const PACKAGE_URI = 'vault:';
const PACKAGE_URI_PATTERN = /^vault:(requests\/([^/]+)\/([^/]+)\/([^/]+)\/package\/[0-9a-f]{64}\.zip)$/;
/** How long a process remembers the key of a request; one that another process destroyed meanwhile is used no longer. */
const KEY_KNOWN_MS = 60_000;
const KEYS_KNOWN_MAX = 1_000;
const ROOT = 'requests';
/** Segments of the key of a record. */
const RECORD_DEPTH = 5;

export function createCases(vault: Vault): Cases {
  const folderOf = ({ connection, kind, requestId }: RequestRef) => `${ROOT}/${connection}/${kind}/${requestId}`;
  const recordKey = (request: RequestRef) => `${folderOf(request)}/record`;
  const progressKey = (request: RequestRef, step: string) => `${folderOf(request)}/progress/${step}`;
  const accessesOf = (connection: string, subjectHash: string) => `open-access/${connection}/${subjectHash}`;
  /** Vaults of requests, those first that were asked for longest ago. */
  const known = new Map<string, { readonly vault: Vault; readonly untilMs: number }>();

  async function readJson<T>(key: string, from = vault): Promise<{ value: T; version: string } | undefined> {
    const stored = await from.get(key);
    return stored && { value: JSON.parse(stored.value.toString()), version: stored.version };
  }

  const stored = (request: RequestRef) => readJson<StoredRecord>(recordKey(request));

  /** Changes the record where `next` does not answer the very same. */
  async function change(
    request: RequestRef,
    next: (present: StoredRecord) => StoredRecord,
  ): Promise<StoredRecord | undefined> {
    const bytes = await vault.update(recordKey(request), present => {
      if (present === undefined) return undefined;
      const before = readRecord(present);
      const record = next(before);
      return record === before ? undefined : jsonOf(record);
    });
    return bytes && readRecord(bytes);
  }

  function remember(folder: string, dataKey: DataKey): Vault {
    const found = vault.under(sealKeysOf(dataKey));
    known.delete(folder);
    known.set(folder, { vault: found, untilMs: Date.now() + KEY_KNOWN_MS });
    const [oldest = ''] = known.keys();
    if (known.size > KEYS_KNOWN_MAX) known.delete(oldest);
    return found;
  }

  /** Where the request's own objects are sealed and unsealed. */
  async function own(request: RequestRef): Promise<Vault> {
    const folder = folderOf(request);
    const before = known.get(folder);
    if (before !== undefined && Date.now() < before.untilMs) return before.vault;
    const record = await stored(request);
    if (record?.value.dataKey === undefined) {
      known.delete(folder);
      throw new CaseFileBroken('case-file-shredded', 'The case file of this request was destroyed, or never begun.');
    }
    const found = remember(folder, record.value.dataKey);
    return found;
  }

  const cases: Cases = {
    async write(request, value) {
      const bytes = jsonOf(value);
      const ref = randomBytes(12).toString('hex');
      await (await own(request)).putIfAbsent(`${folderOf(request)}/case/${ref}`, bytes);
      return { ref, digest: sha256Of(bytes) };
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

    async open(record) {
      const { request } = record;
      const fresh = newDataKey();
      const stored = await vault.update(recordKey(request), bytes => {
        const before = bytes && readRecord(bytes);
        if (before !== undefined && !isTakenOver(before, record)) return undefined;
        return jsonOf({ ...record, dataKey: before?.dataKey ?? fresh });
      });
      if (stored === undefined) throw new RangeError('a record that was just written is missing');
      const { dataKey, ...kept } = readRecord(stored);
      if (dataKey !== undefined) remember(folderOf(request), dataKey);
      return kept;
    },
    async record(request) {
      const present = await stored(request);
      return present && shown(present.value);
    },
    async noteClock(request, runId, clock) {
      await change(request, present => (present.runId === runId ? { ...present, clock } : present));
    },
    async close(request, result) {
      const record = await change(request, present =>
        present.result === undefined ? { ...present, result } : present,
      );
      if (record !== undefined) return shown(record);
      throw new CaseFileBroken(
        'case-file-broken',
        'The record of this request is missing from the vault. Restore the vault from a backup.',
      );
    },

    async shred(request, at, runId) {
      const record = await change(request, present => {
        const { dataKey, ...kept } = present;
        const another = kept.result === undefined && kept.runId !== runId;
        return dataKey === undefined || another ? present : { ...kept, shreddedAt: at.toISOString() };
      });
      if (record?.dataKey !== undefined) return;
      const folder = folderOf(request);
      known.delete(folder);
      for (const key of await vault.list(folder)) if (key !== recordKey(request)) await vault.delete(key);
    },
    async purge(request, at, runId) {
      const record = await change(request, present => {
        const { dataKey, ...kept } = present;
        if (kept.result === undefined && kept.runId !== runId) return present;
        if (dataKey === undefined && kept.result?.status === 'purged') return present;
        return { ...kept, shreddedAt: kept.shreddedAt ?? at.toISOString(), result: purged(kept, at) };
      });
      if (record !== undefined && record.result === undefined) return undefined;
      await cases.shred(request, at, runId);
      if (record !== undefined) await cases.unmarkOpenAccess(record.subjectHash, request);
      return record?.result;
    },
    async unshredded() {
      const found = new Map<string, RequestRef>();
      for (const key of await vault.list(ROOT)) {
        const [, connection = '', kind, requestId = '', name] = key.split('/');
        if (kind !== 'access' && kind !== 'deletion') continue;
        const request: RequestRef = { connection, kind, requestId };
        if (name !== 'record') found.set(folderOf(request), request);
      }
      return [...found.values()];
    },

    recordKey,
    isLasting: key =>
      !key.startsWith(`${ROOT}/`) || (key.endsWith('/record') && key.split('/').length === RECORD_DEPTH),

    async noteProgress(request, step, progress) {
      const key = progressKey(request, step);
      const bytes = jsonOf(progress);
      const mine = await own(request);
      await mine.update(key, present => (present !== undefined && isLate(present, progress) ? undefined : bytes));
    },
    async progress(request, step) {
      return (await readJson<StepProgress>(progressKey(request, step), await own(request)))?.value;
    },

    async writePackage(request, bytes, sha256) {
      const key = `${folderOf(request)}/package/${sha256}.zip`;
      await (await own(request)).putIfAbsent(key, bytes); // already there: a repeated step made the same bytes
      return `${PACKAGE_URI}${key}`;
    },
    async readPackage(uri) {
      // Packages only: a uri comes from outside, and credentials lie in the same vault.
      const [, key, connection = '', kind, requestId = ''] = PACKAGE_URI_PATTERN.exec(uri) ?? [];
      if (key === undefined || (kind !== 'access' && kind !== 'deletion')) return undefined;
      return (await (await own({ connection, kind, requestId })).get(key))?.value;
    },

    async openAccesses(connection, subjectHash) {
      const keys = await vault.list(accessesOf(connection, subjectHash));
      const found = await Promise.all(keys.map(key => readJson<OpenAccess>(key)));
      return found.flatMap(stored => (stored === undefined ? [] : [stored.value]));
    },
    async markOpenAccess(subjectHash, access) {
      const key = `${accessesOf(access.request.connection, subjectHash)}/${access.request.requestId}`;
      if (await vault.putIfAbsent(key, jsonOf(access))) return;
      await vault.delete(key); // a mark of a run that was terminated
      await vault.putIfAbsent(key, jsonOf(access));
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

function jsonOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function shown({ dataKey: _, ...record }: StoredRecord): RequestRecord {
  return record;
}

function isSameRequest(one: RequestRecord, other: RequestRecord): boolean {
  return one.subjectHash === other.subjectHash && (one.dryRun ?? false) === (other.dryRun ?? false);
}

/** What answers the same request id ever after: that there was such a request, when, and how much it found and did. */
function purged({ request, startedAt, result }: RequestRecord, at: Date): RequestResult {
  const { requestId, kind } = request;
  const before = result ?? { counts: noCounts(kind), apiRequests: 0, completedAt: at.toISOString() };
  return {
    requestId,
    kind,
    status: 'purged',
    counts: before.counts,
    outcomes: [],
    coverage: result?.coverage ?? { contacts: { state: 'failed', gaps: [] }, outOfReach: [] },
    apiRequests: before.apiRequests,
    startedAt,
    completedAt: before.completedAt,
    purged: { at: at.toISOString(), status: result?.status ?? 'failed' },
    ...(result?.verification && { verification: result.verification }),
  };
}

function readRecord(bytes: Buffer): StoredRecord {
  return JSON.parse(bytes.toString());
}

/** Of a run that was terminated: one workflow id has one open run. */
function isTakenOver(before: StoredRecord, record: RequestRecord): boolean {
  return before.result === undefined && before.runId !== record.runId && isSameRequest(before, record);
}

/** Whether a later attempt has said more already. */
function isLate(present: Buffer, { sent }: StepProgress): boolean {
  const before: StepProgress = JSON.parse(present.toString());
  return before.sent >= sent;
}

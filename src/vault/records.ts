/**
 * The record of a request: ids, times, counts, its end, no personal data. It alone holds the key of all other objects of the
 * request in the vault: one write of the record destroys that key, and so all copies in this vault.
 */
import type { Clock } from '../request/clock';
import { noCounts, type RequestResult } from '../request/model';
import type { RequestRef } from '../request/names';
import { type DataKey, newDataKey, sealKeysOf } from './data-key';
import { CaseFileBroken } from './errors';
import type { OpenAccesses } from './open-accesses';
import type { Vault } from './vault';

/** The lasting data of a request: ids, times, counts, the keyed hash of the subject. */
export interface RequestRecord {
  readonly request: RequestRef;
  readonly subjectHash: string;
  readonly runId: string;
  readonly startedAt: string;
  /** A deletion that only plans: the same id never answers for one that deletes. */
  readonly dryRun?: boolean;
  /** With its extension, if it has one. */
  readonly clock?: Clock;
  /** Present once the request has ended. */
  readonly result?: RequestResult;
  /** When the case file and the package were destroyed; ISO 8601. */
  readonly shreddedAt?: string;
}

/** `dataKey` seals the other objects of the request; it is absent after they were destroyed. */
interface StoredRecord extends RequestRecord {
  readonly dataKey?: DataKey;
}

export interface Records {
  /** Creates the record, or takes over the record of an earlier run without a result, or returns the existing one. */
  open(record: RequestRecord): Promise<RequestRecord>;
  record(request: RequestRef): Promise<RequestRecord | undefined>;
  /** Keeps the clock of a run that has been extended. */
  noteClock(request: RequestRef, runId: string, clock: Clock): Promise<void>;
  /** Keeps the end of the request, and returns the record. */
  close(request: RequestRef, result: RequestResult): Promise<RequestRecord>;

  /**
   * Destroys the case file and the package: their key first. Safe to repeat. It does nothing
   * if the record now belongs to a run without a result other than `runId`: that run may be open.
   */
  shred(request: RequestRef, at: Date, runId: string | undefined): Promise<void>;
  /** Shreds likewise, and keeps a `purged` result that answers the same request id. Undefined if nothing was kept. */
  purge(request: RequestRef, at: Date, runId: string | undefined): Promise<RequestResult | undefined>;
  /** Requests that have more in the vault than their record. */
  unshredded(): Promise<RequestRef[]>;
  /** The key of a request's record in the vault. */
  recordKey(request: RequestRef): string;
  /** Whether an object of the vault is sealed with the keyring and lives until somebody deletes it. */
  isLasting(key: string): boolean;
  /** The vault that seals and unseals the request's own objects. @throws {CaseFileBroken} `case-file-shredded` */
  own(request: RequestRef): Promise<Vault>;
}

/** How long a process remembers the key of a request; a key that another process destroyed meanwhile is used no longer than that. */
const KEY_KNOWN_MS = 60_000;
const KEYS_KNOWN_MAX = 1_000;
const ROOT = 'requests';
/** Segments of the key of a record. */
const RECORD_DEPTH = 5;

export function folderOf({ connection, kind, requestId }: RequestRef): string {
  return `${ROOT}/${connection}/${kind}/${requestId}`;
}

export function createRecords(vault: Vault, accesses: OpenAccesses): Records {
  const recordKey = (request: RequestRef) => `${folderOf(request)}/record`;
  /** Vaults of requests, least recently used first. */
  const known = new Map<string, { readonly vault: Vault; readonly untilMs: number }>();

  async function stored(request: RequestRef): Promise<StoredRecord | undefined> {
    const found = await vault.get(recordKey(request));
    return found && readRecord(found.value);
  }

  /** Changes the record if `next` does not answer the very same. */
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

  const records: Records = {
    async own(request) {
      const folder = folderOf(request);
      const before = known.get(folder);
      if (before !== undefined && Date.now() < before.untilMs) return before.vault;
      const { dataKey } = (await stored(request)) ?? {};
      if (dataKey !== undefined) return remember(folder, dataKey);
      known.delete(folder);
      throw new CaseFileBroken(
        'case-file-shredded',
        'The case file of this request was destroyed, or was never created.',
      );
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
      return present && shown(present);
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
      await records.shred(request, at, runId);
      if (record !== undefined) await accesses.unmarkOpenAccess(record.subjectHash, request);
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
  };
  return records;
}

function shown({ dataKey: _, ...record }: StoredRecord): RequestRecord {
  return record;
}

function isSameRequest(one: RequestRecord, other: RequestRecord): boolean {
  return one.subjectHash === other.subjectHash && (one.dryRun ?? false) === (other.dryRun ?? false);
}

/** The lasting answer to the same request id: the request existed, its times, and its counts. */
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

function jsonOf(record: StoredRecord): Buffer {
  return Buffer.from(JSON.stringify(record));
}

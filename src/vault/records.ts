/**
 * The record of a request: ids, times, counts, its end, no personal data. It alone holds the key of all other objects of the
 * request in the vault: one write of the record destroys that key, and so all copies in this vault. A purge also leaves a
 * tombstone, `purged/<connection>/<kind>/<requestId>`, which is never replaced: it answers, whatever record is put back.
 */
import { SealBroken } from '../encryption/seal';
import type { Need } from '../request/approval';
import type { Asked } from '../request/asked';
import { type Clock, type ExtensionInput, ExtensionRefused, extended } from '../request/clock';
import { noCounts, type RequestResult } from '../request/model';
import { type RequestRef, workflowIdOf } from '../request/names';
import { sideBySide } from '../side-by-side';
import { type DataKey, newDataKey, sealKeysOf } from './data-key';
import { type Ended, SHELVES } from './ended';
import { CaseFileBroken, isUnreadable, readable } from './errors';
import type { Marks } from './marks';
import { folderOf, linksOf, namedBy, RECORD, REQUESTS } from './request-folder';
import type { Vault } from './vault';

/** The lasting data of a request: ids, times, counts, keyed hashes of what it asks for. */
export interface RequestRecord extends Asked {
  readonly request: RequestRef;
  /** The run id that it began with: resets change it, and are the same request. */
  readonly runId: string;
  readonly startedAt: string;
  /** Of the connection when the request began: it goes on in that company only. */
  readonly incarnation: number;
  /** A deletion that only plans: the same id never answers for one that deletes. */
  readonly dryRun?: boolean;
  /** With its extension, if it has one. */
  readonly clock?: Clock;
  /** When its cancellation was requested, which a reset forgets; ISO 8601. */
  readonly cancelRequestedAt?: string;
  /** Present once the request has ended with its last step. */
  readonly result?: RequestResult;
  /** It ended without its last step (terminated, timed out): no run goes on with it, also none that is reset. */
  readonly cutShort?: true;
  /** When the case file and the package were destroyed; ISO 8601. */
  readonly shreddedAt?: string;
}

/** `dataKey` seals the other objects of the request; it is absent after they were destroyed. */
interface StoredRecord extends RequestRecord {
  readonly dataKey?: DataKey;
}

/** What a step has to know of its request before it sends anything. */
export interface Standing {
  readonly incarnation: number;
  readonly hasEnded: boolean;
  readonly isCancelled: boolean;
  /** Whether the request is a deletion, and no dry run. */
  readonly deletes: boolean;
  readonly need: Need;
}

export interface Records {
  /** Creates the record, or returns the existing one, whatever run it is of. */
  open(record: RequestRecord): Promise<RequestRecord>;
  /** Makes the record that of another run. Does nothing if it is not of the run `from`, or has ended. */
  takeOver(record: RequestRecord, from: string): Promise<RequestRecord>;
  /** @throws {VaultError} `record-broken`, `vault-rolled-back` */
  record(request: RequestRef): Promise<RequestRecord | undefined>;
  /**
   * Of now, or of at most a minute ago: then it costs no vault operation, but for the first step of each run, also of a child or after a reset.
   * @param runId the present run, whatever run it began as; not given, what another run has looked up counts too
   * @throws {CaseFileBroken} if there is no record
   */
  standing(request: RequestRef, of: 'now' | 'a-minute-ago', runId?: string): Promise<Standing>;
  /** Extends the due date; repeated, it changes nothing. @throws {ExtensionRefused} */
  extend(request: RequestRef, runId: string, extension: ExtensionInput, nowMs: number): Promise<Clock>;
  /** Keeps that the cancellation of this run was requested; does nothing if the request has ended. */
  noteCancellation(request: RequestRef, runId: string, at: string): Promise<void>;
  /**
   * Keeps that the request ended without its last step, and destroys its links; does nothing if the record is of another run, or has a
   * result.
   */
  cutShort(request: RequestRef, runId: string, endedAt: Date): Promise<void>;
  /** Keeps the end of the request, destroys its links, and returns the record. `endedBefore`: it had an end already, which stays. */
  close(request: RequestRef, result: RequestResult): Promise<RequestRecord & { readonly endedBefore: boolean }>;

  /**
   * Destroys the case file and the package: their key first. Safe to repeat. It does nothing
   * if the record now belongs to a run without a result other than `runId`: that run may be open.
   */
  shred(request: RequestRef, at: Date, runId: string | undefined): Promise<void>;
  /** Destroys the key likewise, and keeps a `purged` result that answers the same request id. Undefined if nothing was kept. */
  purge(request: RequestRef, at: Date, runId: string | undefined): Promise<RequestResult | undefined>;
  /**
   * Deletes the case file and the package of a request whose key is destroyed, or that has no record: all that can be deleted,
   * before it throws the first error. It does nothing while the record holds the key.
   */
  empty(request: RequestRef): Promise<void>;
  /** Requests that have more in the vault than their record. It reads the names of all requests. */
  unshredded(): Promise<RequestRef[]>;
  /** Whether this one has. */
  hasData(request: RequestRef): Promise<boolean>;
  /** The key of a request's record in the vault. */
  recordKey(request: RequestRef): string;
  /** Whether an object of the vault is sealed with the keyring and lives until somebody deletes it. */
  isLasting(key: string): boolean;
  /** The vault that seals and unseals the request's own objects. @throws {CaseFileBroken} `case-file-shredded` */
  own(request: RequestRef): Promise<Vault>;
}

interface Known {
  /** Runs whose steps may rely on it: each has looked once, so that one that was reset learns what it forgot. */
  readonly runs: ReadonlySet<string>;
  readonly standing: Standing;
  /** Seals with the request's key; undefined once that is destroyed. */
  readonly own: Vault | undefined;
  readonly untilMs: number;
}

/** How long a process remembers a request; a key that another process destroyed meanwhile is used no longer than that. */
const KNOWN_MS = 60_000;
const KNOWN_MAX = 1_000;
const TOMBSTONES = 'purged';
const AT_ONCE = 8;

export function createRecords(vault: Vault, marks: Pick<Marks, 'unmark'>, ended: Ended): Records {
  const recordKey = (request: RequestRef) => `${folderOf(request)}/${RECORD}`;
  const tombstoneKey = ({ connection, kind, requestId }: RequestRef) =>
    `${TOMBSTONES}/${connection}/${kind}/${requestId}`;
  /** Requests, least recently used first. */
  const known = new Map<string, Known>();

  async function tombstone(request: RequestRef): Promise<StoredRecord | 'broken' | undefined> {
    try {
      const found = await vault.get(tombstoneKey(request));
      return found && readRecord(found.value);
    } catch (error) {
      if (isUnreadable(error)) return 'broken';
      throw error;
    }
  }

  async function stored(request: RequestRef): Promise<StoredRecord | undefined> {
    const purged = await tombstone(request);
    if (purged !== undefined && purged !== 'broken') return purged;
    return reading(request, async () => {
      const found = await vault.guarded.get(recordKey(request));
      const record = found && readRecord(found.value);
      if (purged === 'broken' && record?.result?.status !== 'purged')
        throw new SealBroken('seal-broken', 'A purged request has the record of one that is not.');
      return record;
    });
  }

  function reading<T>(request: RequestRef, read: () => Promise<T>): Promise<T> {
    return readable('record-broken', `record of ${workflowIdOf(request)}`, read);
  }

  /** Changes the record if `next` does not answer the very same. */
  async function change(
    request: RequestRef,
    next: (present: StoredRecord) => StoredRecord,
  ): Promise<StoredRecord | undefined> {
    const bytes = await reading(request, () =>
      vault.guarded.update(recordKey(request), present => {
        if (present === undefined) return undefined;
        const before = readRecord(present);
        const record = next(before);
        return record === before ? undefined : jsonOf(record);
      }),
    );
    const record = bytes && readRecord(bytes);
    if (record !== undefined) remember(record);
    return record;
  }

  function remember(record: StoredRecord, of = [record.runId]): Known {
    const { request, incarnation, dryRun, need, cancelRequestedAt, dataKey } = record;
    const folder = folderOf(request);
    const found: Known = {
      runs: new Set(of),
      standing: {
        incarnation,
        hasEnded: hasEnded(record),
        isCancelled: cancelRequestedAt !== undefined,
        deletes: request.kind === 'deletion' && dryRun !== true,
        need,
      },
      own: dataKey && vault.under(sealKeysOf(dataKey)),
      untilMs: performance.now() + KNOWN_MS,
    };
    known.delete(folder);
    known.set(folder, found);
    const [oldest = ''] = known.keys();
    if (known.size > KNOWN_MAX) known.delete(oldest);
    return found;
  }

  async function lookUp(request: RequestRef, runIds: readonly string[] = []): Promise<Known | undefined> {
    const record = await stored(request);
    if (record !== undefined) return remember(record, [...(recent(request)?.runs ?? []), ...runIds]);
    known.delete(folderOf(request));
    return undefined;
  }

  /** What is known of at most a minute ago. */
  function recent(request: RequestRef): Known | undefined {
    const found = known.get(folderOf(request));
    return found !== undefined && performance.now() < found.untilMs ? found : undefined;
  }

  async function noteEnd({ request, result, shreddedAt }: StoredRecord): Promise<void> {
    if (result === undefined || result.status === 'purged') return;
    await ended.note(shreddedAt === undefined ? 'ended' : 'emptied', request, Date.parse(result.completedAt));
  }

  /** Those that steps left which died before anybody learned of them; whoever used the others has destroyed them. */
  async function destroyLinks(request: RequestRef): Promise<void> {
    await deleteAll(await vault.list(linksOf(request)));
  }

  async function deleteObjects(request: RequestRef): Promise<void> {
    known.delete(folderOf(request));
    await deleteAll((await vault.list(folderOf(request))).filter(key => namedBy(key)?.isData !== false));
  }

  /** All that can be deleted, before it throws the first error. */
  async function deleteAll(keys: readonly string[]): Promise<void> {
    const failures: unknown[] = [];
    await sideBySide(keys, AT_ONCE, key => vault.delete(key).catch(error => void failures.push(error)));
    if (failures.length > 0) throw failures[0];
  }

  const records: Records = {
    async own(request) {
      const { own } = recent(request) ?? (await lookUp(request)) ?? {};
      if (own !== undefined) return own;
      throw new CaseFileBroken(
        'case-file-shredded',
        'The case file of this request was destroyed, or was never created.',
      );
    },
    async standing(request, of, runId) {
      const before = of === 'now' ? undefined : recent(request);
      const isKnown = runId === undefined || before?.runs.has(runId);
      const found = (isKnown ? before : undefined) ?? (await lookUp(request, runId === undefined ? [] : [runId]));
      if (found !== undefined) return found.standing;
      throw missing();
    },

    async open(record) {
      const { request } = record;
      const ended = (await tombstone(request)) && (await stored(request));
      if (ended !== undefined) return shown(ended);
      const fresh = newDataKey();
      const bytes = await reading(request, () =>
        vault.guarded.update(recordKey(request), present =>
          present === undefined ? jsonOf({ ...record, dataKey: fresh }) : undefined,
        ),
      );
      if (bytes === undefined) throw new RangeError('a record that was just written is missing');
      const opened = readRecord(bytes);
      remember(opened);
      return shown(opened);
    },
    async takeOver(record, from) {
      const fresh = newDataKey();
      const taken = await change(record.request, present => {
        if (hasEnded(present) || present.runId !== from) return present;
        // What it has found is of the company that it began with; its due date and a cancellation stay.
        const { incarnation, clock, cancelRequestedAt, dataKey = fresh } = present;
        return {
          ...record,
          incarnation,
          ...(clock && { clock }),
          ...(cancelRequestedAt && { cancelRequestedAt }),
          dataKey,
        };
      });
      if (taken !== undefined) return shown(taken);
      throw missing();
    },
    async record(request) {
      const present = await stored(request);
      return present && shown(present);
    },
    async extend(request, runId, extension, nowMs) {
      const record = await change(request, present => {
        const clock = extended(present.clock, extension, nowMs);
        if (clock === present.clock) return present;
        if (present.runId !== runId || hasEnded(present)) throw new ExtensionRefused('this request has ended');
        return { ...present, clock };
      });
      if (record?.clock !== undefined) return record.clock;
      throw missing();
    },
    async noteCancellation(request, runId, at) {
      await change(request, present => {
        const isOpen = present.runId === runId && !hasEnded(present);
        return isOpen && present.cancelRequestedAt === undefined ? { ...present, cancelRequestedAt: at } : present;
      });
    },
    async cutShort(request, runId, endedAt) {
      const record = await change(request, present =>
        present.runId === runId && !hasEnded(present) ? { ...present, cutShort: true } : present,
      );
      if (!record?.cutShort || record.runId !== runId) return;
      await ended.note('ended', request, endedAt.getTime());
      await destroyLinks(request);
    },
    async close(request, result) {
      let endedBefore = false;
      const record = await change(request, present => {
        endedBefore = present.result !== undefined;
        return hasEnded(present) ? present : { ...present, result };
      });
      if (record === undefined) throw missing();
      // The record first: a sweep that meets an entry of a request that has not ended removes it. If the second write is missing,
      // the last step is taken again; if that is not, the walk over all names finds the request.
      await noteEnd(record);
      await destroyLinks(request);
      return { ...shown(record), endedBefore };
    },

    async shred(request, at, runId) {
      const record = await change(request, present => {
        const { dataKey, ...kept } = present;
        const another = kept.result === undefined && kept.runId !== runId;
        return dataKey === undefined || another ? present : { ...kept, shreddedAt: at.toISOString() };
      });
      if (record?.dataKey === undefined) await deleteObjects(request);
    },
    async purge(request, at, runId) {
      const before = await tombstone(request);
      if (before !== undefined && before !== 'broken') {
        // Whatever was put back since.
        await vault.guarded.replace(recordKey(request), jsonOf(before));
        return before.result;
      }
      const record = await change(request, present => {
        const { dataKey, ...kept } = present;
        if (kept.result === undefined && kept.runId !== runId) return present;
        if (dataKey === undefined && kept.result?.status === 'purged') return present;
        return { ...kept, shreddedAt: kept.shreddedAt ?? at.toISOString(), result: purged(kept, at) };
      });
      if (record !== undefined && record.result === undefined) return undefined;
      if (record !== undefined) {
        const [key, bytes] = [tombstoneKey(request), jsonOf(record)];
        if (before === 'broken') await vault.replace(key, bytes);
        else await vault.putIfAbsent(key, bytes);
        await marks.unmark(record.identityHashes, request);
      }
      return record?.result;
    },
    async empty(request) {
      if ((await stored(request))?.dataKey === undefined) await deleteObjects(request);
    },
    async unshredded() {
      const found = new Map<string, RequestRef>();
      for (const key of await vault.list(REQUESTS)) {
        const named = namedBy(key);
        if (named?.isData) found.set(folderOf(named.request), named.request);
      }
      return [...found.values()];
    },

    hasData: async request => (await vault.list(folderOf(request))).some(key => namedBy(key)?.isData),

    recordKey,
    isLasting(key) {
      const [root = '', , , , name] = key.split('/');
      // Of an entry nobody reads more than the name.
      return root === REQUESTS ? name === RECORD : SHELVES.every(shelf => shelf !== root);
    },
  };
  return records;
}

function missing(): CaseFileBroken {
  return new CaseFileBroken(
    'case-file-broken',
    'The record of this request is missing from the vault. Restore the vault from a backup.',
  );
}

function shown({ dataKey: _, ...record }: StoredRecord): RequestRecord {
  return record;
}

/** With its last step or without it. */
export function hasEnded({ result, cutShort }: Pick<RequestRecord, 'result' | 'cutShort'>): boolean {
  return result !== undefined || cutShort === true;
}

/** The lasting answer to the same request id: the request existed, its times, and its counts. */
function purged({ request, startedAt, dryRun, clock, result }: RequestRecord, at: Date): RequestResult {
  const before = result ?? { counts: noCounts(request.kind), apiRequests: 0, completedAt: at.toISOString() };
  return {
    ...request,
    ...clock,
    status: 'purged',
    ...(dryRun && { dryRun }),
    counts: before.counts,
    outcomes: [],
    coverage: result?.coverage ?? { contacts: { state: 'failed', gaps: [] }, outOfReach: [] },
    apiRequests: before.apiRequests,
    startedAt,
    completedAt: before.completedAt,
    purged: { at: at.toISOString(), status: result?.status ?? 'failed' },
    ...(result?.redactions && { redactions: result.redactions }),
    ...(result?.verification && { verification: result.verification }),
    ...(result?.planDigest && { planDigest: result.planDigest }),
    ...(result?.plan && { plan: result.plan }),
    doubts: result?.doubts ?? [],
    approvals: result?.approvals ?? [],
    ...(result?.rejection && { rejection: result.rejection }),
  };
}

function readRecord(bytes: Buffer): StoredRecord {
  return JSON.parse(bytes.toString());
}

function jsonOf(record: StoredRecord): Buffer {
  return Buffer.from(JSON.stringify(record));
}

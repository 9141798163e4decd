/**
 * Guards objects that are replaced against somebody who can write the vault and has no key: an older one that was put back,
 * or one that was removed, is refused. The seal of an object holds its generation; a write-once witness, `<key>/<generation>`, is
 * stored after each replacement, and only the newest one is kept. This process remembers the generations that it saw, besides.
 * Who removes the witnesses too is noticed only by a process that remembers.
 */
import { SealBroken } from '../encryption/seal';
import { VaultError } from './errors';

/** Stores objects with their generations; a witness has none. */
export interface CountedStore {
  get(key: string): Promise<Counted | undefined>;
  /** If nothing is there (`version` undefined), or it is still at `version`; else false. */
  put(key: string, plain: Buffer, version: string | undefined, generation: number): Promise<boolean>;
  /** Whatever is there. */
  replace(key: string, plain: Buffer, generation: number): Promise<void>;
  list(prefix: string): Promise<string[]>;
  delete(key: string): Promise<void>;
}

export interface Counted {
  readonly value: Buffer;
  readonly version: string;
  readonly generation: number;
}

/** The last generations of an object; 0: none. A deletion is a generation of its own. */
interface Latest {
  readonly present: number;
  readonly deleted: number;
}

interface Known extends Latest {
  /** Of the object that was last compared with its witnesses. */
  readonly version?: string;
  readonly untilMs?: number;
}

const DIGITS = 10;
const WITNESS = /^(\d{10})(-deleted)?$/;
/** How long an object that did not change is not compared with its witnesses again. */
const COMPARED_MS = 300_000;
const KNOWN_MAX = 10_000;

export function createGuard(store: CountedStore) {
  /** By key, least recently used first. */
  const known = new Map<string, Known>();

  function remember(key: string, now: Known): void {
    const before = known.get(key);
    known.delete(key);
    known.set(key, { ...now, ...higher(now, before) });
    const [oldest = ''] = known.keys();
    if (known.size > KNOWN_MAX) known.delete(oldest);
  }

  /** By witnesses at or after `from` that can be unsealed, and by memory. */
  async function latestOf(key: string, from: number): Promise<Latest> {
    let latest = higher({ present: 0, deleted: 0 }, known.get(key));
    for (const name of await store.list(key)) {
      const witness = witnessIn(name);
      if (witness === undefined || Math.max(witness.present, witness.deleted) < from) continue;
      if (witness.present === from || (await isWitness(name))) latest = higher(latest, witness);
    }
    return latest;
  }

  /** Also of an object that is older than its witnesses, or cannot be read. */
  async function latestAnyhow(key: string): Promise<Latest> {
    const present = await store.get(key).then(
      stored => stored?.generation ?? 0,
      error => {
        if (error instanceof SealBroken) return 0;
        throw error;
      },
    );
    return higher({ present, deleted: 0 }, await latestOf(key, 0));
  }

  /** Anybody who can write the vault can store something under the name of a witness. */
  async function isWitness(name: string): Promise<boolean> {
    try {
      return (await store.get(name)) !== undefined;
    } catch (error) {
      if (error instanceof SealBroken) return false;
      throw error;
    }
  }

  /** To look at it, one that was compared a moment ago is good; to replace it, it is compared again. @throws {VaultError} `vault-rolled-back` */
  async function read(
    key: string,
    why: 'look' | 'replace',
  ): Promise<{ readonly stored: Counted | undefined; readonly latest: Latest }> {
    const stored = await store.get(key);
    const before = known.get(key);
    const isKnown =
      before !== undefined && stored?.version === before.version && performance.now() < (before.untilMs ?? 0);
    if (why === 'look' && isKnown) return { stored, latest: before };
    const latest = await latestOf(key, stored?.generation ?? 0);
    if (isCurrent(stored, latest)) {
      // Its writer was interrupted before it stored the witness.
      if (stored !== undefined && latest.present < stored.generation) await witness(key, stored.generation, latest);
      const seen = { ...latest, present: Math.max(latest.present, stored?.generation ?? 0) };
      remember(key, { ...seen, ...(stored && { version: stored.version, untilMs: performance.now() + COMPARED_MS }) });
      return { stored, latest: seen };
    }
    const again = await store.get(key);
    if (again?.version !== stored?.version) return read(key, why); // it was replaced between the two reads
    throw new VaultError(
      'vault-rolled-back',
      `The object ${key} of the vault ${stored === undefined ? 'is missing' : 'is older than one that was there before'}.`,
    );
  }

  /** After the object: a writer that is interrupted between the two leaves an object that is still good. */
  async function witness(key: string, generation: number, before: Latest): Promise<void> {
    await store.put(nameOf(key, { present: generation, deleted: 0 }), Buffer.alloc(0), undefined, 0);
    if (before.present > 0 && before.present < generation)
      await store.delete(nameOf(key, { present: before.present, deleted: 0 }));
    if (before.deleted > 0) await store.delete(nameOf(key, { present: 0, deleted: before.deleted }));
    remember(key, { present: generation, deleted: before.deleted });
  }

  async function write(key: string, plain: Buffer, stored: Counted | undefined, latest: Latest): Promise<boolean> {
    const generation = Math.max(latest.present, latest.deleted) + 1;
    const isWritten = await store.put(key, plain, stored?.version, generation);
    if (isWritten) await witness(key, generation, latest);
    return isWritten;
  }

  return {
    async get(key: string) {
      return (await read(key, 'look')).stored;
    },
    async putIfAbsent(key: string, plain: Buffer): Promise<boolean> {
      const { stored, latest } = await read(key, 'replace');
      return stored === undefined && write(key, plain, stored, latest);
    },
    async putIfUnchanged(key: string, plain: Buffer, version: string): Promise<boolean> {
      const { stored, latest } = await read(key, 'replace');
      return stored?.version === version && write(key, plain, stored, latest);
    },
    async update(
      key: string,
      change: (present: Buffer | undefined) => Buffer | undefined,
    ): Promise<Buffer | undefined> {
      for (;;) {
        const { stored, latest } = await read(key, 'replace');
        const next = change(stored?.value);
        if (next === undefined) return stored?.value;
        if (await write(key, next, stored, latest)) return next;
      }
    },
    async replace(key: string, plain: Buffer): Promise<void> {
      const latest = await latestAnyhow(key);
      const generation = Math.max(latest.present, latest.deleted) + 1;
      await store.replace(key, plain, generation);
      await witness(key, generation, latest);
    },
    /** Those that are there, and those that are missing. */
    async list(prefix: string): Promise<string[]> {
      const keys = new Set<string>();
      const latest = new Map<string, Latest>();
      for (const name of await store.list(prefix)) {
        const witness = witnessIn(name);
        const key = name.slice(0, name.lastIndexOf('/'));
        if (witness === undefined || key === prefix) keys.add(name);
        else latest.set(key, higher(witness, latest.get(key)));
      }
      for (const [key, { present, deleted }] of latest) if (present > deleted) keys.add(key);
      return [...keys].sort();
    },
    /** The witness first: a deletion that is interrupted is not undone by the object that is left. */
    async delete(key: string): Promise<void> {
      const latest = await latestAnyhow(key);
      if (latest.present > latest.deleted) {
        const deleted = latest.present + 1;
        await store.put(nameOf(key, { present: 0, deleted }), Buffer.alloc(0), undefined, 0);
        await store.delete(nameOf(key, { present: latest.present, deleted: 0 }));
        remember(key, { present: 0, deleted });
      }
      await store.delete(key);
    },
  };
}

function higher(one: Latest, other: Latest | undefined): Latest {
  return {
    present: Math.max(one.present, other?.present ?? 0),
    deleted: Math.max(one.deleted, other?.deleted ?? 0),
  };
}

function isCurrent(stored: Counted | undefined, { present, deleted }: Latest): boolean {
  if (stored === undefined) return deleted >= present;
  return stored.generation >= present && (deleted === 0 || stored.generation > deleted);
}

function nameOf(key: string, { present, deleted }: Latest): string {
  const digits = String(Math.max(present, deleted)).padStart(DIGITS, '0');
  return `${key}/${digits}${deleted > 0 ? '-deleted' : ''}`;
}

function witnessIn(name: string): Latest | undefined {
  const [, digits, isDeleted] = WITNESS.exec(name.slice(name.lastIndexOf('/') + 1)) ?? [];
  if (digits === undefined) return undefined;
  return isDeleted === undefined ? { present: Number(digits), deleted: 0 } : { present: 0, deleted: Number(digits) };
}

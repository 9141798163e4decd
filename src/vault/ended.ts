/**
 * Requests that have ended by the time of their end, so that a sweep finds what is due without reading any other request. An entry
 * says all by its name, so that a broken one counts too. Anybody who can write the vault can add or remove one: it only
 * says which record is worth reading, and the record decides.
 *
 * `<shelf>/<YYYY-MM-DD>/<HHMMSSmmm>.<kind>.<length of the connection's name>.<connection>.<requestId>` is an entry. Each request has a
 * mark with the same time in its folder, so that a walk over all names finds a request without an entry, and reads no record.
 * `walked/requests` holds where that walk goes on.
 */
import { errorCode } from '../error-code';
import { type RequestRef, requestRefShape } from '../request/names';
import { sideBySide } from '../side-by-side';
import { isUnreadable } from './errors';
import { folderOf, MARKS, markOf, namedBy, REQUESTS } from './request-folder';
import type { Vault } from './vault';

/** `ended`: has data. `emptied`: its data are destroyed, its histories are not. `unkept`: its evidence could not be kept. */
export const SHELVES = ['ended', 'emptied', 'unkept'] as const;
export type Shelf = (typeof SHELVES)[number];

export interface Entry {
  readonly key: string;
  readonly request: RequestRef;
}

export interface EntryPage {
  readonly entries: readonly Entry[];
  /** Absent after the last page. */
  readonly next?: string;
}

/** A request by the names of its objects. */
export interface Folder {
  readonly request: RequestRef;
  /** The names of the next ones are behind this one. */
  readonly end: string;
  readonly hasData: boolean;
  /** The times of its marks, UNIX ms. */
  readonly endedMs: readonly number[];
}

export interface FolderPage {
  readonly folders: readonly Folder[];
  /** Absent after the last page. */
  readonly next?: string;
}

export interface Ended {
  /** Notes that a request ended, as an entry of the shelf and a mark; repeated, it changes nothing. One that is emptied leaves the other shelf. */
  note(shelf: 'ended' | 'emptied', request: RequestRef, endedMs: number): Promise<void>;
  /** Notes that its evidence is to be kept later. */
  noteUnkept(request: RequestRef, endedMs: number): Promise<void>;
  /** Entries up to a time, at most `max`, the earliest first. Names that are none of ours are deleted. @param untilMs UNIX ms */
  page(shelf: Shelf, untilMs: number, max: number, after?: string): Promise<EntryPage>;
  /** The times of the marks of a request, UNIX ms. */
  marksOf(request: RequestRef): Promise<number[]>;
  isNoted(shelf: Shelf, request: RequestRef, endedMs: number): Promise<boolean>;
  /** Whether this entry is the one that `note` stores. */
  isAt(entry: Entry, shelf: Shelf, endedMs: number): boolean;
  remove(entry: Entry): Promise<void>;
  /** Removes the marks of a request, and the entries that they name. */
  forget(request: RequestRef): Promise<void>;
  /** Requests in the order of their names, whether or not they ended. */
  folders(after?: string): Promise<FolderPage>;
  /** Where the walk over all folders goes on; undefined: at the first one, also if nobody can read it. */
  walkedTo(): Promise<string | undefined>;
  noteWalked(to: string | undefined): Promise<void>;
}

const WALKED = 'walked/requests';
const LISTED_MAX = 100;
const AT_ONCE = 8;
const NAMES_MAX = 1_000;
const ENTRY = /^(\w+)\/(\d{4}-\d\d-\d\d)\/(\d\d)(\d\d)(\d\d)(\d{3})\.(access|deletion)\.(\d\d)\.(.+)$/;
const NOTHING = Buffer.alloc(0);

export function createEnded(vault: Vault): Ended {
  async function marksOf(request: RequestRef): Promise<number[]> {
    const marks = await vault.list(`${folderOf(request)}/${MARKS}`);
    return marks.flatMap(mark => namedBy(mark)?.endedMs ?? []);
  }

  return {
    async note(shelf, request, endedMs) {
      await Promise.all(
        [keyOf(shelf, request, endedMs), markOf(request, endedMs)].map(key => vault.putIfAbsent(key, NOTHING)),
      );
      if (shelf === 'emptied') await vault.delete(keyOf('ended', request, endedMs));
    },
    async noteUnkept(request, endedMs) {
      await vault.putIfAbsent(keyOf('unkept', request, endedMs), NOTHING);
    },

    async page(shelf, untilMs, max, after) {
      const keys = await vault.page(shelf, LISTED_MAX, after);
      const entries: Entry[] = [];
      const junk: string[] = [];
      let next = keys.length < LISTED_MAX ? undefined : keys.at(-1);
      for (const key of keys) {
        const found = entryIn(key);
        if (found !== undefined && found.endedMs > untilMs) next = undefined;
        else if (found !== undefined && entries.length === max) next = entries.at(-1)?.key;
        else {
          if (found === undefined) junk.push(key);
          else entries.push({ key, request: found.request });
          continue;
        }
        break;
      }
      // One that cannot be deleted is passed over each time: it must not hide the entries behind it.
      await sideBySide(junk, AT_ONCE, key => vault.delete(key).catch(() => {}));
      return next === undefined ? { entries } : { entries, next };
    },
    async isNoted(shelf, request, endedMs) {
      const key = keyOf(shelf, request, endedMs);
      // No key lies between `after` and this one. What it holds is not read: nobody could judge a poisoned one.
      const [found] = await vault.page(key.slice(0, key.lastIndexOf('/')), 1, `${key}{`);
      return found === key;
    },
    isAt: ({ key, request }, shelf, endedMs) => key === keyOf(shelf, request, endedMs),
    remove: ({ key }) => vault.delete(key),
    marksOf,
    async forget(request) {
      for (const endedMs of await marksOf(request)) {
        const entries = (['ended', 'emptied'] as const).map(shelf => keyOf(shelf, request, endedMs));
        // The mark last: without it, nobody finds the entries.
        for (const key of [...entries, markOf(request, endedMs)]) await vault.delete(key);
      }
    },

    async folders(after) {
      const keys = await vault.page(REQUESTS, NAMES_MAX, after);
      const found = new Map<string, Folder>();
      for (const name of keys) {
        const named = namedBy(name);
        if (named === undefined) continue;
        const { request, isData, endedMs } = named;
        const { hasData = false, endedMs: before = [] } = found.get(folderOf(request)) ?? {};
        const marks = endedMs === undefined ? before : [...before, endedMs];
        const key = folderOf(request);
        found.set(key, { request, end: `${key}/`, hasData: hasData || isData, endedMs: marks });
      }
      const folders = [...found.values()];
      const last = keys.at(-1);
      if (last === undefined || keys.length < NAMES_MAX) return { folders };
      // The names of the last one may go on: it is for the next page, unless it fills this one alone.
      const whole = folders.slice(0, -1);
      const end = whole.at(-1)?.end;
      return end === undefined ? { folders, next: last } : { folders: whole, next: end };
    },
    async walkedTo() {
      try {
        return (await vault.get(WALKED))?.value.toString();
      } catch (error) {
        if (isUnreadable(error) || errorCode(error) === 'unknown-key') return undefined;
        throw error;
      }
    },
    noteWalked: to => (to === undefined ? vault.delete(WALKED) : vault.replace(WALKED, Buffer.from(to))),
  };
}

function keyOf(shelf: Shelf, { connection, kind, requestId }: RequestRef, endedMs: number): string {
  const [day = '', time = ''] = new Date(endedMs).toISOString().split('T');
  const length = String(connection.length).padStart(2, '0');
  return `${shelf}/${day}/${time.replace(/\D/g, '')}.${kind}.${length}.${connection}.${requestId}`;
}

function entryIn(key: string): { readonly request: RequestRef; readonly endedMs: number } | undefined {
  const [, shelf, day, hours, minutes, seconds, ms, kind, length, names = ''] = ENTRY.exec(key) ?? [];
  const connection = names.slice(0, Number(length));
  const request = { connection, kind, requestId: names.slice(connection.length + 1) };
  const endedMs = Date.parse(`${day}T${hours}:${minutes}:${seconds}.${ms}Z`);
  if (Number.isNaN(endedMs) || !requestRefShape(request)) return undefined;
  // Nothing else passes for an entry: no day that does not exist, and no other shelf.
  return SHELVES.some(own => own === shelf && keyOf(own, request, endedMs) === key) ? { request, endedMs } : undefined;
}

/** The step that makes one list of several pages. It uses only the vault. Decision D7. */
import type { LocalActivities } from '../request/contracts';
import { sideBySide } from '../side-by-side';
import type { CaseRef, Cases } from '../vault/cases';
import { type Listing, readListing, writeObject } from './case-objects';
import { unlessStopped } from './stopping';

export function createListActivities({ cases }: { readonly cases: Cases }): Pick<LocalActivities, 'mergeListings'> {
  return {
    /** Several pages of lists as one: records once each, in the order of the pages. */
    async mergeListings({ request, of, objects }) {
      const merging = createMerge();
      for (const group of groupsOf(objects)) {
        const reading = sideBySide(group, READ_AT_ONCE, object => readListing(cases, request, object, of));
        for (const page of await unlessStopped(reading)) merging.add(page);
      }
      const merged = merging.end();
      return { object: await writeObject(cases, request, of, merged), ...listCounts(merged) };
    },
  };
}

/** Objects that are read side by side: pages, of which a store takes longer to find than to send. */
const READ_AT_ONCE = 8;
/** Of objects that are held at once besides what is merged, unless one alone is larger: whole lists are. */
const READ_BYTES_MAX = 16 * 1024 * 1024;

/** Neighbours that are read side by side, in order. */
function groupsOf(objects: readonly CaseRef[]): CaseRef[][] {
  const groups: CaseRef[][] = [];
  let last: CaseRef[] = [];
  let bytes = 0;
  for (const object of objects) {
    bytes += object.sizeBytes;
    if (last.length === 0 || last.length === READ_AT_ONCE || bytes > READ_BYTES_MAX) {
      last = [];
      groups.push(last);
      bytes = object.sizeBytes;
    }
    last.push(object);
  }
  return groups;
}

/**
 * Of the records of one list together, as JSON: a process that serves all companies holds them at once. Over 20,000 calls take
 * less; a bucket takes no object of ours above 256 MiB.
 */
const RECORDS_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Records once each, in the order of the pages. Records beyond the limit count as unreadable.
 */
export function createMerge(bytesMax = RECORDS_BYTES_MAX) {
  const ids = new Set<number>();
  const records = new Map<number, Listing['records'][number]>();
  const unreadable = new Set<number>();
  let unnamed = 0;
  let bytes = 0;
  let readMs = Number.POSITIVE_INFINITY;
  return {
    add(page: Listing): void {
      for (const id of page.ids) ids.add(id);
      for (const record of page.records) {
        if (records.has(record.id)) continue;
        const more = Buffer.byteLength(JSON.stringify(record));
        if (bytes + more > bytesMax) {
          unreadable.add(record.id);
          continue;
        }
        bytes += more;
        records.set(record.id, record);
      }
      for (const id of page.unreadable) unreadable.add(id);
      unnamed += page.unnamed;
      readMs = Math.min(readMs, page.readMs);
    },
    end(): Listing {
      for (const id of records.keys()) unreadable.delete(id); // another reading of the row succeeded
      return {
        ids: [...ids],
        records: [...records.values()],
        unreadable: [...unreadable],
        unnamed,
        readMs: Number.isFinite(readMs) ? readMs : 0, // nothing was read
      };
    },
  };
}

/** The counts of a list: the only facts that a workflow receives of it. */
export function listCounts({ ids, records, unreadable, unnamed }: Listing) {
  return {
    distinct: new Set(ids).size + unnamed,
    records: records.length,
    unreadable: unreadable.length + unnamed,
  };
}

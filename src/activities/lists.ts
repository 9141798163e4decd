/** Steps that make one list of several pages, and people of contacts. They use only the vault. Decisions D5, D7. */
import { knownNumbers } from '../judgement/cards';
import type { LocalActivities } from '../request/contracts';
import { sideBySide } from '../side-by-side';
import type { CaseRef, Cases } from '../vault/cases';
import { type Listing, readListing, readObject, writeObject } from './case-objects';
import { unlessStopped } from './stopping';

export interface ListDependencies {
  readonly cases: Cases;
  /** Keyed hash, see the keyring. */
  readonly hash: (value: string) => string;
}

export function createListActivities({
  cases,
  hash,
}: ListDependencies): Pick<LocalActivities, 'mergeListings' | 'identifyPeople' | 'recogniseContacts'> {
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

    /** The subject's contacts and numbers in a fixed order; later steps name them by their places in it. */
    async identifyPeople(input) {
      const { email, phoneNumbers } = await readObject(cases, input.request, input.subject, 'subject');
      const { records } = await readObject(cases, input.request, input.contacts, 'contacts');
      const contacts = [...records].sort((a, b) => a.id - b.id);
      const known = knownNumbers({ emails: [email], phoneNumbers }, contacts, undefined);
      const { ignored: ignoredNumbers, beyond: numbersBeyond } = known;
      const numbers = known.numbers.map(({ digits }) => ({ digits, query: `+${digits}` }));
      const people = await writeObject(cases, input.request, 'people', { contacts, numbers });
      return {
        people,
        contacts: contacts.length,
        numbers: numbers.length,
        ignoredNumbers,
        numbersBeyond,
        planDigest: hash(`plan ${contacts.map(({ id }) => id).join(' ')}`),
      };
    },

    /**
     * Compares two searches: contacts found now that were found before, by their places there, and the number of new ones.
     * New contacts are added at the end; the places of the others stay.
     */
    async recogniseContacts(input) {
      const before = await readObject(cases, input.request, input.people, 'people');
      const { records } = await readObject(cases, input.request, input.found, 'contacts');
      const places = new Map(before.contacts.map(({ id }, place) => [id, place]));
      const known = records.flatMap(({ id }) => places.get(id) ?? []).sort((a, b) => a - b);
      const added = records.filter(({ id }) => !places.has(id)).sort((a, b) => a.id - b.id);
      if (added.length === 0) return { people: input.people, known, fresh: [] };
      const people = await writeObject(cases, input.request, 'people', {
        ...before,
        contacts: [...before.contacts, ...added],
      });
      return { people, known, fresh: added.map((_, index) => before.contacts.length + index) };
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
  const withheld = new Set<number>();
  const unreadable = new Set<number>();
  let unnamed = 0;
  let bytes = 0;
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
      for (const id of page.withheld) withheld.add(id);
      for (const id of page.unreadable) unreadable.add(id);
      unnamed += page.unnamed;
    },
    end(): Listing {
      for (const id of records.keys()) unreadable.delete(id); // another reading of the row succeeded
      return {
        ids: [...ids],
        records: [...records.values()],
        withheld: [...withheld],
        unreadable: [...unreadable],
        unnamed,
      };
    },
  };
}

/** The counts of a list: the only facts that a workflow receives of it. */
export function listCounts({ ids, records, withheld, unreadable, unnamed }: Listing) {
  return {
    distinct: new Set(ids).size + unnamed,
    records: records.length,
    withheld: withheld.length,
    unreadable: unreadable.length + unnamed,
  };
}

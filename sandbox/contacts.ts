/**
 * The contacts of one company: the present ones, and those that the lagging search index still, or not yet, shows.
 * It must never show a private contact to the API. Facts: docs/aircall.md 6 and 8.
 */
import type { Behaviour } from './behaviour';
import { digitsOf } from './phones';
import type { ContactRecord } from './wire';

/** A detail is a value, or a value with its label. */
export type DetailInput = string | { readonly label: string; readonly value: string };

/** Omitted fields are null, empty, or, for `is_shared`, true. */
export interface ContactInput {
  readonly first_name?: string | null;
  readonly last_name?: string | null;
  readonly information?: string | null;
  readonly company_name?: string | null;
  readonly is_shared?: boolean;
  readonly phone_numbers?: readonly DetailInput[];
  readonly emails?: readonly DetailInput[];
}

export interface ContactFilter {
  readonly email: string | null;
  readonly phoneNumber: string | null;
}

export interface Contacts {
  /** Everything that exists, oldest first. */
  all(): ContactRecord[];
  /** The contact in the form of the list. */
  shared(): ContactRecord[];
  search(filter: ContactFilter, behaviour: Behaviour): ContactRecord[];
  get(id: number): ContactRecord | undefined;
  /** Whether it existed once. */
  isDeleted(id: number): boolean;
  add(input: ContactInput): ContactRecord;
  /** Omitted fields stay; given details replace all present ones. */
  update(id: number, input: ContactInput): ContactRecord | undefined;
  remove(id: number): boolean;
}

/** Times in ms epoch; a row stays after the deletion, for the index. */
interface Row {
  record: ContactRecord;
  readonly addedAt: number;
  deletedAt: number;
}

export function createContacts(seed: readonly ContactRecord[], now: () => number): Contacts {
  const rows = new Map<number, Row>();
  for (const record of seed) rows.set(record.id, { record, addedAt: -Infinity, deletedAt: Infinity });
  let lastId = Math.max(
    0,
    ...seed.flatMap(each => [each.id, ...each.emails.map(e => e.id), ...each.phone_numbers.map(p => p.id)]),
  );

  const existing = (id: number) => {
    const row = rows.get(id);
    return row === undefined || row.deletedAt !== Infinity ? undefined : row;
  };
  const all = () => [...rows.values()].filter(row => row.deletedAt === Infinity).map(row => row.record);
  const details = (given: readonly DetailInput[] | undefined) =>
    (given ?? []).map(each => {
      lastId += 1;
      return {
        id: lastId,
        ...(typeof each === 'string' ? { label: 'Work', value: each } : { label: each.label, value: each.value }),
      };
    });

  return {
    all,
    shared: () => all().filter(record => record.is_shared),
    get: id => existing(id)?.record,
    isDeleted: id => rows.has(id) && existing(id) === undefined,

    search(filter, behaviour) {
      const indexedAt = now() - behaviour.searchLagMs;
      const fits = matcher(filter, behaviour.search);
      return [...rows.values()]
        .filter(row => row.addedAt <= indexedAt && row.deletedAt > indexedAt)
        .map(row => row.record)
        .filter(record => record.is_shared && !behaviour.hideFromSearch.includes(record.id) && fits(record));
    },

    add(input) {
      lastId += 1;
      const at = Math.floor(now() / 1_000);
      const record: ContactRecord = {
        id: lastId,
        created_at: at,
        updated_at: at,
        first_name: input.first_name ?? null,
        last_name: input.last_name ?? null,
        information: input.information ?? null,
        company_name: input.company_name ?? null,
        is_shared: input.is_shared ?? true,
        phone_numbers: details(input.phone_numbers),
        emails: details(input.emails),
      };
      rows.set(record.id, { record, addedAt: now(), deletedAt: Infinity });
      return record;
    },

    update(id, { first_name, last_name, information, company_name, emails, phone_numbers }) {
      const row = existing(id);
      if (row === undefined) return undefined;
      row.record = {
        ...row.record,
        updated_at: Math.floor(now() / 1_000),
        ...(first_name === undefined ? {} : { first_name }),
        ...(last_name === undefined ? {} : { last_name }),
        ...(information === undefined ? {} : { information }),
        ...(company_name === undefined ? {} : { company_name }),
        ...(emails === undefined ? {} : { emails: details(emails) }),
        ...(phone_numbers === undefined ? {} : { phone_numbers: details(phone_numbers) }),
      };
      return row.record;
    },

    remove(id) {
      const row = existing(id);
      if (row !== undefined) row.deletedAt = now();
      return row !== undefined;
    },
  };
}

/** Unverified: an empty value counts as no filter, and two filters must both hold. */
function matcher(
  { email, phoneNumber }: ContactFilter,
  mode: Behaviour['search'],
): (contact: ContactRecord) => boolean {
  if (mode === 'ignores-filter') return () => true;
  const digits = phoneNumber === null ? '' : digitsOf(phoneNumber);
  const fitsEmail = emailMatcher(email ?? '', mode);
  return contact =>
    ((email ?? '') === '' || contact.emails.some(each => fitsEmail(each.value))) &&
    ((phoneNumber ?? '') === '' ||
      (digits !== '' && contact.phone_numbers.some(each => digitsOf(each.value) === digits)));
}

function emailMatcher(wanted: string, mode: Behaviour['search']): (value: string) => boolean {
  if (mode === 'case-sensitive') return value => value === wanted;
  const folded = wanted.toLowerCase();
  return mode === 'substring' ? value => value.toLowerCase().includes(folded) : value => value.toLowerCase() === folded;
}

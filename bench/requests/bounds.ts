/**
 * The fewest API requests that a request can do with, and those of a client that lists everything, counted from the data
 * that the sandbox was given. Pure; it must never ask the service's own matching.
 */
import type { CompanySeed } from '../../sandbox';
import { PER_PAGE } from '../../src/request/paging';

/** Rows of a page: Aircall's maximum. */
/** Older calls are not served. */
const HISTORY_SECONDS = 182 * 86_400;

export interface Bounds {
  readonly byNumber: number;
  readonly company: number;
  readonly deletion: number;
  /** All contacts and all calls. */
  readonly listEverything: number;
}

/** `email` as the request gives it; `nowMs` is when the calls are fetched. */
export function boundsOf(seed: CompanySeed, email: string, nowMs: number): Bounds {
  const contacts = seed.contacts.filter(({ id }) => seed.truth.contactIds.includes(id));
  const numbers = new Set(contacts.flatMap(({ phone_numbers }) => phone_numbers.map(({ value }) => digitsOf(value))));
  const served = seed.calls.filter(({ started_at }) => started_at > nowMs / 1000 - HISTORY_SECONDS);
  const matches = [...numbers].map(digits => served.filter(({ raw_digits }) => digitsOf(raw_digits) === digits).length);
  // Aircall's search may heed letter case: an address with capitals is searched for in lower case too.
  const searches = email === email.toLowerCase() ? 1 : 2;
  return {
    byNumber: searches + matches.reduce((sum, rows) => sum + pagesOf(rows), 0),
    company: searches + pagesOf(served.length),
    deletion: searches + contacts.length + searches,
    listEverything: pagesOf(seed.contacts.filter(({ is_shared }) => is_shared).length) + pagesOf(served.length),
  };
}

/** That a list is empty is known from its first page. */
function pagesOf(rows: number): number {
  return Math.max(1, Math.ceil(rows / PER_PAGE));
}

/** The subject has called more: calls with nobody known become hers, on her first number, until it has `calls`. @throws where there are too few */
export function withCallsOfSubject(seed: CompanySeed, calls: number): CompanySeed {
  const own = seed.contacts.find(({ id }) => id === seed.truth.contactIds[0])?.phone_numbers[0]?.value ?? '';
  const known = seed.calls.filter(
    ({ id, raw_digits }) => digitsOf(raw_digits) === digitsOf(own) && seed.truth.callIds.includes(id),
  ).length;
  const hers = new Set(seed.truth.callIds);
  const more = new Set(
    seed.calls
      .filter(({ id, contactId, ended_at, raw_digits }) => {
        return contactId === null && ended_at !== null && digitsOf(raw_digits) !== '' && !hers.has(id);
      })
      .map(({ id }) => id)
      .slice(0, Math.max(0, calls - known)),
  );
  if (known + more.size < calls) throw new RangeError('the company has too few calls with nobody known');
  return {
    ...seed,
    calls: seed.calls.map(call => (more.has(call.id) ? { ...call, raw_digits: own } : call)),
    truth: { ...seed.truth, callIds: [...seed.truth.callIds, ...more] },
  };
}

function digitsOf(value: string): string {
  return value.replace(/\D/g, '');
}

/**
 * Finds the subject in Aircall: the contacts that bear an address or a number of the subject, and whose they are. All of them are known
 * before anything is done with one: a card changes what is judged of others. Decisions D5, D15.
 */
import type { CaseRef, Numbers, People } from '../request/contracts';
import { isSeenWhole, type ListedSource, readLists } from './listing';
import type { List } from './pages';
import type { RequestRun } from './run';

/** The subject, and the numbers whose cards were looked for: a later search looks for the same. */
export interface Found extends People {
  readonly known: CaseRef;
}

/** Undefined if no page of the search could be read: then nothing is known, and the request fails. */
export async function findPeople(run: RequestRun): Promise<Found | undefined> {
  const { findings, opened } = run;
  const { request, subject } = opened;
  const search = opened.contacts === 'company' ? listContacts : searchContacts;
  const { listed, numbers, areAllByAddress } = await search(run);
  const by = opened.contacts === 'company' ? { by: opened.contacts } : {};
  findings.cover({ contacts: { state: listed.state, gaps: listed.gaps, ...by } });
  findings.noteUnreadable('contacts', listed.unreadable);
  if (listed.state === 'failed') {
    const code = listed.gaps[0]?.code ?? 'unexpected-reply';
    findings.failure = { code, message: 'the contact search never finished; see docs/errors.md' };
    return undefined;
  }
  const known = numbers.numbers;
  const people = await run.local.judgePeople({
    request,
    subject,
    numbers: known,
    contacts: listed.object,
    areAllByAddress,
    areAll: listed.state === 'complete',
  });
  return { ...people, known };
}

/** All contacts that were found for people who are known: their addresses and numbers, or all of the company, are looked through again. */
export async function searchAgain(run: RequestRun, { known, spellings }: Found): Promise<ListedSource> {
  const { subject, contacts } = run.opened;
  if (contacts === 'company') return readLists(run, 'contacts', [companyList(subject, known)], {});
  const byNumber = byNumbers(run, known, placesTo(spellings));
  return readLists(run, 'contacts', [...byAddresses(run), ...byNumber], {});
}

interface Search {
  readonly listed: ListedSource;
  readonly numbers: Numbers;
  /** Whether every contact under an address of the subject was seen. */
  readonly areAllByAddress: boolean;
}

/**
 * By each spelling of an address, then by each spelling of the numbers that the contacts have, until none is new: a contact may be
 * found by its number only.
 */
async function searchContacts(run: RequestRun): Promise<Search> {
  let listed = await readLists(run, 'contacts', byAddresses(run), {});
  const areAllByAddress = isSeenWhole(listed);
  let numbers = await identify(run, listed);
  while (numbers.unsearched.length > 0 && listed.state !== 'failed') {
    listed = await readLists(
      run,
      'contacts',
      byNumbers(run, numbers.numbers, numbers.unsearched),
      {},
      { before: listed },
    );
    numbers = await identify(run, listed, numbers);
  }
  return { listed, numbers, areAllByAddress };
}

/** All contacts of the company; once more if the contacts have numbers that the request does not name. */
async function listContacts(run: RequestRun): Promise<Search> {
  const { subject } = run.opened;
  const first = await readLists(run, 'contacts', [companyList(subject)], {});
  const numbers = await identify(run, first);
  const areAllByAddress = isSeenWhole(first);
  if (numbers.found === 0 || first.state === 'failed') return { listed: first, numbers, areAllByAddress };
  const listed = await readLists(run, 'contacts', [companyList(subject, numbers.numbers)], {}, { before: first });
  return { listed, numbers, areAllByAddress };
}

function identify(run: RequestRun, { object }: ListedSource, before?: Numbers): Promise<Numbers> {
  const { request, subject } = run.opened;
  return run.local.identifyNumbers({ request, subject, contacts: object, ...(before && { before: before.numbers }) });
}

function byAddresses({ opened: { subject, spellings } }: RequestRun): List[] {
  return placesTo(spellings).map((place): List => ({ of: 'contacts', subject, by: 'address', place }));
}

function byNumbers({ opened: { subject } }: RequestRun, numbers: CaseRef, places: readonly number[]): List[] {
  return places.map((place): List => ({ of: 'contacts', subject, numbers, by: 'number', place }));
}

function companyList(subject: CaseRef, numbers?: CaseRef): List {
  return { of: 'contacts', subject, ...(numbers && { numbers }), by: 'company', place: 0 };
}

function placesTo(count: number): number[] {
  return Array.from({ length: count }, (_, place) => place);
}

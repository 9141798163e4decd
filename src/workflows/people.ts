/**
 * Finds the subject in Aircall: the contacts that hold the subject's address in any searched spelling.
 * All of them are known before anything is done with one. Decision D5.
 */
import type { People } from '../request/contracts';
import { type ListedSource, readLists } from './listing';
import type { List } from './pages';
import type { RequestRun } from './run';

export async function searchContacts(run: RequestRun): Promise<ListedSource> {
  const { subject, spellings } = run.opened;
  const lists = Array.from({ length: spellings }, (_, spelling): List => ({ of: 'contacts', subject, spelling }));
  return readLists(run, 'contacts', lists, {});
}

/** Undefined if no page of the search could be read: then nothing is known, and the request fails. */
export async function findPeople(run: RequestRun): Promise<People | undefined> {
  const { request, subject } = run.opened;
  const { findings } = run;
  const found = await searchContacts(run);
  findings.cover({ contacts: { state: found.state, gaps: found.gaps } });
  findings.noteUnreadable('contacts', found.unreadable);
  if (found.state === 'failed') {
    const code = found.gaps[0]?.code ?? 'unexpected-reply';
    findings.failure = { code, message: 'the contact search never finished; see docs/errors.md' };
    return undefined;
  }
  const people = await run.local.identifyPeople({ request, subject, contacts: found.object });
  findings.found('contacts', people.contacts);
  return people;
}

/** Steps that read one page of a list at Aircall and keep the subject's records. Decisions D1, D5, D6. */
import { ENDPOINTS } from '../aircall/endpoints';
import { readPage } from '../aircall/replies';
import { callSchema, contactSchema } from '../aircall/schemas';
import { bearsAddress, emailSpellings } from '../judgement/addresses';
import { createCallJudge } from '../judgement/calls';
import type { ApiActivities, Window } from '../request/contracts';
import type { RequestRef } from '../request/names';
import { PER_PAGE } from '../request/paging';
import type { SourceName } from '../request/sources';
import { CaseFileBroken } from '../vault/cases';
import { type ApiStepDependencies, sendOnce } from './api-step';
import { type Listing, readObject, writeObject } from './case-objects';
import { listCounts } from './lists';

export function createReadActivities(
  dependencies: ApiStepDependencies,
): Pick<ApiActivities, 'searchContacts' | 'fetchCalls'> {
  const { cases } = dependencies;

  async function store(request: RequestRef, of: SourceName, list: Listing) {
    return { object: await writeObject(cases, request, of, list), ...listCounts(list) };
  }

  return {
    /** One page of the contact search. Every returned contact is kept only if one of its own addresses is the subject's. */
    async searchContacts({ request, subject, spelling, window, page }) {
      const { email } = await readObject(cases, request, subject, 'subject');
      const endpoint = ENDPOINTS.searchContacts;
      const query = { email: emailSpellings(email)[spelling] ?? email, ...pageQuery(window, page, 0) };
      return sendOnce(dependencies, request.connection, { endpoint, query }, async body => {
        const { records, rows, total, ...seen } = readPage(endpoint, contactSchema, body);
        const own = records.filter(contact => bearsAddress(contact, [email]));
        const listing = { ...seen, records: own, withheld: [] };
        return { rows, total, ...(await store(request, 'contacts', listing)) };
      });
    },

    /** One page of calls, by one of the subject's numbers or of the whole company; the same calls are kept either way. */
    async fetchCalls({ request, people, number, window, page }) {
      const { contacts, numbers } = await readObject(cases, request, people, 'people');
      const endpoint = number === null ? ENDPOINTS.listCalls : ENDPOINTS.searchCalls;
      const searched = number === null ? undefined : numbers[number];
      // A search without its filter lists every call of the company.
      if (number !== null && searched === undefined)
        throw new CaseFileBroken('case-file-broken', 'The case file has no such number.');
      const query = {
        ...(searched === undefined ? {} : { phone_number: searched.query }),
        ...pageQuery(window, page, -1),
      };
      const judge = createCallJudge(
        {
          contacts: contacts.map(card => ({ card, because: [] })),
          numbers: numbers.map(({ digits, query }) => ({ digits, spellings: [query] })),
          ignored: 0,
          withoutCountry: 0,
          beyond: 0,
        },
        undefined,
      );
      return sendOnce(dependencies, request.connection, { endpoint, query }, async body => {
        const { records, rows, total, ...seen } = readPage(endpoint, callSchema, body);
        const judged = records.map(call => ({ call, verdict: judge(call) }));
        const listing = {
          ...seen,
          records: judged.flatMap(({ call, verdict }) => (verdict && !verdict.doubt ? [call] : [])),
          withheld: judged.flatMap(({ call, verdict }) => (verdict?.doubt ? [call.id] : [])),
        };
        return { rows, total, ...(await store(request, 'calls', listing)) };
      });
    },
  };
}

/** Calls start after `from`, contacts at or after it (measured): `fromShift` makes both inclusive. */
function pageQuery({ from, to }: Window, page: number, fromShift: number): Record<string, string> {
  return {
    ...(from === undefined ? {} : { from: String(from + fromShift) }),
    ...(to === undefined ? {} : { to: String(to) }),
    page: String(page),
    per_page: String(PER_PAGE),
  };
}

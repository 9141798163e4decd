/** Steps that read one page of a list at Aircall and keep the records that are, or may be, the subject's. Decisions D1, D5, D6. */
import { activityInfo } from '@temporalio/activity';
import type { z } from 'zod';
import { ENDPOINTS } from '../aircall/endpoints';
import { isSpoken, linkOf, type MediaKind, stripLinks } from '../aircall/links';
import { readPage } from '../aircall/replies';
import { callSchema, contactSchema } from '../aircall/schemas';
import { bearsAddress } from '../judgement/addresses';
import { bearsNumber, knownNumbers } from '../judgement/cards';
import { hasOtherVoices } from '../judgement/voices';
import type { ApiActivities, Window } from '../request/contracts';
import { searchedAddresses } from '../request/identities';
import type { RequestRef } from '../request/names';
import { PER_PAGE } from '../request/paging';
import type { ListName } from '../request/sources';
import { CaseFileBroken } from '../vault/cases';
import { type ApiStepDependencies, sendOnce } from './api-step';
import { fileName, type Listing, type Read, readObject, writeObject } from './case-objects';
import { callJudgeOf, spellingsOf } from './judging';
import { listCounts } from './lists';

export function createReadActivities(
  dependencies: ApiStepDependencies,
): Pick<ApiActivities, 'searchContacts' | 'fetchCalls'> {
  const { cases } = dependencies;

  async function store(request: RequestRef, of: ListName, list: Listing) {
    const stored = { ...list, records: list.records.map(record => stripLinks(of, record)) };
    return { object: await writeObject(cases, request, of, stored), ...listCounts(list) };
  }

  /** Apart from the calls, for the download: an object without any is not written. */
  async function sealLinks(request: RequestRef, links: Read['links']) {
    if (links.length === 0) return {};
    return { links: { object: await writeObject(cases, request, 'links', links), count: links.length } };
  }

  /** Those of files that no other page has named before: of two lists with the same calls one has them downloaded. */
  async function firstNamed(request: RequestRef, links: Read['links']): Promise<Read['links']> {
    const { workflowExecution, activityId } = activityInfo();
    const page = `${workflowExecution?.workflowId} ${activityId}`;
    const own = new Set(await cases.claim(request, page, links.map(fileName)));
    return links.filter(link => own.has(fileName(link)));
  }

  return {
    /**
     * One page of contacts, by a spelling of an address or a number, or of the whole company. However it was asked for, a contact is
     * kept only if it bears an address or a known number of the subject itself.
     */
    async searchContacts({ request, subject, numbers, by, place, window, page }) {
      const identities = await readObject(cases, request, subject, 'subject');
      const known = numbers && (await readObject(cases, request, numbers, 'numbers'));
      const searched = {
        address: searchedAddresses(identities.emails),
        number: spellingsOf(known?.numbers ?? []),
        company: [],
      }[by];
      const filter = FILTERS[by] === undefined ? {} : { [FILTERS[by]]: spellingAt(searched, place) };
      const endpoint = by === 'company' ? ENDPOINTS.listContacts : ENDPOINTS.searchContacts;
      const query = { ...filter, ...pageQuery(window, page, 0) };
      return sendOnce(dependencies, request.connection, { endpoint, query }, async (body, { connection, readMs }) => {
        const { records, rows, total, ...seen } = readPage(endpoint, contactSchema, body);
        const country = known === undefined ? connection.country : known.country;
        const given = known ?? knownNumbers(identities, [], country);
        const own = records.filter(
          card => bearsAddress(card, identities.emails) || bearsNumber(card, given.numbers, country),
        );
        return { rows, total, ...(await store(request, 'contacts', { ...seen, records: own, readMs })) };
      });
    },

    /**
     * One page of calls, by one spelling of the subject's numbers or of the whole company; the same calls are kept either way. Sealed
     * are links of calls that are certain, but for recordings in which others may be heard: of the others people decide first.
     */
    async fetchCalls({ request, people, number, window, page, audio = [] }) {
      const judged = await readObject(cases, request, people, 'people');
      const endpoint = number === null ? ENDPOINTS.listCalls : ENDPOINTS.searchCalls;
      const filter = number === null ? {} : { phone_number: spellingAt(spellingsOf(judged.numbers), number) };
      const query = { ...filter, ...pageQuery(window, page, -1) };
      return sendOnce(dependencies, request.connection, { endpoint, query }, async (body, { readMs }) => {
        const { records, rows, total, ...seen } = readPage(endpoint, callSchema, body);
        const judge = callJudgeOf(judged);
        const own = records.filter(call => judge(call) !== undefined);
        const certain = own.filter(call => judge(call)?.doubt === undefined);
        const spoken = own.filter(isSpoken).length;
        const stored = await store(request, 'calls', { ...seen, records: own, readMs });
        const links = linksOf(certain, audio);
        const isListedTwice = number !== null && judged.numbers.some(({ spellings }) => spellings.length > 1);
        // Last: a step that fails before is taken again, and would leave live links until the request ends.
        const sealed = await sealLinks(request, isListedTwice ? await firstNamed(request, links) : links);
        return { rows, total, ...stored, spoken, ...sealed };
      });
    },
  };
}

type CallRead = z.infer<typeof callSchema>;

/** Links to files of calls, but for recordings in which others may be heard. */
function linksOf(calls: readonly CallRead[], kinds: readonly MediaKind[]): Read['links'] {
  return calls.flatMap(call =>
    kinds.flatMap(kind => {
      const url = linkOf(call, kind);
      const isShared = kind === 'recording' && hasOtherVoices(call);
      return url === undefined || isShared ? [] : [{ call: call.id, kind, url }];
    }),
  );
}

const FILTERS = { address: 'email', number: 'phone_number', company: undefined } as const;

/** A search without its filter lists every record of the company. @throws {CaseFileBroken} */
function spellingAt(spellings: readonly string[], place: number): string {
  const spelling = spellings[place];
  if (spelling === undefined || spelling === '')
    throw new CaseFileBroken('case-file-broken', 'The case file has nothing to search for at this place.');
  return spelling;
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

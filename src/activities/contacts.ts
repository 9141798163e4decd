/**
 * Steps about one contact at Aircall: read it, and delete it. A contact is deleted only if the plan of the request takes it, and only
 * while its last reading is fresh: somebody may have made it another person's meanwhile. Decisions D1, D5, D11.
 */
import { ENDPOINTS } from '../aircall/endpoints';
import { AircallError } from '../aircall/errors';
import { readRecord } from '../aircall/replies';
import { contactSchema, rowIdSchema } from '../aircall/schemas';
import { isUnchanged } from '../judgement/unchanged';
import type { ApiActivities } from '../request/contracts';
import type { RequestRef } from '../request/names';
import { recordName } from '../request/sources';
import { CaseFileBroken, type CaseRef, type Cases } from '../vault/cases';
import { type ApiStepDependencies, nowMs, sendOnce, stepFailure, stepProgress } from './api-step';
import type { ApprovedDependencies } from './approved';
import { type BrakeDependencies, fullUntil } from './braking';
import { type Read, readObject, writeObject } from './case-objects';
import { readDecided } from './judging';

/** Of the last reading of a contact that is deleted. */
const READING_AGE_MS_MAX = 120_000;

export interface ContactDependencies extends ApiStepDependencies, ApprovedDependencies, BrakeDependencies {}

type Judged = Read['people']['contacts'][number];

export function createContactActivities(
  dependencies: ContactDependencies,
): Pick<ApiActivities, 'deleteContact' | 'getContact'> {
  const { cases, serverTime } = dependencies;
  return {
    /**
     * Deletes one contact that the plan takes. 404 means that it is deleted: by us, if the reply of an earlier attempt was lost.
     * @throws {ApplicationFailure} `read-first`: its last reading is too old; `deletion-not-asked`: the plan keeps it;
     * `not-approved`; `daily-brake`: the connection has no place for it now
     */
    async deleteContact({ request, people, plan, approval, contact, reading }) {
      const { card, readMs } = await judgedContact(cases, request, { people, contact });
      const row = (await readDecided(dependencies, request, { plan, approval }, true)).find(
        ({ ref }) => ref === recordName('contacts', contact),
      );
      const { sent, uncertain } = stepProgress();
      const detail = { apiRequests: sent, credentialVersion: 0, uncertain };
      if (row?.verb !== 'delete' || row.id !== card.id || row.decision !== 'take')
        throw stepFailure('deletion-not-asked', 'the plan does not take this contact', detail);
      const last =
        reading === undefined ? { readMs, asJudged: true } : await readingOf(cases, request, reading, card.id);
      if (!last.asJudged || nowMs(serverTime) - last.readMs > READING_AGE_MS_MAX)
        throw stepFailure('read-first', 'the contact was not read for two minutes', detail);
      if ((await fullUntil(dependencies, request, card.id)) !== undefined)
        throw stepFailure('daily-brake', 'the connection allows no more deletions for now', detail);
      return sendOnce<{ outcome: 'deleted' | 'already-absent' }>(
        dependencies,
        request.connection,
        { endpoint: ENDPOINTS.deleteContact, id: card.id },
        () => ({ outcome: 'deleted' }),
        (error, answered) =>
          error.code === 'not-found' ? { outcome: answered.uncertain ? 'deleted' : 'already-absent' } : undefined,
      );
    },

    /** Reads one contact, independent of the search index: whether it still exists, and is what was judged. */
    async getContact({ request, people, contact }) {
      const { card } = await judgedContact(cases, request, { people, contact });
      const endpoint = ENDPOINTS.getContact;
      return sendOnce<{ present: 'as-judged' | 'changed' | 'no'; reading?: CaseRef }>(
        dependencies,
        request.connection,
        { endpoint, id: card.id },
        async (body, { readMs }) => {
          const now = readCard(body);
          const asJudged = now !== undefined && isUnchanged(card, now);
          const reading = await writeObject(cases, request, 'reading', { id: card.id, readMs, asJudged });
          return { present: asJudged ? 'as-judged' : 'changed', reading };
        },
        error => (error.code === 'not-found' ? { present: 'no' } : undefined),
      );
    },
  };
}

/** Undefined if it is a contact that cannot be read: it exists, and nobody knows whose it is. @throws {AircallError} if it is none */
function readCard(body: unknown) {
  const endpoint = ENDPOINTS.getContact;
  try {
    return readRecord(endpoint, contactSchema, body);
  } catch (error) {
    if (!(error instanceof AircallError)) throw error;
    readRecord(endpoint, rowIdSchema, body);
    return undefined;
  }
}

async function judgedContact(
  cases: Cases,
  request: RequestRef,
  { people, contact }: { readonly people: CaseRef; readonly contact: number },
): Promise<Judged> {
  const judged = (await readObject(cases, request, people, 'people')).contacts[contact];
  if (judged === undefined) throw new CaseFileBroken('case-file-broken', 'The case file has no such contact.');
  return judged;
}

async function readingOf(cases: Cases, request: RequestRef, ref: CaseRef, id: number): Promise<Read['reading']> {
  const reading = await readObject(cases, request, ref, 'reading');
  if (reading.id !== id) throw new CaseFileBroken('case-file-broken', 'The case file has another contact here.');
  return reading;
}

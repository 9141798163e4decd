/** Steps about one contact at Aircall: delete it, and check whether it still exists. Decisions D1, D11. */
import { ENDPOINTS } from '../aircall/endpoints';
import { readRecord } from '../aircall/replies';
import { rowIdSchema } from '../aircall/schemas';
import type { ApiActivities } from '../request/contracts';
import type { RequestRef } from '../request/names';
import { CaseFileBroken, type CaseRef, type Cases } from '../vault/cases';
import { type ApiStepDependencies, sendOnce } from './api-step';
import { readObject } from './case-objects';

export function createContactActivities(
  dependencies: ApiStepDependencies,
): Pick<ApiActivities, 'deleteContact' | 'getContact'> {
  const { cases } = dependencies;
  return {
    /** Deletes one contact. 404 means that it is deleted: by us, if the reply of an earlier attempt was lost. */
    async deleteContact({ request, people, contact }) {
      const id = await contactId(cases, request, people, contact);
      return sendOnce<{ outcome: 'deleted' | 'already-absent' }>(
        dependencies,
        request.connection,
        { endpoint: ENDPOINTS.deleteContact, id },
        () => ({ outcome: 'deleted' }),
        (error, { uncertain }) =>
          error.code === 'not-found' ? { outcome: uncertain ? 'deleted' : 'already-absent' } : undefined,
      );
    },

    /** Whether one contact still exists, independent of the search index. */
    async getContact({ request, people, contact }) {
      const id = await contactId(cases, request, people, contact);
      const endpoint = ENDPOINTS.getContact;
      return sendOnce<{ present: boolean }>(
        dependencies,
        request.connection,
        { endpoint, id },
        body => {
          readRecord(endpoint, rowIdSchema, body);
          return { present: true };
        },
        error => (error.code === 'not-found' ? { present: false } : undefined),
      );
    },
  };
}

async function contactId(cases: Cases, request: RequestRef, people: CaseRef, contact: number): Promise<number> {
  const { contacts } = await readObject(cases, request, people, 'people');
  const id = contacts[contact]?.id;
  if (id === undefined) throw new CaseFileBroken('case-file-broken', 'The case file has no such contact.');
  return id;
}

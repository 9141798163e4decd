/**
 * The steps that call Aircall: one API request each, on the connection's own task queue. They read the subject
 * from the case file, write their findings there, and return counts and references. Decisions D1, D5, D6, D7.
 */
import type { ApiActivities } from '../request/contracts';
import { type ContactDependencies, createContactActivities } from './contacts';
import { createCredentialActivities } from './credentials';
import { createIntelligenceActivities } from './intelligence';
import { createReadActivities } from './reading';

export function createApiActivities(dependencies: ContactDependencies): ApiActivities {
  return {
    ...createReadActivities(dependencies),
    ...createContactActivities(dependencies),
    ...createCredentialActivities(dependencies),
    ...createIntelligenceActivities(dependencies),
  };
}

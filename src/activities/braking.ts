/**
 * The brake on deletions of a company: a place for each contact before its DELETE, and the wait for one. It believes no workflow's
 * count. Decision D16.
 */
import type { LocalActivities } from '../request/contracts';
import type { RequestRef } from '../request/names';
import type { Brake } from '../vault/brake';
import type { Cases } from '../vault/cases';
import type { Connections } from '../vault/connections';
import { attemptedMs, refuseEnded } from './api-step';
import { readObject } from './case-objects';
import { NOTHING_SENT } from './local-step';
import { createLooks, type LookDependencies } from './looks';

export interface BrakeDependencies extends LookDependencies {
  readonly cases: Cases;
  readonly connections: Connections;
  readonly brake: Brake;
}

/** Takes the place of a contact. @returns undefined if it has one; else when the next one may be free, UNIX ms */
export async function fullUntil(
  { connections, brake }: Pick<BrakeDependencies, 'connections' | 'brake'>,
  { connection }: RequestRef,
  contactId: number,
): Promise<number | undefined> {
  const perDay = (await connections.get(connection))?.value.deletionsPerDay;
  return perDay === undefined ? undefined : brake.take(connection, contactId, perDay, attemptedMs());
}

export function createBrakeActivities(
  dependencies: BrakeDependencies,
): Pick<LocalActivities, 'brakeUntil' | 'awaitPlace'> {
  const { cases, connections, brake } = dependencies;
  const { awaited } = createLooks(dependencies);
  return {
    /** When a request that waits may go on, for its status. */
    async brakeUntil({ connection, nowMs }) {
      const perDay = (await connections.get(connection))?.value.deletionsPerDay;
      return untilOf(perDay === undefined ? undefined : await brake.freeAt(connection, perDay, nowMs));
    },

    /**
     * Ends when the contact has its place, or when others took the one that was to be free at `until`; until then Temporal repeats
     * it, at that time or earlier.
     */
    async awaitPlace({ request, people, contact, until }) {
      await refuseEnded(cases, request, 'a-minute-ago', NOTHING_SENT);
      const id = (await readObject(cases, request, people, 'people')).contacts[contact]?.card.id;
      const untilMs = id === undefined ? undefined : await fullUntil(dependencies, request, id);
      if (untilMs === undefined || untilMs > Date.parse(until)) return untilOf(untilMs);
      throw awaited('place-awaited', 'a place within the deletions of a day', untilMs - attemptedMs());
    },
  };
}

function untilOf(ms: number | undefined) {
  return ms === undefined ? {} : { until: new Date(ms).toISOString() };
}

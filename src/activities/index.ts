/**
 * All steps of a request, made from what they need. Each is wrapped so that whatever it throws leaves it as a typed
 * failure whose message holds no value. Workflows know these by type only.
 */
import { type ApiActivities, type ApiDependencies, createApiActivities } from './api-activities';
import { localFailure, requestsSent } from './api-step';
import { createLocalActivities, type LocalActivities, type LocalDependencies } from './local-activities';

export type { CaseRef, StepProgress } from '../vault/cases';
export type { Window } from './api-activities';
export type { Alarms, Merged, Opened, People, RaisedAlarm } from './local-activities';
export type { ApiActivities, LocalActivities };

export interface ActivityDependencies extends ApiDependencies, LocalDependencies {}

export function createActivities(dependencies: ActivityDependencies): { api: ApiActivities; local: LocalActivities } {
  return { api: typed(createApiActivities(dependencies)), local: typed(createLocalActivities(dependencies)) };
}

function typed<T extends object>(activities: T): T {
  return new Proxy(activities, {
    get(target, name, receiver) {
      const step: unknown = Reflect.get(target, name, receiver);
      if (typeof step !== 'function') return step;
      return async (...input: unknown[]) => {
        try {
          return await Reflect.apply(step, target, input);
        } catch (error) {
          throw localFailure(error, requestsSent());
        }
      };
    },
  });
}

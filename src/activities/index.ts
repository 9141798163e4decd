/**
 * All steps of a request, made from their dependencies. Each is wrapped so that any error leaves it as a typed
 * failure whose message holds no value. Workflows know them by src/request/contracts.ts.
 */
import { type Returned, returned } from '../request/addressed';
import {
  type ApiActivities,
  argumentsIn,
  type LocalActivities,
  type RetentionActivities,
  type WakingActivities,
} from '../request/contracts';
import { requestRefShape, workflowIdOf } from '../request/names';
import { object } from '../request/shapes';
import { createApiActivities } from './api-activities';
import { type ApiStepDependencies, localFailure, requestsSent, stepFailure } from './api-step';
import { createApprovalActivities } from './approvals';
import { type AudioDependencies, createAudioActivities } from './audio';
import { type BrakeDependencies, createBrakeActivities } from './braking';
import { type ClosingDependencies, createClosingActivities } from './closing';
import { createJudgingActivities } from './judging';
import { createListActivities } from './lists';
import { NOTHING_SENT, requestOfStep } from './local-step';
import { createOpeningActivities, type OpeningDependencies } from './opening';
import { createPackageActivities, type PackageDependencies } from './packaging';
import { createSpokenActivities } from './spoken';
import { leftBehindWhenStopped } from './stopping';
import { createWaitActivities, type WaitDependencies } from './waiting';

export type { RaisedAlarm } from '../request/contracts';
export type { Alarms } from './closing';

const forRequest = object({ request: requestRefShape });

interface LocalDependencies
  extends OpeningDependencies,
    WaitDependencies,
    ClosingDependencies,
    AudioDependencies,
    PackageDependencies,
    BrakeDependencies {}
export interface ActivityDependencies extends ApiStepDependencies, LocalDependencies {}

export function createActivities(dependencies: ActivityDependencies): { api: ApiActivities; local: LocalActivities } {
  return { api: typed(createApiActivities(dependencies)), local: typed(createLocalActivities(dependencies)) };
}

/**
 * The steps that use only the vault. They run on the main task queue, so that they never use a company's budget; small
 * ones run within the workflow task.
 */
function createLocalActivities(dependencies: LocalDependencies): LocalActivities {
  const closing = createClosingActivities(dependencies);
  return {
    ...createOpeningActivities(dependencies, closing.closeRequest),
    ...createListActivities(dependencies),
    ...createJudgingActivities(dependencies),
    ...createSpokenActivities(dependencies),
    ...createAudioActivities(dependencies),
    ...createPackageActivities(dependencies),
    ...createWaitActivities(dependencies),
    ...createApprovalActivities(dependencies),
    ...createBrakeActivities(dependencies),
    ...closing,
  };
}

/**
 * The steps as a worker registers them: each takes only what is addressed to it and has its shape, its result says whose it is, and
 * it ends when its worker ends.
 */
export function registered(
  steps: Partial<ApiActivities & LocalActivities & RetentionActivities & WakingActivities>,
): Record<string, (message: unknown) => Promise<Returned>> {
  const entries = Object.keys(steps).map(name => {
    const step: unknown = Reflect.get(steps, name);
    if (typeof step !== 'function') throw new TypeError(`${name} is no step`);
    return [
      name,
      async (message: unknown) => {
        const input = argumentsIn(name, message);
        if (input === undefined || isForAnother(input[0]))
          throw stepFailure('payload-unusable', 'what this step was given was not made for it', NOTHING_SENT);
        return returned(name, await leftBehindWhenStopped(Reflect.apply(step, undefined, input)));
      },
    ] as const;
  });
  return Object.fromEntries(entries);
}

/** A step that names a request works for that of its own run only. */
function isForAnother(input: unknown): boolean {
  if (!forRequest(input)) return false;
  const own = requestOfStep();
  return own === undefined || workflowIdOf(own) !== workflowIdOf(input.request);
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

/** Counts the API requests that a request has sent, by any step, successful or not. Workflow-safe. */
import { StepCancelled } from './steps';

export interface ApiRequests {
  readonly sent: number;
  add(more: number): void;
  /** Adds the API requests of a step, also of a failed one. */
  counted<T extends { readonly apiRequests: number }>(outcome: Promise<T>): Promise<T>;
}

export function countApiRequests(changed: () => void): ApiRequests {
  let sent = 0;
  const requests: ApiRequests = {
    get sent() {
      return sent;
    },
    add(more) {
      sent += more;
      changed();
    },
    async counted(outcome) {
      try {
        requests.add((await outcome).apiRequests);
      } catch (error) {
        if (error instanceof StepCancelled) requests.add(error.apiRequests);
        throw error;
      }
      return outcome;
    },
  };
  return requests;
}

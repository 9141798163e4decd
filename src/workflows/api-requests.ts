/** How many API requests a request has sent, by whatever step, however that ended. Workflow-safe. */
import { StepCancelled } from './steps';

export interface ApiRequests {
  readonly sent: number;
  add(more: number): void;
  /** Adds what a step sent, however it ended. */
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

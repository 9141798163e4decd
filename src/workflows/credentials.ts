/**
 * What happens when a credential is refused: one answer for all steps in flight. A 403 is checked with a ping first; then
 * the token is refreshed where that is possible; otherwise the request waits, visibly, until it is connected again.
 * A request never fails because a credential died. Decision D4.
 */
import type { Opened } from '../activities';
import type { WaitingFor } from '../request/model';
import { attempt, failureOf, readSteps, type StepFailure, waitingSteps } from './steps';

/** Refreshed tokens that are refused in turn, within a minute of each other, before a person is asked. */
const REFRESHES_MAX = 3;
const IN_TURN_MS = 60_000;

/** `renewed`: repeat the step. Otherwise the step's failure stands, or the request's deadline came first. */
export type Renewal = 'renewed' | 'not-the-cause' | 'deadline';

/** The request whose credential it is. */
interface Holder {
  readonly opened: Opened;
  counted<T extends { readonly apiRequests: number }>(outcome: Promise<T>): Promise<T>;
  waiting<T>(waitingFor: WaitingFor, wait: () => Promise<T>): Promise<T>;
}

export interface Credentials {
  renew(failure: StepFailure): Promise<Renewal>;
}

export function keepCredentials(run: Holder): Credentials {
  const underWay = new Map<string, Promise<Renewal>>();
  let refreshes = 0;
  let refreshedMs = 0;

  async function renewOnce(failure: StepFailure): Promise<Renewal> {
    const { connection } = run.opened.request;
    if (failure.code === 'forbidden') {
      const ping = await run.counted(attempt(() => readSteps(run.opened).ping({ connection })));
      if (ping.ok) return 'not-the-cause';
    }
    const { credentialVersion: failedVersion } = failure;
    if (Date.now() - refreshedMs > IN_TURN_MS) refreshes = 0;
    if (failure.code !== 'no-connection' && refreshes < REFRESHES_MAX) {
      refreshes += 1;
      refreshedMs = Date.now();
      const refreshed = await run.counted(
        attempt(() => readSteps(run.opened).refreshToken({ connection, failedVersion })),
      );
      if (refreshed.ok) return 'renewed';
    }
    return run.waiting({ cause: 'credentials' }, async () => {
      try {
        await waitingSteps(run.opened.deadlineMs).awaitCredentials({ connection, failedVersion });
        return 'renewed';
      } catch (error) {
        failureOf(error); // throws a cancellation; what is left is the deadline
        return 'deadline';
      }
    });
  }

  return {
    renew(failure) {
      const key = `${failure.code === 'forbidden'} ${failure.credentialVersion}`;
      const known = underWay.get(key);
      if (known !== undefined) return known;
      const started = renewOnce(failure).finally(() => underWay.delete(key));
      underWay.set(key, started);
      return started;
    },
  };
}

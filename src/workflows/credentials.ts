/**
 * What happens when a connection does not serve: one answer for all steps in flight. A 403 is checked with a ping first;
 * then the token is refreshed where that is possible; otherwise the request waits, visibly, until it is connected again.
 * Where an operator paused it, it waits until it is resumed. A request never fails for its connection. Decision D4.
 */
import { CancellationScope, defineSignal, isCancellation, setHandler } from '@temporalio/workflow';
import type { Opened } from '../activities';
import type { WaitingFor } from '../request/model';
import { CREDENTIALS_UPDATED } from '../request/names';
import { attempt, failureOf, mayBeCredential, readSteps, type StepFailure, waitingSteps } from './steps';

/** Sent to requests that wait when there may be news; without it they find out by themselves, within a minute. */
const credentialsUpdated = defineSignal(CREDENTIALS_UPDATED);

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
  const { connection } = run.opened.request;
  const underWay = new Map<string, Promise<Renewal>>();
  const waits = new Set<() => void>();
  let refreshes = 0;
  let refreshedMs = 0;
  setHandler(credentialsUpdated, () => {
    for (const lookAgain of waits) lookAgain();
  });

  async function renewOnce(failure: StepFailure): Promise<Renewal> {
    if (failure.code === 'connection-paused') {
      return until('paused', `connections resume ${connection}`, steps => steps.awaitResumption({ connection }));
    }
    const { credentialVersion: failedVersion } = failure;
    if (failure.code === 'forbidden') {
      const ping = await run.counted(
        attempt(() =>
          readSteps(run.opened, 'Is it the credential that Aircall refuses?').ping({ connection, failedVersion }),
        ),
      );
      if (ping.ok) return ping.value.replaced ? 'renewed' : 'not-the-cause';
      if (ping.code === 'deadline') return 'deadline';
      if (ping.code === 'connection-paused') return 'renewed'; // the step finds it paused itself
      if (!mayBeCredential(ping)) return 'not-the-cause';
    }
    if (Date.now() - refreshedMs > IN_TURN_MS) refreshes = 0;
    if (failure.code !== 'no-connection' && refreshes < REFRESHES_MAX) {
      refreshes += 1;
      refreshedMs = Date.now();
      const refreshed = await run.counted(
        attempt(() => readSteps(run.opened, 'Get a new access token').refreshToken({ connection, failedVersion })),
      );
      if (refreshed.ok) return 'renewed';
      if (refreshed.code === 'deadline') return 'deadline'; // nobody has refused anything
    }
    return until('credentials', `connect ${connection}`, steps =>
      steps.awaitCredentials({ connection, failedVersion }),
    );
  }

  /** Waits by one step that Temporal repeats ever more rarely, and takes it anew where there may be news. */
  async function until(
    cause: 'credentials' | 'paused',
    command: string,
    look: (steps: ReturnType<typeof waitingSteps>) => Promise<void>,
  ): Promise<Renewal> {
    return run.waiting({ cause }, async () => {
      for (;;) {
        const scope = new CancellationScope();
        let news = false;
        const lookAgain = () => {
          news = true;
          scope.cancel();
        };
        waits.add(lookAgain);
        try {
          await scope.run(() =>
            look(waitingSteps(run.opened.deadlineMs, `Waits until somebody runs: aircall-dsr ${command}`)),
          );
          return 'renewed';
        } catch (error) {
          if (news && isCancellation(error) && !CancellationScope.current().consideredCancelled) continue;
          if (failureOf(error).code !== 'deadline') throw error;
          return 'deadline';
        } finally {
          waits.delete(lookAgain);
        }
      }
    });
  }

  return {
    renew(failure) {
      const key = `${failure.code} ${failure.credentialVersion}`;
      const known = underWay.get(key);
      if (known !== undefined) return known;
      const started = renewOnce(failure).finally(() => underWay.delete(key));
      underWay.set(key, started);
      return started;
    },
  };
}

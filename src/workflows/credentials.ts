/**
 * Handles a connection that does not work: once for all steps in flight. A 403 is checked with a ping first;
 * then the token is refreshed if that is possible; otherwise the request waits, visibly, until it is connected again.
 * If an operator paused it, the request waits until it is resumed. A request never fails because of its connection. Decision D4.
 */
import type { Opened } from '../request/contracts';
import type { WaitCause } from '../request/waits';
import type { ApiRequests } from './api-requests';
import { attempt, mayBeCredential, readSteps, type StepFailure, type StepOutcome, type WaitingSteps } from './steps';
import type { Waits } from './waits';

/** Limit of refreshed tokens that are refused in turn, within a minute of each other. Then a person must act. */
const REFRESHES_MAX = 3;
const IN_TURN_MS = 60_000;

/** `renewed`: repeat the step. Otherwise the step's failure is final, or the request's deadline came first. */
export type Renewal = 'renewed' | 'not-the-cause' | 'deadline';

/**
 * Whether a step that failed is taken again, after the renewal that a refusal asked for: not if the credential is good, and got the
 * same answer.
 */
export function isTakenAgain(
  failure: StepFailure,
  refusal: StepFailure | undefined,
  renewal: Renewal | undefined,
): boolean {
  const isSame = failure.code === refusal?.code && failure.credentialVersion === refusal.credentialVersion;
  return mayBeCredential(failure) && !(renewal === 'not-the-cause' && isSame);
}

/** The request whose credential it is. */
interface Holder {
  readonly opened: Opened;
  readonly requests: ApiRequests;
  readonly waits: Waits;
}

export interface Credentials {
  renew(failure: StepFailure): Promise<Renewal>;
  /** Runs a step that calls Aircall, again with another credential if one was refused. */
  step<T extends { readonly apiRequests: number }>(step: () => Promise<T>): Promise<StepOutcome<T>>;
}

/** Says whether a token may be refreshed now (UNIX ms), and counts it if so. */
export function limitRefreshes(): (nowMs: number) => boolean {
  let inTurn = 0;
  let lastMs = 0;
  return nowMs => {
    if (nowMs - lastMs > IN_TURN_MS) inTurn = 0;
    if (inTurn === REFRESHES_MAX) return false;
    inTurn += 1;
    lastMs = nowMs;
    return true;
  };
}

export function keepCredentials({ opened, requests, waits }: Holder): Credentials {
  const { connection } = opened.request;
  const underWay = new Map<string, Promise<Renewal>>();
  const mayRefresh = limitRefreshes();

  async function renewOnce(failure: StepFailure): Promise<Renewal> {
    const { code, credentialVersion: failedVersion } = failure;
    if (code === 'connection-paused') return until('paused', steps => steps.awaitResumption({ connection }));
    if (code === 'forbidden') {
      const verdict = await isTheCredential(failedVersion);
      if (verdict !== 'refused') return verdict;
    }
    if (code !== 'no-connection') {
      const refreshed = await refresh(failedVersion);
      if (refreshed !== 'refused') return refreshed;
    }
    return until('credentials', steps => steps.awaitCredentials({ connection, failedVersion }));
  }

  /** A forbidden step may only lack a right: a ping shows whether the credential itself is refused. */
  async function isTheCredential(failedVersion: number): Promise<Renewal | 'refused'> {
    const ping = await requests.counted(
      attempt(() => readSteps(opened, 'Does Aircall refuse the credential?').ping({ connection, failedVersion })),
    );
    if (ping.ok) return ping.value.replaced ? 'renewed' : 'not-the-cause';
    if (ping.code === 'deadline') return 'deadline';
    if (ping.code === 'connection-paused') return 'renewed'; // the step finds it paused itself
    return mayBeCredential(ping) ? 'refused' : 'not-the-cause';
  }

  async function refresh(failedVersion: number): Promise<Renewal | 'refused'> {
    if (!mayRefresh(Date.now())) return 'refused';
    const refreshed = await requests.counted(
      attempt(() => readSteps(opened, 'Get a new access token').refreshToken({ connection, failedVersion })),
    );
    if (refreshed.ok) return 'renewed';
    return refreshed.code === 'deadline' ? 'deadline' : 'refused'; // at the deadline nobody has refused anything
  }

  async function until(cause: WaitCause, look: (steps: WaitingSteps) => Promise<void>): Promise<Renewal> {
    return (await waits.until(cause, look)) === 'ended' ? 'renewed' : 'deadline';
  }

  function renew(failure: StepFailure): Promise<Renewal> {
    const key = `${failure.code} ${failure.credentialVersion}`;
    const known = underWay.get(key);
    if (known !== undefined) return known;
    const started = renewOnce(failure).finally(() => underWay.delete(key));
    underWay.set(key, started);
    return started;
  }

  return {
    renew,
    async step(step) {
      for (;;) {
        const outcome = await requests.counted(attempt(step));
        if (outcome.ok || !mayBeCredential(outcome)) return outcome;
        const renewal = await renew(outcome);
        if (renewal !== 'renewed') return renewal === 'deadline' ? { ...outcome, code: renewal } : outcome;
      }
    },
  };
}

/** Steps that wait: each ends when the cause of the wait has ended; until then Temporal repeats it. Decision D4. */
import { activityInfo } from '@temporalio/activity';
import type { LocalActivities } from '../request/contracts';
import type { RequestRef } from '../request/names';
import { type Cases, hasEnded } from '../vault/cases';
import type { Connections } from '../vault/connections';
import { attemptedMs, refuseEnded, stepFailure } from './api-step';
import { NOTHING_SENT, requestOfStep } from './local-step';

export interface WaitDependencies {
  readonly cases: Cases;
  readonly connections: Connections;
  /** Whether the newest run under the id of a request is open, and is the run that began as this one. */
  readonly isOpen: (request: RequestRef, runId: string) => Promise<boolean>;
  /** Called once when Aircall refuses a connection's credential and nothing can renew it. */
  readonly onRefused: (connection: string) => void;
}

const WAIT_DELAY_MS_MAX = 60_000;

export function createWaitActivities({
  cases,
  connections,
  isOpen,
  onRefused,
}: WaitDependencies): Pick<LocalActivities, 'awaitCredentials' | 'awaitResumption' | 'awaitAccessRequests'> {
  async function refuseVain(): Promise<void> {
    const request = requestOfStep();
    if (request !== undefined) await refuseEnded(cases, request, 'a-minute-ago', NOTHING_SENT);
  }
  /** Neither an id nor a mark proves anything: anybody who reaches the server can start a run, and nobody has sealed a mark. */
  async function isUnderWay(request: RequestRef, subjectHash: string): Promise<boolean> {
    const record = await cases.record(request);
    if (record === undefined || record.subjectHash !== subjectHash || hasEnded(record)) return false;
    return isOpen(request, record.runId);
  }
  return {
    /**
     * Ends when the vault holds another credential than the refused one; until then Temporal repeats it. The
     * connection is marked as refused, so that no other request uses the credential.
     */
    async awaitCredentials({ connection, failedVersion }) {
      await refuseVain();
      const at = new Date(attemptedMs()).toISOString();
      let marked = false;
      const present = await connections.change(connection, stored => {
        marked = stored.credentialVersion === failedVersion && stored.refusedAt === undefined;
        return marked ? { ...stored, refusedAt: at } : undefined;
      });
      if (marked) onRefused(connection);
      if (present !== undefined && present.credentialVersion !== failedVersion) return;
      throw stepFailure('credentials-awaited', 'waiting for `aircall-dsr connect`', NOTHING_SENT, waitDelayMs());
    },

    /** Ends when the connection is resumed or deleted; until then Temporal repeats it. */
    async awaitResumption({ connection }) {
      await refuseVain();
      if ((await connections.get(connection))?.value.pausedAt === undefined) return;
      throw stepFailure(
        'resumption-awaited',
        'waiting for `aircall-dsr connections resume`',
        NOTHING_SENT,
        waitDelayMs(),
      );
    },

    /** Ends when no access request of the same subject is open; until then Temporal repeats it. */
    async awaitAccessRequests(input) {
      await refuseVain();
      const marks = await cases.openAccesses(input.connection, input.subjectHash);
      for (const request of marks) {
        if (await isUnderWay(request, input.subjectHash)) {
          throw stepFailure(
            'access-request-awaited',
            'waiting for an access request of the same subject',
            NOTHING_SENT,
            waitDelayMs(),
          );
        }
      }
    },
  };
}

/** Grows with the attempts, to a minute. */
function waitDelayMs(): number {
  return Math.min(1_000 * 2 ** Math.min(activityInfo().attempt - 1, 10), WAIT_DELAY_MS_MAX);
}

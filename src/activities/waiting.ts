/**
 * Steps that wait: each looks whether the cause of the wait has ended, and fails if not; then Temporal repeats it, ever more
 * rarely. Requests that are signalled look at once; so most looks find nothing, and must be cheap. Decision D4.
 */
import type { LocalActivities } from '../request/contracts';
import type { RequestRef } from '../request/names';
import { type Cases, hasEnded } from '../vault/cases';
import type { Connections } from '../vault/connections';
import { attemptedMs, refuseEnded } from './api-step';
import { NOTHING_SENT, requestOfStep } from './local-step';
import { createLooks, type LookDependencies } from './looks';

export interface WaitDependencies extends LookDependencies {
  readonly cases: Cases;
  readonly connections: Connections;
  /** Whether the newest run under the id of a request is open, and is the run that began as this one. */
  readonly isOpen: (request: RequestRef, runId: string) => Promise<boolean>;
  /** Called once when Aircall refuses a connection's credential and nothing can renew it. */
  readonly onRefused: (connection: string) => void;
}

export function createWaitActivities({
  cases,
  connections,
  isOpen,
  onRefused,
  ...looks
}: WaitDependencies): Pick<LocalActivities, 'awaitCredentials' | 'awaitResumption' | 'awaitAccessRequests'> {
  const { awaited } = createLooks(looks);
  async function refuseVain(): Promise<void> {
    const request = requestOfStep();
    if (request !== undefined) await refuseEnded(cases, request, 'a-minute-ago', NOTHING_SENT);
  }
  /** Neither an id nor a mark proves anything: anybody who reaches the server can start a run, and nobody has sealed a mark. */
  async function isUnderWay(request: RequestRef, identityHashes: readonly string[]): Promise<boolean> {
    const record = await cases.record(request);
    if (record === undefined || hasEnded(record)) return false;
    if (!record.identityHashes.some(identityHash => identityHashes.includes(identityHash))) return false;
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
      throw awaited('credentials-awaited', '`aircall-dsr connect`');
    },

    /** Ends when the connection is resumed or deleted; until then Temporal repeats it. */
    async awaitResumption({ connection }) {
      await refuseVain();
      if ((await connections.get(connection))?.value.pausedAt === undefined) return;
      throw awaited('resumption-awaited', '`aircall-dsr connections resume`');
    },

    /**
     * Ends when no access request of any identity of the subject is open; until then Temporal repeats it. The mark comes before
     * the look: an access request that ends after the look finds it, and wakes this one.
     */
    async awaitAccessRequests({ connection, identityHashes }) {
      await refuseVain();
      const deletion = requestOfStep();
      if (deletion !== undefined) await cases.mark(identityHashes, deletion);
      for (const request of await cases.marked('access', connection, identityHashes)) {
        if (await isUnderWay(request, identityHashes))
          throw awaited('access-request-awaited', 'an access request of the same subject');
      }
      if (deletion !== undefined) await cases.unmark(identityHashes, deletion);
    },
  };
}

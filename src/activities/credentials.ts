/** Steps about the credential of a connection: check it, and refresh it. Decisions D1, D4. */
import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { ENDPOINTS } from '../aircall/endpoints';
import type { AircallError } from '../aircall/errors';
import { readTokens, tokenRequest } from '../aircall/oauth';
import { readRecord } from '../aircall/replies';
import { pongSchema } from '../aircall/schemas';
import type { ApiActivities } from '../request/contracts';
import { type Connection, isRenewalVain, nextCredentialVersion, oauthCredential } from '../vault/connections';
import {
  type ApiStepDependencies,
  attemptedMs,
  REFRESH_AGAIN_MS,
  requestsSent,
  sendOnce,
  stepFailure,
} from './api-step';

/** Above the longest step. */
const REFRESH_LEASE_MS = 60_000;

/** The name of this attempt, which no other one has. */
function thisAttempt(): string {
  const { workflowExecution, activityId, attempt } = activityInfo();
  return `${workflowExecution?.runId}/${activityId}/${attempt}`;
}

export function createCredentialActivities(
  dependencies: ApiStepDependencies,
): Pick<ApiActivities, 'ping' | 'refreshToken'> {
  const { connections, elapsedMs } = dependencies;
  /** By connection: the lease that this process met, and since when. */
  const met = new Map<string, { readonly lease: string; readonly sinceMs: number }>();
  return {
    /** Whether the credential works, that a step was refused with if one is named. Sends nothing if that was replaced. */
    async ping({ connection, failedVersion }) {
      const present = (await connections.get(connection))?.value.credentialVersion;
      if (failedVersion !== undefined && present !== undefined && present !== failedVersion)
        return { replaced: true, apiRequests: requestsSent() };
      return sendOnce<{ readonly replaced: boolean }>(
        dependencies,
        connection,
        { endpoint: ENDPOINTS.ping, ...(failedVersion !== undefined && { onlyAt: failedVersion }) },
        body => {
          readRecord(ENDPOINTS.ping, pongSchema, body);
          return { replaced: false };
        },
        (error, answered) => noteDead(error, answered.connection),
      );
    },

    /**
     * Replaces a credential that was refused, or is about to expire, once per credential across all processes: a lease in
     * the vault decides which. No clocks are compared: a lease is over for a process that has met the same one for a minute,
     * so the lease of a process that died is taken over, whatever the clocks say. Sends nothing if another process did it, if
     * there is no refresh token, or if it was refused before (`reconnect-needed`). A reply that was lost, or could not be
     * stored, leaves the refresh token unchanged: it is tried once more.
     */
    async refreshToken({ connection: name, failedVersion }) {
      const apiRequests = requestsSent();
      const leased = await lease(name, failedVersion);
      if (leased === 'replaced') return { apiRequests };
      const { connection, refresh } = leased;
      const client = { clientId: refresh.clientId, clientSecret: refresh.clientSecret };
      const outgoing = {
        endpoint: ENDPOINTS.token,
        body: tokenRequest(refresh, client),
        onlyAt: connection.credentialVersion,
      };
      try {
        return await sendOnce(dependencies, name, outgoing, async body => {
          // A reply without a refresh token leaves the one that worked.
          const tokens = { refreshToken: refresh.refreshToken, ...readTokens(body) };
          await settle(connection, ({ refusedAt: _, renewalRefusedAt: __, ...present }) => ({
            ...present,
            credential: oauthCredential(tokens, client, attemptedMs()),
            credentialVersion: nextCredentialVersion(present, attemptedMs()),
          }));
          return {};
        });
      } catch (error) {
        const refused = isFinal(error) && { renewalRefusedAt: new Date(attemptedMs()).toISOString() };
        await settle(connection, present => ({ ...present, ...refused })).catch(() => {}); // the lease ends by itself
        throw error;
      }
    },
  };

  /** Takes the lease, so that no other process refreshes meanwhile. `replaced`: another process has refreshed it. */
  async function lease(name: string, failedVersion: number) {
    const detail = { apiRequests: requestsSent(), credentialVersion: failedVersion };
    const vain = (why: string) => stepFailure('reconnect-needed', why, detail);
    const busy = () =>
      stepFailure('refresh-in-progress', 'another step refreshes the credential', detail, REFRESH_AGAIN_MS);
    const stored = await connections.get(name);
    if (stored === undefined) throw vain('the connection is not in the vault');
    const { value: connection, version } = stored;
    if (connection.credentialVersion !== failedVersion) return 'replaced';
    const { credential, refreshLease } = connection;
    if (credential.kind !== 'oauth' || credential.refresh === undefined)
      throw vain('the credential cannot be refreshed');
    if (isRenewalVain(connection)) throw vain('the credential, or its renewal, was refused before');
    if (refreshLease !== undefined && !isOver(name, refreshLease)) throw busy();
    const leased = { ...connection, refreshLease: thisAttempt() };
    if (!(await connections.put(leased, version))) throw busy();
    return { connection: leased, refresh: credential.refresh };
  }

  /** Whether its holder has had time to end: it has taken the lease before this process met it. */
  function isOver(name: string, lease: string): boolean {
    const before = met.get(name);
    if (before?.lease === lease) return elapsedMs() - before.sinceMs > REFRESH_LEASE_MS;
    met.set(name, { lease, sinceMs: elapsedMs() });
    return false;
  }

  /** Ends our lease. If the lease is still ours, nobody has connected it meanwhile; a resume in between does not matter. */
  async function settle(leased: Connection, next: (present: Connection) => Connection): Promise<void> {
    await connections.change(leased.name, ({ refreshLease, ...present }) =>
      refreshLease === leased.refreshLease ? next(present) : undefined,
    );
  }

  /** A refusal ends all renewals: the token in use may still be good, and is used until it is refused. */
  function isFinal(error: unknown): boolean {
    return error instanceof ApplicationFailure && error.nonRetryable === true;
  }

  /** Only a forbidden ping proves that the credential is dead; other endpoints may lack a right. */
  function noteDead(error: AircallError, connection: Connection): undefined {
    if (error.code === 'forbidden') dependencies.gates.markDead(connection.name, connection.credentialVersion);
  }
}

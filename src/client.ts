/**
 * The client for other services: start a request, read its status, wait for its result, cancel it. It needs a Temporal
 * server and the key file, neither vault nor Aircall. Input is checked before anything is started; ids hold no personal data.
 *
 *     const dsr = createDsrClient({ temporal: await connectTemporal(keyring), keyring });
 *     const { workflowId } = await dsr.start('access', { requestId: 'case-17', connection: 'acme', subject: { email } });
 *     const result = await dsr.result(workflowId);
 */
import {
  type Client,
  type WorkflowExecutionInfo,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure, TerminatedFailure, WorkflowNotFoundError } from '@temporalio/common';
import { DsrError, notFound } from './client/errors';
import { ANSWERED_WITHIN_MS, createRuns, type RecordOf } from './client/runs';
import { createStarting } from './client/starting';
import { brokenStatus, endedStatus, openStatus, type StatusReport } from './client/status';
import type { Keyring } from './encryption/keyring';
import type { Clock, ExtensionInput } from './request/clock';
import { type Given, InvalidInput, parseExtension, parseInput, refuseImpossibleTimes } from './request/input';
import type { RequestResult } from './request/model';
import {
  DEFAULT_TASK_QUEUE,
  EXTEND,
  KINDS,
  type Kind,
  NAME_PATTERN,
  NAME_RULE,
  requestOf,
  WORKFLOW_TYPES,
  workflowIdOf,
} from './request/names';
import { SEARCH_KEYS } from './request/search-keys';
import { sideBySide } from './side-by-side';
import { within } from './temporal/deadline';
import { quoted } from './temporal/list-filter';

export { DsrError } from './client/errors';
export type { StatusReport } from './client/status';
export { loadKeyring } from './encryption/keyring';
export type { Clock, Extension, ExtensionInput, Regime } from './request/clock';
export { InvalidInput } from './request/input';
export type * from './request/model';
export type { Kind } from './request/names';
export { connectTemporal } from './temporal/connect';

export interface Started {
  readonly requestId: string;
  readonly workflowId: string;
  readonly runId: string;
  /** It was started before under another law or with another time of submission: the first due date applies. */
  readonly otherClock?: true;
}

export interface ListedRequest {
  readonly requestId: string;
  readonly workflowId: string;
  readonly connection: string;
  readonly kind: Kind;
  readonly status: string;
  readonly startedAt: string;
  /** Legal due date, if it has one; ISO 8601. */
  readonly dueAt?: string;
}

export interface DsrClient {
  /**
   * Starts a request, or returns the one that has this id already.
   * @throws {InvalidInput} before anything is started
   * @throws {DsrError} `request-conflict`: the id was used for another subject
   */
  start<K extends Kind>(kind: K, input: Given<K>): Promise<Started>;
  /**
   * Whether `start` would return a request that exists already.
   * @throws {InvalidInput}
   * @throws {DsrError} `request-conflict`, if the server still knows the earlier use of the id
   */
  wasStarted<K extends Kind>(kind: K, input: Given<K>): Promise<boolean>;
  /** @throws {DsrError} `not-found` */
  status(workflowId: string): Promise<StatusReport>;
  /**
   * Waits until the request has ended.
   * @throws {DsrError} `not-found`; `request-failed` or the run's own code (`invalid-input`, ...) if it ended without a result
   */
  result(workflowId: string): Promise<RequestResult>;
  /** Requests the cancellation; the result shows how far the request came. False if it has ended. @throws {DsrError} `not-found` */
  cancel(workflowId: string): Promise<boolean>;
  /**
   * Extends the legal due date, within the limits of its law: once, and before it has passed. A repeated call with the same
   * extension changes nothing.
   * @throws {InvalidInput}
   * @throws {DsrError} `not-found`; `extension-refused`, with the reason; `no-worker`: no worker answered
   */
  extend(workflowId: string, extension: ExtensionInput): Promise<Clock>;
  /**
   * Newest first, as long as the server keeps them; at most `limit`. With `open`, those that have not ended.
   * @throws {InvalidInput} if `connection` is not the name of one
   */
  list(options?: {
    readonly connection?: string;
    readonly limit?: number;
    readonly open?: boolean;
  }): Promise<ListedRequest[]>;
  /** Which of `workflowIds` the server knows, or `recordOf` has a record of. */
  known(workflowIds: readonly string[]): Promise<string[]>;
}

export interface DsrClientOptions {
  /** With the data converter of this package: `connectTemporal` makes one. */
  readonly temporal: Client;
  readonly keyring: Keyring;
  /** The service's main task queue; `aircall-dsr` if not given. */
  readonly taskQueue?: string;
  /** If the vault is available: returns the record of a request whose history the server has deleted. */
  readonly recordOf?: RecordOf;
}

const LIST_LIMIT_DEFAULT = 1_000;
const DESCRIBED_AT_ONCE = 50;

export function createDsrClient({
  temporal,
  keyring,
  taskQueue = DEFAULT_TASK_QUEUE,
  recordOf = async () => undefined,
}: DsrClientOptions): DsrClient {
  const { workflow, connection: server } = temporal;
  const runs = createRuns(temporal, recordOf);
  const { startOnce, refuseConflict } = createStarting(temporal, keyring, taskQueue, runs);

  const client: DsrClient = {
    async start(kind, input) {
      const parsed = parseInput(kind, { kind, ...input });
      refuseImpossibleTimes(parsed, Date.now());
      const started = await startOnce(kind, parsed);
      const before = await refuseConflict(started, parsed);
      const { regime = 'none', submittedAt } = parsed;
      const otherClock = (before?.regime ?? 'none') !== regime || before?.submittedAt !== submittedAt;
      return { ...started, ...(otherClock && { otherClock }) };
    },

    async wasStarted(kind, input) {
      const parsed = parseInput(kind, { kind, ...input });
      const { requestId, connection } = parsed;
      const workflowId = workflowIdOf({ connection, kind, requestId });
      const runId = await runs.idOf(workflowId);
      if (runId === undefined) return (await runs.recorded(workflowId)) !== undefined;
      await refuseConflict({ requestId, workflowId, runId }, parsed);
      return true;
    },

    async status(workflowId) {
      const request = requestOf(workflowId);
      if (request === undefined) throw new DsrError('not-found', `${workflowId} is not the id of a request.`);
      const found = await runs.find(workflowId);
      if ('result' in found) return endedStatus(request, found.result);
      const { run } = found;
      if (run.status.name === 'COMPLETED') return endedStatus(request, await client.result(workflowId));
      if (run.status.name !== 'RUNNING') return brokenStatus(request, await failureOf(workflowId));
      return openStatus(request, await runs.query(workflowId), run);
    },

    async result(workflowId) {
      try {
        return await workflow.getHandle<() => Promise<RequestResult>>(workflowId).result();
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) {
          const result = await runs.recorded(workflowId);
          if (result !== undefined) return result;
          throw notFound(workflowId);
        }
        if (!(error instanceof WorkflowFailedError)) throw error;
        if (error.cause instanceof TerminatedFailure && (await goesOn(workflowId))) return client.result(workflowId);
        throw withoutResult(workflowId, error);
      }
    },

    async cancel(workflowId) {
      if (!(await isOpen(workflowId))) return false;
      try {
        await workflow.getHandle(workflowId).cancel();
        return true;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false; // it has ended meanwhile
        throw error;
      }
    },

    async extend(workflowId, extension) {
      const parsed = parseExtension(extension);
      if (!(await isOpen(workflowId))) throw hasEnded(workflowId);
      try {
        return await within(
          server,
          () =>
            workflow
              .getHandle(workflowId)
              .executeUpdate<Clock, [unknown]>(EXTEND, { args: [{ workflowId, ...parsed }] }),
          ANSWERED_WITHIN_MS,
        );
      } catch (error) {
        throw extensionError(workflowId, error);
      }
    },

    async list({ connection, limit = LIST_LIMIT_DEFAULT, open = false } = {}) {
      if (connection !== undefined && !NAME_PATTERN.test(connection)) throw new InvalidInput(`connection ${NAME_RULE}`);
      const requests: ListedRequest[] = [];
      for await (const info of workflow.list({ query: listQuery(taskQueue, connection, open) })) {
        const listed = listedRequest(info);
        if (listed !== undefined) requests.push(listed);
        if (requests.length >= limit) break;
      }
      // The server lists open runs before ended ones.
      return requests.sort((one, other) => other.startedAt.localeCompare(one.startedAt));
    },

    async known(workflowIds) {
      const there = await sideBySide(workflowIds, DESCRIBED_AT_ONCE, isThere);
      return workflowIds.filter((_, index) => there[index]);
    },
  };
  return client;

  async function isOpen(workflowId: string): Promise<boolean> {
    const found = await runs.find(workflowId);
    return 'run' in found && found.run.status.name === 'RUNNING';
  }

  /** A reset terminates a run, and another one goes on with its request. */
  async function goesOn(workflowId: string): Promise<boolean> {
    const { status } = await runs.describe(workflowId);
    return status.name === 'RUNNING' || status.name === 'COMPLETED';
  }

  async function isThere(workflowId: string): Promise<boolean> {
    return (await runs.idOf(workflowId)) !== undefined || (await runs.recorded(workflowId)) !== undefined;
  }

  /** Why a run ended without a result. */
  async function failureOf(workflowId: string): Promise<{ readonly code: string; readonly message: string }> {
    try {
      await client.result(workflowId);
      return { code: 'unexpected', message: 'the run has ended meanwhile; try again' };
    } catch (error) {
      if (error instanceof DsrError) return { code: error.code, message: error.message };
      throw error;
    }
  }
}

function withoutResult(workflowId: string, { cause }: WorkflowFailedError): DsrError {
  if (cause instanceof ApplicationFailure) return new DsrError(cause.type ?? 'request-failed', cause.message);
  return new DsrError(
    'request-failed',
    `Request ${workflowId} ended without a result (${cause?.name ?? 'unknown'}). See it in the Temporal Web UI.`,
  );
}

function hasEnded(workflowId: string): DsrError {
  return new DsrError('extension-refused', `Request ${workflowId} has ended.`);
}

function extensionError(workflowId: string, error: unknown): unknown {
  if (error instanceof WorkflowNotFoundError) return hasEnded(workflowId);
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
    return new DsrError('no-worker', 'No worker took it in time. Start `aircall-dsr worker`, and try again.');
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
    return new DsrError('extension-refused', `Request ${workflowId} keeps its due date: ${error.cause.message}.`);
  return error;
}

function listQuery(taskQueue: string, connection: string | undefined, open: boolean): string {
  const types = KINDS.map(kind => quoted(WORKFLOW_TYPES[kind])).join(', ');
  return [
    `WorkflowType IN (${types}) AND TaskQueue = ${quoted(taskQueue)}`,
    ...(connection === undefined ? [] : [`DsrConnection = ${quoted(connection)}`]),
    ...(open ? [`ExecutionStatus = 'Running'`] : []),
  ].join(' AND ');
}

/** Undefined for a run that is no request. */
function listedRequest({
  workflowId,
  status,
  startTime,
  typedSearchAttributes,
}: WorkflowExecutionInfo): ListedRequest | undefined {
  const request = requestOf(workflowId);
  if (request === undefined) return undefined;
  const dueAt = typedSearchAttributes.get(SEARCH_KEYS.dueAt);
  const hasStatus = status.name === 'RUNNING' || status.name === 'COMPLETED';
  return {
    requestId: request.requestId,
    workflowId,
    connection: request.connection,
    kind: request.kind,
    status: hasStatus ? (typedSearchAttributes.get(SEARCH_KEYS.status) ?? 'running') : 'failed',
    startedAt: startTime.toISOString(),
    ...(dueAt && { dueAt: dueAt.toISOString() }),
  };
}

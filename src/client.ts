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
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import { DsrError, unusable } from './client/errors';
import { createRuns, type RecordOf } from './client/runs';
import { createStarting, type Started } from './client/starting';
import { brokenStatus, endedStatus, openStatus, type StatusReport } from './client/status';
import type { Keyring } from './encryption/keyring';
import { PayloadBroken } from './encryption/payload-codec';
import { readApproved, readExtended, readRejected } from './request/answers';
import type { Approved, Rejected } from './request/approval';
import type { Clock, ExtensionInput } from './request/clock';
import {
  type ApprovalGiven,
  type Given,
  InvalidInput,
  parseApproval,
  parseExtension,
  parseInput,
  parseRejection,
  type RejectionGiven,
  refuseImpossibleTimes,
} from './request/input';
import type { RequestResult } from './request/model';
import {
  APPROVE,
  DEFAULT_TASK_QUEUE,
  EXTEND,
  KINDS,
  type Kind,
  NAME_PATTERN,
  NAME_RULE,
  REJECT,
  type RequestRef,
  requestOf,
  WORKFLOW_TYPES,
} from './request/names';
import { SEARCH_KEYS } from './request/search-keys';
import { sideBySide } from './side-by-side';
import { quoted } from './temporal/list-filter';

export { DsrError } from './client/errors';
export type { KnownRecord, RecordOf } from './client/runs';
export type { Started } from './client/starting';
export type { StatusReport } from './client/status';
export { loadKeyring } from './encryption/keyring';
export { type ApprovalStatement, type RejectionStatement, signStatement } from './receipt/approval';
export type { Approved, ApprovedBy, Rejected } from './request/approval';
export type { Clock, Extension, ExtensionInput, Regime } from './request/clock';
export { type ApprovalGiven, InvalidInput, type RejectionGiven } from './request/input';
export type * from './request/model';
export type { Kind } from './request/names';
export { connectTemporal } from './temporal/connect';

export interface ListedRequest {
  readonly requestId: string;
  readonly workflowId: string;
  readonly connection: string;
  readonly kind: Kind;
  readonly status: string;
  /** It searches only. */
  readonly dryRun?: true;
  readonly startedAt: string;
  /** Legal due date, if it has one; ISO 8601. */
  readonly dueAt?: string;
}

export interface DsrClient {
  /**
   * Starts a request, or returns the one that has this id already.
   * @throws {InvalidInput} before anything is started
   * @throws {DsrError} `request-conflict`: the id was used for another subject or with other options, whose fields
   * the message names, or by a run that is not this request
   */
  start<K extends Kind>(kind: K, input: Given<K>): Promise<Started>;
  /**
   * What `start` would return of a request that exists already; undefined if there is none.
   * @throws {InvalidInput}
   * @throws {DsrError} `request-conflict`, if server or vault still know the earlier use of the id
   */
  startedBefore<K extends Kind>(kind: K, input: Given<K>): Promise<Started | undefined>;
  /** @throws {DsrError} `not-found`; `payload-unusable`: the answer of its run is not one of this request */
  status(workflowId: string): Promise<StatusReport>;
  /**
   * Waits until the request has ended.
   * @throws {DsrError} `not-found`; `request-failed` or the run's own code (`invalid-input`, ...) if it ended without a result;
   * `payload-unusable` if its result is not one of this request
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
   * Approves the plan that a request waits with, and decides its doubtful rows; a row without a decision is kept. If approvers are
   * registered it must be signed: see `signStatement`. With `missing` in the answer above 0, another approver must approve it too.
   * @throws {InvalidInput}
   * @throws {DsrError} `not-found`; `approval-refused`, with the reason, and nothing has changed; `no-worker`: no worker answered
   */
  approve(workflowId: string, approval: ApprovalGiven): Promise<Approved>;
  /** Rejects the plan that a request waits with: it ends as `denied`, and nothing is done. @throws as `approve` */
  reject(workflowId: string, rejection: RejectionGiven): Promise<Rejected>;
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
  /** If the vault is available: returns the record of a request. Once that states its end, it answers before the server. */
  readonly recordOf?: RecordOf;
}

const LIST_LIMIT_DEFAULT = 1_000;
const READ_AT_ONCE = 50;

export function createDsrClient({
  temporal,
  keyring,
  taskQueue = DEFAULT_TASK_QUEUE,
  recordOf = async () => undefined,
}: DsrClientOptions): DsrClient {
  const { workflow } = temporal;
  const runs = createRuns(temporal, { keyring, taskQueue, recordOf });
  const starting = createStarting(temporal, keyring, taskQueue, runs);

  const client: DsrClient = {
    async start(kind, input) {
      const parsed = parseInput(kind, { kind, ...input });
      refuseImpossibleTimes(parsed, Date.now());
      return starting.start(parsed);
    },

    async startedBefore(kind, input) {
      return starting.startedBefore(parseInput(kind, { kind, ...input }));
    },

    async status(workflowId) {
      const request = requestNamed(workflowId);
      const found = await runs.find(request);
      if ('result' in found) return endedStatus(request, found.result);
      const { run, isOpen } = found;
      if (isOpen) return openStatus(request, await runs.query(request, run.runId), run);
      try {
        return endedStatus(request, await runs.resultOf(request, run.runId));
      } catch (error) {
        if (error instanceof DsrError) return brokenStatus(request, { code: error.code, message: error.message });
        throw error;
      }
    },

    async result(workflowId) {
      const request = requestNamed(workflowId);
      const found = await runs.find(request);
      return 'result' in found ? found.result : runs.resultOf(request, found.run.runId);
    },

    async cancel(workflowId) {
      const runId = await openRun(workflowId);
      if (runId === undefined) return false;
      try {
        await workflow.getHandle(workflowId, runId).cancel();
        return true;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false; // it has ended meanwhile
        throw error;
      }
    },

    async extend(workflowId, extension) {
      const parsed = parseExtension(extension);
      return updated(workflowId, EXTEND, parsed, answer => readExtended(answer, parsed.reason));
    },

    async approve(workflowId, approval) {
      const parsed = parseApproval(approval, Date.now());
      const request = requestNamed(workflowId);
      return updated(workflowId, APPROVE, parsed, answer => readApproved(answer, request, parsed.planDigest));
    },

    async reject(workflowId, rejection) {
      const parsed = parseRejection(rejection, Date.now());
      const request = requestNamed(workflowId);
      return updated(workflowId, REJECT, parsed, answer => readRejected(answer, request, parsed));
    },

    async list({ connection, limit = LIST_LIMIT_DEFAULT, open = false } = {}) {
      if (connection !== undefined && !NAME_PATTERN.test(connection)) throw new InvalidInput(`connection ${NAME_RULE}`);
      const requests: ListedRequest[] = [];
      let page: WorkflowExecutionInfo[] = [];
      const readPage = async () => {
        requests.push(...(await sideBySide(page, READ_AT_ONCE, listedRequest)).flatMap(listed => listed ?? []));
        page = [];
      };
      for await (const info of workflow.list({ query: listQuery(taskQueue, connection, open) })) {
        page.push(info);
        if (page.length === READ_AT_ONCE) await readPage();
        if (requests.length >= limit) break;
      }
      await readPage();
      // The server lists open runs before ended ones.
      return requests.slice(0, limit).sort((one, other) => other.startedAt.localeCompare(one.startedAt));
    },

    async known(workflowIds) {
      const there = await sideBySide(workflowIds, READ_AT_ONCE, isThere);
      return workflowIds.filter((_, index) => there[index]);
    },
  };
  return client;

  /** @throws {DsrError} if it was refused; `no-worker`; `payload-unusable` */
  async function updated<T>(
    workflowId: string,
    update: UpdateName,
    given: object,
    read: (answer: unknown) => T | undefined,
  ): Promise<T> {
    const runId = await openRun(workflowId);
    if (runId === undefined) throw hasEnded(workflowId, update);
    const handle = workflow.getHandle(workflowId, runId);
    const options: { args: [unknown] } = { args: [{ workflowId, ...given }] };
    try {
      const own = read(await handle.executeUpdate<unknown, [unknown]>(update, options));
      if (own !== undefined) return own;
    } catch (error) {
      if (!(error instanceof PayloadBroken)) throw updateError(workflowId, update, error);
    }
    throw unusable(requestNamed(workflowId), UPDATES[update].answer);
  }

  /** Undefined if the request has ended. */
  async function openRun(workflowId: string): Promise<string | undefined> {
    const found = await runs.find(requestNamed(workflowId));
    return 'run' in found && found.isOpen ? found.run.runId : undefined;
  }

  async function isThere(workflowId: string): Promise<boolean> {
    const request = requestOf(workflowId);
    if (request === undefined) return false;
    try {
      await runs.find(request);
      return true;
    } catch (error) {
      if (!(error instanceof DsrError)) throw error;
      return error.code === 'unknown-key'; // it may be
    }
  }

  /** Undefined for a run that is no request. */
  async function listedRequest(info: WorkflowExecutionInfo): Promise<ListedRequest | undefined> {
    const { workflowId, runId, status, startTime, typedSearchAttributes } = info;
    const request = requestOf(workflowId);
    const input = request && (await runs.inputOf(request, runId));
    if (request === undefined || input === undefined) return undefined;
    const dueAt = typedSearchAttributes.get(SEARCH_KEYS.dueAt);
    const hasStatus = status.name === 'RUNNING' || status.name === 'COMPLETED';
    const told = hasStatus ? (typedSearchAttributes.get(SEARCH_KEYS.status) ?? 'running') : 'failed';
    return {
      ...request,
      workflowId,
      status: input === 'locked' ? 'unknown-key' : told,
      ...(input !== 'locked' && 'dryRun' in input && input.dryRun === true && { dryRun: true as const }),
      startedAt: startTime.toISOString(),
      ...(dueAt && { dueAt: dueAt.toISOString() }),
    };
  }
}

/** @throws {DsrError} `not-found` */
function requestNamed(workflowId: string): RequestRef {
  const request = requestOf(workflowId);
  if (request === undefined) throw new DsrError('not-found', `${workflowId} is not the id of a request.`);
  return request;
}

/** How each update is refused. */
const UPDATES = {
  [EXTEND]: { code: 'extension-refused', refused: 'keeps its due date', answer: 'The answer to the extension' },
  [APPROVE]: { code: 'approval-refused', refused: 'is not approved by this', answer: 'The answer to the approval' },
  [REJECT]: { code: 'approval-refused', refused: 'is not rejected by this', answer: 'The answer to the rejection' },
} as const;
type UpdateName = keyof typeof UPDATES;

function hasEnded(workflowId: string, update: UpdateName): DsrError {
  return new DsrError(UPDATES[update].code, `Request ${workflowId} has ended.`);
}

function updateError(workflowId: string, update: UpdateName, error: unknown): unknown {
  if (error instanceof WorkflowNotFoundError) return hasEnded(workflowId, update);
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
    return new DsrError('no-worker', 'No worker took it in time. Start `aircall-dsr worker`, and try again.');
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
    return new DsrError(
      UPDATES[update].code,
      `Request ${workflowId} ${UPDATES[update].refused}: ${error.cause.message}.`,
    );
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

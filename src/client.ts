/**
 * The door for other services: start a request, ask for its status, wait for its result, cancel it. It needs a Temporal
 * server and the key file, neither vault nor Aircall. Input is checked before anything is started; ids hold no personal data.
 *
 *     const dsr = createDsrClient({ temporal: await connectTemporal(keyring), keyring });
 *     const { workflowId } = await dsr.start('access', { requestId: 'case-17', connection: 'acme', subject: { email } });
 *     const result = await dsr.result(workflowId);
 */
import {
  type Client,
  isGrpcServiceError,
  QueryNotRegisteredError,
  QueryRejectedError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure, defaultPayloadConverter, WorkflowNotFoundError } from '@temporalio/common';
import type { google } from '@temporalio/proto';
import type { Keyring } from './encryption/keyring';
import { createPayloadCodec } from './encryption/payload-codec';
import { foldEmail } from './matching/addresses';
import type { Clock, ExtensionInput } from './request/clock';
import { isStepCode } from './request/handling';
import { type Inputs, parseExtension, parseInput, refuseImpossibleTimes } from './request/input';
import { noCounts, type RequestResult, type RequestStatus, type Status, type WaitingFor } from './request/model';
import {
  DEFAULT_TASK_QUEUE,
  EXTEND,
  KINDS,
  type Kind,
  type RequestRef,
  requestOf,
  WORKFLOW_TYPES,
  workflowIdOf,
} from './request/names';
import { SEARCH_KEYS } from './request/search-keys';
import { sideBySide } from './side-by-side';
import { ensureSearchAttributes } from './temporal/search-attributes';

export { loadKeyring } from './encryption/keyring';
export type { Clock, Extension, ExtensionInput, Regime } from './request/clock';
export { InvalidInput } from './request/input';
export type * from './request/model';
export type { Kind } from './request/names';
export { connectTemporal } from './temporal/connect';

export class DsrError extends Error {
  override readonly name = 'DsrError';
  constructor(
    /** `not-found`, `request-conflict`, `request-failed`, `extension-refused`, `no-worker`, or the code a run ended with. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Started {
  readonly requestId: string;
  readonly workflowId: string;
  readonly runId: string;
  /** It was started before under another law, or as submitted at another time: its due date is that of then. */
  readonly otherClock?: true;
}

/** What `status` answers: the run's own word, and what only the server knows. */
export interface StatusReport extends Partial<RequestStatus> {
  readonly requestId: string;
  readonly workflowId: string;
  readonly kind: Kind;
  readonly status: Status;
  readonly waitingFor?: WaitingFor;
  /** Steps that failed and will be tried again: which code, how often so far, when next. */
  readonly retrying?: readonly {
    readonly step: string;
    readonly code: string;
    readonly attempts: number;
    readonly nextAt?: string;
  }[];
  readonly result?: RequestResult;
  /** Why a run ended without a result. */
  readonly failure?: RequestResult['failure'];
}

export interface ListedRequest {
  readonly requestId: string;
  readonly workflowId: string;
  readonly connection: string;
  readonly kind: Kind;
  readonly status: string;
  readonly startedAt: string;
  /** Legal due date, where it has one; ISO 8601. */
  readonly dueAt?: string;
}

export interface DsrClient {
  /**
   * Starts a request, or answers the one that has this id already.
   * @throws {InvalidInput} before anything is started
   * @throws {DsrError} `request-conflict`: the id was used for another subject
   */
  start<K extends Kind>(kind: K, input: Inputs[K]): Promise<Started>;
  /**
   * Whether `start` would answer a request that is there already.
   * @throws {InvalidInput}
   * @throws {DsrError} `request-conflict`, as far as the server still knows what the id was used for
   */
  wasStarted<K extends Kind>(kind: K, input: Inputs[K]): Promise<boolean>;
  /** @throws {DsrError} `not-found` */
  status(workflowId: string): Promise<StatusReport>;
  /**
   * Waits until the request has ended.
   * @throws {DsrError} `not-found`; `request-failed` or the run's own code (`invalid-input`, ...) where it ended without a result
   */
  result(workflowId: string): Promise<RequestResult>;
  /** Asks the request to end; its result says how far it came. False where it has ended. @throws {DsrError} `not-found` */
  cancel(workflowId: string): Promise<boolean>;
  /**
   * Puts the legal due date off, within the limits of its law: once, and before it has passed. The same extension again is
   * no other.
   * @throws {InvalidInput}
   * @throws {DsrError} `not-found`; `extension-refused`, saying why; `no-worker`: nobody took it
   */
  extend(workflowId: string, extension: ExtensionInput): Promise<Clock>;
  /** Newest first, as far as the server keeps them; at most `limit`. With `open`, those that have not ended. */
  list(options?: {
    readonly connection?: string;
    readonly limit?: number;
    readonly open?: boolean;
  }): Promise<ListedRequest[]>;
  /** Which of `workflowIds` the server knows, or `recordOf` answers for. */
  known(workflowIds: readonly string[]): Promise<string[]>;
}

export interface DsrClientOptions {
  /** With the data converter of this package: `connectTemporal` makes one. */
  readonly temporal: Client;
  readonly keyring: Keyring;
  /** The service's main task queue; `aircall-dsr` where not given. */
  readonly taskQueue?: string;
  /** Where the vault is at hand: answers for requests whose history the server no longer has. */
  readonly recordOf?: (request: RequestRef) => Promise<{ readonly result?: RequestResult } | undefined>;
}

const LIST_LIMIT_DEFAULT = 1_000;
/** A single request has the server's default, 3. */
const BATCH_PRIORITY_KEY = 4;
const DESCRIBED_AT_ONCE = 50;
const ANSWERED_WITHIN_MS = 10_000;
/** gRPC. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;

export function createDsrClient({
  temporal,
  keyring,
  taskQueue = DEFAULT_TASK_QUEUE,
  recordOf = async () => undefined,
}: DsrClientOptions): DsrClient {
  const { workflow, connection: server, options } = temporal;
  const codec = createPayloadCodec(keyring);

  async function describe(workflowId: string): Promise<WorkflowExecutionDescription> {
    try {
      return await workflow.getHandle(workflowId).describe();
    } catch (error) {
      throw error instanceof WorkflowNotFoundError ? notFound(workflowId) : error;
    }
  }

  /** What the vault answers for a request whose history is gone. */
  async function answered(workflowId: string): Promise<RequestResult | undefined> {
    const request = requestOf(workflowId);
    return request && (await recordOf(request))?.result;
  }

  async function startOnce(kind: Kind, input: Inputs[Kind], subject: string): Promise<Started> {
    const { requestId, connection } = input;
    const workflowId = workflowIdOf({ connection, kind, requestId });
    const begin = () =>
      workflow.start(WORKFLOW_TYPES[kind], {
        workflowId,
        taskQueue,
        staticSummary: summaryOf(kind, requestId, connection),
        args: [input],
        // Its workflow tasks and vault steps too go behind those of single requests; its API steps see to it themselves.
        ...(input.priority === 'batch' && { priority: { priorityKey: BATCH_PRIORITY_KEY } }),
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        typedSearchAttributes: [
          { key: SEARCH_KEYS.kind, value: kind },
          { key: SEARCH_KEYS.connection, value: connection },
          { key: SEARCH_KEYS.status, value: 'running' },
          { key: SEARCH_KEYS.subject, value: subject },
        ],
      });
    try {
      const { firstExecutionRunId } = await begin();
      return { requestId, workflowId, runId: firstExecutionRunId };
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError)
        return { requestId, workflowId, runId: (await describe(workflowId)).runId };
      // A server that no worker has prepared yet does not know our search attributes.
      if (grpcErrorOf(error)?.code !== INVALID_ARGUMENT) throw error;
      await ensureSearchAttributes(server, options.namespace);
      const { firstExecutionRunId } = await begin();
      return { requestId, workflowId, runId: firstExecutionRunId };
    }
  }

  /** What a run was started with, whoever started it; undefined where it cannot be read. */
  async function inputOf({ workflowId, runId }: Started): Promise<Partial<Inputs['deletion']> | undefined> {
    const { history } = await server.workflowService.getWorkflowExecutionHistory({
      namespace: options.namespace,
      execution: { workflowId, runId },
      maximumPageSize: 1,
    });
    const sent = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    try {
      const [payload] = await codec.decode([...sent]);
      const input: unknown = payload && defaultPayloadConverter.fromPayload(payload);
      return typeof input === 'object' && input !== null ? input : undefined;
    } catch {
      return undefined; // another key, or no JSON: its run ends, or has ended, as invalid-input
    }
  }

  /** What else a request id was used for than what is asked now; undefined where it is the same request. */
  function usedFor(before: Partial<Inputs['deletion']> | undefined, now: Inputs[Kind]): string | undefined {
    const emailBefore = before?.subject?.email;
    if (typeof emailBefore !== 'string') return 'an input that cannot be read, so that its run ends as invalid-input';
    if (foldEmail(emailBefore) !== foldEmail(now.subject.email)) return 'another subject';
    const dryRun = 'dryRun' in now && now.dryRun === true;
    if ((before?.dryRun ?? false) !== dryRun) return dryRun ? 'a request that is no dry run' : 'a dry run';
    return undefined;
  }

  /** @returns what it was started with */
  async function refuseConflict(started: Started, now: Inputs[Kind]): Promise<Partial<Inputs['deletion']> | undefined> {
    const before = await inputOf(started);
    const used = usedFor(before, now);
    if (used === undefined) return before;
    throw new DsrError('request-conflict', `Request id ${now.requestId} was used for ${used}. Choose a new one.`);
  }

  /** Undefined where the server has no run of that id. */
  async function runIdOf(workflowId: string): Promise<string | undefined> {
    try {
      return (await workflow.getHandle(workflowId).describe()).runId;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  const client: DsrClient = {
    async start(kind, input) {
      const parsed = parseInput(kind, input);
      refuseImpossibleTimes(parsed, Date.now());
      const subject = keyring.hash(foldEmail(parsed.subject.email));
      const started = await startOnce(kind, parsed, subject);
      const before = await refuseConflict(started, parsed);
      const { regime = 'none', submittedAt } = parsed;
      const otherClock = (before?.regime ?? 'none') !== regime || before?.submittedAt !== submittedAt;
      return { ...started, ...(otherClock && { otherClock }) };
    },

    async wasStarted(kind, input) {
      const parsed = parseInput(kind, input);
      const { requestId, connection } = parsed;
      const workflowId = workflowIdOf({ connection, kind, requestId });
      const runId = await runIdOf(workflowId);
      if (runId === undefined) return (await answered(workflowId)) !== undefined;
      await refuseConflict({ requestId, workflowId, runId }, parsed);
      return true;
    },

    async status(workflowId) {
      const request = requestOf(workflowId);
      if (request === undefined) throw new DsrError('not-found', `${workflowId} is not the id of a request.`);
      const { requestId, kind } = request;
      const base = { requestId, workflowId, kind };
      const endedAs = (result: RequestResult): StatusReport => ({
        ...base,
        status: result.status,
        phase: 'ended',
        counts: result.counts,
        ...planOf(result),
        ...(result.dueAt !== undefined && { dueAt: result.dueAt }),
        result,
      });
      const described = await describe(workflowId).catch(async (error: unknown) => {
        const result = isNotFound(error) ? await answered(workflowId) : undefined;
        if (result === undefined) throw error;
        return result;
      });
      if ('requestId' in described) return endedAs(described);
      if (described.status.name === 'COMPLETED') return endedAs(await client.result(workflowId));
      if (described.status.name !== 'RUNNING')
        return {
          ...base,
          status: 'failed',
          phase: 'ended',
          counts: noCounts(kind),
          failure: await failureOf(workflowId),
        };
      const told = await ask(workflowId);
      const retrying = retryingOf(described);
      const limited = retrying.find(({ code }) => code === 'rate-limited');
      const waitingFor: WaitingFor | undefined =
        told === 'nobody'
          ? { cause: 'worker' }
          : (told?.waitingFor ??
            (limited && { cause: 'rate-limit', ...(limited.nextAt && { until: limited.nextAt }) }));
      return {
        ...base,
        phase: 'opening',
        counts: noCounts(kind),
        ...(told !== 'nobody' && told),
        status: waitingFor === undefined ? 'running' : 'waiting',
        ...(waitingFor && { waitingFor }),
        ...(retrying.length > 0 && { retrying }),
      };
    },

    async result(workflowId) {
      try {
        return await workflow.getHandle<() => Promise<RequestResult>>(workflowId).result();
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) {
          const result = await answered(workflowId);
          if (result !== undefined) return result;
          throw notFound(workflowId);
        }
        if (!(error instanceof WorkflowFailedError)) throw error;
        if (error.cause instanceof ApplicationFailure)
          throw new DsrError(error.cause.type ?? 'request-failed', error.cause.message);
        throw new DsrError(
          'request-failed',
          `Request ${workflowId} ended without a result (${error.cause?.name ?? 'unknown'}). See it in the Temporal Web UI.`,
        );
      }
    },

    async cancel(workflowId) {
      const { status } = await describe(workflowId);
      if (status.name !== 'RUNNING') return false;
      await workflow.getHandle(workflowId).cancel();
      return true;
    },

    async extend(workflowId, extension) {
      const parsed = parseExtension(extension);
      const { status } = await describe(workflowId);
      if (status.name !== 'RUNNING') throw new DsrError('extension-refused', `Request ${workflowId} has ended.`);
      try {
        return await server.withDeadline(Date.now() + ANSWERED_WITHIN_MS, () =>
          workflow.getHandle(workflowId).executeUpdate<Clock, [ExtensionInput]>(EXTEND, { args: [parsed] }),
        );
      } catch (error) {
        if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
          throw new DsrError('no-worker', 'No worker took it in time. Start `aircall-dsr worker`, and ask again.');
        if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
          throw new DsrError('extension-refused', `Request ${workflowId} keeps its due date: ${error.cause.message}.`);
        throw error;
      }
    },

    async list({ connection, limit = LIST_LIMIT_DEFAULT, open: onlyOpen = false } = {}) {
      const types = KINDS.map(kind => `'${WORKFLOW_TYPES[kind]}'`).join(', ');
      const query = [
        `WorkflowType IN (${types}) AND TaskQueue = '${taskQueue}'`,
        ...(connection === undefined ? [] : [`DsrConnection = '${connection}'`]),
        ...(onlyOpen ? [`ExecutionStatus = 'Running'`] : []),
      ].join(' AND ');
      const requests: ListedRequest[] = [];
      for await (const { workflowId, status, startTime, typedSearchAttributes } of workflow.list({ query })) {
        const request = requestOf(workflowId);
        if (request === undefined) continue;
        const dueAt = typedSearchAttributes.get(SEARCH_KEYS.dueAt);
        const open = status.name === 'RUNNING' || status.name === 'COMPLETED';
        requests.push({
          requestId: request.requestId,
          workflowId,
          connection: request.connection,
          kind: request.kind,
          status: open ? (typedSearchAttributes.get(SEARCH_KEYS.status) ?? 'running') : 'failed',
          startedAt: startTime.toISOString(),
          ...(dueAt && { dueAt: dueAt.toISOString() }),
        });
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

  /** Why a run ended without a result. */
  async function failureOf(workflowId: string): Promise<{ readonly code: string; readonly message: string }> {
    try {
      await client.result(workflowId);
      return { code: 'unexpected', message: 'the run has ended meanwhile; ask again' };
    } catch (error) {
      if (error instanceof DsrError) return { code: error.code, message: error.message };
      throw error;
    }
  }

  /** The run's own word; undefined before its first step, `nobody` where no worker answers. */
  async function ask(workflowId: string): Promise<RequestStatus | 'nobody' | undefined> {
    try {
      return await server.withDeadline(Date.now() + ANSWERED_WITHIN_MS, () =>
        workflow.getHandle(workflowId).query<RequestStatus>('status'),
      );
    } catch (error) {
      if (error instanceof QueryNotRegisteredError || error instanceof QueryRejectedError) return undefined;
      const code = grpcErrorOf(error)?.code;
      if (code === undefined) throw error;
      // No worker polls, none answered in time, or the server gave up on it: whatever the code, nobody answered.
      return code === NOT_FOUND ? undefined : 'nobody';
    }
  }

  async function isThere(workflowId: string): Promise<boolean> {
    return (await runIdOf(workflowId)) !== undefined || (await answered(workflowId)) !== undefined;
  }
}

/** The line at the top of the run in the Web UI. */
function summaryOf(kind: Kind, requestId: string, connection: string): string {
  return `${kind === 'access' ? 'Access request' : 'Deletion'} ${requestId} of ${connection}`;
}

function notFound(workflowId: string): DsrError {
  return new DsrError('not-found', `There is no request ${workflowId}. Run \`aircall-dsr list\`.`);
}

function isNotFound(error: unknown): boolean {
  return error instanceof DsrError && error.code === 'not-found';
}

/** What the server answered: the Temporal client wraps it in an error of its own. */
function grpcErrorOf(error: unknown) {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) ? cause : undefined;
}

function planOf({ planDigest }: RequestResult): { planDigest?: string } {
  return planDigest === undefined ? {} : { planDigest };
}

/** Steps between two attempts; their failures' types are readable, their messages are not needed. */
function retryingOf({ raw }: WorkflowExecutionDescription): NonNullable<StatusReport['retrying']> {
  return (raw.pendingActivities ?? []).flatMap(({ activityType, lastFailure, attempt, scheduledTime }) => {
    const code =
      lastFailure?.applicationFailureInfo?.type ?? (lastFailure?.timeoutFailureInfo ? 'timed-out' : undefined);
    if (code === undefined || code === null || (attempt ?? 0) < 2) return [];
    const nextAt = instantOf(scheduledTime);
    return [
      {
        step: activityType?.name ?? '',
        code: isStepCode(code) ? code : 'local-failure',
        attempts: (attempt ?? 1) - 1,
        ...(nextAt && { nextAt }),
      },
    ];
  });
}

function instantOf(time: google.protobuf.ITimestamp | null | undefined): string | undefined {
  const seconds = Number(time?.seconds ?? 0);
  return seconds > 0 ? new Date(seconds * 1000).toISOString() : undefined;
}

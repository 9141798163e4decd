/** Starts a request: once for each request id, also if several clients start it. Decision D12. */
import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { Keyring } from '../encryption/keyring';
import { type Asked, askedOf, differingFields, wordsOfConflict } from '../request/asked';
import { type Inputs, InvalidInput, parseInput } from '../request/input';
import { type Kind, type RequestRef, WORKFLOW_TYPES, workflowIdOf } from '../request/names';
import { SEARCH_KEYS } from '../request/search-keys';
import { capital, requestNoun } from '../request/sentences';
import { grpcErrorOf, INVALID_ARGUMENT } from '../temporal/grpc-status';
import { ensureSearchAttributes } from '../temporal/search-attributes';
import { DsrError } from './errors';
import type { Runs } from './runs';

export interface Started {
  readonly requestId: string;
  readonly workflowId: string;
  /** Of a request that has ended: the run that it began with. */
  readonly runId: string;
}

export interface Starting {
  /** Starts the request, or finds the one that has this id already. @throws {DsrError} `request-conflict` */
  start(input: Inputs[Kind]): Promise<Started>;
  /** The request that has this id already. @throws {DsrError} `request-conflict` */
  startedBefore(input: Inputs[Kind]): Promise<Started | undefined>;
}

/** A single request has the server's default, 3. */
const BATCH_PRIORITY_KEY = 4;

export function createStarting(temporal: Client, keyring: Keyring, taskQueue: string, runs: Runs): Starting {
  const { workflow, connection: server, options } = temporal;
  const askedBy = (input: Inputs[Kind]): Asked => askedOf(keyring.hash, input);

  /**
   * @param isPrepared whether the server knows our search attributes
   * @returns the id of the run that has the id of the request now, whoever started it; undefined if it has ended
   */
  async function begin(input: Inputs[Kind], isPrepared = false): Promise<string | undefined> {
    const { kind, connection, priority } = input;
    try {
      const { firstExecutionRunId } = await workflow.start(WORKFLOW_TYPES[kind], {
        workflowId: workflowIdOf(input),
        taskQueue,
        staticSummary: summaryOf(input),
        args: [input],
        // Its workflow tasks and vault steps too run after those of single requests. Its API steps set their own priority.
        ...(priority === 'batch' && { priority: { priorityKey: BATCH_PRIORITY_KEY } }),
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        typedSearchAttributes: [
          { key: SEARCH_KEYS.kind, value: kind },
          { key: SEARCH_KEYS.connection, value: connection },
          { key: SEARCH_KEYS.status, value: 'running' },
          { key: SEARCH_KEYS.subject, value: askedBy(input).subjectHash },
        ],
      });
      return firstExecutionRunId;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
      // A server that no worker has prepared yet does not know our search attributes.
      if (grpcErrorOf(error)?.code !== INVALID_ARGUMENT) throw error;
      if (isPrepared || (await ensureSearchAttributes(server, options.namespace)) === 'unknown') throw error;
      return begin(input, true);
    }
  }

  /** The request as its record says that it ended. */
  async function endedBefore(input: Inputs[Kind]): Promise<Started | undefined> {
    const record = await runs.ended(refOf(input));
    if (record === undefined) return undefined;
    refuseOther(input, record);
    return startedAs(input, record.runId);
  }

  /** The request as its run was started. */
  function startedWith(before: object, input: Inputs[Kind], runId: string): Started {
    const first = readInput(input.kind, before);
    if (first === undefined)
      throw conflict(input, 'was used for an unreadable input, so its run ends as invalid-input');
    refuseOther(input, askedBy(first));
    return startedAs(input, runId);
  }

  /** @throws {DsrError} `request-conflict` */
  function refuseOther(input: Inputs[Kind], before: Asked): void {
    const differing = differingFields(before, askedBy(input));
    if (differing.length > 0) throw conflict(input, wordsOfConflict(differing));
  }

  async function running(input: Inputs[Kind]): Promise<Started | undefined> {
    const request = refOf(input);
    const newest = await runs.newest(request);
    if (newest === undefined) return undefined;
    const { runId } = newest === 'foreign' ? { runId: '' } : newest.run;
    const before = newest === 'foreign' ? undefined : await runs.inputOf(request, runId);
    if (typeof before === 'object') return startedWith(before, input, runId);
    throw new DsrError(
      'request-conflict',
      `Another run on the Temporal server has the id ${workflowIdOf(request)}, and it is not this request. Find out who started it; choose a new request id.`,
    );
  }

  return {
    async start(input) {
      const ended = await endedBefore(input);
      if (ended !== undefined) return ended;
      const runId = await begin(input);
      const own = runId === undefined ? undefined : await runs.inputOf(refOf(input), runId);
      if (runId !== undefined && typeof own === 'object') return startedWith(own, input, runId);
      const before = await running(input);
      if (before !== undefined) return before;
      throw new DsrError('request-failed', `The run of ${workflowIdOf(input)} was deleted meanwhile. Try again.`);
    },
    async startedBefore(input) {
      return (await endedBefore(input)) ?? running(input);
    },
  };
}

function refOf({ connection, kind, requestId }: Inputs[Kind]): RequestRef {
  return { connection, kind, requestId };
}

function startedAs(input: Inputs[Kind], runId: string): Started {
  return { requestId: input.requestId, workflowId: workflowIdOf(input), runId };
}

/** Undefined if its run ends, or has ended, as invalid-input. */
function readInput(kind: Kind, before: object): Inputs[Kind] | undefined {
  try {
    return parseInput(kind, before);
  } catch (error) {
    if (error instanceof InvalidInput) return undefined;
    throw error;
  }
}

function conflict({ requestId }: Inputs[Kind], why: string): DsrError {
  return new DsrError('request-conflict', `Request id ${requestId} ${why}. Choose a new one.`);
}

/** The line at the top of the run in the Web UI. */
function summaryOf(input: Inputs[Kind]): string {
  const { kind, requestId, connection } = input;
  return `${capital(requestNoun({ kind, dryRun: input.dryRun === true }))} ${requestId} of ${connection}`;
}

/**
 * Somebody who reaches the Temporal server and has no key: starts runs with payloads as they are, and takes the place of a
 * worker on any queue.
 */
import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time';
import { temporal as proto } from '@temporalio/proto';
import { historyOf, runAt } from '../../src/temporal/histories';
import { PATIENCE_MS } from './patience';

const namespace = 'default';
const { CommandType, QueryResultType } = proto.api.enums.v1;
const { Acceptance, Response } = proto.api.update.v1;

export interface StrangersRun {
  readonly workflowId: string;
  readonly type: string;
  readonly queue: string;
  readonly payloads?: readonly Payload[];
  readonly delayDays?: number;
}

export interface Stranger {
  /** @returns its run id */
  start(run: StrangersRun): Promise<string>;
  /** Takes the next workflow task of a queue, and ends its run with this result. */
  complete(queue: string, payloads: readonly Payload[]): Promise<void>;
  /** Takes the next workflow task of a queue, and does nothing. */
  pass(queue: string): Promise<void>;
  /** Takes the next query of a queue, and answers with this. */
  answer(queue: string, payloads: readonly Payload[]): Promise<void>;
  /** Takes the next update of a queue, and answers with this. */
  accept(queue: string, payloads: readonly Payload[]): Promise<void>;
  terminate(workflowId: string): Promise<void>;
  /** Of the newest run of an id. */
  inputOf(workflowId: string): Promise<Payload[]>;
  resultOf(workflowId: string): Promise<Payload[]>;
}

export const PLAIN: Payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{}') };

/** @param temporal of which nothing is used but the connection */
export function createStranger(temporal: Client): Stranger {
  const { workflowService: server, connection } = temporal;
  let started = 0;

  const poll = (queue: string) =>
    connection.withDeadline(Date.now() + PATIENCE_MS, () =>
      server.pollWorkflowTaskQueue({ namespace, taskQueue: { name: queue } }),
    );
  const complete = (taskToken: Uint8Array, commands: proto.api.command.v1.ICommand[]) =>
    server.respondWorkflowTaskCompleted({ namespace, taskToken, commands });
  async function eventsOf(workflowId: string) {
    const { runId = '' } = (await runAt(temporal, workflowId)) ?? {};
    return (await historyOf(temporal, { workflowId, runId }))?.events ?? [];
  }

  return {
    async start({ workflowId, type, queue, payloads = [], delayDays }) {
      started += 1;
      const { runId } = await server.startWorkflowExecution({
        ...{ namespace, workflowId, requestId: `stranger ${started} ${workflowId}` },
        ...{ workflowType: { name: type }, taskQueue: { name: queue }, input: { payloads: [...payloads] } },
        ...(delayDays !== undefined && { workflowStartDelay: msToTs(delayDays * 86_400_000) }),
      });
      return runId;
    },
    async complete(queue, payloads) {
      const { taskToken } = await poll(queue);
      const result = { payloads: [...payloads] };
      await complete(taskToken, [
        {
          commandType: CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
          completeWorkflowExecutionCommandAttributes: { result },
        },
      ]);
    },
    async pass(queue) {
      const { taskToken } = await poll(queue);
      await complete(taskToken, []);
    },
    async answer(queue, payloads) {
      const { taskToken } = await poll(queue);
      const queryResult = { payloads: [...payloads] };
      const completedType = QueryResultType.QUERY_RESULT_TYPE_ANSWERED;
      await server.respondQueryTaskCompleted({ namespace, taskToken, completedType, queryResult });
    },
    async accept(queue, payloads) {
      const { taskToken, messages } = await poll(queue);
      const [asked] = messages;
      const protocolInstanceId = asked?.protocolInstanceId ?? '';
      const acceptance = Acceptance.encode({
        acceptedRequestMessageId: asked?.id ?? '',
        acceptedRequestSequencingEventId: asked?.eventId ?? null,
      }).finish();
      const meta = { updateId: protocolInstanceId };
      const response = Response.encode({ meta, outcome: { success: { payloads: [...payloads] } } }).finish();
      const message = (name: string, value: Uint8Array) => ({
        ...{ id: `stranger ${name}`, protocolInstanceId },
        body: { type_url: `type.googleapis.com/temporal.api.update.v1.${name}`, value },
      });
      const command = (name: string) => ({
        commandType: CommandType.COMMAND_TYPE_PROTOCOL_MESSAGE,
        protocolMessageCommandAttributes: { messageId: `stranger ${name}` },
      });
      await server.respondWorkflowTaskCompleted({
        ...{ namespace, taskToken },
        messages: [message('Acceptance', acceptance), message('Response', response)],
        commands: [command('Acceptance'), command('Response')],
      });
    },
    async terminate(workflowId) {
      await server.terminateWorkflowExecution({ namespace, workflowExecution: { workflowId } });
    },
    async inputOf(workflowId) {
      const [first] = await eventsOf(workflowId);
      return first?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    },
    async resultOf(workflowId) {
      const last = (await eventsOf(workflowId)).at(-1);
      return last?.workflowExecutionCompletedEventAttributes?.result?.payloads ?? [];
    },
  };
}

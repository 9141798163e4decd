/** Facts of a run that its history shows without decryption. Pure. */
import type { Payload } from '@temporalio/common';
import type { RunId } from '../temporal/histories';
import type { History } from './history-json';

type Event = NonNullable<History['events']>[number];

/** Undefined if the run has not ended, or the history was cut before its end. */
export function endIn({ events }: History): Event | undefined {
  const last = events?.at(-1);
  const ended =
    last?.workflowExecutionCompletedEventAttributes ??
    last?.workflowExecutionFailedEventAttributes ??
    last?.workflowExecutionCanceledEventAttributes ??
    last?.workflowExecutionTerminatedEventAttributes ??
    last?.workflowExecutionTimedOutEventAttributes ??
    last?.workflowExecutionContinuedAsNewEventAttributes;
  return ended ? last : undefined;
}

/** The result of the run; undefined if it has none. */
export function resultIn(history: History): Payload | undefined {
  return endIn(history)?.workflowExecutionCompletedEventAttributes?.result?.payloads?.[0];
}

/** Whether the workflow made any decision: otherwise there is nothing to replay. */
export function decides({ events }: History): boolean {
  return (events ?? []).some(event => event.workflowTaskCompletedEventAttributes);
}

/** Whether the history belongs to that run, which may have been reset since its start. */
export function isOf({ events }: History, { workflowId, runId }: RunId): boolean {
  const started = events?.[0]?.workflowExecutionStartedEventAttributes;
  const runs = (events ?? []).flatMap(event => event.workflowTaskFailedEventAttributes?.newRunId || []);
  return started?.workflowId === workflowId && [started.originalExecutionRunId, ...runs].includes(runId);
}

export function runName({ workflowId, runId }: RunId): string {
  return `${workflowId} ${runId}`;
}

/** Every payload in it, at any depth. */
export function payloadsIn(value: unknown): Payload[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  if (isPayload(value)) return [value];
  return Object.values(value).flatMap(payloadsIn);
}

export function isPayload(value: object): value is Payload {
  return 'metadata' in value && typeof value.metadata === 'object' && value.metadata !== null && 'data' in value;
}

export function encodingOf({ metadata }: Payload): string {
  return Buffer.from(metadata?.encoding ?? []).toString();
}

/** Undefined if it is no JSON. */
export function jsonIn(payload: Payload): unknown {
  if (encodingOf(payload) !== JSON_PLAIN) return undefined;
  try {
    return JSON.parse(Buffer.from(payload.data ?? []).toString());
  } catch {
    return undefined;
  }
}

export const JSON_PLAIN = 'json/plain';

export function json(value: unknown): Payload {
  return { metadata: { encoding: Buffer.from(JSON_PLAIN) }, data: bytesOf(value) };
}

/** Of its JSON; of nothing, that of null. */
export function bytesOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value ?? null));
}

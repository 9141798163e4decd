/**
 * Replays histories against the workflows of this version: whether they would decide again as they did. Histories in the clear
 * need no key. Nothing is asked of Aircall, and no step runs. Decision D13.
 */
import type { DataConverter } from '@temporalio/common';
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { isEncrypted } from '../encryption/payload-codec';
import { workflowBundle as ownBundle } from '../workflow-bundle';
import type { History } from './history-json';

export interface Recorded {
  /** What it is called in the verdict: a workflow id, or a file. */
  readonly name: string;
  readonly history: History;
}

export interface Verdict {
  readonly name: string;
  /** `differs`: the workflows of this version would have done something else. `unreadable`: a key is missing, or it is no history. */
  readonly verdict: 'same' | 'differs' | 'unreadable';
  /** Which event, in Temporal's words; types and ids only. */
  readonly event?: string;
}

export interface ReplayOptions {
  /** Made from this version's workflows where not given. */
  readonly workflowBundle?: WorkflowBundleOption;
  /** For histories that are encrypted; asked for where there is one. */
  readonly dataConverter?: () => DataConverter;
}

const EVENT_CHARACTERS_MAX = 300;

export async function replay(recorded: readonly Recorded[], options: ReplayOptions = {}): Promise<Verdict[]> {
  const plain = recorded.filter(({ history }) => !isSealed(history));
  const sealed = recorded.filter(({ history }) => isSealed(history));
  const { dataConverter, ...bundled } = options;
  return [
    ...(await replayWith(bundled, plain)),
    ...(sealed.length === 0 ? [] : await replayWith(bundled, sealed, dataConverter?.())),
  ];
}

async function replayWith(
  { workflowBundle }: ReplayOptions,
  recorded: readonly Recorded[],
  dataConverter?: DataConverter,
): Promise<Verdict[]> {
  if (recorded.length === 0) return [];
  const results = Worker.runReplayHistories(
    {
      workflowBundle: workflowBundle ?? (await ownBundle()),
      ...(dataConverter && { dataConverter }),
    },
    recorded.map(({ name, history }) => ({ workflowId: workflowIdIn(history) ?? name, history })),
  );
  const verdicts: Verdict[] = [];
  for await (const { error } of results) {
    const name = recorded[verdicts.length]?.name ?? '';
    if (error === undefined) verdicts.push({ name, verdict: 'same' });
    else
      verdicts.push({
        name,
        verdict: error instanceof DeterminismViolationError ? 'differs' : 'unreadable',
        event: eventIn(error),
      });
  }
  return verdicts;
}

/** What differs, out of all that the SDK's message says; that of another error may hold values, so that its kind must do. */
function eventIn(error: Error): string {
  const [, event] = /Nondeterminism error: (.*?)\\*"/.exec(error.message) ?? [];
  return (event ?? error.name).slice(0, EVENT_CHARACTERS_MAX);
}

function workflowIdIn({ events }: History): string | undefined {
  return events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId || undefined;
}

function isSealed({ events }: History): boolean {
  const [payload] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  return payload !== undefined && isEncrypted(payload);
}

/**
 * Replays histories against the workflows of this version: whether they make the same decisions and return the
 * same result. Histories in the clear need no key. Nothing is sent to Aircall, and no step runs. Decision D13.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { isEncrypted } from '../encryption/payload-codec';
import { workflowBundle as ownBundle } from '../workflow-bundle';
import { decides, encodingOf, endIn, jsonIn, payloadsIn, resultIn } from './history';
import type { History } from './history-json';
import { isLockedOut, LOCKED_OUT, openAsWorker } from './opened';

export interface Recorded {
  /** Its name in the verdict: a workflow id, or a file. */
  readonly name: string;
  /** Undefined if the content is no history. */
  readonly history: History | undefined;
}

/** One that can be replayed. */
interface Played {
  readonly name: string;
  readonly history: History;
  readonly workflowId: string;
  /** Whether a key is needed. A run that began in the clear has encrypted payloads too. */
  readonly sealed: boolean;
  /** When its replay began. */
  readonly sinceMs: number;
}

export interface Verdict {
  readonly name: string;
  /**
   * `differs`: the workflows of this version would make another decision, or return another result. `unreadable`: a key is
   * missing, or it is no history, or one without a decision.
   */
  readonly verdict: 'same' | 'differs' | 'unreadable';
  /** Whether the run had ended: if not, `same` means that it replays so far. */
  readonly closed: boolean;
  /** The event that differs, in Temporal's words; types and ids only. */
  readonly event?: string;
}

export interface ReplayOptions {
  /** Made from this version's workflows if not given. */
  readonly workflowBundle?: WorkflowBundleOption;
  /** For encrypted histories; called only if there is one. */
  readonly codec?: () => PayloadCodec;
  /** For one history; two minutes if not given. */
  readonly timeoutMs?: number;
}

const EVENT_CHARACTERS_MAX = 300;
const TIMEOUT_MS = 120_000;
/** Of the last verdict: a replay cannot be stopped in its middle, so the caller has to end the process. */
export const STUCK = 'its replay did not end in time; the histories after it were not replayed';

/** One after the other: the next history is requested when the one before is done. */
export async function replay(
  recorded: Iterable<Recorded> | AsyncIterable<Recorded>,
  { workflowBundle, codec, timeoutMs = TIMEOUT_MS }: ReplayOptions = {},
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const verdictOn = ({ name, history }: Recorded, verdict: Verdict['verdict'], event?: string) => {
    const closed = history !== undefined && endIn(history) !== undefined;
    verdicts.push({ name, verdict, closed, ...(event !== undefined && { event }) });
  };
  let present: Played | undefined;
  let answered: Payload | undefined;
  let key: PayloadCodec | undefined;
  const opened = async (payloads: Payload[], context?: SerializationContext) => {
    if (!present?.sealed) return payloads;
    key ??= codec?.();
    const opener = isLockedOut(present.history) ? LOCKED_OUT : key;
    return opener === undefined ? payloads : Promise.all(payloads.map(each => openAsWorker(each, opener, context)));
  };
  /** Decrypts payloads, and reads the workflow's result: Temporal's replay compares no values. */
  const watching: PayloadCodec = {
    async encode(payloads, context) {
      if (context?.type === 'workflow' && context.workflowId === present?.workflowId) answered = payloads.at(-1);
      return payloads;
    },
    decode: opened,
  };
  async function* histories() {
    for await (const each of recorded) {
      const { name, history } = each;
      if (history === undefined) verdictOn(each, 'unreadable', 'it is no history');
      else if (!decides(history)) verdictOn(each, 'unreadable', 'it has no decision');
      else {
        const workflowId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId || name;
        present = {
          name,
          history,
          workflowId,
          sealed: payloadsIn(history).some(isEncrypted),
          sinceMs: performance.now(),
        };
        answered = undefined;
        yield { workflowId, history };
      }
    }
  }
  const results = Worker.runReplayHistories(
    {
      workflowBundle: workflowBundle ?? (await ownBundle()),
      dataConverter: { payloadCodecs: [watching] },
      sinks: { keys: { awaited: { fn() {} } } }, // it waits for no key: the history is unreadable
    },
    histories(),
  );
  for (;;) {
    const next = await inTime(results.next());
    if (next?.done || present === undefined) return verdicts;
    if (next === undefined) {
      verdictOn(present, 'unreadable', STUCK);
      results.return?.().catch(() => {}); // it may never answer
      return verdicts;
    }
    const { error } = next.value;
    if (error instanceof DeterminismViolationError) verdictOn(present, 'differs', eventIn(error));
    else if (error !== undefined) verdictOn(present, 'unreadable', eventIn(error));
    else if (await isAnswer(answered, resultIn(present.history))) verdictOn(present, 'same');
    else verdictOn(present, 'differs', 'the workflow returns another result than its last event holds');
    present = undefined;
  }

  /** Undefined if one history takes too long. The time before it, to list runs on the server, does not count. */
  async function inTime<T>(next: Promise<T>): Promise<T | undefined> {
    next.catch(() => {}); // thrown here, or too late
    let ended: T | undefined;
    do ended = await Promise.race([next, delay(timeoutMs - takenMs(), undefined, { ref: false })]);
    while (ended === undefined && (present === undefined || takenMs() < timeoutMs));
    return ended;
  }

  /** By the present history. */
  function takenMs(): number {
    return present === undefined ? 0 : performance.now() - present.sinceMs;
  }

  async function isAnswer(given: Payload | undefined, result: Payload | undefined): Promise<boolean> {
    if (result === undefined) return true;
    const [recorded] = await opened([result]);
    if (recorded === undefined || given === undefined) return false;
    return encodingOf(recorded) === encodingOf(given) && isDeepStrictEqual(jsonIn(recorded), jsonIn(given));
  }
}

/** The difference, taken from the SDK's message. The message of another error may hold values, so only its kind is shown. */
function eventIn(error: Error): string {
  const [, event] = /Nondeterminism error: ([^"\\]*)/.exec(error.message) ?? [];
  return (event ?? error.name).slice(0, EVENT_CHARACTERS_MAX);
}

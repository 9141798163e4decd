/** Repeats polls at intervals, one at a time. */
import { codeOrName } from '../error-code';
import type { Log } from '../log';
import { endsInTime } from './in-time';

export interface Polling {
  /** The failures of the last polls, in words; empty if all went well. */
  problems(): string[];
  /** Starts no more polls; resolves when the last one has ended, or hangs. */
  stop(): Promise<void>;
}

export interface Poll {
  readonly run: () => Promise<void>;
  /** Logged, with the code, when it begins to fail. */
  readonly failure: string;
}

export interface PollingOptions {
  readonly everyMs: number;
  /** A poll that takes longer hangs: it is a problem, and is not begun anew until it has ended. */
  readonly withinMs: number;
  /** Made one after the other, also after one that failed. */
  readonly polls: readonly Poll[];
  /** Called after all of them. */
  readonly afterwards?: () => void;
  readonly log: Log;
}

/** The code of a poll that does not end. */
const HANGS = 'no-answer';

/** The first polls come after `everyMs`. */
export function startPolling({ everyMs, withinMs, polls, afterwards = () => {}, log }: PollingOptions): Polling {
  const underWay = new Map<Poll, Promise<void>>();
  /** The code of each poll that failed the last time. */
  const failing = new Map<Poll, string>();
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();

  function schedule(): void {
    timer = setTimeout(() => {
      running = pollAll();
      void running.then(() => {
        if (!stopped) schedule();
      });
    }, everyMs);
  }

  async function pollAll(): Promise<void> {
    for (const poll of polls) {
      const code = await failureOf(poll);
      if (code !== undefined && failing.get(poll) !== code)
        log({ level: 'error', message: `${poll.failure} (${code})`, code });
      if (code === undefined) failing.delete(poll);
      else failing.set(poll, code);
    }
    afterwards();
  }

  async function failureOf(poll: Poll): Promise<string | undefined> {
    const work = underWay.get(poll) ?? poll.run().finally(() => underWay.delete(poll));
    underWay.set(poll, work);
    try {
      return (await endsInTime(work, withinMs)) ? undefined : HANGS;
    } catch (error) {
      return codeOrName(error);
    }
  }

  schedule();
  return {
    problems: () => [...failing].map(([{ failure }, code]) => `${failure} (${code})`),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

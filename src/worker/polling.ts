/** Repeats polls at intervals, one at a time. */
import { codeOrName } from '../error-code';
import type { Log } from '../log';

export interface Polling {
  /** Whether one of the last polls failed. */
  readonly failed: boolean;
  /** Starts no more polls; resolves when the last one has ended. */
  stop(): Promise<void>;
}

export interface Poll {
  readonly run: () => Promise<void>;
  /** Logged if it fails. */
  readonly failure: string;
}

export interface PollingOptions {
  readonly everyMs: number;
  /** Made one after the other, also after one that failed. */
  readonly polls: readonly Poll[];
  /** Called after all of them. */
  readonly afterwards: () => void;
  readonly log: Log;
}

/** The first polls come after `everyMs`. */
export function startPolling({ everyMs, polls, afterwards, log }: PollingOptions): Polling {
  let failed = false;
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
    let someFailed = false;
    for (const { run, failure } of polls) {
      try {
        await run();
      } catch (error) {
        someFailed = true;
        const code = codeOrName(error);
        log({ level: 'error', message: `${failure} (${code})`, code });
      }
    }
    failed = someFailed;
    afterwards();
  }

  schedule();
  return {
    get failed() {
      return failed;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

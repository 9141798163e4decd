/** Repeats a poll at intervals, one at a time. */
import { codeOrName } from '../error-code';
import type { Log } from '../log';

export interface Polling {
  /** Whether the last poll failed. */
  readonly failed: boolean;
  /** Starts no more polls; resolves when the last one has ended. */
  stop(): Promise<void>;
}

export interface PollingOptions {
  readonly everyMs: number;
  /** A poll that fails is logged; the next one is made all the same. */
  readonly poll: () => Promise<void>;
  /** Called after each poll, also after one that failed. */
  readonly afterwards: () => void;
  readonly log: Log;
}

/** The first poll comes after `everyMs`. */
export function startPolling({ everyMs, poll, afterwards, log }: PollingOptions): Polling {
  let failed = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();

  function schedule(): void {
    timer = setTimeout(() => {
      running = pollOnce();
      void running.then(() => {
        if (!stopped) schedule();
      });
    }, everyMs);
  }

  async function pollOnce(): Promise<void> {
    try {
      await poll();
      failed = false;
    } catch (error) {
      failed = true;
      const code = codeOrName(error);
      log({ level: 'error', message: `connections could not be checked, or requests not counted (${code})`, code });
    }
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

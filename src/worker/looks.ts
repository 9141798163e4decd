/** Looks at the vault again and again for what has changed, one look at a time. */
import type { Log } from '../log';

export interface Looks {
  /** Whether the last look failed. */
  readonly failed: boolean;
  /** Begins no more looks; resolves when the last one has ended. */
  stop(): Promise<void>;
}

export interface LooksOptions {
  readonly everyMs: number;
  /** A look that fails is logged; the next one is made all the same. */
  readonly look: () => Promise<void>;
  /** Called after each look, however it ended. */
  readonly afterwards: () => void;
  readonly log: Log;
}

/** The first look comes after `everyMs`. */
export function startLooks({ everyMs, look, afterwards, log }: LooksOptions): Looks {
  let failed = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve();

  function schedule(): void {
    timer = setTimeout(() => {
      looking = lookOnce();
      void looking.then(() => {
        if (!stopped) schedule();
      });
    }, everyMs);
  }

  async function lookOnce(): Promise<void> {
    try {
      await look();
      failed = false;
    } catch (error) {
      failed = true;
      const kind = error instanceof Error ? error.name : 'unknown';
      log({ level: 'error', message: `connections could not be looked at (${kind})`, code: kind });
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
      await looking;
    },
  };
}

/**
 * Shows a person the progress of long work. Without a listener it writes to stderr, never to stdout, which is for results:
 * one line that updates itself on a terminal, a line every fifteen seconds elsewhere.
 */
export type OnProgress = (message: string) => void;

const LINE_EVERY_MS = 15_000;
const UPDATE_EVERY_MS = 1_000;

export interface Effort<T> {
  readonly what: string;
  /** `report` replaces the detail shown behind `what` and the time. */
  run(report: (detail: string) => void): Promise<T>;
  readonly onProgress: OnProgress | undefined;
}

/** Runs an effort and reports it until it ends. */
export async function reportEffort<T>({ what, run, onProgress }: Effort<T>): Promise<T> {
  const isLive = onProgress === undefined && process.stderr.isTTY === true;
  const show = onProgress ?? (isLive ? showLive : (message: string) => void process.stderr.write(`${message}\n`));
  const startedAt = Date.now();
  let detail = 'at work';
  const report = () => show(`${what}: ${Math.round((Date.now() - startedAt) / 1_000)} s, ${detail}`);
  const timer = setInterval(report, isLive ? UPDATE_EVERY_MS : LINE_EVERY_MS);
  report();
  try {
    const result = await run(reported => {
      detail = reported;
    });
    detail = 'done';
    return result;
  } catch (error) {
    detail = 'failed';
    throw error;
  } finally {
    clearInterval(timer);
    report();
    if (isLive) process.stderr.write('\n');
  }
}

function showLive(message: string): void {
  process.stderr.write(`\r\u001b[K${message.slice(0, (process.stderr.columns ?? 80) - 1)}`);
}

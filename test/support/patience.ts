/**
 * How long a test waits before it calls something a hang: the only time limit of a test. It says nothing about speed, so that
 * a slow machine fails no test; `TEST_PATIENCE=3 npm test` triples it.
 */
const MULTIPLIER = Number(process.env.TEST_PATIENCE ?? '1');
if (!(MULTIPLIER > 0)) throw new Error('TEST_PATIENCE takes a number above 0');

export const PATIENCE_MS = 120_000 * MULTIPLIER;
/** Often at first, then less and less: a wait ends at most a quarter later than what it waits for. */
const POLL = { minMs: 100, maxMs: 1_000, partOfWait: 4 };

/** Waits until something is so; a test that waits in vain fails with what it waited for. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const startedMs = Date.now();
  for (let pollMs = startedMs; !(await isSo()); pollMs = Date.now()) {
    const nowMs = Date.now();
    if (nowMs > startedMs + PATIENCE_MS) throw new Error(`waited in vain until ${what}`);
    const pauseMs = Math.min(POLL.maxMs, Math.max(POLL.minMs, (nowMs - startedMs) / POLL.partOfWait));
    // An expensive poll takes its time from what it waits for: half of the time is left to that.
    await new Promise(resolve => setTimeout(resolve, Math.max(pauseMs, nowMs - pollMs)));
  }
}

/**
 * How long a test waits before it calls something a hang: the only time limit of a test. It says nothing about speed, so that
 * a slow machine fails no test; `TEST_PATIENCE=3 npm test` triples it.
 */
const MULTIPLIER = Number(process.env.TEST_PATIENCE ?? '1');
if (!(MULTIPLIER > 0)) throw new Error('TEST_PATIENCE takes a number above 0');

export const PATIENCE_MS = 120_000 * MULTIPLIER;
const LOOK_AGAIN_MS = 100;

/** Waits until something is so; a test that waits in vain fails with what it waited for. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + PATIENCE_MS;
  for (let lookMs = Date.now(); !(await isSo()); lookMs = Date.now()) {
    if (Date.now() > deadlineMs) throw new Error(`waited in vain until ${what}`);
    // A look that is expensive takes as long as what it waits for: half of the time is left to that.
    await new Promise(resolve => setTimeout(resolve, Math.max(LOOK_AGAIN_MS, Date.now() - lookMs)));
  }
}

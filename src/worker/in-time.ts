/** Work that must not be waited for for ever. */
import { setTimeout as delay } from 'node:timers/promises';

/** False if the work has not ended in time; it goes on. A failure in time is thrown, a later one is not. */
export async function endsInTime(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const late = new AbortController();
  work.catch(() => {}); // thrown here, or too late
  try {
    return await Promise.race([work.then(() => true), delay(timeoutMs, false, { signal: late.signal })]);
  } finally {
    late.abort();
  }
}

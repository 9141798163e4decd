/** Calls to a Temporal server that may be busy, and to a vault that may not answer: they are repeated, and none waits without an end. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionLike } from '@temporalio/client';
import { DEADLINE_EXCEEDED, grpcErrorOf, RESOURCE_EXHAUSTED, UNAVAILABLE } from '../temporal/grpc-status';
import { VaultError } from '../vault/errors';
import { CommandError, EXIT } from './errors';

/** Repeats a call that fails because the server is busy, or the vault does not answer. @throws {CommandError} `server-busy`, `vault-unreachable` */
export type Patiently = <T>(signal: AbortSignal, call: () => Promise<T>) => Promise<T>;

/** How a server says that it is busy, or starts anew. */
const BUSY: ReadonlyMap<number | undefined, string> = new Map([
  [DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED'],
  [RESOURCE_EXHAUSTED, 'RESOURCE_EXHAUSTED'],
  [UNAVAILABLE, 'UNAVAILABLE'],
]);
/** Two and a half minutes. */
const ATTEMPTS_MAX = 10;
const BACKOFF_MS = { first: 1_000, growth: 2, max: 30_000 } as const;
/** A wait is made anew after so long: a call without an end may hang for ever. */
const WAIT_MS = 60_000;

/** @param onBusy called before each repetition */
export function createPatience(onBusy: () => void): Patiently {
  return async (signal, call) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await call();
      } catch (error) {
        const giveUp = busy(error);
        if (giveUp === undefined) throw error;
        if (attempt === ATTEMPTS_MAX) throw giveUp;
        onBusy();
        const { first, growth, max } = BACKOFF_MS;
        // Not all at the same time again.
        const delayMs = Math.min(first * growth ** (attempt - 1), max) * (0.5 + Math.random());
        await delay(delayMs, undefined, { signal });
      }
    }
  };
}

/** How a command ends with an error that does not pass; undefined if it is none that may pass. */
function busy(error: unknown): CommandError | undefined {
  const goOn = 'Started requests continue. Run the same command again for the rest and for the result.';
  if (error instanceof VaultError && error.code === 'vault-unreachable')
    return new CommandError(error.code, `${error.message} ${goOn}`, EXIT.usage);
  const why = BUSY.get(grpcErrorOf(error)?.code);
  if (why === undefined) return undefined;
  const what = `The Temporal server refused a call ${ATTEMPTS_MAX} times (${why}).`;
  return new CommandError('server-busy', `${what} ${goOn}`, EXIT.failed);
}

/** Undefined if the calls take longer, or once `signal` is aborted. */
export async function forAWhile<T>(
  server: Pick<ConnectionLike, 'withAbortSignal'>,
  signal: AbortSignal,
  calls: () => Promise<T>,
): Promise<T | undefined> {
  // The SDK leaves a listener on the signal with each call, so each wait has a signal of its own.
  const enough = new AbortController();
  const stop = () => enough.abort();
  const timer = setTimeout(stop, WAIT_MS);
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    // A call that begins after the abort is not cancelled by the SDK, which then waits on and on: so this waits for the abort itself.
    return await Promise.race([server.withAbortSignal(enough.signal, calls), abortOf(enough.signal)]);
  } catch (error) {
    if (enough.signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function abortOf(signal: AbortSignal): Promise<undefined> {
  return new Promise(resolve => {
    const onAbort = () => resolve(undefined);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

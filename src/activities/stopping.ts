/**
 * When a step stops although its work is not done: its worker ends, or its time is up. It fails by its cancellation, and the server
 * has it taken again. A step whose request is cancelled does not stop: it ends by itself, and is counted.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { Context } from '@temporalio/activity';

/** Aborted, with the cancellation as its reason, when the present step must stop. */
export function stopSignal(): AbortSignal {
  const context = Context.current();
  const { cancellationSignal } = context;
  const stop = new AbortController();
  const onCancelled = () => {
    const { workerShutdown = false, timedOut = false } = context.cancellationDetails ?? {};
    if (workerShutdown || timedOut) stop.abort(cancellationSignal.reason);
  };
  if (cancellationSignal.aborted) onCancelled();
  else cancellationSignal.addEventListener('abort', onCancelled, { once: true });
  return stop.signal;
}

/** The result of a part of the present step; rejects with the cancellation once the step must stop. */
export function unlessStopped<T>(work: T | Promise<T>): Promise<T> {
  return Promise.race([stopped(), work]);
}

/**
 * The result of a whole step. Whatever hangs in it holds up no worker that ends: what is left behind may still finish, and
 * everything is safe to do twice.
 */
export function leftBehindWhenStopped<T>(step: Promise<T>): Promise<T> {
  const left = stopped().catch(async (cancellation: unknown) => {
    await turn(); // in which the step reports what it has sent
    throw cancellation;
  });
  return Promise.race([left, step]);
}

function stopped(): Promise<never> {
  const signal = stopSignal();
  return new Promise((_, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

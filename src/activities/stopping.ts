/**
 * When a step stops although its work is not done: its worker ends, or its time is up. It fails by its cancellation, and the server
 * has it taken again. A step whose request is cancelled does not stop: it ends by itself, and is counted.
 */
import { setImmediate } from 'node:timers/promises';
import { Context, heartbeat } from '@temporalio/activity';
import type { InSlices } from '../slices';

interface Stop {
  readonly signal: AbortSignal;
  /** Rejects with the cancellation. */
  readonly reached: Promise<never>;
}

/** One for each step, however many parts it has. */
const stops = new WeakMap<Context, Stop>();

function stopOfStep(): Stop {
  const context = Context.current();
  const known = stops.get(context);
  if (known !== undefined) return known;
  const { cancellationSignal } = context;
  const controller = new AbortController();
  const { signal } = controller;
  const reached = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  reached.catch(() => {}); // perhaps no part is under way
  const onCancelled = () => {
    const { workerShutdown = false, timedOut = false } = context.cancellationDetails ?? {};
    if (workerShutdown || timedOut) controller.abort(cancellationSignal.reason);
  };
  if (cancellationSignal.aborted) onCancelled();
  else cancellationSignal.addEventListener('abort', onCancelled, { once: true });
  const stop = { signal, reached };
  stops.set(context, stop);
  return stop;
}

/** Aborted, with the cancellation as its reason, when the present step must stop. */
export function stopSignal(): AbortSignal {
  return stopOfStep().signal;
}

/** The result of a part of the present step; rejects with the cancellation once the step must stop. */
export function unlessStopped<T>(work: T | Promise<T>): Promise<T> {
  return Promise.race([stopOfStep().reached, work]);
}

/** All other steps of the process have their turn. */
export const giveWay = (): Promise<void> => setImmediate();

/** Slices: each takes milliseconds, and a sign of life is encrypted. */
const BEAT_EVERY = 64;

/**
 * The result of a long computation of the present step: now and then it says that it is alive, and between two slices all other steps of
 * the process have their turn. Rejects with the cancellation once the step must stop.
 */
export async function inTurn<T>(slices: InSlices<T>): Promise<T> {
  const signal = stopSignal();
  for (let taken = 1; ; taken += 1) {
    signal.throwIfAborted();
    const slice = slices.next();
    if (slice.done === true) return slice.value;
    if (taken % BEAT_EVERY === 0) heartbeat();
    await giveWay();
  }
}

/** A stream that a part of the present step reads; it rejects with the cancellation once the step must stop. */
export async function* untilStopped<T>(stream: AsyncIterable<T>): AsyncGenerator<T> {
  const signal = stopSignal();
  for await (const item of stream) {
    signal.throwIfAborted();
    yield item;
  }
}

/**
 * The result of a whole step. Whatever hangs in it holds up no worker that ends: what is left behind may still finish, and
 * everything is safe to do twice.
 */
export function leftBehindWhenStopped<T>(step: Promise<T>): Promise<T> {
  const left = stopOfStep().reached.catch(async (cancellation: unknown) => {
    await giveWay(); // in which the step reports what it has sent
    throw cancellation;
  });
  return Promise.race([left, step]);
}

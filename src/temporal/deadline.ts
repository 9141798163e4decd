/** Bounds the calls to a Temporal server that nobody waits for by hand: a call without a deadline may hang for ever. */
import type { ConnectionLike } from '@temporalio/client';

const ANSWERED_WITHIN_MS = 5_000;

/** Rejects with gRPC status DEADLINE_EXCEEDED if the calls in `work` take longer than five seconds. */
export function within<T>(connection: ConnectionLike, work: () => Promise<T>): Promise<T> {
  return connection.withDeadline(Date.now() + ANSWERED_WITHIN_MS, work);
}

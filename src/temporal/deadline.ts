/** Bounds the calls to a Temporal server that nobody waits for by hand: a call without a deadline may hang for ever. */
import type { ConnectionLike } from '@temporalio/client';

const ANSWERED_WITHIN_MS = 5_000;

/** Rejects with gRPC status DEADLINE_EXCEEDED if the calls in `work` take longer than `answeredWithinMs`; five seconds if absent. */
export function within<T>(
  connection: ConnectionLike,
  work: () => Promise<T>,
  answeredWithinMs = ANSWERED_WITHIN_MS,
): Promise<T> {
  return connection.withDeadline(Date.now() + answeredWithinMs, work);
}

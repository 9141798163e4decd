/** Bounds every call to a Temporal server: a call without a deadline may hang for ever. */
import { type ConnectionOptions, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';

export interface CallTimes {
  readonly answeredWithinMs: number;
  /** Of a history, also if the call waits for the end of its run. */
  readonly historyWithinMs: number;
}

/** Ten seconds as in Temporal's SDKs for Go and Java. The server holds a call that waits for an event for 20 seconds. */
export const CALL_TIMES: CallTimes = { answeredWithinMs: 10_000, historyWithinMs: 30_000 };

const HISTORY = /\/GetWorkflowExecutionHistory$/;

/**
 * The interceptor of a connection: each call, with its repetitions, fails with gRPC status DEADLINE_EXCEEDED if it takes longer. A
 * caller that waits less sets its own deadline (`withDeadline`).
 */
export function boundedCalls(times: CallTimes): NonNullable<ConnectionOptions['interceptors']>[number] {
  const repeat = makeGrpcRetryInterceptor(defaultGrpcRetryOptions());
  return (options, next) => {
    const withinMs = HISTORY.test(options.method_definition.path) ? times.historyWithinMs : times.answeredWithinMs;
    return repeat({ ...options, deadline: options.deadline ?? Date.now() + withinMs }, next);
  };
}

/**
 * Keeps the rate limit of every API queue on the server equal to its budget, one queue after the other: the server
 * takes ten such changes a second. A limit that somebody else changed is set back and logged. Decision D2.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../log';
import { grpcErrorOf, isUnimplemented } from '../temporal/grpc-status';
import { describeQueue, type QueueOn, type QueueState, sameRate, setQueueRate } from '../temporal/queue-rate';

export interface BudgetKeeper {
  /** Soon gives the queue of the connection this limit, in requests a second. */
  keep(connection: string, queue: QueueOn, rate: number): void;
  forget(connection: string): void;
  /** Resolves when no more calls are sent to the server. */
  stop(): Promise<void>;
}

/** Eight changes a second, of the server's ten: an operator's own must get through. */
const CHANGE_EVERY_MS = 125;

export function createBudgetKeeper(
  log: Log,
  described: (connection: string, state: QueueState) => void = () => {},
): BudgetKeeper {
  const due = new Map<string, { readonly queue: QueueOn; readonly rate: number }>();
  /** Connections whose limit is to be kept. */
  const wanted = new Set<string>();
  /** The limit that each queue last had. */
  const kept = new Map<string, number>();
  /** Connections whose limit could not be set the last time: logged once. */
  const failing = new Set<string>();
  /** Whether the server lacked the call the last time: logged once. */
  let apiMissing = false;
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let idle = true;

  async function keepOne(connection: string, queue: QueueOn, rate: number): Promise<void> {
    const state = await describeQueue(queue);
    if (!wanted.has(connection)) return; // forgotten meanwhile
    described(connection, state);
    const { rate: present } = state;
    if (!sameRate(present, rate)) {
      await setQueueRate(queue, rate);
      const before = kept.get(connection);
      if (before !== undefined && sameRate(before, rate))
        log({
          level: 'warn',
          message: `somebody set the limit of its queue to ${perSecond(present)}; it is set back to ${perSecond(rate)}, its budget`,
          connection,
        });
      await delay(CHANGE_EVERY_MS);
    }
    if (wanted.has(connection)) kept.set(connection, rate);
  }

  async function keepAll(): Promise<void> {
    for (let [next] = due; next !== undefined && !stopped; [next] = due) {
      const [connection, { queue, rate }] = next;
      due.delete(connection);
      try {
        await keepOne(connection, queue, rate);
        failing.delete(connection);
        apiMissing = false;
      } catch (error) {
        if (isUnimplemented(error)) {
          due.clear(); // a server that is too old is called once for each poll
          if (!apiMissing)
            log({
              level: 'warn',
              message:
                'this Temporal server keeps no rate limits for task queues (it needs 1.29 or newer): only the limit that each worker sets holds, and a worker that sets no limit removes it',
            });
          apiMissing = true;
        } else if (wanted.has(connection) && !failing.has(connection)) {
          failing.add(connection);
          const status = grpcErrorOf(error)?.code;
          const kind = status === undefined ? 'unknown error' : `gRPC status ${status}`;
          log({
            level: 'warn',
            message: `could not read or set its queue's limit on the server (${kind}); trying again`,
            connection,
          });
        }
      }
    }
    idle = true;
  }

  return {
    keep(connection, queue, rate) {
      if (stopped) return;
      wanted.add(connection);
      due.set(connection, { queue, rate });
      if (!idle) return;
      idle = false;
      running = keepAll();
    },
    forget(connection) {
      wanted.delete(connection);
      due.delete(connection);
      kept.delete(connection);
      failing.delete(connection);
    },
    async stop() {
      stopped = true;
      due.clear();
      await running;
    },
  };
}

function perSecond(rate: number | undefined): string {
  return rate === undefined ? 'no limit' : `${rate.toFixed(4)} API requests a second`;
}

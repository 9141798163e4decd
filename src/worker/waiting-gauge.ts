/**
 * How many requests wait for a person, as a metric: of each connection that is paused or refused, asked of the server now and
 * then. One that is no longer held is told as 0. Labels are names of connections and two causes.
 */
import type { MetricMeter } from '@temporalio/common';
import type { Connection } from '../vault/connections';

const CAUSES = ['credentials', 'paused'] as const;
type Cause = (typeof CAUSES)[number];

const COUNT_EVERY_MS = 15_000;

export interface WaitingGauge {
  /** Told of each connection that was looked at. */
  see(name: string, connection: Connection | undefined): void;
  /** Counts where it is time to. */
  count(): Promise<void>;
}

export function createWaitingGauge(meter: MetricMeter, waiting: (connection: string) => Promise<number>): WaitingGauge {
  const gauge = meter.createGauge(
    'aircall_dsr_requests_waiting',
    'int',
    undefined,
    'Requests that wait until their connection is connected again (credentials) or resumed (paused)',
  );
  const held = new Map<string, Cause>();
  const told = new Set<string>();
  let countedMs = Number.NEGATIVE_INFINITY;

  return {
    see(name, connection) {
      const cause = causeOf(connection);
      if (cause === held.get(name)) return;
      countedMs = Number.NEGATIVE_INFINITY; // what changed is told soon
      if (cause === undefined) held.delete(name);
      else held.set(name, cause);
    },
    async count() {
      if (Date.now() - countedMs < COUNT_EVERY_MS) return;
      countedMs = Date.now();
      for (const name of new Set([...held.keys(), ...told])) {
        const cause = held.get(name);
        const count = cause === undefined ? 0 : await waiting(name);
        for (const each of CAUSES) gauge.set(each === cause ? count : 0, { connection: name, cause: each });
        if (cause === undefined) told.delete(name);
        else told.add(name);
      }
    },
  };
}

function causeOf(connection: Connection | undefined): Cause | undefined {
  if (connection?.refusedAt !== undefined) return 'credentials';
  return connection?.pausedAt === undefined ? undefined : 'paused';
}

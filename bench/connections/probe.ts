/**
 * Loaded into a worker process before the product's command: on SIGUSR2 it collects garbage (`--expose-gc`) and writes
 * what Node says of listeners, timers and memory to the file of its environment.
 */
import { renameSync, writeFileSync } from 'node:fs';

export const PROBE = 'BENCH_PROBE_FILE';

export interface Probed {
  readonly heapMb: number;
  /** On the process, of all events. */
  readonly listeners: number;
  /** Timers, sockets, requests to the file system: whatever keeps the process alive. */
  readonly active: number;
}

const BYTES_PER_MB = 1024 * 1024;

const file = process.env[PROBE];
if (file !== undefined) {
  process.on('SIGUSR2', () => {
    globalThis.gc?.();
    const probed: Probed = {
      heapMb: process.memoryUsage().heapUsed / BYTES_PER_MB,
      listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
      active: process.getActiveResourcesInfo().length,
    };
    writeFileSync(`${file}.new`, JSON.stringify(probed));
    renameSync(`${file}.new`, file);
  });
}

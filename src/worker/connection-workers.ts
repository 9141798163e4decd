/**
 * The workers of connections: one activity-only worker per connection, on that connection's own queue. Connections that
 * are added, changed or removed in the vault are picked up while they run; one that cannot be served does not affect others.
 * Decision D2.
 */
import type { ConnectionLike } from '@temporalio/client';
import { type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Pace } from '../budget';
import { codeOrName } from '../error-code';
import type { Log } from '../log';
import type { Renewable } from '../request/contracts';
import { apiTaskQueue } from '../request/names';
import { sideBySide } from '../side-by-side';
import type { Permits } from '../temporal/permits';
import { paceOn } from '../temporal/queue-rate';
import { budgetOf, type Connection, type Connections, renewalOf } from '../vault/connections';
import { VaultError } from '../vault/errors';
import { createBudgetKeeper } from './budget-keeper';
import type { ConnectionWatch } from './gauges';
import { endsInTime } from './in-time';

export interface ConnectionWorkersOptions {
  readonly connections: Connections;
  /** To set queue limits. */
  readonly server: ConnectionLike;
  readonly namespace: string;
  /** The service's main task queue. */
  readonly taskQueue: string;
  /** Options of every worker: its server, converter, steps, shutdown times. */
  readonly workerOptions: Omit<WorkerOptions, 'taskQueue'>;
  /** For connections whose queue alone cannot keep their budget. */
  readonly permits: Pick<Permits, 'learn' | 'forget'>;
  /** If there are metrics. */
  readonly watch?: ConnectionWatch | undefined;
  /** Renews a credential before it expires, at its time. May be called again. */
  readonly renew: (due: Renewable) => Promise<void>;
  /** Wakes the requests that wait for a connection. May be called again. */
  readonly wake: (connection: string) => Promise<unknown>;
  readonly log: Log;
  /** Served connections that one poll checks, least recently checked first: a poll must stay cheap. 100 if absent. */
  readonly checkedPerPoll?: number;
  /** A check that takes longer hangs: the others go on without it. 15 s if absent. */
  readonly checkedWithinMs?: number;
}

export interface ConnectionWorkers {
  /** Serves new connections of the vault, leaves deleted ones, and checks some of the others against their budgets. */
  poll(): Promise<void>;
  /** Checks one connection at once, because its state has changed. Of one that is being checked: when that check has ended. */
  checkNow(connection: string): Promise<void>;
  /** All workers but those that end, and those to come, use this connection to the server instead. May be called again. */
  reconnect(connection: NativeConnection): void;
  /** Workers that ended and do not run again yet, and checks that do not end. */
  problems(): string[];
  /** Takes no new steps, and lets those in flight end: of all connections at the same time. Rejects if a worker did not end well. */
  stop(): Promise<void>;
}

const STEP_SECONDS_MAX = 60;
const SLOTS_MAX = 100;
/** A poller brings some ten steps a second. */
const STEPS_PER_POLLER = 5;
const CHECKED_PER_POLL = 100;
const CHECKED_AT_ONCE = 8;
/** Above the deadlines of the calls that it makes. */
const CHECKED_WITHIN_MS = 15_000;
/** A renewal is begun this long before: a clock that is hours behind begins it in time, and one that is ahead too early only. */
const RENEWAL_BEGUN_BEFORE_MS = 24 * 3_600_000;
/** One that ended in vain is begun again after this time. */
const RENEWAL_AGAIN_MS = 600_000;
/** What may fail for a connection, each by itself: as it is logged. */
const FAILURES = {
  serve: 'cannot be served',
  renew: 'the renewal of its credential could not be begun',
  wake: 'its waiting requests could not be woken',
} as const;
type Failure = keyof typeof FAILURES;
/** For a disconnected connection that requests wait for: its steps end without an API request, and report the wait. */
const AWAITED: Pace = { ratePerSecond: 1, queueRate: 1 };

interface Served {
  readonly worker: Worker;
  readonly done: Promise<void>;
  /** The limit that it sets on the server, requests a second. */
  readonly rate: number;
}

export function createConnectionWorkers(options: ConnectionWorkersOptions): ConnectionWorkers {
  const {
    connections,
    server,
    namespace,
    taskQueue,
    workerOptions,
    permits,
    watch,
    renew,
    wake,
    log,
    checkedPerPoll = CHECKED_PER_POLL,
    checkedWithinMs = CHECKED_WITHIN_MS,
  } = options;
  const keeper = createBudgetKeeper(log, watch?.queue);
  let native = workerOptions.connection;
  /** By name, least recently checked first. */
  const serving = new Map<string, Served>();
  /** The ends of workers that take no new steps and let their last ones end. */
  const leaving = new Set<Promise<void>>();
  /** The codes of what failed at the last check of a connection: logged when one changes. */
  const failing = new Map<string, Map<Failure, string>>();
  /** Connections that were checked and not found deleted since. */
  const seen = new Set<string>();
  const starting = new Map<string, Promise<void>>();
  /** Connections whose worker ended by itself and does not run again yet. */
  const ended = new Set<string>();
  /** Connections that are being checked, and whether once more: of two checks side by side the older could end last. */
  const checking = new Map<string, 'once' | 'again'>();
  /** Connections whose check does not end. */
  const hanging = new Set<string>();
  /** The renewals that this process has begun: of which credential, and when. */
  const renewals = new Map<string, { readonly version: number; readonly atMs: number }>();
  /** What held the requests of a connection when this process saw it last. */
  const holds = new Map<string, readonly string[]>();
  let stopped = false;

  /** The renewal itself waits for its time, which only the server's clock tells. */
  async function beginRenewal(connection: Connection): Promise<void> {
    const { name, credentialVersion: version } = connection;
    const renewAt = renewalOf(connection);
    if (renewAt === undefined || Date.parse(renewAt) - Date.now() > RENEWAL_BEGUN_BEFORE_MS) return;
    const begun = renewals.get(name);
    if (begun?.version === version && performance.now() - begun.atMs < RENEWAL_AGAIN_MS) return;
    await renew({ connection: name, failedVersion: version, renewAt });
    renewals.set(name, { version, atMs: performance.now() });
  }

  /** If a hold has ended: whoever ended it may have died before it could wake them. */
  async function wakeIfFreed(name: string, stored: Connection | undefined): Promise<void> {
    const present = holdsOf(stored);
    if (holds.get(name)?.some(hold => !present.includes(hold))) await wake(name);
    holds.set(name, present);
  }

  /** One that fails keeps the others from nothing: neither of this connection nor of another one. */
  async function isolated(name: string, kind: Failure, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      failing.get(name)?.delete(kind);
    } catch (error) {
      if (!seen.has(name)) return; // found deleted meanwhile
      const code = codeOrName(error);
      const codes = failing.get(name) ?? new Map<Failure, string>();
      if (codes.get(kind) !== code)
        log({ level: 'error', message: `${FAILURES[kind]} (${code})`, connection: name, code });
      failing.set(name, codes.set(kind, code));
    }
  }

  /** A check that hangs holds up no other one. */
  async function checkInTime(name: string): Promise<void> {
    const work = check(name);
    if (await endsInTime(work, checkedWithinMs)) return;
    hanging.add(name);
    log({ level: 'error', message: 'its check does not end; the vault may hang', connection: name, code: 'no-answer' });
    void work.finally(() => hanging.delete(name));
  }

  async function check(name: string): Promise<void> {
    if (checking.has(name)) return void checking.set(name, 'again');
    try {
      do {
        checking.set(name, 'once');
        await checkOnce(name);
      } while (checking.get(name) === 'again' && !stopped);
    } finally {
      checking.delete(name);
    }
  }

  async function checkOnce(name: string): Promise<void> {
    seen.add(name);
    const served = serving.get(name);
    if (served !== undefined) {
      serving.delete(name);
      serving.set(name, served); // the last in the order, also if this check fails
    }
    await isolated(name, 'serve', async () => {
      const stored = await connections.get(name);
      if (!seen.has(name)) return; // found deleted meanwhile: its gauges stay 0
      watch?.seen(name, stored?.value);
      if (stored === undefined) {
        if ((await connections.kept(name)) === undefined) return isGone(name);
        // Anybody who can write the vault can store something under any name: no worker for one that was never connected.
        if ((await connections.incarnation(name)) === undefined)
          throw new VaultError('connection-broken', `The remains of connection ${name} in the vault cannot be read.`);
        await serve(name, apiTaskQueue(taskQueue, name), AWAITED);
        return isolated(name, 'wake', () => wakeIfFreed(name, undefined));
      }
      const budget = budgetOf(stored.value, await connections.rateLimits(name));
      const queue = { connection: server, namespace, taskQueue: apiTaskQueue(taskQueue, name) };
      const pace = await paceOn(queue, budget);
      if (!seen.has(name)) return;
      watch?.budget(name, pace);
      permits.learn(name, { partitions: pace.partitions, limitPerMinute: budget.limitPerMinute });
      keeper.keep(name, queue, pace.queueRate);
      await serve(name, queue.taskQueue, pace);
      await isolated(name, 'renew', () => beginRenewal(stored.value));
      await isolated(name, 'wake', () => wakeIfFreed(name, stored.value));
    });
  }

  async function serve(name: string, queue: string, pace: Pace): Promise<void> {
    // What starts now is fitted by a later poll.
    if (stopped || starting.has(name) || serving.get(name)?.rate === pace.queueRate) return;
    // A worker cannot change its rate. Its last steps end beside the next one: what holds is the rate of the queue.
    leave(name);
    const started = start(name, queue, pace).finally(() => starting.delete(name));
    starting.set(name, started);
    await started;
  }

  async function start(name: string, queue: string, pace: Pace): Promise<void> {
    const { queueRate: rate, ratePerSecond, permitEverySeconds } = pace;
    const worker = await Worker.create({
      ...workerOptions,
      ...(native && { connection: native }),
      taskQueue: queue,
      maxTaskQueueActivitiesPerSecond: rate,
      maxConcurrentActivityTaskExecutions: Math.min(SLOTS_MAX, Math.max(2, Math.ceil(rate * STEP_SECONDS_MAX))),
      activityTaskPollerBehavior: {
        type: 'simple-maximum',
        maximum: Math.max(1, Math.ceil(rate / STEPS_PER_POLLER)),
      },
    });
    const done = worker.run().then(
      () => noteEnd(name, worker),
      error => {
        noteEnd(name, worker, codeOrName(error));
        if (stopped) throw error;
      },
    );
    done.catch(() => {}); // `stop` throws it
    ended.delete(name);
    serving.set(name, { worker, done, rate });
    if (stopped) return leave(name); // meanwhile
    const permits = permitEverySeconds === undefined ? '' : ', each with a permit: its queue has several partitions';
    const message = `serving at ${ratePerSecond.toFixed(4)} API requests a second${permits}`;
    log({ level: 'info', message, connection: name });
    moveTo(native, name, worker); // it may have been replaced meanwhile
  }

  /** One that cannot be moved ends; the next poll starts another one. */
  function moveTo(connection: NativeConnection | undefined, name: string, worker: Worker): void {
    if (connection === undefined) return;
    try {
      worker.connection = connection; // if it is that already, nothing is done
    } catch (error) {
      const code = codeOrName(error);
      log({ level: 'warn', message: `its worker is replaced to be connected again (${code})`, connection: name, code });
      leave(name);
    }
  }

  /** A worker that was not stopped by us: the next poll starts another one. */
  function noteEnd(name: string, worker: Worker, code = 'no-error'): void {
    if (serving.get(name)?.worker === worker) {
      serving.delete(name);
      ended.add(name);
    } else if (code === 'no-error') return;
    log({ level: 'error', message: `its worker ended (${code})`, connection: name, code });
  }

  function leave(name: string): void {
    const served = serving.get(name);
    if (served === undefined) return;
    serving.delete(name);
    if (served.worker.getState() === 'RUNNING') served.worker.shutdown();
    leaving.add(served.done);
    const forget = () => void leaving.delete(served.done);
    served.done.then(forget, forget);
  }

  /** Found by a poll, or, if it went in the middle of one, by its check. */
  function isGone(name: string): void {
    if (!seen.delete(name)) return;
    const wasServed = serving.has(name);
    failing.delete(name);
    ended.delete(name);
    holds.delete(name);
    renewals.delete(name);
    leave(name);
    keeper.forget(name);
    permits.forget(name);
    watch?.seen(name, undefined);
    if (wasServed) log({ level: 'info', message: 'no longer served', connection: name });
  }

  return {
    async poll() {
      const names = new Set([...(await connections.names()), ...(await connections.keptNames())]);
      for (const name of seen) if (!names.has(name)) isGone(name);
      const unchecked = [...names].filter(name => !serving.has(name));
      const due = [...unchecked, ...[...serving.keys()].slice(0, checkedPerPoll)];
      await sideBySide(
        due.filter(name => !hanging.has(name)),
        CHECKED_AT_ONCE,
        checkInTime,
      );
    },
    checkNow: checkInTime,
    reconnect(connection) {
      native = connection;
      // A worker that ends does so on the connection that it has: on another one it would collide with its successor.
      for (const [name, { worker }] of [...serving]) moveTo(connection, name, worker);
    },
    problems: () => [
      ...[...ended].map(name => `the worker of connection ${name} ended`),
      ...[...hanging].map(name => `the check of connection ${name} does not end`),
    ],
    async stop() {
      stopped = true;
      for (const name of [...serving.keys()]) leave(name);
      await Promise.allSettled([keeper.stop(), ...starting.values()]); // `check` reports what could not start
      await Promise.all(leaving);
    },
  };
}

/** The causes for which all requests of a connection wait, each with what tells it from a later one. */
function holdsOf(stored: Connection | undefined): string[] {
  if (stored === undefined) return ['no connection'];
  const { pausedAt, refusedAt } = stored;
  return [
    ...(pausedAt === undefined ? [] : [`paused ${pausedAt}`]),
    ...(refusedAt === undefined ? [] : [`refused ${refusedAt}`]),
  ];
}

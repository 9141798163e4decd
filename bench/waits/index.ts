/**
 * What requests cost that wait: the looks that the server counts, and the processor time of server and worker while nothing
 * happens, beside the same worker with nothing that waits; then how long they take when what they wait for comes, beside as many
 * requests that are started then.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { temporal } from '@temporalio/proto';
import { WAIT_DELAYS, WAIT_GROWTH } from '../../src/request/waits';
import { sideBySide } from '../../src/side-by-side';
import { countWaiting, wakeWaiting } from '../../src/temporal/waiting';
import type { Benchmark, Report } from '../benchmark';
import { note } from '../note';
import { childrenNamed, processorMs } from '../proc';
import type { SandboxApart } from '../sandbox-apart';
import { spanOf } from '../server-times';
import { type Stand, TASK_QUEUE, withStandApart } from '../stand';

type WaitsStand = Stand<SandboxApart>;

interface Looks {
  readonly requests: number;
  /** All of them together, so far. */
  readonly looks: number;
  /** Of the request that looked most often: its looks for each interval of the fallback that has begun. */
  readonly perInterval: number;
  /** Most last looks that ended within one second. */
  readonly mostInOneSecond: number;
}

interface Figures {
  readonly requests: number;
  readonly idleCpuSeconds: number;
  readonly waitingCpuSeconds: number;
  /** Looks within the minute that `waitingCpuSeconds` is of. */
  readonly looksInMinute: number;
  readonly looks: Looks;
  readonly wokenSeconds: number;
  readonly afreshSeconds: number;
}

const CONNECTIONS = 20;
const NAMES = Array.from({ length: CONNECTIONS }, (_, index) => `company-${index + 1}`);
/** Far above what the machine can do: the budget is not what takes the time. */
const BUDGET = { limitPerMinute: 10_000, share: 0.75 } as const;
const COMPANY = { seed: 1, contacts: 10, calls: 160 } as const;
const SUBJECT = { email: 'person.1@example.net' } as const;
const BAR = { looksPerInterval: 1, cpu: 1.2, woken: 1.3 } as const;
const STARTED_AT_ONCE = 100;
const DESCRIBED_AT_ONCE = 50;
const WARM_UP = 100;
const MINUTE_MS = 60_000;
const POLL_MS = 1_000;
const SETTLE_MS = 10_000;
const MANY = 100_000;
const MS_PER_SECOND = 1_000;
/** It adds up to a half. */
const MEAN_JITTER = 1.25;

export const waits: Benchmark = {
  about: 'cost of requests that wait, and of their end [--requests N]... [--settle MINUTES]',
  async run(args, signal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        requests: { type: 'string', multiple: true, default: ['500', '2000'] },
        settle: { type: 'string', default: '8' },
      },
    });
    const counts = values.requests.map(Number);
    const settleMs = Number(values.settle) * MINUTE_MS;
    if (counts.some(count => !Number.isInteger(count) || count < CONNECTIONS))
      throw new Error(`--requests takes a whole number from ${CONNECTIONS}`);
    if (!(settleMs >= 0)) throw new Error('--settle takes minutes');
    const measured: Figures[] = [];
    for (const count of counts) {
      const companies = NAMES.map(name => ({ name, ...COMPANY, now: Date.now() }));
      const connected = Object.fromEntries(NAMES.map(name => [name, BUDGET]));
      measured.push(
        await withStandApart({ companies, connected, signal }, stand => measure(stand, count, settleMs, signal)),
      );
    }
    return reportOf(measured, settleMs);
  },
};

async function measure(stand: WaitsStand, count: number, settleMs: number, signal: AbortSignal): Promise<Figures> {
  const worker = await stand.startWorker('worker');
  const pids = [worker.pid, ...childrenNamed(process.pid, 'temporal')];
  if (pids.length !== 2) throw new Error('there is not one Temporal server');
  const cpuSeconds = () => pids.reduce((sum, pid) => sum + processorMs(pid), 0) / MS_PER_SECOND;
  const minute = async () => {
    const before = cpuSeconds();
    await delay(MINUTE_MS, undefined, { signal });
    return cpuSeconds() - before;
  };
  await untilEnded(stand, await startMany(stand, WARM_UP, 'warm-up'));
  await delay(SETTLE_MS, undefined, { signal });
  const idleCpuSeconds = await minute();
  note(`nothing waits: ${idleCpuSeconds.toFixed(1)} s of processor time a minute`);

  for (const name of NAMES) await stand.connections.setPaused(name, true);
  const ids = await startMany(stand, count, 'waits');
  await untilWaiting(stand, count, signal);
  note(`${count} wait`);
  await delay(settleMs, undefined, { signal });
  const before = await looksOf(stand, ids);
  const waitingCpuSeconds = await minute();
  const looks = await looksOf(stand, ids);
  const looksInMinute = looks.looks - before.looks;
  note(`${count} wait: ${waitingCpuSeconds.toFixed(1)} s of processor time and ${looksInMinute} looks a minute`);

  const wokenMs = Date.now();
  for (const name of NAMES) {
    await stand.connections.setPaused(name, false);
    await wakeWaiting(stand.plain, TASK_QUEUE, name);
  }
  await untilEnded(stand, ids);
  const wokenSeconds = ((await spanOf(stand.plain, ids)).lastEnd - wokenMs) / MS_PER_SECOND;
  note(`woken: the last one ended after ${wokenSeconds.toFixed(1)} s`);
  await delay(SETTLE_MS, undefined, { signal });

  const startedMs = Date.now();
  const afresh = await startMany(stand, count, 'afresh');
  await untilEnded(stand, afresh);
  const afreshSeconds = ((await spanOf(stand.plain, afresh)).lastEnd - startedMs) / MS_PER_SECOND;
  note(`started afresh: the last one ended after ${afreshSeconds.toFixed(1)} s`);
  return {
    requests: count,
    idleCpuSeconds,
    waitingCpuSeconds,
    looksInMinute,
    looks,
    wokenSeconds,
    afreshSeconds,
  };
}

async function startMany({ client }: WaitsStand, count: number, round: string): Promise<string[]> {
  const numbers = Array.from({ length: count }, (_, index) => index);
  return sideBySide(numbers, STARTED_AT_ONCE, async number => {
    const connection = NAMES[number % CONNECTIONS] ?? '';
    const input = { requestId: `${round}-${number}`, connection, subject: SUBJECT };
    return (await client.start('access', input)).workflowId;
  });
}

async function untilEnded({ client }: WaitsStand, ids: readonly string[]): Promise<void> {
  await sideBySide(ids, DESCRIBED_AT_ONCE, async id => {
    const { status } = await client.result(id);
    if (status !== 'completed') throw new Error(`${id} ended as ${status}`);
  });
}

async function untilWaiting({ plain }: WaitsStand, count: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const counts = await Promise.all(NAMES.map(name => countWaiting(plain, TASK_QUEUE, name, new Date())));
    if (counts.reduce((sum, each) => sum + each, 0) >= count) return;
    await delay(POLL_MS, undefined, { signal });
  }
}

/** As the server counts the attempts of the step that waits. */
async function looksOf({ plain }: WaitsStand, ids: readonly string[]): Promise<Looks> {
  const all = await sideBySide(ids, DESCRIBED_AT_ONCE, async id => {
    const { raw } = await plain.workflow.getHandle(id).describe();
    const [step] = raw.pendingActivities ?? [];
    const sinceMs = Date.now() - msOf(raw.workflowExecutionInfo?.executionTime);
    // One that is in its backoff is counted as the attempt that comes.
    const looks = (step?.attempt ?? 0) - (step?.state === STARTED ? 0 : 1);
    return {
      looks,
      perInterval: looks / (1 + intervalsIn(sinceMs)),
      second: Number(step?.lastAttemptCompleteTime?.seconds),
    };
  });
  const seconds = new Map<number, number>();
  for (const { second } of all) seconds.set(second, (seconds.get(second) ?? 0) + 1);
  return {
    requests: ids.length,
    looks: all.reduce((sum, { looks }) => sum + looks, 0),
    perInterval: Math.max(...all.map(({ perInterval }) => perInterval)),
    mostInOneSecond: Math.max(...seconds.values()),
  };
}

const STARTED = temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_STARTED;

function msOf(time: { readonly seconds?: unknown } | null | undefined): number {
  return Number(time?.seconds ?? Number.NaN) * MS_PER_SECOND;
}

/** How many intervals of the fallback have passed, the shortest that they may be. */
function intervalsIn(sinceMs: number): number {
  let passed = 0;
  const { firstMs, mostMs } = WAIT_DELAYS;
  for (let leftMs = sinceMs - firstMs; leftMs >= 0; passed += 1)
    leftMs -= Math.min(firstMs * WAIT_GROWTH ** (passed + 1), mostMs);
  return passed;
}

function reportOf(measured: readonly Figures[], settleMs: number): Report {
  const rows = measured.map(each => ({
    ...each,
    cpu: each.waitingCpuSeconds / each.idleCpuSeconds,
    ofAfresh: each.wokenSeconds / each.afreshSeconds,
  }));
  const missed = rows.flatMap(({ requests, looks, cpu, ofAfresh }) => [
    ...(looks.perInterval > BAR.looksPerInterval
      ? [`${requests} requests: one looked ${looks.perInterval.toFixed(2)} times an interval`]
      : []),
    ...(cpu > BAR.cpu
      ? [
          `${requests} requests: a minute of waiting takes ${cpu.toFixed(2)} of the processor time of an idle one, ${BAR.cpu} at most`,
        ]
      : []),
    ...(ofAfresh > BAR.woken
      ? [`${requests} requests: woken they take ${ofAfresh.toFixed(2)} of the time, ${BAR.woken} at most`]
      : []),
  ]);
  const [few, many] = [measured[0], measured.at(-1)];
  const extrapolated = few !== undefined && many !== undefined && few !== many ? extrapolate(few, many) : undefined;
  return {
    rows: [
      [
        'REQUESTS',
        'LOOKS EACH',
        'PER INTERVAL',
        'MOST IN 1 S',
        'LOOKS/MIN',
        'IDLE CPU S/MIN',
        'WAITING CPU S/MIN',
        'OF IDLE',
        'WOKEN S',
        'AFRESH S',
        'OF AFRESH',
      ],
      ...rows.map(({ requests, looks, looksInMinute, idleCpuSeconds, waitingCpuSeconds, cpu, ...each }) => [
        String(requests),
        (looks.looks / requests).toFixed(1),
        looks.perInterval.toFixed(2),
        String(looks.mostInOneSecond),
        String(looksInMinute),
        idleCpuSeconds.toFixed(2),
        waitingCpuSeconds.toFixed(2),
        cpu.toFixed(2),
        each.wokenSeconds.toFixed(1),
        each.afreshSeconds.toFixed(1),
        each.ofAfresh.toFixed(2),
      ]),
      ['bar', '', `<= ${BAR.looksPerInterval}`, '', '', '', '', `<= ${BAR.cpu}`, '', '', `<= ${BAR.woken}`],
      ...(extrapolated === undefined
        ? []
        : [
            [
              `${MANY} by slope`,
              ...['', '', ''],
              ...[extrapolated.looksPerMinute.toFixed(0), '', extrapolated.cpuSeconds.toFixed(1), ''],
              ...[extrapolated.wokenSeconds.toFixed(0), extrapolated.afreshSeconds.toFixed(0), ''],
            ],
          ]),
    ],
    missed,
    measured: { connections: CONNECTIONS, budget: BUDGET, bar: BAR, settleMs, rounds: rows, extrapolated },
  };
}

/** A minute, once the delays have grown as long as they get. */
function steadyLooks(requests: number): number {
  return (requests * MINUTE_MS) / (WAIT_DELAYS.mostMs * MEAN_JITTER);
}

/** To a hundred thousand: looks of those that have waited for hours, all else by the slope. */
function extrapolate(few: Figures, many: Figures) {
  const slope = (of: (each: Figures) => number) => (of(many) - of(few)) / (many.requests - few.requests);
  const at = (of: (each: Figures) => number) => of(few) + slope(of) * (MANY - few.requests);
  return {
    looksPerMinute: steadyLooks(MANY),
    cpuSeconds: at(({ waitingCpuSeconds }) => waitingCpuSeconds),
    wokenSeconds: at(({ wokenSeconds }) => wokenSeconds),
    afreshSeconds: at(({ afreshSeconds }) => afreshSeconds),
  };
}

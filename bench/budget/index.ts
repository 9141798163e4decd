/**
 * The API budget of companies with several limits, under each reading of Aircall's limit: access requests whose API
 * requests queue up, two worker processes, and a sandbox that refuses whatever exceeds its limit. Beside one of them the
 * same load from bare activities with the SDK's own limit. Arrivals are those of the sandbox's request log and waiting
 * steps those of the server, so that nothing we say of ourselves is trusted.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { temporal } from '@temporalio/proto';
import { createCompanySeed, type LoggedRequest } from '../../sandbox';
import { type Budget, ratePerSecond, SHARE_DEFAULT } from '../../src/budget';
import { apiTaskQueue } from '../../src/request/names';
import { PER_PAGE } from '../../src/request/paging';
import type { Benchmark, Report } from '../benchmark';
import { note } from '../note';
import type { Process } from '../processes';
import { type Stand, TASK_QUEUE, withStand } from '../stand';
import type { bareRequests } from './bare-workflow';
import { type Figures, figuresOf, isOver, OF_RATE_MIN } from './figures';
import { BARE, GIVEN } from './names';
import { drawBudget, type Panel } from './picture';

const MODES = ['leaky', 'fixed', 'block'] as const;
type Mode = (typeof MODES)[number];

/** One company: a limit under one reading of it. */
interface Cell {
  readonly name: string;
  readonly mode: Mode;
  readonly budget: Budget;
  /** Of its calls. */
  readonly pages: number;
  /** Access requests that list them all, enough that steps wait for as long as is measured. */
  readonly accesses: number;
}

interface Options {
  readonly cells: readonly Cell[];
  /** The cell that the baseline is compared with. */
  readonly compared: Cell;
  readonly seconds: number;
  /** One more worker process without any limit, on all queues. */
  readonly stray: boolean;
  /** One worker process of each side is killed half-way and started again. */
  readonly restart: boolean;
}

/** What was seen of one company's queue. */
interface Watched {
  readonly sinceMs: number;
  readonly backlogMin: number;
}

type Row = Figures & { readonly name: string; readonly side: 'aircall-dsr' | 'baseline'; readonly backlogMin?: number };

/** A list of more is split by time. */
const PAGES_MAX = 200;
const PAGES_MIN = 20;
const ACCESSES_MIN = 4;
/** Of a rate, that requests are left over for at the end, when not all of them still have steps to wait. */
const SPARE_SECONDS = 90;
const BARE_REQUESTS_MAX = 1_500;
const LOOK_EVERY_MS = 2_000;
const TELL_EVERY_LOOKS = 15;
/** After the time measured, so long a request may take to come. */
const LATE_MS = 15_000;

const { TASK_QUEUE_TYPE_ACTIVITY } = temporal.api.enums.v1.TaskQueueType;

export const budget: Benchmark = {
  about:
    'API requests stay within budgets and use them [--limits 1,8,60,120,1000] [--modes leaky,fixed,block] [--seconds 300] [--stray] [--restart]',
  async run(args, signal) {
    const options = readOptions(args);
    const now = Date.now();
    const companies = [...options.cells, { ...options.compared, name: BARE.company }].map(
      ({ name, mode, pages, budget: { limitPerMinute } }) => ({
        ...createCompanySeed({ name, seed: 1, contacts: 30, calls: pages * PER_PAGE, now }),
        behaviour: { rateLimit: { mode, perMinute: limitPerMinute } },
      }),
    );
    const connected = Object.fromEntries(options.cells.map(cell => [cell.name, cell.budget]));
    return withStand({ companies, connected }, stand => measure(stand, options, signal));
  },
};

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      limits: { type: 'string', default: '1,8,60,120,1000' },
      modes: { type: 'string', default: MODES.join(',') },
      seconds: { type: 'string', default: '300' },
      stray: { type: 'boolean', default: false },
      restart: { type: 'boolean', default: false },
    },
  });
  const seconds = wholeNumber('--seconds', values.seconds);
  const limits = values.limits.split(',').map(limit => wholeNumber('--limits', limit));
  const modes = values.modes.split(',').map(name => {
    const known = MODES.find(mode => mode === name);
    if (known === undefined) throw new Error(`--modes takes some of ${MODES.join(',')}`);
    return known;
  });
  const cells = limits.flatMap(limit => modes.map(mode => cellOf(limit, mode, seconds)));
  const [first] = cells;
  if (first === undefined) throw new Error('there is nothing to measure');
  const compared = cells.find(({ name }) => name === 'limit-60-leaky') ?? first;
  return { cells, compared, seconds, stray: values.stray, restart: values.restart };
}

function wholeNumber(option: string, value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new Error(`${option} takes whole numbers from 1`);
  return number;
}

function cellOf(limitPerMinute: number, mode: Mode, seconds: number): Cell {
  const budget = { limitPerMinute, share: SHARE_DEFAULT };
  const requests = requestsFor(budget, seconds);
  const pages = Math.min(PAGES_MAX, Math.max(PAGES_MIN, Math.ceil(requests / ACCESSES_MIN)));
  const accesses = Math.max(ACCESSES_MIN, Math.ceil(requests / pages) + 1);
  return { name: `limit-${limitPerMinute}-${mode}`, mode, budget, pages, accesses };
}

function requestsFor(budget: Budget, seconds: number): number {
  return Math.ceil(ratePerSecond(budget, 1) * (seconds + SPARE_SECONDS));
}

async function measure(stand: Stand, options: Options, signal: AbortSignal): Promise<Report> {
  const { cells, compared, seconds } = options;
  const rate = ratePerSecond(compared.budget, 1);
  const startOurs = (n: number) => stand.startWorker(`worker ${n}`);
  const startBare = (n: number) => startScript(stand, options, `bare worker ${n}`, ['bare', String(rate)]);
  // One after the other: each start takes a processor for seconds.
  const first = { ours: await startOurs(1), bare: await startBare(1) };
  await startOurs(2);
  await startBare(2);
  if (options.stray) await startScript(stand, options, 'stray worker', ['stray']);

  stand.sandbox.clearRequests();
  const watched = new Map<string, Watched>();
  // The sandbox is in this process: while it stands still, arrivals bunch that did not come bunched.
  const stalls = monitorEventLoopDelay({ resolution: 20 });
  stalls.enable();
  const startedMs = Date.now();
  await Promise.all([...cells.map(cell => startAccesses(stand, cell)), startBareRequests(stand, options)]);
  let restarted = !options.restart;
  let logs = logsOf(stand);
  for (
    let look = 1;
    !cells.every(cell => isMeasured(logs(cell.name), watched.get(cell.name), cell, options));
    look += 1
  ) {
    await delay(LOOK_EVERY_MS, undefined, { signal });
    await Promise.all(cells.map(cell => watch(stand, cell, watched, seconds)));
    logs = logsOf(stand);
    if (look % TELL_EVERY_LOOKS === 0) tellProgress(cells, logs, startedMs);
    if (restarted || Date.now() - startedMs < seconds * 500) continue;
    restarted = true;
    await restart(first.ours, () => startOurs(1));
    await restart(first.bare, () => startBare(1));
  }
  return reportOf(options, logs, watched, { endMs: Date.now(), sandboxStallSecondsMax: stalls.max / 1e9 });
}

function startScript(stand: Stand, { cells }: Options, label: string, args: readonly string[]): Promise<Process> {
  const { apiId, apiToken } = stand.sandbox.company(BARE.company);
  const env = {
    [GIVEN.url]: `${stand.sandbox.baseUrl}/calls`,
    [GIVEN.authorization]: `Basic ${Buffer.from(`${apiId}:${apiToken}`).toString('base64')}`,
    [GIVEN.connections]: cells.map(({ name }) => name).join(','),
  };
  return stand.startScript({ label, script: 'budget/worker.js', args, env });
}

/** Access requests of the standard subject that list all calls. */
async function startAccesses({ client, sandbox }: Stand, { name, accesses }: Cell): Promise<void> {
  const { subjectEmail: email } = sandbox.company(name).truth;
  for (let n = 1; n <= accesses; n += 1) {
    await client.start('access', { requestId: `bench-${n}`, connection: name, subject: { email }, calls: 'company' });
  }
}

async function startBareRequests({ plain }: Stand, { compared, seconds }: Options): Promise<void> {
  const { budget, pages } = compared;
  for (let left = requestsFor(budget, seconds), n = 1; left > 0; left -= BARE_REQUESTS_MAX, n += 1) {
    await plain.workflow.start<typeof bareRequests>('bareRequests', {
      workflowId: `bare-${n}`,
      taskQueue: BARE.taskQueue,
      args: [{ requests: Math.min(left, BARE_REQUESTS_MAX), pages }],
    });
  }
}

/** Notes when steps were first seen to wait in the company's queue, and how few of them were seen since. */
async function watch({ plain }: Stand, { name }: Cell, watched: Map<string, Watched>, seconds: number): Promise<void> {
  const { stats } = await plain.workflowService.describeTaskQueue({
    namespace: plain.options.namespace,
    taskQueue: { name: apiTaskQueue(TASK_QUEUE, name) },
    taskQueueType: TASK_QUEUE_TYPE_ACTIVITY,
    reportStats: true,
  });
  const backlog = Number(stats?.approximateBacklogCount ?? 0);
  const before = watched.get(name);
  if (before === undefined && backlog === 0) return;
  const sinceMs = before?.sinceMs ?? Date.now();
  if (Date.now() > sinceMs + seconds * 1000) return;
  watched.set(name, { sinceMs, backlogMin: Math.min(before?.backlogMin ?? Infinity, backlog) });
}

/** Whether a company's time is over: a request came after it, or should have come by now. */
function isMeasured(
  log: readonly LoggedRequest[],
  watched: Watched | undefined,
  { budget }: Cell,
  { seconds }: Options,
): boolean {
  if (watched === undefined) return false;
  const { sinceMs } = watched;
  const lateMs = sinceMs + seconds * 1000 + 2_000 / ratePerSecond(budget, 1) + LATE_MS;
  return isOver(log, { sinceMs, seconds }) || Date.now() > lateMs;
}

function logsOf({ sandbox }: Stand): (company: string) => readonly LoggedRequest[] {
  const logs = new Map<string | null, LoggedRequest[]>();
  for (const request of sandbox.requests()) {
    const log = logs.get(request.company);
    if (log === undefined) logs.set(request.company, [request]);
    else log.push(request);
  }
  return company => logs.get(company) ?? [];
}

async function restart(process: Process, start: () => Promise<Process>): Promise<void> {
  note(`killing process ${process.pid}`);
  await process.kill();
  await start();
}

function tellProgress(cells: readonly Cell[], logs: (company: string) => readonly unknown[], startedMs: number): void {
  const counts = [...cells.map(({ name }) => name), BARE.company].map(name => `${name} ${logs(name).length}`);
  note(`${Math.round((Date.now() - startedMs) / 1000)} s, arrivals: ${counts.join(', ')}`);
}

function reportOf(
  options: Options,
  logs: (company: string) => readonly LoggedRequest[],
  watched: ReadonlyMap<string, Watched>,
  { endMs, sandboxStallSecondsMax }: { readonly endMs: number; readonly sandboxStallSecondsMax: number },
): Report {
  note(`the sandbox's longest stall: ${sandboxStallSecondsMax.toFixed(2)} s`);
  const { cells, compared, seconds } = options;
  const startMs = logs(BARE.company)[0]?.at ?? 0;
  const rows = cells.flatMap((cell): Row[] => {
    const { name, budget } = cell;
    const { sinceMs = 0, backlogMin = 0 } = watched.get(name) ?? {};
    const ours = { name, side: 'aircall-dsr', backlogMin } as const;
    const baseline = { name, side: 'baseline' } as const;
    return [
      { ...ours, ...figuresOf(logs(name), budget, { sinceMs, seconds, endMs }) },
      ...(cell === compared
        ? [{ ...baseline, ...figuresOf(logs(BARE.company), budget, { sinceMs: startMs, seconds, endMs }) }]
        : []),
    ];
  });
  return {
    rows: [
      [
        ...['COMPANY', 'SIDE', 'ARRIVALS', 'MOST IN 60 S', 'AT MOST', 'MOST IN 1 S', '429', 'MEAN/S', 'RATE/S'],
        ...['OF RATE', 'OF SHARE', 'LONGEST PAUSE S', 'FEWEST WAITING'],
      ],
      ...rows.map(tableRow),
    ],
    missed: rows.filter(({ side }) => side === 'aircall-dsr').flatMap(missedOf),
    measured: {
      seconds,
      stray: options.stray,
      restart: options.restart,
      sandboxStallSecondsMax,
      bar: { ofRateMin: OF_RATE_MIN, refused: 0 },
      companies: rows,
    },
    picture: drawBudget(
      cells.map((cell): Panel => {
        const timesOf = (company: string) => logs(company).map(({ at }) => at);
        const ours = { name: 'aircall-dsr', timesMs: timesOf(cell.name) };
        const bare = { name: "the SDK's worker option alone", timesMs: timesOf(BARE.company) };
        return {
          title: `limit ${cell.budget.limitPerMinute}, ${cell.mode}`,
          limitPerMinute: cell.budget.limitPerMinute,
          most: figuresOf([], cell.budget, { sinceMs: 0, seconds, endMs }).mostInAnyMinuteMax,
          series: cell === compared ? [ours, bare] : [ours],
        };
      }),
      new Set(cells.map(({ mode }) => mode)).size,
    ),
  };
}

function tableRow(row: Row): string[] {
  return [
    row.name,
    row.side,
    String(row.arrivals),
    String(row.mostInAnyMinute),
    String(row.mostInAnyMinuteMax),
    String(row.mostInAnySecond),
    String(row.refused),
    row.servedPerSecond.toFixed(4),
    row.ratePerSecond.toFixed(4),
    row.ofRate.toFixed(4),
    row.ofShare.toFixed(4),
    row.longestPauseSeconds.toFixed(2),
    row.backlogMin === undefined ? '' : String(row.backlogMin),
  ];
}

function missedOf(row: Row): string[] {
  const checks = [
    [row.mostInAnyMinute > row.mostInAnyMinuteMax, `${row.mostInAnyMinute} in 60 s, at most ${row.mostInAnyMinuteMax}`],
    [row.refused > 0, `${row.refused} refused with 429`],
    [
      row.ofRate < OF_RATE_MIN,
      `${row.ofRate.toFixed(4)} of the rate used, at least ${OF_RATE_MIN}; fewest steps waiting ${row.backlogMin}`,
    ],
  ] as const;
  return checks.flatMap(([isMissed, sentence]) => (isMissed ? [`${row.name}: ${sentence}`] : []));
}

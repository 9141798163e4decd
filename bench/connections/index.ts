/**
 * What a connection costs: memory, time to first service, time to serve one small request on each, for one and two worker
 * processes, beside as many bare Workers. Then connections come and go under load, and what they leave behind is counted.
 * Memory is the kernel's figure, pollers and times are the server's, served companies are those of the sandbox's log.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { temporal } from '@temporalio/proto';
import { apiTaskQueue } from '../../src/request/names';
import type { Benchmark, Report } from '../benchmark';
import type { BareInput } from '../engine/bare-workflow';
import { BARE_QUEUE, bareApiQueue, TARGET, type Target } from '../engine/names';
import { note } from '../note';
import { figuresOf, type ProcessFigures } from '../proc';
import type { Process } from '../processes';
import { authorizationOf, type SandboxApart } from '../sandbox-apart';
import { spanOf } from '../server-times';
import { type Stand, TASK_QUEUE, withStandApart } from '../stand';
import { PROBE, type Probed } from './probe';

interface Side {
  readonly name: string;
  queueOf(company: string): string;
  startProcess(number: number): Promise<Process>;
  /** One small request on each company; resolves with the workflow ids at once. */
  start(companies: readonly string[], round: string): Promise<readonly string[]>;
  ended(workflowId: string): Promise<unknown>;
}

interface Measured {
  readonly side: string;
  readonly connections: number;
  readonly processes: number;
  /** From the start of the first process: until the last says `ready`, ... */
  readonly readySeconds: number;
  /** ... until a request that waited for it, on the last of the connections, has ended, ... */
  readonly firstSeconds: number;
  /** ... until the server sees a poller of each process on every queue. */
  readonly polledSeconds: number;
  /** From the first start to the last end of one request on each, the first and the second time. */
  readonly coldSeconds: number;
  readonly warmSeconds: number;
  readonly served: { readonly cold: number; readonly warm: number };
  /** Of all processes together: before they served, and after. */
  readonly idleMb: number;
  readonly rssMb: number;
  readonly peakMb: number;
  readonly figures: readonly ProcessFigures[];
}

interface Leaks {
  readonly cycles: number;
  readonly before: ProcessFigures & Probed;
  readonly after: ProcessFigures & Probed;
}

type ConnectionsStand = Stand<SandboxApart>;

const { TASK_QUEUE_TYPE_ACTIVITY } = temporal.api.enums.v1.TaskQueueType;
const BUDGET = { limitPerMinute: 60, share: 0.75 } as const;
const BAR = { ofBare: 1.3, warmSeconds: 30 } as const;
/** What the service gives a connection of this budget. */
const BARE_LIMITS = { slots: 45, pollers: 1 } as const;
/** Few records: of the subject one contact, one number, less than a page of calls. */
const COMPANY = { seed: 1, contacts: 10, calls: 160 } as const;
const SUBJECT = { email: 'person.1@example.net' } as const;
const SETTLE_MS = 10_000;
const LOOK_EVERY_MS = 500;
const DESCRIBED_AT_ONCE = 50;
const POLLED_WITHIN_MS = 600_000;
const LEAK_CYCLES_AT_ONCE = 20;
/** Connections that stay, and are asked all the time, while others come and go. */
const LEAK_STAYING = 10;
/** Above the 5 s after which the service looks for connections, and the time that a request of the last second takes. */
const LEAK_PAUSE_MS = 8_000;
const PROBED_WITHIN_MS = 10_000;

export const connections: Benchmark = {
  about: 'memory and time to serve of 1, 100 and 1,000 connections, and leaks [--connections N]... [--cycles 200]',
  async run(args, signal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        connections: { type: 'string', multiple: true, default: ['1', '100', '1000'] },
        cycles: { type: 'string', default: '200' },
      },
    });
    const counts = values.connections.map(Number);
    const cycles = Number(values.cycles);
    if (counts.some(count => !Number.isInteger(count) || count < 0))
      throw new Error('--connections takes a whole number');
    const measured: Measured[] = [];
    for (const count of counts) {
      for (const [processes, sides] of [
        [1, [ours, bare]],
        [2, [ours]],
      ] as const) {
        // A server of their own each, so that no queue is warm.
        for (const side of sides) {
          signal.throwIfAborted();
          measured.push(
            await withCompanies(count, (stand, names) => measure(stand, names, side(stand, names), processes)),
          );
        }
      }
    }
    const leaks =
      cycles > 0 ? await withCompanies(LEAK_STAYING, stand => countLeaks(stand, cycles, signal)) : undefined;
    return reportOf(measured, leaks);
  },
};

function withCompanies<T>(count: number, use: (stand: ConnectionsStand, names: string[]) => Promise<T>): Promise<T> {
  const names = Array.from({ length: count }, (_, index) => `company-${index + 1}`);
  const now = Date.now();
  return withStandApart(
    {
      companies: [...names, ...comingAndGoing()].map(name => ({ name, ...COMPANY, now })),
      connected: Object.fromEntries(names.map(name => [name, BUDGET])),
    },
    stand => use(stand, names),
  );
}

function comingAndGoing(): string[] {
  return Array.from({ length: LEAK_CYCLES_AT_ONCE }, (_, index) => `guest-${index + 1}`);
}

function ours(stand: ConnectionsStand): Side {
  return {
    name: 'aircall-dsr',
    queueOf: company => apiTaskQueue(TASK_QUEUE, company),
    startProcess: number => stand.startWorker(`worker ${number}`),
    start: (companies, round) => startAccesses(stand, companies, round),
    ended: workflowId => stand.client.result(workflowId),
  };
}

function bare(stand: ConnectionsStand, names: readonly string[]): Side {
  const target: Target = {
    ...BARE_LIMITS,
    origin: stand.sandbox.baseUrl.replace(/\/v1$/, ''),
    companies: Object.fromEntries(names.map(name => [name, authorizationOf(name)])),
  };
  const paths = [`/v1/contacts/search?email=${encodeURIComponent(SUBJECT.email)}`, '/v1/calls?per_page=50'];
  return {
    name: 'bare Workers',
    queueOf: bareApiQueue,
    startProcess: number =>
      stand.startScript({
        label: `bare ${number}`,
        script: 'engine/worker.js',
        args: [],
        env: { [TARGET]: JSON.stringify(target) },
      }),
    async start(companies, round) {
      const started = await inGroups(companies, company => {
        const input: BareInput = { company, paths };
        const workflowId = `bare:${company}:${round}`;
        return stand.plain.workflow.start('bareRequest', { workflowId, taskQueue: BARE_QUEUE, args: [input] });
      });
      return started.map(({ workflowId }) => workflowId);
    },
    ended: workflowId => stand.plain.workflow.getHandle(workflowId).result(),
  };
}

async function startAccesses(stand: ConnectionsStand, companies: readonly string[], round: string) {
  const started = await inGroups(companies, connection =>
    stand.client.start('access', { requestId: round, connection, subject: SUBJECT }),
  );
  return started.map(({ workflowId }) => workflowId);
}

async function measure(
  stand: ConnectionsStand,
  names: readonly string[],
  side: Side,
  processes: number,
): Promise<Measured> {
  const who = `${side.name}, ${names.length} connections, ${processes} process(es)`;
  const last = names.slice(-1);
  const [waiting = ''] = await side.start(last, 'first');
  const startedMs = Date.now();
  const sinceStart = () => (Date.now() - startedMs) / 1000;
  const started: Process[] = [];
  for (let number = 1; number <= processes; number += 1) started.push(await side.startProcess(number));
  const readySeconds = sinceStart();
  await untilPolled(stand, names.map(side.queueOf), processes);
  const polledSeconds = sinceStart();
  await side.ended(waiting);
  const firstSeconds = ((await spanOf(stand.plain, [waiting])).lastEnd - startedMs) / 1000;
  await delay(SETTLE_MS);
  const idle = memoryOf(started);
  note(`${who}: polled after ${polledSeconds.toFixed(1)} s, ${idle.rssMb.toFixed(0)} MB`);

  const cold = await serveEach(stand, side, names, 'cold');
  const warm = await serveEach(stand, side, names, 'warm');
  await delay(SETTLE_MS);
  const worked = memoryOf(started);
  note(`${who}: cold ${cold.seconds.toFixed(1)} s, warm ${warm.seconds.toFixed(1)} s, ${worked.rssMb.toFixed(0)} MB`);
  return {
    side: side.name,
    connections: names.length,
    processes,
    readySeconds,
    firstSeconds,
    polledSeconds,
    coldSeconds: cold.seconds,
    warmSeconds: warm.seconds,
    served: { cold: cold.companies, warm: warm.companies },
    idleMb: idle.rssMb,
    rssMb: worked.rssMb,
    peakMb: worked.peakRssMb,
    figures: started.map(({ pid }) => figuresOf(pid)),
  };
}

/** One small request on each; how long that took the server, and how many companies were asked in truth. */
async function serveEach(stand: ConnectionsStand, side: Side, names: readonly string[], round: string) {
  await stand.sandbox.clearRequests();
  const started = await side.start(names, round);
  await Promise.all(started.map(side.ended));
  const { seconds } = await spanOf(stand.plain, started);
  return { seconds, companies: await companiesServed(stand) };
}

function memoryOf(processes: readonly Process[]): Pick<ProcessFigures, 'rssMb' | 'peakRssMb'> {
  const figures = processes.map(({ pid }) => figuresOf(pid));
  const sum = (figure: 'rssMb' | 'peakRssMb') => figures.reduce((all, each) => all + each[figure], 0);
  return { rssMb: sum('rssMb'), peakRssMb: sum('peakRssMb') };
}

/** Companies with a good answer in the sandbox's log. */
async function companiesServed({ sandbox }: ConnectionsStand): Promise<number> {
  const log = await sandbox.requests();
  return new Set(log.flatMap(({ company, status }) => (status === 200 ? [company] : []))).size;
}

/** Resolves when the server has seen as many pollers on every queue as there are processes. */
async function untilPolled(stand: ConnectionsStand, queues: readonly string[], pollers: number): Promise<void> {
  const deadlineMs = Date.now() + POLLED_WITHIN_MS;
  for (let left = queues; left.length > 0; await delay(LOOK_EVERY_MS)) {
    if (Date.now() > deadlineMs) throw new Error(`${left.length} queues are not polled`);
    const seen = await inGroups(left, async queue => {
      const described = await stand.plain.workflowService.describeTaskQueue({
        namespace: stand.plain.options.namespace,
        taskQueue: { name: queue },
        taskQueueType: TASK_QUEUE_TYPE_ACTIVITY,
      });
      return described.pollers?.length ?? 0;
    });
    left = left.filter((_, index) => (seen[index] ?? 0) < pollers);
  }
}

/** Connections are added, asked once, and removed, group by group, while others are asked all the time. */
async function countLeaks(stand: ConnectionsStand, cycles: number, signal: AbortSignal): Promise<Leaks> {
  const folder = mkdtempSync(join(tmpdir(), 'aircall-dsr-probe-'));
  const file = join(folder, 'probed.json');
  try {
    const worker = await stand.startWorker('worker', ['--expose-gc', '--require', join(__dirname, 'probe.js')], {
      [PROBE]: file,
    });
    const staying = Array.from({ length: LEAK_STAYING }, (_, index) => `company-${index + 1}`);
    const guests = comingAndGoing();
    let before: Leaks['before'] | undefined;
    let done = 0;
    // The first group warms up: what it leaves is no leak.
    for (let group = 0; done < cycles + guests.length; group += 1) {
      signal.throwIfAborted();
      for (const guest of guests) await stand.connections.add(guest, BUDGET);
      const asked = [
        ...(await startAccesses(stand, guests, `cycle-${group}`)),
        ...(await startAccesses(stand, staying, `cycle-${group}`)),
      ];
      await Promise.all(asked.map(id => stand.client.result(id)));
      const load = await startAccesses(stand, staying, `while-${group}`);
      for (const guest of guests) await stand.connections.remove(guest);
      await delay(LEAK_PAUSE_MS, undefined, { signal });
      await Promise.all(load.map(id => stand.client.result(id)));
      done += guests.length;
      note(`${done} connections came and went; RSS ${figuresOf(worker.pid).rssMb.toFixed(0)} MB`);
      before ??= await probe(worker, file);
    }
    const after = await probe(worker, file);
    if (before === undefined) throw new Error('nothing was measured');
    return { cycles: done - guests.length, before, after };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function probe({ pid }: Process, file: string): Promise<ProcessFigures & Probed> {
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  const deadlineMs = Date.now() + PROBED_WITHIN_MS;
  while (!existsSync(file)) {
    if (Date.now() > deadlineMs) throw new Error('the worker process does not answer the probe');
    await delay(100);
  }
  const probed: Probed = JSON.parse(readFileSync(file, 'utf8'));
  return { ...figuresOf(pid), ...probed };
}

async function inGroups<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += DESCRIBED_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(from, from + DESCRIBED_AT_ONCE).map(work))));
  }
  return results;
}

function reportOf(measured: readonly Measured[], leaks: Leaks | undefined): Report {
  const baselineOf = ({ connections, side }: Measured) =>
    side === 'bare Workers' ? undefined : measured.find(each => each.side !== side && each.connections === connections);
  const ofBare = (each: Measured) => {
    const baseline = baselineOf(each);
    if (baseline === undefined) return undefined;
    return {
      idle: each.idleMb / each.processes / baseline.idleMb,
      rss: each.rssMb / each.processes / baseline.rssMb,
      peak: each.peakMb / each.processes / baseline.peakMb,
    };
  };
  const row = (each: Measured) => {
    const ratio = ofBare(each);
    return [
      String(each.connections),
      each.side,
      String(each.processes),
      each.readySeconds.toFixed(1),
      each.firstSeconds.toFixed(1),
      each.polledSeconds.toFixed(1),
      each.coldSeconds.toFixed(1),
      each.warmSeconds.toFixed(1),
      each.idleMb.toFixed(0),
      each.rssMb.toFixed(0),
      each.peakMb.toFixed(0),
      ratio === undefined ? '' : [ratio.idle, ratio.rss, ratio.peak].map(part => part.toFixed(2)).join(' / '),
    ];
  };
  const leakRow = (name: string, figures: ProcessFigures & Probed) => [
    name,
    '',
    figures.heapMb.toFixed(1),
    String(figures.threads),
    String(figures.openFiles),
    String(figures.listeners),
    String(figures.active),
    figures.rssMb.toFixed(0),
    figures.peakRssMb.toFixed(0),
  ];
  const most = measured.filter(({ side }) => side === 'aircall-dsr').at(-1)?.connections;
  const missed = measured.flatMap(each => {
    const ratio = ofBare(each);
    if (ratio === undefined) return [];
    const who = `${each.connections} connections, ${each.processes} process(es)`;
    const checks = [
      [each.served.warm < each.connections, `${who}: only ${each.served.warm} were served`],
      [
        each.warmSeconds > BAR.warmSeconds,
        `${who}: served in ${each.warmSeconds.toFixed(1)} s, ${BAR.warmSeconds} at most`,
      ],
      [
        each.connections === most && Math.max(ratio.idle, ratio.rss, ratio.peak) > BAR.ofBare,
        `${who}: memory ${ratio.idle.toFixed(2)} idle, ${ratio.rss.toFixed(2)} after work, ${ratio.peak.toFixed(2)} at its peak of bare Workers, ${BAR.ofBare} at most`,
      ],
    ] as const;
    return checks.flatMap(([isMissed, sentence]) => (isMissed ? [sentence] : []));
  });
  const leaked =
    leaks === undefined
      ? []
      : (['threads', 'openFiles', 'listeners'] as const).flatMap(figure =>
          leaks.after[figure] > leaks.before[figure] + LEAK_STAYING
            ? [
                `${leaks.cycles} connections that came and went left ${leaks.after[figure] - leaks.before[figure]} ${figure}`,
              ]
            : [],
        );
  return {
    rows: [
      [
        'CONNECTIONS',
        '',
        'PROCESSES',
        'READY S',
        'FIRST S',
        'POLLED S',
        'COLD S',
        'WARM S',
        'IDLE MB',
        'RSS MB',
        'PEAK MB',
        'OF BARE (IDLE / RSS / PEAK)',
      ],
      ...measured.map(row),
      ['bar', '', '', '', '', '', '', `<= ${BAR.warmSeconds}`, '', '', '', `<= ${BAR.ofBare}`],
      ...(leaks === undefined
        ? []
        : [
            ['CAME AND WENT', '', 'HEAP MB', 'THREADS', 'OPEN FILES', 'LISTENERS', 'ACTIVE', 'RSS MB', 'PEAK MB'],
            leakRow('before', leaks.before),
            leakRow(`after ${leaks.cycles}`, leaks.after),
          ]),
    ],
    missed: [...missed, ...leaked],
    measured: { budget: BUDGET, bar: BAR, rounds: measured, leaks },
  };
}

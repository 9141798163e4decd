/**
 * What a small request waits for: alone, beside a backlog of its own company, beside 50 companies with backlogs. Times
 * are the server's, from start to end of the run; backlogs are those that the server counts in the queue.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { temporal } from '@temporalio/proto';
import { apiTaskQueue } from '../../src/request/names';
import type { Benchmark, Report } from '../benchmark';
import { note } from '../note';
import type { SandboxApart } from '../sandbox-apart';
import { spanOf } from '../server-times';
import { type Stand, TASK_QUEUE, withStandApart } from '../stand';
import { median } from '../statistics';

/** What is in the way of the small request. */
interface Situation {
  readonly name: string;
  /** Access requests that list all calls of the small request's own company. */
  readonly listings: number;
  /** Plain activities in its company's queue, with the priority of bulk pages and a fairness key of their own. */
  readonly queued: number;
  /** Other companies, each with one listing. */
  readonly others: number;
}

interface Figures {
  readonly situation: Situation;
  /** Tasks that wait in the company's queue, as the server counts them, when the small request starts. */
  readonly backlog: number;
  readonly accessSeconds: readonly number[];
  readonly deletionSeconds: readonly number[];
}

type LatencyStand = Stand<SandboxApart>;

const BUDGET = { limitPerMinute: 600, share: 0.75 } as const;
/** Of the other companies: together half of what one processor can do, or the small request would wait for that. */
const OTHERS_BUDGET = { limitPerMinute: 60, share: 0.75 } as const;
const BAR = { ofAlone: 2 } as const;
const COMPANY = 'company';
const SITUATIONS: readonly Situation[] = [
  { name: 'alone', listings: 0, queued: 0, others: 0 },
  { name: 'one listing', listings: 1, queued: 0, others: 0 },
  { name: 'ten listings', listings: 10, queued: 0, others: 0 },
  { name: '10,000 queued', listings: 0, queued: 10_000, others: 0 },
  { name: '50 companies', listings: 0, queued: 0, others: 50 },
];
/** Long enough that no listing ends while it is measured. */
const HUGE_CALLS = 100_000;
const OTHER_CALLS = 10_000;
/** Every filler contact has an address, one number and few calls; those whose number ends a ten have none. */
const CONTACTS = 2_000;
const LISTED_SUBJECT = { email: 'zoe.nunez@example.com' } as const;
const SETTLE_SECONDS = 1;
/** For listings to fill the queue. */
const BACKLOG_MS = 15_000;
const BETWEEN_MS = 2_000;
const { TASK_QUEUE_TYPE_ACTIVITY } = temporal.api.enums.v1.TaskQueueType;

export const latency: Benchmark = {
  about: 'time of a small request alone and beside backlogs [--samples 5] [--situation NAME]...',
  async run(args, signal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        samples: { type: 'string', default: '5' },
        situation: { type: 'string', multiple: true, default: SITUATIONS.map(({ name }) => name) },
      },
    });
    const samples = Number(values.samples);
    if (!Number.isInteger(samples) || samples < 1) throw new Error('--samples takes a whole number from 1');
    const chosen = SITUATIONS.filter(({ name }) => values.situation.includes(name) || name === 'alone');
    const figures: Figures[] = [];
    for (const situation of chosen) {
      signal.throwIfAborted();
      figures.push(await inSituation(situation, stand => measure(stand, situation, samples, signal)));
    }
    return reportOf(figures, samples);
  },
};

function inSituation<T>({ others }: Situation, use: (stand: LatencyStand) => Promise<T>): Promise<T> {
  const now = Date.now();
  const names = otherNames(others);
  return withStandApart(
    {
      companies: [
        { name: COMPANY, seed: 1, contacts: CONTACTS, calls: HUGE_CALLS, now },
        ...names.map(name => ({ name, seed: 1, contacts: 10, calls: OTHER_CALLS, now })),
      ],
      connected: { [COMPANY]: BUDGET, ...Object.fromEntries(names.map(name => [name, OTHERS_BUDGET])) },
    },
    use,
  );
}

async function measure(
  stand: LatencyStand,
  situation: Situation,
  samples: number,
  signal: AbortSignal,
): Promise<Figures> {
  const { client, plain } = stand;
  await stand.startWorker('worker');
  // The first of each kind warms the worker up and is not counted.
  await access(stand, 0);
  await deletion(stand, 0);
  const listed = [...Array.from({ length: situation.listings }, () => COMPANY), ...otherNames(situation.others)];
  for (const [index, connection] of listed.entries()) {
    await client.start('access', {
      requestId: `listing-${index}`,
      connection,
      subject: LISTED_SUBJECT,
      calls: 'company',
    });
  }
  if (situation.queued > 0) await queue(stand, situation.queued);
  if (listed.length > 0) await delay(BACKLOG_MS, undefined, { signal });
  const backlog = await backlogOf(stand);
  const accessSeconds: number[] = [];
  const deletionSeconds: number[] = [];
  for (let sample = 1; sample <= samples; sample += 1) {
    signal.throwIfAborted();
    accessSeconds.push(await access(stand, sample));
    await delay(BETWEEN_MS, undefined, { signal });
    deletionSeconds.push(await deletion(stand, sample));
    await delay(BETWEEN_MS, undefined, { signal });
  }
  const left = await backlogOf(stand);
  if (situation.queued > 0 && left === 0) throw new Error('the backlog ended before the measurement');
  for (const index of listed.keys()) {
    const ended = (await plain.workflow.getHandle(`dsr:${listed[index]}:access:listing-${index}`).describe()).closeTime;
    if (ended !== undefined) throw new Error('a listing ended before the measurement');
  }
  note(`${situation.name}: backlog ${backlog}, access ${median(accessSeconds).toFixed(2)} s`);
  return { situation, backlog, accessSeconds, deletionSeconds };
}

/** A small request of a person of their own, whose address no other sample has. */
function access(stand: LatencyStand, sample: number): Promise<number> {
  return secondsOf(stand, () =>
    stand.client.start('access', { requestId: `access-${sample}`, connection: COMPANY, subject: person(2 * sample) }),
  );
}

/** Search, one DELETE, and the search that verifies it after the settle delay. */
function deletion(stand: LatencyStand, sample: number): Promise<number> {
  return secondsOf(stand, () =>
    stand.client.start('deletion', {
      requestId: `deletion-${sample}`,
      connection: COMPANY,
      subject: person(2 * sample + 1),
      settleSeconds: SETTLE_SECONDS,
    }),
  );
}

function person(place: number) {
  const number = Math.floor(place / 9) * 10 + (place % 9) + 1; // one in ten fillers has no address
  return { email: `person.${number}@example.net` };
}

async function secondsOf(stand: LatencyStand, start: () => Promise<{ readonly workflowId: string }>): Promise<number> {
  const { workflowId } = await start();
  const { status } = await stand.client.result(workflowId);
  if (status !== 'completed') throw new Error(`${workflowId} ended as ${status}`);
  return (await spanOf(stand.plain, [workflowId])).seconds;
}

/** Plain activities, each one GET, waiting in the company's own queue; resolves when the server counts them all. */
async function queue(stand: LatencyStand, tasks: number): Promise<void> {
  await stand.startScript({
    label: 'queueing worker',
    script: 'latency/worker.js',
    args: [COMPANY, String(tasks)],
    env: {},
  });
  while ((await backlogOf(stand)) < tasks * 0.95) await delay(500);
}

async function backlogOf({ plain }: LatencyStand): Promise<number> {
  const described = await plain.workflowService.describeTaskQueue({
    namespace: plain.options.namespace,
    taskQueue: { name: apiTaskQueue(TASK_QUEUE, COMPANY) },
    taskQueueType: TASK_QUEUE_TYPE_ACTIVITY,
    reportStats: true,
  });
  return Number(described.stats?.approximateBacklogCount ?? 0);
}

function otherNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `other-${index + 1}`);
}

function reportOf(figures: readonly Figures[], samples: number): Report {
  const [alone] = figures;
  if (alone === undefined) throw new Error('nothing was measured');
  const measured = figures.map(({ accessSeconds, deletionSeconds, ...rest }) => {
    const accessMedian = median(accessSeconds);
    const deletionMedian = median(deletionSeconds);
    return {
      ...rest,
      accessSeconds,
      deletionSeconds,
      accessMedian,
      deletionMedian,
      accessOfAlone: accessMedian / median(alone.accessSeconds),
      deletionOfAlone: deletionMedian / median(alone.deletionSeconds),
    };
  });
  const checks = measured.flatMap(({ situation: { name }, accessOfAlone, deletionOfAlone }) =>
    [['access', accessOfAlone] as const, ['deletion', deletionOfAlone] as const].flatMap(([kind, ratio]) =>
      ratio > BAR.ofAlone
        ? [`${name}: a small ${kind} takes ${ratio.toFixed(2)} of its time alone, ${BAR.ofAlone} at most`]
        : [],
    ),
  );
  return {
    rows: [
      ['BESIDE', 'BACKLOG', 'ACCESS S', 'SLOWEST', 'OF ALONE', 'DELETION S', 'SLOWEST', 'OF ALONE'],
      ...measured.map(each => [
        each.situation.name,
        String(each.backlog),
        each.accessMedian.toFixed(2),
        Math.max(...each.accessSeconds).toFixed(2),
        each.accessOfAlone.toFixed(2),
        each.deletionMedian.toFixed(2),
        Math.max(...each.deletionSeconds).toFixed(2),
        each.deletionOfAlone.toFixed(2),
      ]),
      ['bar', '', '', '', `<= ${BAR.ofAlone}`, '', '', `<= ${BAR.ofAlone}`],
    ],
    missed: checks,
    measured: {
      samples,
      budget: BUDGET,
      othersBudget: OTHERS_BUDGET,
      bar: BAR,
      settleSeconds: SETTLE_SECONDS,
      situations: measured,
    },
  };
}

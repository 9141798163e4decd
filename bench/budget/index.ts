/**
 * The API budget of a company: access requests whose API requests queue up, two worker processes, and a sandbox that
 * refuses whatever exceeds its limit. Side by side the same load from bare activities with the SDK's own limit.
 * Arrivals are those of the sandbox's request log, so that nothing we say of ourselves is trusted.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createCompanySeed, type LoggedRequest } from '../../sandbox';
import { tell } from '../../src/commands/output';
import { ratePerSecond } from '../../src/request/budget';
import type { Benchmark, Report } from '../benchmark';
import type { Process } from '../processes';
import { mostInAnyWindow } from '../sliding-window';
import { type Stand, withStand } from '../stand';
import { BARE, OURS, PAGES, TARGET } from './names';

interface Options {
  readonly requests: number;
  /** One more worker process without any limit, on both queues. */
  readonly stray: boolean;
  /** One worker process of each side is killed half-way and started again. */
  readonly restart: boolean;
}

interface Figures {
  readonly arrivals: number;
  readonly mostInAnyMinute: number;
  readonly mostInAnySecond: number;
  readonly refused: number;
  /** These three over the first requests that were served, as many as were asked for, while others wait behind them. */
  readonly meanPerSecond: number;
  readonly longestPauseSeconds: number;
  readonly seconds: number;
}

const BUDGET = { limitPerMinute: 60, share: 0.75 } as const;
const RATE = ratePerSecond(BUDGET, 1);
/** The issue's bar: at most 80 % of the limit in any minute, no refusal, the budget used. */
const BAR = { mostInAnyMinute: 48, refused: 0, meanPerSecond: 0.74 } as const;

const PER_PAGE = 50;
/** Of an access request by the company's calls: one contact search and its pages. */
const REQUESTS_EACH = 1 + PAGES;
const LOOK_EVERY_MS = 250;
const TELL_EVERY_MS = 30_000;

export const budget: Benchmark = {
  about: 'API requests stay within a budget and use it [--requests 400] [--stray] [--restart]',
  async run(args, signal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        requests: { type: 'string', default: '400' },
        stray: { type: 'boolean', default: false },
        restart: { type: 'boolean', default: false },
      },
    });
    const requests = Number(values.requests);
    if (!Number.isInteger(requests) || requests < 2) throw new Error('--requests takes a whole number from 2');
    const now = Date.now();
    const companies = [OURS.company, BARE.company].map(name => ({
      ...createCompanySeed({ name, seed: 1, contacts: 30, calls: PAGES * PER_PAGE, now }),
      behaviour: { rateLimit: { mode: 'leaky', perMinute: BUDGET.limitPerMinute } } as const,
    }));
    const options = { requests, stray: values.stray, restart: values.restart };
    return withStand({ companies, connected: { [OURS.company]: BUDGET } }, stand => measure(stand, options, signal));
  },
};

async function measure(stand: Stand, options: Options, signal: AbortSignal): Promise<Report> {
  const { sandbox } = stand;
  const { url, authorization } = targetOf(stand);
  const startScript = (label: string, args: readonly string[]) =>
    stand.startScript({
      label,
      script: 'budget/worker.js',
      args,
      env: { [TARGET.url]: url, [TARGET.authorization]: authorization },
    });
  const startOurs = (n: number) => stand.startWorker(`worker ${n}`);
  const startBare = (n: number) => startScript(`bare worker ${n}`, ['bare', String(RATE)]);
  // One after the other: each start takes a processor for seconds.
  const first = { ours: await startOurs(1), bare: await startBare(1) };
  await startOurs(2);
  await startBare(2);
  if (options.stray) await startScript('stray worker', ['stray']);

  sandbox.clearRequests();
  const ours = () => sandbox.company(OURS.company).requests();
  const bare = () => sandbox.company(BARE.company).requests();
  const results = Promise.all([startAccesses(stand, options.requests), startBareRequests(stand, options.requests)]);
  let ended = false;
  const told = Promise.allSettled([results]).then(() => {
    ended = true;
  });
  const restarts = options.restart
    ? [
        restartHalfWay({ half: options.requests / 2, log: ours, process: first.ours, start: () => startOurs(1) }),
        restartHalfWay({ half: options.requests / 2, log: bare, process: first.bare, start: () => startBare(1) }),
      ]
    : [];
  for (let round = 1; !ended; round += 1) {
    await Promise.race([told, delay(LOOK_EVERY_MS, undefined, { signal })]);
    for (const look of restarts) await look();
    if ((round * LOOK_EVERY_MS) % TELL_EVERY_MS === 0) tell(`arrivals: ours ${ours().length}, bare ${bare().length}`);
  }
  const [accesses] = await results;
  return reportOf(options, accesses, { ours: figuresOf(ours(), options), bare: figuresOf(bare(), options) });
}

/** Access requests of the standard subject that list all calls, as many as the API requests need. */
async function startAccesses({ client, sandbox }: Stand, requests: number) {
  const { subjectEmail: email } = sandbox.company(OURS.company).truth;
  const count = Math.ceil(requests / REQUESTS_EACH);
  const started = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      client.start('access', {
        requestId: `bench-${index + 1}`,
        connection: OURS.company,
        subject: { email },
        calls: 'company',
      }),
    ),
  );
  return Promise.all(started.map(({ workflowId }) => client.result(workflowId)));
}

async function startBareRequests({ plain }: Stand, requests: number): Promise<void> {
  await plain.workflow.execute('bareRequests', { workflowId: 'bare', taskQueue: BARE.taskQueue, args: [requests] });
}

function targetOf({ sandbox }: Stand) {
  const { apiId, apiToken } = sandbox.company(BARE.company);
  const authorization = `Basic ${Buffer.from(`${apiId}:${apiToken}`).toString('base64')}`;
  return { url: `${sandbox.baseUrl}/calls`, authorization };
}

/** Looked at now and then, it kills the process once half of the requests have come, and starts another. */
function restartHalfWay(plan: {
  readonly half: number;
  readonly log: () => readonly LoggedRequest[];
  readonly process: Process;
  readonly start: () => Promise<Process>;
}): () => Promise<void> {
  let done = false;
  return async () => {
    if (done || plan.log().length < plan.half) return;
    done = true;
    tell(`killing process ${plan.process.pid} after ${plan.log().length} arrivals`);
    await plan.process.kill();
    await plan.start();
  };
}

function figuresOf(log: readonly LoggedRequest[], { requests }: Options): Figures {
  const times = log.map(({ at }) => at);
  const served = log.filter(({ status }) => status === 200);
  const counted = served.map(({ at }) => at).slice(0, requests);
  const seconds = ((counted.at(-1) ?? 0) - (counted[0] ?? 0)) / 1000;
  const pauses = counted.slice(1).map((time, index) => time - (counted[index] ?? time));
  return {
    arrivals: log.length,
    mostInAnyMinute: mostInAnyWindow(times, 60_000),
    mostInAnySecond: mostInAnyWindow(times, 1_000),
    refused: log.filter(({ status }) => status === 429).length,
    meanPerSecond: (counted.length - 1) / seconds,
    longestPauseSeconds: Math.max(...pauses) / 1000,
    seconds,
  };
}

function reportOf(
  options: Options,
  accesses: readonly { readonly status: string; readonly apiRequests: number }[],
  { ours, bare }: { readonly ours: Figures; readonly bare: Figures },
): Report {
  const boundSeconds = options.requests / RATE;
  const completed = accesses.filter(({ status }) => status === 'completed').length;
  const row = (name: string, figures: Figures) => [
    name,
    String(figures.arrivals),
    String(figures.mostInAnyMinute),
    String(figures.mostInAnySecond),
    String(figures.refused),
    figures.meanPerSecond.toFixed(4),
    figures.longestPauseSeconds.toFixed(2),
    figures.seconds.toFixed(1),
  ];
  const missed = [
    [ours.arrivals < options.requests, `only ${ours.arrivals} of ${options.requests} requests came`],
    [ours.mostInAnyMinute > BAR.mostInAnyMinute, `${ours.mostInAnyMinute} in 60 s, at most ${BAR.mostInAnyMinute}`],
    [ours.refused > BAR.refused, `${ours.refused} refused with 429`],
    [
      ours.meanPerSecond < BAR.meanPerSecond,
      `${ours.meanPerSecond.toFixed(4)} a second, at least ${BAR.meanPerSecond}`,
    ],
    [completed < accesses.length, `${completed} of ${accesses.length} access requests completed`],
  ] as const;
  return {
    rows: [
      ['', 'ARRIVALS', 'MOST IN 60 S', 'MOST IN 1 S', '429', 'MEAN/S', 'LONGEST PAUSE S', `S FOR ${options.requests}`],
      row('aircall-dsr', ours),
      row("SDK's worker option", bare),
      ['bar', '', `<= ${BAR.mostInAnyMinute}`, '', '0', `>= ${BAR.meanPerSecond}`, '', ''],
      ['bound', '', '', '', '', RATE.toFixed(4), '', boundSeconds.toFixed(1)],
    ],
    missed: missed.flatMap(([isMissed, sentence]) => (isMissed ? [sentence] : [])),
    measured: {
      ...options,
      budget: BUDGET,
      bar: BAR,
      boundSeconds,
      ours,
      bare,
      accesses: {
        completed,
        started: accesses.length,
        /** What the results say; after a kill it may be short by the requests then in flight. */
        apiRequests: accesses.reduce((sum, { apiRequests }) => sum + apiRequests, 0),
      },
    },
  };
}

/**
 * How fast the service is where Aircall is not what it waits for: an unlimited sandbox in a process of its own, many
 * connections with the highest limit, and beside it, in turns, a bare workflow whose as many activities make the same
 * GETs. Requests are counted in the sandbox's log, times are the server's, processor time is the kernel's.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Benchmark, Report } from '../benchmark';
import { note } from '../note';
import { childrenNamed, processorMs } from '../proc';
import type { Process } from '../processes';
import { authorizationOf, type SandboxApart } from '../sandbox-apart';
import { spanOf } from '../server-times';
import { type Stand, withStandApart } from '../stand';
import { median } from '../statistics';
import type { BareInput } from './bare-workflow';
import { BARE_QUEUE, TARGET, type Target } from './names';

interface Options {
  readonly connections: number;
  readonly rounds: number;
  /** Folder for the CPU profiles of both worker processes. */
  readonly profile: string | undefined;
}

/** A kind of access request, and how many of it a round starts for each connection. */
interface Load {
  readonly name: string;
  readonly calls: 'by-number' | 'company';
  readonly each: number;
}

interface Round {
  readonly requests: number;
  readonly dsrs: number;
  /** From the first start to the last end, as the server tells them. */
  readonly seconds: number;
  readonly workerMs: number;
  readonly serverMs: number;
}

interface Side {
  readonly name: string;
  readonly process: Process;
  /** Starts a round's DSRs; resolves with their workflow ids when all have ended. */
  run(load: Load, round: number): Promise<readonly string[]>;
}

type EngineStand = Stand<SandboxApart>;

const BUDGET = { limitPerMinute: 10_000, share: 0.8 } as const;
const BAR = { ofBare: 0.8 } as const;
/** A company whose list of all calls has 100 pages. */
const CALLS = 5_000;
const CONTACTS = 30;

export const engine: Benchmark = {
  about: 'API requests and DSRs a second against a bare workflow [--connections 10] [--rounds 3] [--profile FOLDER]',
  async run(args, signal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        connections: { type: 'string', default: '10' },
        rounds: { type: 'string', default: '3' },
        pages: { type: 'string', default: '1' },
        small: { type: 'string', default: '12' },
        load: { type: 'string', multiple: true, default: ['pages', 'small'] },
        profile: { type: 'string' },
      },
    });
    const whole = (name: 'connections' | 'rounds' | 'pages' | 'small') => {
      const number = Number(values[name]);
      if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} takes a whole number from 1`);
      return number;
    };
    const options = { connections: whole('connections'), rounds: whole('rounds'), profile: values.profile };
    const allLoads: readonly Load[] = [
      { name: 'pages', calls: 'company', each: whole('pages') },
      { name: 'small', calls: 'by-number', each: whole('small') },
    ];
    const loads = allLoads.filter(({ name }) => values.load.includes(name));
    if (loads.length === 0) throw new Error('--load takes pages or small');
    const names = Array.from({ length: options.connections }, (_, index) => `company-${index + 1}`);
    const now = Date.now();
    return withStandApart(
      {
        companies: names.map(name => ({ name, seed: 1, contacts: CONTACTS, calls: CALLS, now })),
        connected: Object.fromEntries(names.map(name => [name, BUDGET])),
      },
      stand => measure(stand, names, loads, options, signal),
    );
  },
};

async function measure(
  stand: EngineStand,
  names: readonly string[],
  loads: readonly Load[],
  options: Options,
  signal: AbortSignal,
): Promise<Report> {
  const { sandbox } = stand;
  const ours = await startOurs(stand, names, options);
  const paths = new Map<string, ReadonlyMap<string, readonly string[]>>();
  const bare = await startBare(stand, names, options, paths);

  const rounds = new Map<string, Round[]>();
  for (const load of loads) {
    // A first DSR of each connection warms both sides up and tells what the baseline has to ask.
    await sandbox.clearRequests();
    await ours.run({ ...load, each: 1 }, 0);
    paths.set(load.name, await pathsByCompany(sandbox));
    await bare.run({ ...load, each: 1 }, 0);
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const side of [ours, bare]) {
        signal.throwIfAborted();
        const measured = await timed(stand, side, load, round);
        note(`${load.name} ${round}: ${side.name} ${(measured.requests / measured.seconds).toFixed(0)} API requests/s`);
        const key = `${side.name} ${load.name}`;
        rounds.set(key, [...(rounds.get(key) ?? []), measured]);
      }
    }
  }
  if (options.profile !== undefined) for (const side of [ours, bare]) await side.process.end();
  return reportOf(loads, rounds, options);
}

async function startOurs(stand: EngineStand, names: readonly string[], { profile }: Options): Promise<Side> {
  const { subjectEmail: email } = stand.sandbox;
  return {
    name: 'aircall-dsr',
    process: await stand.startWorker('worker', profiled(profile, 'ours')),
    async run({ name, calls, each }, round) {
      const started = await Promise.all(
        names.flatMap(connection =>
          Array.from({ length: each }, (_, index) =>
            stand.client.start('access', {
              requestId: `${name}-${round}-${index + 1}`,
              connection,
              subject: { email },
              calls,
            }),
          ),
        ),
      );
      const results = await Promise.all(started.map(({ workflowId }) => stand.client.result(workflowId)));
      const unfinished = results.filter(({ status }) => status !== 'completed').length;
      if (unfinished > 0) throw new Error(`${unfinished} of ${results.length} requests did not complete`);
      return started.map(({ workflowId }) => workflowId);
    },
  };
}

async function startBare(
  stand: EngineStand,
  names: readonly string[],
  { profile }: Options,
  paths: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>,
): Promise<Side> {
  const target: Target = {
    origin: stand.sandbox.baseUrl.replace(/\/v1$/, ''),
    companies: Object.fromEntries(names.map(name => [name, authorizationOf(name)])),
  };
  return {
    name: 'bare workflow',
    process: await stand.startScript({
      label: 'bare worker',
      script: 'engine/worker.js',
      args: [],
      env: { [TARGET]: JSON.stringify(target) },
      nodeArgs: profiled(profile, 'bare'),
    }),
    async run({ name, each }, round) {
      const inputs = names.flatMap(company => {
        const input: BareInput = { company, paths: paths.get(name)?.get(company) ?? [] };
        return Array.from({ length: each }, (_, index) => ({ input, id: `bare:${company}:${name}-${round}-${index}` }));
      });
      const started = await Promise.all(
        inputs.map(({ input, id }) =>
          stand.plain.workflow.start('bareRequest', { workflowId: id, taskQueue: BARE_QUEUE, args: [input] }),
        ),
      );
      await Promise.all(started.map(handle => handle.result()));
      return started.map(({ workflowId }) => workflowId);
    },
  };
}

async function timed(stand: EngineStand, side: Side, load: Load, round: number): Promise<Round> {
  const [serverPid] = childrenNamed(process.pid, 'temporal');
  if (serverPid === undefined) throw new Error('the Temporal server has no process');
  await stand.sandbox.clearRequests();
  const before = { worker: processorMs(side.process.pid), server: processorMs(serverPid) };
  const workflowIds = await side.run(load, round);
  const after = { worker: processorMs(side.process.pid), server: processorMs(serverPid) };
  const log = await stand.sandbox.requests();
  if (log.some(({ status }) => status !== 200)) throw new Error('the sandbox refused a request');
  const { seconds } = await spanOf(stand.plain, workflowIds);
  return {
    requests: log.length,
    dsrs: workflowIds.length,
    seconds,
    workerMs: after.worker - before.worker,
    serverMs: after.server - before.server,
  };
}

/** What one DSR asked of each company. */
async function pathsByCompany(sandbox: SandboxApart): Promise<ReadonlyMap<string, readonly string[]>> {
  const paths = new Map<string, string[]>();
  for (const { company, path, query } of await sandbox.requests()) {
    const name = company ?? '';
    paths.set(name, [...(paths.get(name) ?? []), `${path}?${new URLSearchParams(query)}`]);
  }
  return paths;
}

function reportOf(loads: readonly Load[], rounds: ReadonlyMap<string, readonly Round[]>, options: Options): Report {
  const of = (side: string, { name }: Load) => {
    const all = rounds.get(`${side} ${name}`) ?? [];
    const medianOf = (figure: (round: Round) => number) => median(all.map(figure));
    return {
      dsrs: medianOf(round => round.dsrs),
      requestsPerDsr: medianOf(round => round.requests / round.dsrs),
      requestsPerSecond: medianOf(round => round.requests / round.seconds),
      dsrsPerSecond: medianOf(round => round.dsrs / round.seconds),
      workerMsPerRequest: medianOf(round => round.workerMs / round.requests),
      serverMsPerRequest: medianOf(round => round.serverMs / round.requests),
      rounds: all,
    };
  };
  const measured = loads.map(load => {
    const ours = of('aircall-dsr', load);
    const bare = of('bare workflow', load);
    return { load, ours, bare, ofBare: ours.requestsPerSecond / bare.requestsPerSecond };
  });
  const row = (load: string, side: string, figures: ReturnType<typeof of>, ofBare: string) => [
    load,
    side,
    String(figures.dsrs),
    figures.requestsPerDsr.toFixed(1),
    figures.requestsPerSecond.toFixed(1),
    figures.dsrsPerSecond.toFixed(2),
    figures.workerMsPerRequest.toFixed(2),
    figures.serverMsPerRequest.toFixed(2),
    ofBare,
  ];
  return {
    rows: [
      ['LOAD', '', 'DSRS', 'REQUESTS/DSR', 'REQUESTS/S', 'DSRS/S', 'WORKER MS/REQUEST', 'SERVER MS/REQUEST', 'OF BARE'],
      ...measured.flatMap(({ load, ours, bare, ofBare }) => [
        row(load.name, 'aircall-dsr', ours, ofBare.toFixed(2)),
        row(load.name, 'bare workflow', bare, ''),
      ]),
      ['bar', '', '', '', '', '', '', '', `>= ${BAR.ofBare.toFixed(2)}`],
    ],
    missed: measured.flatMap(({ load, ofBare }) =>
      ofBare >= BAR.ofBare ? [] : [`${load.name}: ${ofBare.toFixed(2)} of the bare workflow, at least ${BAR.ofBare}`],
    ),
    measured: { ...options, budget: BUDGET, bar: BAR, loads: measured },
  };
}

function profiled(folder: string | undefined, side: string): string[] {
  if (folder === undefined) return [];
  const own = join(folder, side);
  mkdirSync(own, { recursive: true });
  return ['--cpu-prof', `--cpu-prof-dir=${own}`];
}

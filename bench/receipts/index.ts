/**
 * What do receipts cost when many requests of one connection end at once? Their vault operations are counted in the driver, one
 * by one and at once; then requests of another connection are timed while many of one are cancelled at the same moment.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createCompanySeed } from '../../sandbox';
import { loadKeyring } from '../../src/client';
import { generateKeyFile } from '../../src/encryption/key-file';
import type { RequestResult } from '../../src/request/model';
import { sideBySide } from '../../src/side-by-side';
import { createFolderDriver } from '../../src/vault/folder';
import { createReceipts, type EndedRun, type Receipts } from '../../src/vault/receipts';
import { createVault, type VaultDriver } from '../../src/vault/vault';
import type { Benchmark, Report } from '../benchmark';
import { note } from '../note';
import { spanOf } from '../server-times';
import { type Stand, withStand } from '../stand';
import { median } from '../statistics';

interface Cost {
  readonly how: 'one by one' | 'at once';
  readonly operationsEach: number;
  /** Of each round. */
  readonly msEach: readonly number[];
}

interface Beside {
  readonly aloneSeconds: readonly number[];
  /** Of requests that were started before all the cancelled ones had ended. */
  readonly besideSeconds: readonly number[];
  /** From the first cancellation to the last end. */
  readonly endingSeconds: number;
}

const BAR = { operationsEach: 3.5, ofOneByOne: 1 } as const;
const ENDING = 'ending';
const OTHER = 'other';
/** In turns, because other work of the machine comes and goes. */
const ROUNDS = 5;
const ALONE_SAMPLES = 5;
const AT_ONCE = 16;
const POLL_MS = 250;
const OPERATIONS = new Set(['get', 'putIfAbsent', 'putIfUnchanged', 'list', 'delete']);

export const receipts: Benchmark = {
  about: 'receipts of requests that end at once [--receipts 2000] [--ending 300]',
  async run(args, signal) {
    const { values } = parseArgs({
      args: [...args],
      options: { receipts: { type: 'string', default: '2000' }, ending: { type: 'string', default: '300' } },
    });
    const [many, ending] = [Number(values.receipts), Number(values.ending)];
    if (![many, ending].every(each => Number.isInteger(each) && each >= 1))
      throw new Error('--receipts and --ending take whole numbers from 1');
    const costs = await costsOf(many);
    signal.throwIfAborted();
    const now = Date.now();
    const beside = await withStand(
      {
        companies: [ENDING, OTHER].map(name => createCompanySeed({ name, seed: 1, contacts: 10, calls: 10, now })),
        // The steps of those that are to be cancelled wait in their queue.
        connected: { [ENDING]: { limitPerMinute: 1, share: 0.75 }, [OTHER]: { limitPerMinute: 10_000, share: 0.75 } },
        signal,
      },
      stand => besideMany(stand, ending),
    );
    return reportOf(costs, beside, ending);
  },
};

async function costsOf(many: number): Promise<Cost[]> {
  const folder = await mkdtemp(join(tmpdir(), 'aircall-dsr-bench-'));
  try {
    const keyFile = join(folder, 'keys.json');
    generateKeyFile(keyFile, new Date());
    const keyring = loadKeyring(keyFile);
    let operations = 0;
    const driver = counted(createFolderDriver(join(folder, 'vault')), () => {
      operations += 1;
    });
    const issued = createReceipts({ vault: createVault(driver, keyring), keyring, now: Date.now });
    const each = Math.ceil(many / ROUNDS);
    const measure = async (connection: string, issue: (runs: readonly EndedRun[]) => Promise<unknown>) => {
      const runs = Array.from({ length: each }, (_, index) => endedRun(connection, index));
      operations = 0;
      const beganMs = performance.now();
      await issue(runs);
      return { operations, msEach: (performance.now() - beganMs) / each };
    };
    const rounds: Record<Cost['how'], Awaited<ReturnType<typeof measure>>>[] = [];
    for (let round = 0; round < ROUNDS; round += 1)
      rounds.push({
        'one by one': await measure(`one-${round}`, oneByOne(issued)),
        'at once': await measure(`all-${round}`, atOnce(issued)),
      });
    return (['one by one', 'at once'] as const).map(how => ({
      how,
      operationsEach: rounds.reduce((sum, round) => sum + round[how].operations, 0) / (each * ROUNDS),
      msEach: rounds.map(round => round[how].msEach),
    }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const oneByOne = (issued: Receipts) => async (runs: readonly EndedRun[]) => {
  for (const run of runs) await issued.issue(run);
};
const atOnce = (issued: Receipts) => (runs: readonly EndedRun[]) => Promise.all(runs.map(run => issued.issue(run)));

function counted(driver: VaultDriver, onOperation: () => void): VaultDriver {
  return new Proxy(driver, {
    get(target, name) {
      const operation: unknown = Reflect.get(target, name);
      if (typeof operation !== 'function' || !OPERATIONS.has(String(name))) return operation;
      return (...given: unknown[]) => {
        onOperation();
        return Reflect.apply(operation, target, given);
      };
    },
  });
}

function endedRun(connection: string, index: number): EndedRun {
  const request = { connection, kind: 'access', requestId: `case-${index}` } as const;
  const at = new Date(0).toISOString();
  const result: RequestResult = {
    ...request,
    status: 'no-match',
    counts: { contacts: 0, calls: 0, refused: 0, failed: 0 },
    outcomes: [],
    coverage: { contacts: { state: 'complete', gaps: [] }, outOfReach: [] },
    apiRequests: 1,
    startedAt: at,
    completedAt: at,
    doubts: [],
    approvals: [],
  };
  const subjectHash = index.toString(16).padStart(32, '0');
  const facts = { request, runId: `run-${index}`, dryRun: false, subjectHash, startedAt: at, clock: undefined };
  return { ...facts, ending: { result }, phases: {}, how: 'at-end' };
}

async function besideMany(stand: Stand, ending: number): Promise<Beside> {
  const { client, plain } = stand;
  await stand.startWorker('worker');
  await small(stand, 'warm-up');
  const aloneSeconds: number[] = [];
  for (let nth = 0; nth < ALONE_SAMPLES; nth += 1) aloneSeconds.push(await small(stand, `alone-${nth}`));
  const numbers = Array.from({ length: ending }, (_, index) => index);
  const waiting = await sideBySide(numbers, AT_ONCE, async index => {
    const subject = { email: `waiting.${index}@example.net` };
    return (await client.start('access', { requestId: `waiting-${index}`, connection: ENDING, subject })).workflowId;
  });
  await opened(stand, waiting);
  note(`${ending} requests wait`);

  const beganMs = Date.now();
  let over = false;
  const ended = sideBySide(waiting, AT_ONCE, id => client.cancel(id))
    .then(() => sideBySide(waiting, AT_ONCE, id => client.result(id)))
    .finally(() => {
      over = true;
    });
  const besideSeconds: number[] = [];
  while (!over) besideSeconds.push(await small(stand, `beside-${besideSeconds.length}`));
  await ended;
  const { lastEnd } = await spanOf(plain, waiting);
  return { aloneSeconds, besideSeconds, endingSeconds: (lastEnd - beganMs) / 1_000 };
}

/** Waits until the first step of each has been taken. */
async function opened({ client }: Stand, ids: readonly string[]): Promise<void> {
  await sideBySide(ids, AT_ONCE, async id => {
    while ((await client.status(id)).phase === 'opening') await delay(POLL_MS);
  });
}

async function small({ client, plain }: Stand, requestId: string): Promise<number> {
  const subject = { email: 'nobody.at.all@example.net' };
  const { workflowId } = await client.start('access', { requestId, connection: OTHER, subject });
  await client.result(workflowId);
  return (await spanOf(plain, [workflowId])).seconds;
}

function reportOf(costs: readonly Cost[], beside: Beside, ending: number): Report {
  const [slow, fast] = costs;
  if (slow === undefined || fast === undefined) throw new Error('nothing was measured');
  const ofOneByOne = median(fast.msEach) / median(slow.msEach);
  const { aloneSeconds, besideSeconds, endingSeconds } = beside;
  const slowest = Math.max(...besideSeconds);
  return {
    rows: [
      ['RECEIPTS', 'OPERATIONS EACH', 'MS EACH', 'OF ONE BY ONE'],
      ...costs.map(({ how, operationsEach, msEach }) => [
        how,
        operationsEach.toFixed(2),
        median(msEach).toFixed(2),
        (median(msEach) / median(slow.msEach)).toFixed(2),
      ]),
      ['OTHER REQUESTS', 'SAMPLES', 'MEDIAN S', 'SLOWEST S'],
      ['alone', String(aloneSeconds.length), median(aloneSeconds).toFixed(2), Math.max(...aloneSeconds).toFixed(2)],
      [
        `beside ${ending} that end in ${endingSeconds.toFixed(1)} s`,
        String(besideSeconds.length),
        median(besideSeconds).toFixed(2),
        slowest.toFixed(2),
      ],
    ],
    missed: [
      ...(fast.operationsEach > BAR.operationsEach
        ? [`at once a receipt takes ${fast.operationsEach.toFixed(2)} vault operations, ${BAR.operationsEach} at most`]
        : []),
      ...(ofOneByOne > BAR.ofOneByOne
        ? [`at once a receipt takes ${ofOneByOne.toFixed(2)} of its time one by one, ${BAR.ofOneByOne} at most`]
        : []),
      ...(slowest > endingSeconds
        ? [`another request took ${slowest.toFixed(1)} s, longer than all that ended (${endingSeconds.toFixed(1)} s)`]
        : []),
    ],
    measured: { costs, beside, ending },
  };
}

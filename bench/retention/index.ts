/**
 * What a retention sweep costs when very many requests are kept: calls to the vault, counted at its driver, and time. The vault is a
 * folder; each call may be made as slow as one to a bucket. The sweep is the product's own, in a run on a Temporal server; the requests have no
 * histories there. Beside it, what reading the record of each request once costs, which a sweep without an index would have to.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { startDevServer } from '../../dev-server';
import { createDataConverter } from '../../src/encryption/data-converter';
import { generateKeyFile } from '../../src/encryption/key-file';
import { loadKeyring } from '../../src/encryption/keyring';
import { createParts, createStores, type Parts } from '../../src/parts';
import { noCounts, type RequestResult } from '../../src/request/model';
import { RETENTION_WORKFLOW, type RequestRef, SEARCH_ATTRIBUTES } from '../../src/request/names';
import type { Swept } from '../../src/request/swept';
import { retentionScheduleId } from '../../src/retention/schedule';
import { sideBySide } from '../../src/side-by-side';
import { createCases } from '../../src/vault/cases';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault, type VaultDriver } from '../../src/vault/vault';
import { startService } from '../../src/worker';
import type { Benchmark, Report } from '../benchmark';
import { note } from '../note';

const TASK_QUEUE = 'bench-retention';
const DAY_MS = 86_400_000;
const POLICY = { requestMs: 30 * DAY_MS, packageMs: 30 * DAY_MS };
/** The issue's bars for a sweep with nothing due. */
const READS_MAX = 200;
const SECONDS_MAX = 30;
const MADE_AT_ONCE = 16;
const READ_AT_ONCE = 8;
const POISONED_AMONG = 100;

interface Cost {
  readonly reads: number;
  readonly writes: number;
  readonly seconds: number;
}
interface Row extends Cost {
  readonly what: string;
  readonly swept?: Swept;
  readonly events?: number;
}

interface Counted {
  readonly driver: VaultDriver;
  slowMs: number;
  reads: number;
  writes: number;
}

export const retention: Benchmark = {
  about: 'a sweep reads what is due, and nothing else [--kept 50000] [--due 1000] [--call-ms 20] [--baseline 2000]',
  async run(args, signal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        kept: { type: 'string', default: '50000' },
        due: { type: 'string', default: '1000' },
        'call-ms': { type: 'string', default: '20' },
        baseline: { type: 'string', default: '2000' },
      },
    });
    const [kept, due, callMs, baseline] = [values.kept, values.due, values['call-ms'], values.baseline].map(Number);
    if (![kept, due, callMs, baseline].every(value => value !== undefined && Number.isInteger(value)))
      throw new Error('the options take whole numbers');
    return measure({ kept: kept ?? 0, due: due ?? 0, callMs: callMs ?? 0, baseline: baseline ?? 0 }, signal);
  },
};

interface Sizes {
  readonly kept: number;
  readonly due: number;
  /** Added to each call to the vault. */
  readonly callMs: number;
  /** Records that are read for the comparison. */
  readonly baseline: number;
}

async function measure(sizes: Sizes, signal: AbortSignal): Promise<Report> {
  const endings: (() => Promise<unknown>)[] = [];
  try {
    const folder = await mkdtemp(join(tmpdir(), 'aircall-dsr-bench-'));
    endings.push(() => rm(folder, { recursive: true, force: true }));
    const keyFile = join(folder, 'keys.json');
    generateKeyFile(keyFile, new Date());
    const keyring = loadKeyring(keyFile);
    const store = counted(createFolderDriver(join(folder, 'vault')));
    const vault = createVault(store.driver, keyring);

    const server = await startDevServer({ searchAttributes: SEARCH_ATTRIBUTES, onProgress: note });
    endings.push(() => server.stop());
    const native = await NativeConnection.connect({ address: server.address });
    endings.push(() => native.close());
    const temporal = new Client({ connection: server.env.connection, dataConverter: createDataConverter(keyring) });
    const parts = createParts(createStores({ keyring, vault }), { temporal, taskQueue: TASK_QUEUE });

    const nowMs = Date.now();
    note(`making ${sizes.kept} requests ...`);
    await makeEnded(parts, 'kept', sizes.kept, index => nowMs - (index % 29) * DAY_MS - index, signal);
    const rows: Row[] = [];
    store.slowMs = sizes.callMs;
    const fresh = createCases(vault);
    const read = Array.from({ length: Math.min(sizes.baseline, sizes.kept) }, (_, index) => refOf('kept', index));
    const oneByOne = await costOf(store, () => sideBySide(read, READ_AT_ONCE, request => fresh.record(request)));
    const factor = sizes.kept / read.length;
    const all = {
      reads: oneByOne.reads * factor,
      writes: oneByOne.writes * factor,
      seconds: oneByOne.seconds * factor,
    };
    rows.push({ what: `each record once (by ${read.length})`, ...all });

    const service = await startService({ native, parts, log() {}, retention: POLICY, pollEveryMs: 3_600_000 });
    endings.push(() => service.stop());
    await temporal.schedule.getHandle(retentionScheduleId(TASK_QUEUE)).pause();
    const sweep = async (what: string) => {
      signal.throwIfAborted();
      const row = await sweepOnce(parts, store, what);
      note(`${what}: ${row.reads} reads, ${row.seconds.toFixed(1)} s`);
      rows.push(row);
    };
    const overdue = (index: number) => nowMs - 31 * DAY_MS - index;
    const make = async (name: string, count: number) => {
      store.slowMs = 0;
      await makeEnded(parts, name, count, overdue, signal, true);
      store.slowMs = sizes.callMs;
    };
    await sweep('nothing due');
    await make('due', sizes.due);
    await sweep(`${sizes.due} due`);
    await make('among', POISONED_AMONG + 1);
    const poisoned = parts.cases.recordKey(refOf('among', POISONED_AMONG / 2));
    await store.driver.delete(poisoned);
    await store.driver.putIfAbsent(poisoned, Buffer.from('broken'));
    await sweep(`${POISONED_AMONG} due, one broken`);
    return reportOf(sizes, rows);
  } finally {
    for (const end of endings.reverse()) await end().catch(error => note(`could not clean up: ${error}`));
  }
}

function counted(store: VaultDriver): Counted {
  const state: Counted = { driver: store, slowMs: 0, reads: 0, writes: 0 };
  const slow = async <T>(kind: 'reads' | 'writes', call: () => Promise<T>): Promise<T> => {
    state[kind] += 1;
    if (state.slowMs > 0) await delay(state.slowMs);
    return call();
  };
  const driver: VaultDriver = {
    get: key => slow('reads', () => store.get(key)),
    list: prefix => slow('reads', () => store.list(prefix)),
    page: (prefix, max, after) => slow('reads', () => store.page(prefix, max, after)),
    putIfAbsent: (key, bytes) => slow('writes', () => store.putIfAbsent(key, bytes)),
    putIfUnchanged: (key, bytes, version) => slow('writes', () => store.putIfUnchanged(key, bytes, version)),
    delete: key => slow('writes', () => store.delete(key)),
  };
  return Object.assign(state, { driver });
}

function refOf(name: string, index: number): RequestRef {
  return { connection: 'acme', kind: 'access', requestId: `${name}-${index}` };
}

/** Requests that ended, each with one object of a case file, as the product's own steps store them. What is destroyed has its receipt. */
async function makeEnded(
  { cases, receipts }: Pick<Parts, 'cases' | 'receipts'>,
  name: string,
  count: number,
  endedMs: (index: number) => number,
  signal: AbortSignal,
  hasReceipts = false,
): Promise<void> {
  const indexes = Array.from({ length: count }, (_, index) => index);
  await sideBySide(indexes, MADE_AT_ONCE, async index => {
    signal.throwIfAborted();
    const request = refOf(name, index);
    const completedAt = new Date(endedMs(index)).toISOString();
    const startedAt = completedAt;
    const subjectHash = '0'.repeat(32);
    const asked = {
      subjectHash,
      identityHashes: [subjectHash],
      optionDigests: {},
      need: { requireApproval: false, matchesMax: 5 },
    };
    const run = { request, ...asked, runId: randomUUID(), startedAt };
    const result: RequestResult = {
      ...request,
      status: 'completed',
      counts: noCounts('access'),
      outcomes: [],
      coverage: { contacts: { state: 'complete', gaps: [] }, outOfReach: [] },
      apiRequests: 1,
      startedAt,
      completedAt,
      doubts: [],
      approvals: [],
    };
    // As the last step leaves it, in half the writes.
    await cases.open({ ...run, incarnation: 1, result });
    await cases.write(request, ['a']);
    await cases.close(request, result);
    if (hasReceipts) {
      const ended = { ...run, dryRun: false, clock: undefined, ending: { result }, phases: {} };
      await receipts.issue({ ...ended, how: 'at-end', workflows: '0'.repeat(64) });
    }
    if (index % 10_000 === 9_999) note(`${index + 1} requests made`);
  });
}

async function costOf(store: Counted, work: () => Promise<unknown>): Promise<Cost> {
  const { reads, writes } = store;
  const beganMs = performance.now();
  await work();
  const seconds = (performance.now() - beganMs) / 1_000;
  return { reads: store.reads - reads, writes: store.writes - writes, seconds };
}

async function sweepOnce({ temporal }: Parts, store: Counted, what: string): Promise<Row> {
  const workflowId = `sweep ${what}`;
  let swept: Swept | undefined;
  const cost = await costOf(store, async () => {
    const options = { workflowId, taskQueue: TASK_QUEUE };
    swept = await temporal.workflow.execute<() => Promise<Swept>>(RETENTION_WORKFLOW, options);
  });
  const { historyLength } = await temporal.workflow.getHandle(workflowId).describe();
  return { what, ...cost, ...(swept && { swept }), events: historyLength };
}

function reportOf({ due, ...sizes }: Sizes, rows: readonly Row[]): Report {
  const [each, nothing, many, poisoned] = rows;
  const ofEach = ({ seconds }: Row) => seconds / (each?.seconds ?? Number.NaN);
  const checks = [
    [nothing !== undefined && nothing.reads < READS_MAX, `nothing due: fewer than ${READS_MAX} reads`],
    [nothing !== undefined && nothing.seconds < SECONDS_MAX, `nothing due: less than ${SECONDS_MAX} s`],
    [many?.swept?.destroyed === due && many.swept.left === 0, `${due} due: all are destroyed in one sweep`],
    [
      poisoned?.swept?.destroyed === POISONED_AMONG && poisoned.swept.left === 1,
      'one broken record in the middle: all others are destroyed',
    ],
  ] as const;
  return {
    rows: [
      ['SWEEP', 'READS', 'WRITES', 'SECONDS', 'OF EACH RECORD', 'DESTROYED', 'LEFT', 'EVENTS'],
      ...rows.map(row => [
        row.what,
        row.reads.toFixed(0),
        row.writes.toFixed(0),
        row.seconds.toFixed(1),
        ofEach(row).toFixed(4),
        String(row.swept?.destroyed ?? ''),
        String(row.swept?.left ?? ''),
        String(row.events ?? ''),
      ]),
    ],
    missed: checks.flatMap(([isMet, sentence]) => (isMet ? [] : [sentence])),
    measured: { bar: { readsMax: READS_MAX, secondsMax: SECONDS_MAX }, due, ...sizes, sweeps: rows },
  };
}

/**
 * The command `batch`: a CSV file of requests, checked as a whole, started behind single requests and waited for. It is
 * safe to run again at any time: what was started is recognised. Nothing of the file is printed but good request ids.
 */
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'csv-stringify/sync';
import { type DsrClient, DsrError, type RequestResult, type StatusReport } from '../client';
import { errorCode } from '../error-code';
import { foldEmail } from '../matching/addresses';
import {
  BATCH_SIZE_BYTES_MAX,
  type Batch,
  BatchRefused,
  type BatchRequest,
  count,
  type Problem,
  parseBatch,
} from '../request/batch';
import { REGIMES } from '../request/clock';
import { endedWell } from '../request/endings';
import { NAME_PATTERN } from '../request/names';
import { gapsOf, SOURCE_NAMES } from '../request/sources';
import { sideBySide } from '../side-by-side';
import { unknownConnection } from './connection-named';
import type { Context } from './context';
import { CommandError, EXIT, type Exit, usage } from './errors';
import { refuseUnusable } from './out-file';
import { progressWords } from './progress';
import { noteOtherClock } from './start';
import type { Terminal } from './terminal';

export interface BatchOptions {
  readonly dryRun?: boolean;
  /** False with --no-wait. */
  readonly wait: boolean;
  readonly out?: string;
  readonly regime?: string;
}

/** What is asked of the server side by side, however long the file is. */
const AT_ONCE = 16;
const LOOK_MS = { first: 1_000, growth: 1.2, max: 5_000 } as const;
/** Between two lines of progress: for a person who watches, and in a log. */
const TELL_EVERY_MS = { watched: 1_000, logged: 15_000 } as const;
/** Without a single end; then it prints what one of the requests waits for. */
const PATIENCE_MS = 30_000;
const BEGUN_LOOK_MS = 500;

/** What became of a request: how it ended, or, if nobody waits for that, whether it was there before. */
interface Line {
  readonly requestId: string;
  readonly workflowId: string;
  readonly kind: string;
  readonly status: string;
  readonly counts?: RequestResult['counts'];
  readonly apiRequests?: number;
  /** Why it failed, and what is missing. */
  readonly codes?: readonly string[];
  /** Of the file. */
  readonly lines: readonly number[];
}

/** A batch on its way. */
interface BatchRun {
  readonly client: DsrClient;
  readonly terminal: Terminal;
  readonly connection: string;
  readonly requests: readonly BatchRequest[];
  readonly signal: AbortSignal;
  /** Tells how far it is, now and then. */
  say(line: string): void;
}

export async function batch(
  { terminal, keyring, parts, stores }: Context,
  connection: string,
  file: string,
  options: BatchOptions,
): Promise<Exit> {
  if (!NAME_PATTERN.test(connection)) throw usage('NAME is not the name of a connection. See aircall-dsr connections.');
  if (options.out !== undefined) await refuseUnusable(options.out);
  const regime = REGIMES.find(known => known === options.regime);
  if (options.regime !== regime) throw usage('--regime takes gdpr, ccpa or none.');
  const parsed = parseBatch({ bytes: await contentOf(file), connection, regime, hash: keyring().hash });
  const { requests } = parsed;
  const isConnected = (await (await stores()).connections.get(connection)) !== undefined;
  const stop = terminal.io.interruption();
  try {
    const { client } = await parts();
    const before = await startedBefore(client, requests, stop.signal);
    if (!isConnected && before.size < requests.length) throw unknownConnection(connection);
    terminal.note(foretell(parsed, before.size, options));
    const run: BatchRun = { client, terminal, connection, requests, signal: stop.signal, say: sayNowAndThen(terminal) };
    if (!options.dryRun) await startAll(run);
    const reports = options.dryRun || !options.wait ? undefined : await untilEnded(run);
    const unseen = options.dryRun ? 'new' : 'started';
    const lines = requests.map(({ workflowId, ...request }) => {
      const report = reports?.get(workflowId) ?? { status: before.has(workflowId) ? 'known' : unseen };
      return lineOf({ workflowId, ...request }, report);
    });
    return await conclude(terminal, options, connection, parsed, lines);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    throw new CommandError(
      'interrupted',
      'Stopped. Started requests continue. Run the same command again for the rest and for the result.',
      EXIT.failed,
    );
  } finally {
    stop.forget();
  }
}

/** Workflow ids that are there already. @throws {BatchRefused} if a request id was used for something else */
async function startedBefore(
  client: DsrClient,
  requests: readonly BatchRequest[],
  signal: AbortSignal,
): Promise<Set<string>> {
  const problems: Problem[] = [];
  const there = await sideBySide(requests, AT_ONCE, async ({ kind, input, lines }) => {
    signal.throwIfAborted();
    try {
      return await client.wasStarted(kind, input);
    } catch (error) {
      if (!(error instanceof DsrError) || error.code !== 'request-conflict') throw error;
      problems.push(...lines.map(line => ({ line, text: error.message })));
      return false;
    }
  });
  if (problems.length > 0) throw new BatchRefused(problems);
  return new Set(requests.flatMap(({ workflowId }, index) => (there[index] ? workflowId : [])));
}

/**
 * Starts all. A deletion of somebody whose access request stands in the same file comes last, once that one has begun: it
 * then waits for its end, as any deletion does.
 */
async function startAll(run: BatchRun): Promise<void> {
  const { client, terminal, requests, signal, say } = run;
  const subjectOf = ({ input }: BatchRequest) => foldEmail(input.subject.email);
  const accesses = requests.filter(({ kind }) => kind === 'access');
  const asking = new Set(accesses.map(subjectOf));
  const later = requests.filter(request => request.kind === 'deletion' && asking.has(subjectOf(request)));
  const deleted = new Set(later.map(subjectOf));
  let started = 0;
  let otherClocks = 0;
  const start = (some: readonly BatchRequest[]) =>
    sideBySide(some, AT_ONCE, async ({ kind, input }) => {
      signal.throwIfAborted();
      const { otherClock } = await client.start(kind, input);
      if (otherClock) otherClocks += 1;
      started += 1;
      say(`  … ${started} of ${requests.length} started`);
    });
  await start(requests.filter(request => !later.includes(request)));
  if (later.length > 0) await startLater();
  noteOtherClock(terminal, otherClocks);

  async function startLater(): Promise<void> {
    terminal.note(
      `  … ${count(later.length, 'deletion')} to start once access requests of the same persons have begun`,
    );
    const awaited = accesses.filter(request => deleted.has(subjectOf(request)));
    await sideBySide(awaited, AT_ONCE, async ({ workflowId }) => {
      while ((await client.status(workflowId)).phase === 'opening') await delay(BEGUN_LOOK_MS, undefined, { signal });
    });
    await start(later);
  }
}

/** How each ended. Looks at the server's list of open requests, so that a thousand cost no more polls than one. */
async function untilEnded({
  client,
  terminal,
  connection,
  requests,
  signal,
  say,
}: BatchRun): Promise<Map<string, StatusReport>> {
  const open = new Map(requests.map(request => [request.workflowId, request]));
  const reports = new Map<string, StatusReport>();
  const { pollMs } = terminal.io;
  let lookMs = pollMs ?? LOOK_MS.first;
  let quietSinceMs = Date.now();
  while (open.size > 0) {
    await delay(lookMs, undefined, { signal });
    if (pollMs === undefined) lookMs = Math.min(lookMs * LOOK_MS.growth, LOOK_MS.max);
    const listed = await client.list({ connection, open: true, limit: Number.POSITIVE_INFINITY });
    const statuses = new Map(listed.map(({ workflowId, status }) => [workflowId, status]));
    const gone = [...open.keys()].filter(workflowId => !statuses.has(workflowId));
    const asked = await sideBySide(gone, AT_ONCE, workflowId => {
      signal.throwIfAborted();
      return client.status(workflowId);
    });
    for (const report of asked) {
      // A list that is behind the runs lacks some that have just begun.
      if (report.status === 'running' || report.status === 'waiting') continue;
      open.delete(report.workflowId);
      reports.set(report.workflowId, report);
      quietSinceMs = Date.now();
    }
    const waiting = [...open.keys()].filter(workflowId => statuses.get(workflowId) === 'waiting').length;
    const ends = [...reports.values()].map(({ status }) => status);
    say(
      `  … ${ends.length} of ${requests.length} ended${inBrackets(tally(ends))}${waiting > 0 ? `, ${waiting} wait` : ''}`,
    );
    const [next] = open.values();
    if (next === undefined || Date.now() - quietSinceMs < PATIENCE_MS) continue;
    quietSinceMs = Date.now();
    const story = progressWords(await client.status(next.workflowId).catch(() => undefined));
    if (story !== undefined) terminal.note(`  … ${next.workflowId}: ${story}`);
  }
  return reports;
}

function lineOf(
  { kind, workflowId, input, lines }: BatchRequest,
  { status, result, failure }: Pick<StatusReport, 'result' | 'failure'> & { readonly status: string },
): Line {
  const { requestId } = input;
  if (result === undefined)
    return { requestId, workflowId, kind, status, ...(failure && { codes: [failure.code] }), lines };
  const { counts, apiRequests, coverage, outcomes } = result;
  const codes = [
    result.failure?.code,
    ...outcomes.map(({ code }) => code),
    ...gapsOf(coverage).map(({ code }) => code),
  ].filter(code => code !== undefined);
  return { requestId, workflowId, kind, status, counts, apiRequests, codes: [...new Set(codes)], lines };
}

const COLUMNS = [
  ...['requestId', 'workflowId', 'kind', 'status'],
  ...[...SOURCE_NAMES, 'deleted', 'alreadyAbsent', 'refused', 'failed', 'apiRequests', 'codes', 'lines'],
] as const;

/** The answer of the command: the result as CSV, or as one document. */
async function conclude(
  terminal: Terminal,
  options: BatchOptions,
  connection: string,
  { rows }: Batch,
  lines: readonly Line[],
): Promise<Exit> {
  const statuses = lines.map(({ status }) => status);
  const cells = lines.map(({ counts, codes = [], ...line }) => ({
    ...line,
    ...counts,
    codes: codes.join(' '),
    lines: line.lines.join(' '),
  }));
  const csv = stringify(cells, { header: true, columns: [...COLUMNS] });
  const { out } = options;
  if (out !== undefined) await writeFile(out, csv, { flag: 'wx', mode: 0o600 });
  const told = out === undefined ? csv.trimEnd().split('\n') : [`Saved the result: ${out}`];
  terminal.print({ connection, rows, statuses: Object.fromEntries(tally(statuses)), requests: lines }, told);
  if (!options.dryRun) terminal.note(`${count(lines.length, 'request')}${inBrackets(tally(statuses))}`);
  return statuses.every(endedWell) ? EXIT.done : EXIT.failed;
}

/** What is about to happen. */
function foretell({ rows, requests }: Batch, known: number, { dryRun, wait }: BatchOptions): string {
  const repeated = rows - requests.length;
  const kinds = inBrackets(tally(requests.map(({ kind }) => kind)));
  return [
    `${count(rows, 'row')}: ${count(requests.length, 'request')}${kinds}`,
    ...(repeated > 0 ? [`${count(repeated, 'row')} repeated, which count once`] : []),
    ...(known > 0 ? [`${known} started before`] : []),
    dryRun
      ? `${requests.length - known} would be started; nothing was`
      : `starting ${requests.length - known}${wait ? ', then waiting for all' : ''}`,
  ].join('; ');
}

/** How often each is there, in the order of their first. */
function tally(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function inBrackets(counts: ReadonlyMap<string, number>): string {
  return counts.size === 0 ? '' : ` (${[...counts].map(([word, number]) => `${number} ${word}`).join(', ')})`;
}

/** A line now and then, never the same twice. */
function sayNowAndThen(terminal: Terminal): (line: string) => void {
  const everyMs = terminal.watched ? TELL_EVERY_MS.watched : TELL_EVERY_MS.logged;
  let saidMs = Date.now();
  let last = '';
  return line => {
    if (line === last || Date.now() - saidMs < everyMs) return;
    terminal.note(line);
    saidMs = Date.now();
    last = line;
  };
}

/** Also of a pipe. No more is read than a file may hold. */
async function contentOf(file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    // `end` is inclusive: one byte more than allowed shows a file that is too large.
    for await (const chunk of createReadStream(file, { end: BATCH_SIZE_BYTES_MAX })) chunks.push(chunk);
  } catch (error) {
    const why = errorCode(error) ?? 'unknown';
    throw new BatchRefused([{ text: `it cannot be read (${why})` }]);
  }
  return Buffer.concat(chunks);
}

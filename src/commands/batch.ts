/**
 * The command `batch`: checks a CSV file of requests as a whole, starts them at low priority and waits for them. It is
 * safe to run again at any time: started requests are recognised. Of the file it prints only valid request ids.
 */
import { createReadStream } from 'node:fs';
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
import { endedWell, endOf } from '../request/endings';
import { NAME_PATTERN } from '../request/names';
import { gapsOf, SOURCE_NAMES } from '../request/sources';
import { sideBySide } from '../side-by-side';
import { unknownConnection } from './connection-named';
import type { Context } from './context';
import { CommandError, EXIT, type Exit, usage } from './errors';
import { refuseUnusable, saveOnce } from './out-file';
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

/** Calls to the server at the same time, for a file of any length. */
const AT_ONCE = 16;
const POLL_MS = { first: 1_000, growth: 1.2, max: 5_000 } as const;
/** Between two lines of progress: for a person who watches, and in a log. */
const PROGRESS_EVERY_MS = { watched: 1_000, logged: 15_000 } as const;
/** If no request ends for so long, the command prints the wait of one of them. */
const PATIENCE_MS = 30_000;
const BEGUN_POLL_MS = 500;

/** The state of a request: how it ended, or, with `--no-wait`, whether it was started before. */
interface Line {
  readonly requestId: string;
  readonly workflowId: string;
  readonly kind: string;
  readonly status: string;
  readonly counts?: RequestResult['counts'];
  readonly apiRequests?: number;
  /** Why it failed, and which gaps it has. */
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
  /** Prints progress, at intervals. */
  showProgress(line: string): void;
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
    terminal.note(announcement(parsed, before.size, options));
    const run: BatchRun = {
      client,
      terminal,
      connection,
      requests,
      signal: stop.signal,
      showProgress: atIntervals(terminal),
    };
    if (!options.dryRun) await startAll(run);
    const reports = options.dryRun || !options.wait ? undefined : await untilEnded(run);
    const unseen = options.dryRun ? 'new' : 'started';
    const lines = requests.map(({ workflowId, ...request }) => {
      const report = reports?.get(workflowId) ?? { status: before.has(workflowId) ? 'known' : unseen };
      return lineOf({ workflowId, ...request }, report);
    });
    await conclude(terminal, options, connection, parsed, lines);
    const ended = [...(reports?.values() ?? [])];
    return ended.every(({ status, result }) => endedWell(result === undefined ? status : endOf(result)))
      ? EXIT.done
      : EXIT.failed;
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
 * Starts all. A deletion starts last if the same file has an access request of the same person, and only after that one has
 * begun. It then waits for the end of the access request, as any deletion does.
 */
async function startAll(run: BatchRun): Promise<void> {
  const { client, terminal, requests, signal, showProgress } = run;
  const subjectOf = ({ input }: BatchRequest) => foldEmail(input.subject.email);
  const accesses = requests.filter(({ kind }) => kind === 'access');
  const withAccess = new Set(accesses.map(subjectOf));
  const later = requests.filter(request => request.kind === 'deletion' && withAccess.has(subjectOf(request)));
  const deleted = new Set(later.map(subjectOf));
  let started = 0;
  let otherClocks = 0;
  const start = (some: readonly BatchRequest[]) =>
    sideBySide(some, AT_ONCE, async ({ kind, input }) => {
      signal.throwIfAborted();
      const { otherClock } = await client.start(kind, input);
      if (otherClock) otherClocks += 1;
      started += 1;
      showProgress(`  … ${started} of ${requests.length} started`);
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
      let quietSinceMs = Date.now();
      for (;;) {
        const report = await client.status(workflowId);
        if (report.phase !== 'opening') return;
        await delay(BEGUN_POLL_MS, undefined, { signal });
        if (Date.now() - quietSinceMs < PATIENCE_MS) continue;
        quietSinceMs = Date.now();
        const words = progressWords(report);
        if (words !== undefined) terminal.note(`  … ${workflowId}: ${words}`);
      }
    });
    await start(later);
  }
}

/** How each ended. Polls the server's list of open requests, so that a thousand requests cost no more polls than one. */
async function untilEnded({
  client,
  terminal,
  connection,
  requests,
  signal,
  showProgress,
}: BatchRun): Promise<Map<string, StatusReport>> {
  const open = new Map(requests.map(request => [request.workflowId, request]));
  const reports = new Map<string, StatusReport>();
  const { pollMs } = terminal.io;
  let waitMs = pollMs ?? POLL_MS.first;
  let quietSinceMs = Date.now();
  while (open.size > 0) {
    await delay(waitMs, undefined, { signal });
    if (pollMs === undefined) waitMs = Math.min(waitMs * POLL_MS.growth, POLL_MS.max);
    const listed = await client.list({ connection, open: true, limit: Number.POSITIVE_INFINITY });
    const statuses = new Map(listed.map(({ workflowId, status }) => [workflowId, status]));
    const unlisted = [...open.keys()].filter(workflowId => !statuses.has(workflowId));
    const read = await sideBySide(unlisted, AT_ONCE, workflowId => {
      signal.throwIfAborted();
      return client.status(workflowId);
    });
    for (const report of read) {
      // The list may lag: it lacks some requests that have just begun.
      if (report.status === 'running' || report.status === 'waiting') continue;
      open.delete(report.workflowId);
      reports.set(report.workflowId, report);
      quietSinceMs = Date.now();
    }
    const waiting = [...open.keys()].filter(workflowId => statuses.get(workflowId) === 'waiting').length;
    const ends = [...reports.values()].map(({ status }) => status);
    showProgress(
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

/** Prints the result of the command: as CSV, or as one document. */
async function conclude(
  terminal: Terminal,
  options: BatchOptions,
  connection: string,
  { rows }: Batch,
  lines: readonly Line[],
): Promise<void> {
  const statuses = lines.map(({ status }) => status);
  const cells = lines.map(({ counts, codes = [], ...line }) => ({
    ...line,
    ...counts,
    codes: codes.join(' '),
    lines: line.lines.join(' '),
  }));
  const csv = stringify(cells, { header: true, columns: [...COLUMNS] });
  const { out } = options;
  if (out !== undefined) await saveOnce(out, csv);
  const printed = out === undefined ? csv.trimEnd().split('\n') : [`Saved the result: ${out}`];
  terminal.print({ connection, rows, statuses: Object.fromEntries(tally(statuses)), requests: lines }, printed);
  if (!options.dryRun) terminal.note(`${count(lines.length, 'request')}${inBrackets(tally(statuses))}`);
}

/** What the command is about to do. */
function announcement({ rows, requests }: Batch, known: number, { dryRun, wait }: BatchOptions): string {
  const repeated = rows - requests.length;
  const kinds = inBrackets(tally(requests.map(({ kind }) => kind)));
  return [
    `${count(rows, 'row')}: ${count(requests.length, 'request')}${kinds}`,
    ...(repeated > 0 ? [`${count(repeated, 'row')} repeated, counted once`] : []),
    ...(known > 0 ? [`${known} started before`] : []),
    dryRun
      ? `${requests.length - known} would be started; nothing was started`
      : `starting ${requests.length - known}${wait ? ', then waiting for all' : ''}`,
  ].join('; ');
}

/** How often each word occurs, in the order of first occurrence. */
function tally(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function inBrackets(counts: ReadonlyMap<string, number>): string {
  return counts.size === 0 ? '' : ` (${[...counts].map(([word, number]) => `${number} ${word}`).join(', ')})`;
}

/** Prints a line at intervals, never the same line twice in a row. */
function atIntervals(terminal: Terminal): (line: string) => void {
  const everyMs = terminal.watched ? PROGRESS_EVERY_MS.watched : PROGRESS_EVERY_MS.logged;
  let printedMs = Date.now();
  let last = '';
  return line => {
    if (line === last || Date.now() - printedMs < everyMs) return;
    terminal.note(line);
    printedMs = Date.now();
    last = line;
  };
}

/** Also reads a pipe. Reads no more than a file may hold. */
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

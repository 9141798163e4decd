/**
 * The command `batch`: checks a CSV file of requests as a whole, starts them at low priority, some at a time, and waits for
 * them. It is safe to run again at any time: started requests are recognised. Of the file it prints only valid request ids.
 */
import { createReadStream } from 'node:fs';
import { stringify } from 'csv-stringify/sync';
import { type DsrClient, DsrError, type RequestResult, type Started } from '../client';
import { errorCode } from '../error-code';
import {
  BATCH_SIZE_BYTES_MAX,
  type Batch,
  BatchRefused,
  type BatchRequest,
  inBrackets,
  type Problem,
  parseBatch,
  tally,
} from '../request/batch';
import { REGIMES } from '../request/clock';
import { endedWell, endOf } from '../request/endings';
import { NAME_PATTERN } from '../request/names';
import { keptCount } from '../request/sentences';
import { gapsOf, SOURCE_NAMES } from '../request/sources';
import { count } from '../request/words';
import { sideBySide } from '../side-by-side';
import { unknownConnection } from './connection-named';
import type { Context } from './context';
import { CommandError, EXIT, type Exit, usage } from './errors';
import { refuseUnusable, saveOnce } from './out-file';
import { isOfOneRow, NOT_STARTED, type RowEnd, serveRows } from './paced-rows';
import { createPatience, type Patiently } from './patience';
import type { Terminal } from './terminal';

export interface BatchOptions {
  readonly dryRun?: boolean;
  /** As it was typed. */
  readonly openMax: string;
  /** False with --no-wait. */
  readonly wait: boolean;
  readonly out?: string;
  readonly regime?: string;
}

/** Calls to the server at the same time, for a file of any length. */
const AT_ONCE = 16;
/** Of the requests of a batch; each holds one of the 1,200 waiting calls that a server allows (docs/temporal.md 3). */
const OPEN_MAX = 1_000;
/** Between two lines of progress: for a person who watches, and in a log. */
const PROGRESS_EVERY_MS = { watched: 1_000, logged: 15_000 } as const;

/** The state of a request: how it ended, or, with `--no-wait`, whether it was started before. */
interface Line {
  readonly requestId: string;
  readonly workflowId: string;
  readonly kind: string;
  readonly status: string;
  readonly counts?: RequestResult['counts'];
  /** Records of an access request that were found and not handed over, because they may be somebody else's. */
  readonly withheld?: number;
  readonly apiRequests?: number;
  /** Why it failed, and which gaps it has. */
  readonly codes?: readonly string[];
  /** Of the file. */
  readonly lines: readonly number[];
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
  const openMax = openMaxIn(options.openMax);
  const parsed = parseBatch({ bytes: await contentOf(file), connection, regime, hash: keyring().hash });
  const { requests } = parsed;
  // Or requests wait until it is connected again.
  const isConnected = (await (await stores()).connections.incarnation(connection)) !== undefined;
  const stop = terminal.io.interruption();
  try {
    const { client, temporal } = await parts();
    let repeated = 0;
    const patiently = createPatience(() => {
      repeated += 1;
    });
    const known = await startedBefore(client, requests, stop.signal, patiently);
    if (!isConnected && known.size < requests.length) throw unknownConnection(connection);
    terminal.note(announcement(parsed, known.size, { ...options, openMax }));
    const ends = options.dryRun
      ? new Map<string, RowEnd>()
      : await serveRows({
          ...{ client, terminal, requests, known, openMax, patiently },
          server: temporal.connection,
          wait: options.wait,
          signal: stop.signal,
          showProgress: atIntervals(terminal),
        });
    if (repeated > 0)
      terminal.note(
        `note: ${count(repeated, 'call')} repeated, because the Temporal server was busy (see --open-max) or the vault did not answer`,
      );
    const unseen = options.dryRun ? 'new' : 'started';
    const lines = requests.map(request => {
      const { workflowId } = request;
      return lineOf(request, ends.get(workflowId) ?? { status: known.has(workflowId) ? 'known' : unseen });
    });
    await conclude(terminal, options, connection, parsed, lines);
    return [...ends.values()].every(isWell) ? EXIT.done : EXIT.failed;
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

function isWell({ status, result }: RowEnd): boolean {
  return status !== NOT_STARTED && endedWell(result === undefined ? status : endOf(result));
}

/** @throws {CommandError} `usage` */
function openMaxIn(typed: string): number {
  const openMax = Number(typed);
  if (/^\d+$/.test(typed) && openMax >= 1 && openMax <= OPEN_MAX) return openMax;
  throw usage(`--open-max takes a whole number from 1 to ${OPEN_MAX}.`);
}

/** Those that are there already, by workflow id. @throws {BatchRefused} if a request id was used for something else */
async function startedBefore(
  client: DsrClient,
  requests: readonly BatchRequest[],
  signal: AbortSignal,
  patiently: Patiently,
): Promise<Map<string, Started>> {
  const problems: Problem[] = [];
  const there = await sideBySide(requests, AT_ONCE, async ({ kind, input, lines }) => {
    signal.throwIfAborted();
    try {
      return await patiently(signal, () => client.startedBefore(kind, input));
    } catch (error) {
      if (!(error instanceof DsrError)) {
        if (isOfOneRow(error)) return undefined; // its start is refused
        throw error;
      }
      if (error.code !== 'request-conflict') throw error;
      problems.push(...lines.map(line => ({ line, text: error.message })));
      return undefined;
    }
  });
  if (problems.length > 0) throw new BatchRefused(problems);
  return new Map(there.flatMap(started => (started === undefined ? [] : [[started.workflowId, started] as const])));
}

function lineOf({ kind, workflowId, input, lines }: BatchRequest, { status, result, failure }: RowEnd): Line {
  const { requestId } = input;
  if (result === undefined)
    return { requestId, workflowId, kind, status, ...(failure && { codes: [failure.code] }), lines };
  const { counts, apiRequests, coverage, outcomes } = result;
  const codes = [
    result.failure?.code,
    ...outcomes.map(({ code }) => code),
    ...gapsOf(coverage).map(({ code }) => code),
  ].filter(code => code !== undefined);
  const withheld = kind === 'access' ? { withheld: keptCount(result) } : {};
  return { requestId, workflowId, kind, status, counts, ...withheld, apiRequests, codes: [...new Set(codes)], lines };
}

const COLUMNS = [
  ...['requestId', 'workflowId', 'kind', 'status'],
  ...[...SOURCE_NAMES, 'deleted', 'alreadyAbsent', 'retained', 'withheld', 'refused', 'failed'],
  ...['apiRequests', 'codes', 'lines'],
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
function announcement(
  { rows, requests }: Batch,
  known: number,
  { dryRun, wait, openMax }: Pick<BatchOptions, 'dryRun' | 'wait'> & { readonly openMax: number },
): string {
  const repeated = rows - requests.length;
  const left = requests.length - known;
  const kinds = inBrackets(tally(requests.map(({ kind }) => kind)));
  return [
    `${count(rows, 'row')}: ${count(requests.length, 'request')}${kinds}`,
    ...(repeated > 0 ? [`${count(repeated, 'row')} repeated, counted once`] : []),
    ...(known > 0 ? [`${known} started before`] : []),
    ...(dryRun
      ? [`${left} would be started; nothing was started`]
      : [
          `starting ${left}, at most ${openMax} open at a time`,
          wait ? 'then waiting for all' : 'the command ends when the last one is started',
        ]),
  ].join('; ');
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

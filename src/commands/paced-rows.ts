/**
 * The requests of a batch, paced: a bounded number of them is open at a time, and the next one is started when one has ended. One
 * call waits for each open one, and the server answers it when that has ended: nothing is polled. Calls that fail because the
 * server is busy, or the vault does not answer, are repeated.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionLike } from '@temporalio/client';
import { type DsrClient, DsrError, InvalidInput, type Started, type StatusReport } from '../client';
import { type BatchRequest, inBrackets, tally } from '../request/batch';
import { canonicalIdentities } from '../request/identities';
import { sideBySide } from '../side-by-side';
import { VaultError } from '../vault/errors';
import { forAWhile, type Patiently } from './patience';
import { progressWords } from './progress';
import type { Terminal } from './terminal';

/** How a row ended; `not-started`: it was refused, and the others go on. */
export type RowEnd = Pick<StatusReport, 'result' | 'failure'> & { readonly status: string };

export interface PacedRows {
  readonly client: DsrClient;
  readonly server: ConnectionLike;
  readonly terminal: Terminal;
  readonly requests: readonly BatchRequest[];
  /** Those that were started before, by workflow id. */
  readonly known: ReadonlyMap<string, Started>;
  readonly openMax: number;
  /** False: it ends when the last one is started. */
  readonly wait: boolean;
  readonly signal: AbortSignal;
  readonly patiently: Patiently;
  /** Prints progress, at intervals. */
  showProgress(line: string): void;
}

export const NOT_STARTED = 'not-started';
const WATCH_MS = 1_000;
/** If no request is started or ends for so long, the command prints the wait of one of them. */
const PATIENCE_MS = 30_000;

/**
 * By workflow id: rows that have ended, or were refused.
 * @throws {DOMException} `AbortError` once `signal` is aborted; {CommandError} `server-busy`, `vault-unreachable`
 */
export async function serveRows(rows: PacedRows): Promise<ReadonlyMap<string, RowEnd>> {
  const { client, server, terminal, requests, known, openMax, wait, signal, patiently, showProgress } = rows;
  const accesses = accessesIn(requests);
  /** Nothing is left to do, or to wait for. */
  const over = new AbortController();
  setMaxListeners(0, over.signal); // a listener for each wait
  const stop = () => over.abort();
  const outcomes = new Map<string, Promise<RowEnd | undefined>>();
  const ends = new Map<string, RowEnd>();
  const open = new Set<string>();
  let unstarted = requests.length - known.size;

  /** Undefined once it is started. A deletion waits until the file's access requests of the same person have ended. */
  async function start({ kind, input }: BatchRequest): Promise<RowEnd | undefined> {
    for (const access of kind === 'deletion' ? accesses(input) : []) {
      const first = await outcomes.get(access);
      if (first?.status === NOT_STARTED)
        return refused('access-not-started', 'the access request of the same person was not started');
    }
    try {
      await patiently(over.signal, () => client.start(kind, input));
      return undefined;
    } catch (error) {
      if (error instanceof InvalidInput) return refused('invalid-input', error.message);
      if (isOfOneRow(error)) return refused(error.code, error.message);
      throw error;
    }
  }

  /** Undefined if nothing is left to wait for. */
  async function endOf({ workflowId }: BatchRequest): Promise<RowEnd | undefined> {
    while (!over.signal.aborted) {
      try {
        const result = await patiently(over.signal, () =>
          forAWhile(server, over.signal, () => client.result(workflowId)),
        );
        if (result !== undefined) return { status: result.status, result };
      } catch (error) {
        if (over.signal.aborted) break;
        if (!isOfOneRow(error)) throw error;
        return { status: 'failed', failure: { code: error.code, message: error.message } };
      }
    }
    return undefined;
  }

  async function serve(request: BatchRequest): Promise<RowEnd | undefined> {
    const { workflowId } = request;
    if (!known.has(workflowId)) {
      const refusal = await start(request);
      unstarted -= 1;
      if (refusal !== undefined) ends.set(workflowId, refusal);
      if (unstarted === 0 && !wait) stop();
      if (refusal !== undefined) return refusal;
    }
    open.add(workflowId);
    const end = await endOf(request);
    open.delete(workflowId);
    if (end !== undefined) ends.set(workflowId, end);
    return end;
  }

  async function watch(): Promise<void> {
    let seen = '';
    let quietSinceMs = Date.now();
    while (!over.signal.aborted) {
      await delay(terminal.io.pollMs ?? WATCH_MS, undefined, { signal: over.signal }).catch(() => {});
      const words = progress();
      showProgress(words);
      if (words !== seen) quietSinceMs = Date.now();
      seen = words;
      const [first] = open;
      if (first === undefined || Date.now() - quietSinceMs < PATIENCE_MS) continue;
      quietSinceMs = Date.now();
      const report = await forAWhile(server, over.signal, () => client.status(first)).catch(() => undefined);
      const story = progressWords(report);
      if (story !== undefined) terminal.note(`${words}; none ended for ${PATIENCE_MS / 1_000} s. ${first}: ${story}`);
    }
  }

  function progress(): string {
    const states = tally([...ends.values()].map(({ status }) => status));
    const left = unstarted > 0 ? `, ${unstarted} to start` : '';
    return `  … ${ends.size} of ${requests.length} ended${inBrackets(states)}, ${open.size} open${left}`;
  }

  signal.addEventListener('abort', stop);
  if (signal.aborted || (unstarted === 0 && !wait)) stop();
  const watching = watch();
  try {
    await sideBySide(inOrder(requests, known, accesses), openMax, request => {
      const outcome = over.signal.aborted ? Promise.resolve(undefined) : serve(request);
      outcomes.set(request.workflowId, outcome);
      return outcome.catch(error => {
        stop(); // the others wait for nothing any more
        throw error;
      });
    });
  } finally {
    stop();
    signal.removeEventListener('abort', stop);
    await watching;
  }
  signal.throwIfAborted();
  return ends;
}

/** Those that are open first, so that they count; deletions last that an access request of the file goes before. */
function inOrder(requests: readonly BatchRequest[], known: PacedRows['known'], accesses: AccessesOf): BatchRequest[] {
  const placeOf = ({ kind, input, workflowId }: BatchRequest) => {
    if (known.has(workflowId)) return 0;
    return kind === 'deletion' && accesses(input).length > 0 ? 2 : 1;
  };
  return requests.toSorted((one, other) => placeOf(one) - placeOf(other));
}

/** Workflow ids of the access requests of any identity of a subject, each once. */
type AccessesOf = (input: BatchRequest['input']) => readonly string[];

function accessesIn(requests: readonly BatchRequest[]): AccessesOf {
  const found = new Map<string, string[]>();
  for (const { kind, input, workflowId } of requests) {
    for (const identity of kind === 'access' ? canonicalIdentities(input.subject) : []) {
      const before = found.get(identity);
      if (before === undefined) found.set(identity, [workflowId]);
      else before.push(workflowId);
    }
  }
  return ({ subject }) => [...new Set(canonicalIdentities(subject).flatMap(identity => found.get(identity) ?? []))];
}

function refused(code: string, message: string): RowEnd {
  return { status: NOT_STARTED, failure: { code, message } };
}

/** Errors that say nothing of other rows: refusals, and a record that cannot be read. */
export function isOfOneRow(error: unknown): error is DsrError | VaultError {
  return error instanceof DsrError || (error instanceof VaultError && RECORD_CODES.has(error.code));
}

const RECORD_CODES: ReadonlySet<string> = new Set(['record-broken', 'vault-rolled-back']);

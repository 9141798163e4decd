/**
 * The work of a retention sweep, a page of at most 25 requests at a time: keep the evidence of requests that have ended, then destroy data
 * past its retention time. An item that fails is counted and logged, holds up no other, and is tried again by a later sweep. What
 * the vault's entries and the server's list name decides nothing: each request is judged by its record. Decisions D9, D13.
 */
import type { Client } from '@temporalio/client';
import { codeOrName, errorCode } from '../error-code';
import type { Log } from '../log';
import type { Sought, SweptPage, Way } from '../request/contracts';
import { type RequestRef, requestOf, WORKFLOW_TYPES, workflowIdOf } from '../request/names';
import { NOTHING_SWEPT, type Swept, sumOf } from '../request/swept';
import { sideBySide } from '../side-by-side';
import { closedRuns, type RunId } from '../temporal/histories';
import type { Cases, Entry, Folder, Shelf } from '../vault/cases';
import type { Evidence } from './evidence';
import type { LateReceipts } from './late-receipts';
import type { Judged, Retention, RetentionPolicy } from './retention';

export interface RequestItem {
  readonly request: RequestRef;
  readonly way: Way;
  /** The entry that named it. */
  readonly entry?: Entry;
  /** When it ended, by its marks or by the server; UNIX ms. */
  readonly endedMs?: readonly number[];
}
/** A request, or a run that belongs to none. */
export type Item = RequestItem | { readonly run: RunId };

export interface Found {
  readonly items: readonly Item[];
  readonly next: string | undefined;
  /** Called once all items of the page were tried. */
  readonly passed?: () => Promise<void>;
}

/** What the attempt of a step gives to its page. */
export interface Attempt {
  /** What an earlier attempt did. */
  readonly before: Swept | undefined;
  /** Called after each item with all that was done so far. */
  readonly onItem: (sofar: Swept) => void;
  /** Rejects if the step is to end now. */
  readonly goOn: () => Promise<void>;
}

export interface Sweep {
  /** Does a page. @throws errors of vault and server that concern all items */
  page(sought: Sought, attempt: Attempt): Promise<SweptPage>;
  /** The items of a page. @param after as in `Place` @param failed as in `Sought` */
  find(way: Way, nowMs: number, after: string, failed?: readonly Way[]): Promise<Found>;
  /**
   * Never rejects because of its item, unless nothing could note that its evidence is to be kept later.
   * @param nowMs the server's time, UNIX ms
   */
  tryItem(item: Item, nowMs: number): Promise<Partial<Swept>>;
}

export interface SweepDependencies {
  readonly temporal: Client;
  /** The service's main task queue. */
  readonly taskQueue: string;
  readonly cases: Pick<Cases, 'ended'>;
  readonly retention: Retention;
  readonly policy: RetentionPolicy;
  readonly evidence: Evidence;
  readonly lateReceipts: LateReceipts;
  readonly log: Log;
  /** Called for each item that was left. */
  readonly onLeft?: () => void;
}

/** Notes what is being done, for the log if it fails. */
type Does = (what: string) => void;

const ITEMS_MAX = 25;
const AT_ONCE = 8;
/** Of the walk over the names of all requests: pages of names that a step reads, and requests that a sweep judges. */
const WALKED_PAGES_MAX = 20;
const WALKED_ITEMS_MAX = 500;
/** Foreign runs whose line is in the log already. */
const NOTED_MAX = 5_000;

const WHY = {
  gone: 'its history is deleted; its receipt stays',
  broken: 'that of the vault cannot be read, and its history is deleted; restore it from a backup',
  locked: 'the key file of this worker lacks a key that opens its history; the next sweep tries again',
} as const;

export function createSweep(dependencies: SweepDependencies): Sweep {
  const { temporal, taskQueue, cases, retention, policy, evidence, lateReceipts, log, onLeft } = dependencies;
  const { ended } = cases;
  const noted = new Set<string>();

  const ways: Record<Way, (nowMs: number, after: string | undefined, failed: readonly Way[]) => Promise<Found>> = {
    unkept: (nowMs, after) => onShelf('unkept', nowMs, after),
    async closed(nowMs, after, failed) {
      const { requests, next } = await evidence.unkept(nowMs, after);
      const passed = async () => (next === undefined ? evidence.noteKept(nowMs) : undefined);
      const untried = await those(
        requests,
        async ({ request, closedAt }) => !(await isTried('unkept', request, closedAt.getTime(), failed)),
      );
      const items = untried.map(({ request, closedAt }) => ({
        request,
        way: 'closed' as const,
        endedMs: [closedAt.getTime()],
      }));
      return { items, next, passed };
    },
    ended: (nowMs, after) => onShelf('ended', nowMs - policy.packageMs, after),
    emptied: (nowMs, after) => onShelf('emptied', nowMs - policy.requestMs, after),
    runs: oldRuns,
    missed,
  };

  const find: Sweep['find'] = (way, nowMs, after, failed = []) =>
    ways[way](nowMs, after === '' ? undefined : after, failed);

  return {
    find,
    tryItem,
    async page({ nowMs, way, after, failed }, { before, onItem, goOn }) {
      // What was left is tried again.
      let swept: Swept = { ...NOTHING_SWEPT, ...before, left: 0, unkept: 0 };
      onItem(swept);
      const { items, next, passed } = await find(way, nowMs, after, failed);
      await sideBySide(items, AT_ONCE, async item => {
        await goOn();
        const done = await tryItem(item, nowMs); // several at once: add to what the others have done meanwhile
        swept = sumOf(swept, done);
        onItem(swept);
      });
      await passed?.();
      return next === undefined ? swept : { ...swept, next };
    },
  };

  async function onShelf(way: 'ended' | 'emptied' | 'unkept', untilMs: number, after?: string): Promise<Found> {
    const { entries, next } = await ended.page(way, untilMs, ITEMS_MAX, after);
    return { items: entries.map(entry => ({ request: entry.request, way, entry })), next };
  }

  /** The server lists requests with a history, also those without a record, and runs that belong to no request. */
  async function oldRuns(nowMs: number, after: string | undefined, failed: readonly Way[]): Promise<Found> {
    const { runs, next } = await closedRuns(
      temporal,
      taskQueue,
      { to: new Date(nowMs - policy.requestMs), max: ITEMS_MAX },
      after,
    );
    const items = new Map<string, Item>();
    for (const { workflowId, runId, type } of runs) {
      const request = requestOf(workflowId);
      if (request === undefined || type !== WORKFLOW_TYPES[request.kind])
        items.set(runId, { run: { workflowId, runId } });
      else items.set(workflowId, { request, way: 'runs' });
    }
    const isLeft = async (item: Item) => 'run' in item || !(await isTriedByEntry(item.request, nowMs, failed));
    return { items: await those([...items.values()], isLeft), next };
  }

  /**
   * What no entry names: its step was ended between two writes, somebody removed the entry, or it has no record. The walk over the
   * names of all requests goes on where the last sweep stopped.
   * @param after how many requests this sweep has judged
   */
  async function missed(nowMs: number, after = '0', failed: readonly Way[] = []): Promise<Found> {
    const items: Item[] = [];
    let place = await ended.walkedTo();
    for (let pages = 0; pages < WALKED_PAGES_MAX && items.length < ITEMS_MAX; pages++) {
      const { folders, next } = await ended.folders(place);
      let at = 0;
      while (at < folders.length && items.length < ITEMS_MAX) {
        const some = folders.slice(at, at + ITEMS_MAX - items.length);
        at += some.length;
        const found = await those(some, each => isMissed(each, nowMs, failed));
        items.push(...found.map(({ request, endedMs }) => ({ request, way: 'missed' as const, endedMs })));
      }
      place = at < folders.length ? folders[at - 1]?.end : next;
      if (place === undefined) break;
    }
    const judged = Number(after) + items.length;
    const goesOn = place !== undefined && items.length === ITEMS_MAX && judged < WALKED_ITEMS_MAX;
    return { items, next: goesOn ? String(judged) : undefined, passed: () => ended.noteWalked(place) };
  }

  /**
   * A mark is believed until the time that it names is past its age, and only if it names a time that has passed: so who writes a
   * false one delays a destruction by one age.
   */
  async function isMissed(
    { request, hasData, endedMs }: Folder,
    nowMs: number,
    failed: readonly Way[],
  ): Promise<boolean> {
    const [endMs] = endedMs;
    if (endMs === undefined) return hasData;
    if (endedMs.length > 1 || endMs > nowMs) return true;
    const isDue = nowMs - endMs >= (hasData ? policy.packageMs : policy.requestMs);
    return isDue && !(await isTried(hasData ? 'ended' : 'emptied', request, endMs, failed));
  }

  async function isTriedByEntry(request: RequestRef, nowMs: number, failed: readonly Way[]): Promise<boolean> {
    for (const endMs of await ended.marksOf(request)) {
      if (nowMs - endMs < policy.requestMs) continue;
      if (await isTried('ended', request, endMs, failed)) return true;
      if (await isTried('emptied', request, endMs, failed)) return true;
    }
    return false;
  }

  /** By its entry, in this sweep. A way that failed has passed over its entries. */
  async function isTried(shelf: Shelf, request: RequestRef, endedMs: number, failed: readonly Way[]): Promise<boolean> {
    return !failed.includes(shelf) && ended.isNoted(shelf, request, endedMs);
  }

  async function tryItem(item: Item, nowMs: number): Promise<Partial<Swept>> {
    const { workflowId } = 'run' in item ? item.run : { workflowId: workflowIdOf(item.request) };
    const isKept = 'request' in item && (item.way === 'unkept' || item.way === 'closed');
    let counts: Partial<Swept>;
    let doing = '';
    const does = (what: string) => {
      doing = what;
    };
    try {
      if ('run' in item) counts = await destroyRun(item.run, does);
      else counts = await (isKept ? keep(item, does) : destroy(item, nowMs, does));
    } catch (error) {
      if (isKept || errorCode(error) !== 'request-open') logLeft(doing, workflowId, error);
      counts = isKept ? { unkept: 1 } : { left: 1 };
    }
    // The search that found it goes on behind its end.
    if ('request' in item && item.way === 'closed' && counts.unkept !== undefined)
      for (const endedMs of item.endedMs ?? []) await ended.noteUnkept(item.request, endedMs);
    return counts;
  }

  async function keep({ request, entry }: RequestItem, does: Does): Promise<Partial<Swept>> {
    does('no receipt');
    const counts = await keepEvidence(request, does);
    if (counts.unkept === undefined && entry !== undefined) await ended.remove(entry);
    return counts;
  }

  /** A request that is open ends later, and is found by the time of that end. */
  async function keepEvidence(request: RequestRef, does: Does): Promise<Partial<Swept>> {
    const workflowId = workflowIdOf(request);
    const receipt = await lateReceipts.of(request).catch(error => {
      if (errorCode(error) === 'request-open') return 'open' as const;
      throw error;
    });
    if (receipt === 'open') return {};
    if (receipt === undefined) {
      noteForeign(workflowId, workflowId);
      return { foreign: 1 };
    }
    does('no evidence');
    const state = await evidence.keep(receipt);
    if (state !== 'kept') log({ level: 'warn', message: `no evidence of ${workflowId}: ${WHY[state]}`, workflowId });
    return state === 'locked' ? { unkept: 1 } : { kept: 1 };
  }

  async function destroy(item: RequestItem, nowMs: number, does: Does): Promise<Partial<Swept>> {
    const { request, way } = item;
    const workflowId = workflowIdOf(request);
    does('cannot judge the age');
    const judged = await retention.judge(policy, nowMs, request);
    const at = new Date(nowMs);
    // The server may still list what this sweep destroyed a moment ago.
    if (way === 'runs' && judged.record?.result?.purged?.at === at.toISOString()) return {};
    does('cannot destroy data');
    const destroyed = judged.due && (await retention.destroy(judged.due, request, at));
    await mend(item, judged);
    if (destroyed === undefined) return {};
    if (destroyed.result !== undefined && !destroyed.evidence)
      log({ level: 'warn', message: `no evidence of ${workflowId}: it was purged without`, workflowId });
    for (const { runId } of destroyed.foreign) noteForeign(runId, workflowId);
    return { destroyed: 1, foreign: destroyed.foreign.length };
  }

  /** Puts the entry of a request where its record says. An entry of a request that has not ended, or never was, is removed. */
  async function mend({ request, way, entry, endedMs: marks = [] }: RequestItem, judged: Judged) {
    const { due, endedMs, record } = judged;
    if (marks.some(mark => mark !== endedMs)) await ended.forget(request);
    if (endedMs !== undefined && due !== 'request' && way !== 'runs') {
      const shelf = due === 'data' || record?.shreddedAt !== undefined ? 'emptied' : 'ended';
      await ended.note(shelf, request, endedMs);
      if (entry !== undefined && ended.isAt(entry, shelf, endedMs)) return;
    }
    if (entry !== undefined) await ended.remove(entry);
  }

  async function destroyRun(run: RunId, does: Does): Promise<Partial<Swept>> {
    does('cannot destroy the history');
    return { destroyed: (await retention.destroyRun(run)).length };
  }

  /** Logs a run that is not ours once in the life of this process. @param run its id, or the id that it is under */
  function noteForeign(run: string, workflowId: string): void {
    const isNew = !noted.has(run) && noted.size < NOTED_MAX;
    if (isNew) noted.add(run);
    const message = `a run under the id ${workflowId} is not of this service and is ignored`;
    if (isNew) log({ level: 'warn', message, code: 'foreign-run', workflowId });
  }

  /** Logs why an item was not done. */
  function logLeft(what: string, workflowId: string, error: unknown): void {
    onLeft?.();
    const code = codeOrName(error);
    const message = `${what} of ${workflowId} (${code}); the next sweep tries again`;
    log({ level: 'error', message, code, workflowId });
  }
}

/** Those that are needed, and those of which that cannot be said: whoever tries them logs why. */
async function those<T>(all: readonly T[], isNeeded: (one: T) => Promise<boolean>): Promise<T[]> {
  const needed = await sideBySide(all, AT_ONCE, async one => ((await isNeeded(one).catch(() => true)) ? [one] : []));
  return needed.flat();
}

/**
 * Receipts in the vault: a chain for each connection, one object per entry, never changed and never removed, even if
 * request or connection is. The first writer of a place in the chain gets it. Each run gets one receipt,
 * for any number of callers. An entry that cannot be read stops neither later ones nor other requests; a signed statement
 * in the chain (`repair`) says which it is, and its request then gets a new receipt.
 *
 * `receipts/<connection>/<sequence>` is the chain; `receipt-places/...` holds the place of the receipt of a run;
 * `receipt-repairs/<connection>/<sequence>` holds the place of the statement about an unreadable entry;
 * `receipt-heads/<connection>` is a place near the end, with what the chain states about keys up to it. Two rules prevent a
 * second receipt of a run: the head moves only after the places of all receipts up to it are stored, and a writer reads the
 * head first, the place second, and then every entry behind that head. Heads and places only repeat what the chain
 * holds: a broken one is made again from it.
 *
 * Receipts that are wanted at the same time stand in line, and are appended in batches: the head is read and moved once for all
 * of a batch. Only their entries are stored one after the other, because each names the digest of the one before.
 */

import { z } from 'zod';
import { requestsPerHour } from '../budget';
import { KeyringError } from '../encryption/key-file';
import type { Keyring } from '../encryption/keyring';
import { errorCode } from '../error-code';
import type { ReceiptFacts } from '../receipt/build';
import { canonicalJson } from '../receipt/canonical';
import { unreadableIn } from '../receipt/chain';
import {
  type ChainStatement,
  type Entry,
  isReceipt,
  type Receipt,
  type ReceiptContent,
  type Stated,
  type Unreadable,
} from '../receipt/model';
import {
  digestOf,
  parseDocument,
  ReceiptError,
  readEntry,
  signChainStatement,
  signReceipt,
  statableContent,
  verifyKeyStatement,
} from '../receipt/sign';
import type { RequestRef } from '../request/names';
import { sideBySide } from '../side-by-side';
import { VERSION } from '../version';
import { budgetOf, createConnections } from './connections';
import { sha256Of } from './digest';
import type { Stored, Vault } from './vault';

export interface Receipts {
  /**
   * The receipt of a run that has ended: the existing one, or a new one at the end of its connection's chain.
   * @param onNew called if it is a new one: once for each run, also if several processes issue its receipt
   * @throws {KeyringError} `key-not-in-role`, `signing-key-revoked`
   * @throws {ReceiptError} `receipt-invalid`: nothing was signed; `receipt-unreadable`
   */
  issue(ended: EndedRun, onNew?: () => void): Promise<Receipt>;
  /**
   * Likewise, for a step, whose slot others need: if many are in line it does not wait. Its receipt stays in line, is counted
   * when it is appended, and is there for whoever comes again; until then nothing says whether that fails.
   */
  issueSoon(ended: EndedRun, onNew?: () => void): Promise<Receipt | InLine>;
  /**
   * The receipt of a run, if it has one; none if the chain states that nobody can read it.
   * @throws {ReceiptError} `receipt-unreadable`
   */
  of(request: RequestRef, runId: string): Promise<Receipt | undefined>;
  /** The newest receipt of all runs of a request. @throws {ReceiptError} `receipt-unreadable` */
  newestOf(request: RequestRef): Promise<Receipt | undefined>;
  /** All entries of a connection's chain, in order. @throws {ReceiptError} `receipt-unreadable`, unless the chain states it */
  chain(connection: string): Promise<Entry[]>;
  /** States in the chain which of its entries cannot be read; the new statements. @throws as `issue` */
  repair(connection: string): Promise<Repaired[]>;
  /** States in the chain what the key file states about keys. @throws as `issue` */
  stateKeys(connection: string): Promise<void>;
  /** Connections that have a chain. */
  connections(): Promise<string[]>;
}

export interface InLine {
  /** Receipts of the connection that this process has still to append, this one included. */
  readonly inLine: number;
}

export interface Repaired extends Unreadable {
  /** The place of the statement about it. */
  readonly statedAt: number;
}

export interface EndedRun extends Omit<ReceiptFacts, 'budget' | 'service'> {
  /** Issued by its last step, or afterwards: then its budget and its worker are not known. */
  readonly how: Receipt['issued']['how'];
  /** Digest of the workflows of the worker that took its last step. */
  readonly workflows?: string;
  /**
   * It had ended before this run of it, or before a receipt that is issued afterwards: if somebody removed the place of its
   * receipt, the chain has it all the same, and is searched.
   */
  readonly endedBefore?: boolean;
}

export interface ReceiptsDependencies {
  readonly vault: Vault;
  /** Signs. */
  readonly keyring: Keyring;
  readonly now: () => number;
}

const headSchema = z.strictObject({
  /** 0: there is no entry. */
  sequence: z.number().int().min(0),
  /** Digest of the entry at that place; null if there is none, or it cannot be read. */
  digest: z.string().nullable(),
  /** Digests of the statements about keys that are in the chain. */
  stated: z.array(z.string()),
  /** Ids of keys that are revoked in the chain. */
  revoked: z.array(z.string()),
});
type Head = z.infer<typeof headSchema>;

/** An entry to be: what is left is its place, its time and its signature. */
type Draft = { readonly states: Stated } | { readonly content: ReceiptContent; readonly how: EndedRun['how'] };

/** An entry that is to be in the chain, once. */
interface Wanted<E extends Entry> {
  readonly draft: Draft;
  /** Reads the entry if an earlier writer stored its place. */
  known(): Promise<E | undefined>;
  /** Whether an entry that another writer stored is the wanted one. */
  readonly isSame: (entry: Entry) => entry is E;
  /** Called if this process stored it. */
  readonly onNew?: (entry: E) => void;
}

/** A receipt that somebody waits for, or comes again for. */
interface Queued {
  readonly ended: EndedRun;
  readonly onNew: () => void;
  readonly receipt: Promise<Receipt>;
  readonly settle: (outcome: PromiseSettledResult<Receipt>) => void;
}

const HEADS = 'receipt-heads';
const NAMED_MAX = 10;
const placeSchema = z.number().int().min(1);
const NOTHING: Head = { sequence: 0, digest: null, stated: [], revoked: [] };
const SEQUENCE_DIGITS = 10;
const PLACE = /^\d{10}$/;
const AT_ONCE = 8;
/** Receipts that are appended together: in a slow store they take seconds. */
const BATCH_MAX = 64;
/** Receipts of a connection that steps wait for. */
const WAITED_FOR_MAX = 8;
/** Codes of objects that are no longer what was stored, whatever keys this process has. */
const BROKEN = ['not-sealed', 'seal-broken'];
/** For a statement, also those that no key of the file opens. */
const UNOPENED = [...BROKEN, 'wrong-key', 'unknown-key'];

export function createReceipts({ vault, keyring, now }: ReceiptsDependencies): Receipts {
  const connections = createConnections(vault);
  const chainOf = (connection: string) => `receipts/${connection}`;
  const keyAt = (connection: string, sequence: number) =>
    `${chainOf(connection)}/${String(sequence).padStart(SEQUENCE_DIGITS, '0')}`;
  const headKey = (connection: string) => `${HEADS}/${connection}`;
  const placesOf = ({ connection, kind, requestId }: RequestRef) => `receipt-places/${connection}/${kind}/${requestId}`;
  const placeKey = (request: RequestRef, runId: string) => `${placesOf(request)}/${runId}`;
  const repairKey = (connection: string, sequence: number) => `receipt-repairs/${connection}/${sequence}`;
  /** The last to write in each chain: within a process writers wait for each other, so that they do not race for places. */
  const turns = new Map<string, Promise<unknown>>();
  /** Receipts to be, by connection and by run, in the order in which they came. */
  const lines = new Map<string, Map<string, Queued>>();

  /** What lies at a place: an entry, or what is wrong with it. */
  async function look(
    connection: string,
    sequence: number,
    unopened: readonly string[] = BROKEN,
  ): Promise<Entry | Unreadable> {
    const key = keyAt(connection, sequence);
    let content: Buffer | undefined;
    try {
      content = (await vault.get(key))?.value;
    } catch (error) {
      if (!unopened.includes(errorCode(error) ?? '')) throw error;
      return { sequence, fault: 'unopened', sha256: sha256Of((await vault.sealedBytes(key)) ?? Buffer.alloc(0)) };
    }
    if (content === undefined) return { sequence, fault: 'missing', sha256: null };
    try {
      return readEntry(parseDocument(content));
    } catch (error) {
      if (!(error instanceof ReceiptError)) throw error;
      return { sequence, fault: 'malformed', sha256: sha256Of(content) };
    }
  }

  /** Undefined if the chain states that nobody can read it. @throws {ReceiptError} `receipt-unreadable` */
  async function readReceipt(connection: string, sequence: number): Promise<Receipt | undefined> {
    const found = await look(connection, sequence, UNOPENED);
    if (!('fault' in found)) return isReceipt(found) ? found : undefined;
    const place = await placeAt(repairKey(connection, sequence));
    // Without its place, the statement is still in the chain.
    if (typeof place === 'number' || (await isStated(connection, sequence))) return undefined;
    throw await unreadable(connection, [found]);
  }

  /** Throws the error of an entry that only lacks a key here. */
  async function unreadable(connection: string, faults: readonly Unreadable[]): Promise<ReceiptError> {
    for (const { sequence } of faults) await look(connection, sequence);
    const named = faults.slice(0, NAMED_MAX).map(({ sequence, fault }) => `${sequence} (${fault})`);
    const more = faults.length > NAMED_MAX ? ` and ${faults.length - NAMED_MAX} more` : '';
    return new ReceiptError(
      'receipt-unreadable',
      `In the chain of ${connection}, nobody can read entry ${named.join(', ')}${more}. Restore it from a backup, or run \`aircall-dsr receipt --repair ${connection}\`: it states that in the chain.`,
    );
  }

  /** An object that repeats what the chain holds. */
  async function repeated<T>(
    key: string,
    read: (value: Buffer) => T,
    unopened = BROKEN,
  ): Promise<Stored<T> | undefined | 'broken'> {
    try {
      const stored = await vault.get(key);
      return stored && { value: read(stored.value), version: stored.version };
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof z.ZodError) return 'broken';
      if (unopened.includes(errorCode(error) ?? '')) return 'broken';
      throw error;
    }
  }

  async function placeAt(key: string): Promise<number | undefined | 'broken'> {
    const stored = await repeated(key, value => placeSchema.parse(Number(value.toString())));
    return typeof stored === 'object' ? stored.value : stored;
  }

  /**
   * Where the chain ends, or a place before. If nobody here can read the stored head, it is made again: from the chain, of which
   * an entry that lacks a key is waited for.
   */
  async function headOf(
    connection: string,
    unopened: readonly string[] = BROKEN,
  ): Promise<{ readonly head: Head; readonly version: string | undefined }> {
    const key = headKey(connection);
    const stored = await repeated(key, value => headSchema.parse(JSON.parse(value.toString())), UNOPENED);
    if (stored === undefined) return { head: NOTHING, version: undefined };
    if (stored !== 'broken') return { head: stored.value, version: stored.version };
    let head = NOTHING;
    for (const found of await everything(connection, 0, unopened)) {
      await note(found);
      head = headAfter(head, found);
    }
    return { head, version: 'broken' };
  }

  /** Stores where it is, for whoever looks for it. A run has a second receipt only if nobody can read the first. */
  async function note(entry: Entry | Unreadable): Promise<void> {
    if ('fault' in entry) return;
    const { sequence } = entry.chain;
    if (isReceipt(entry)) return notePlace(placeKey(entry.request, entry.request.runId), sequence);
    const { states } = entry;
    if (states.about === 'unreadable') await notePlace(repairKey(entry.connection, states.sequence), sequence);
  }

  async function notePlace(key: string, sequence: number): Promise<void> {
    const bytes = Buffer.from(String(sequence));
    if (await vault.putIfAbsent(key, bytes)) return;
    const present = await placeAt(key);
    // A broken one is left alone: while there is none, another writer would believe that there is no receipt.
    if (typeof present === 'number' && present < sequence)
      await vault.update(key, value => (value !== undefined && Number(value) >= sequence ? undefined : bytes));
  }

  /** If another process has moved it meanwhile, it may lag: the next writer finds the rest. */
  async function moveHead(connection: string, version: string | undefined, to: Head): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(to));
    if (version === 'broken') await vault.replace(headKey(connection), bytes);
    else if (version === undefined) await vault.putIfAbsent(headKey(connection), bytes);
    else await vault.putIfUnchanged(headKey(connection), bytes, version);
  }

  /** What the key file states about keys and the chain does not. */
  function missingKeyStatement({ stated }: Head): Draft | undefined {
    const missing = keyring.keyStatements().map(verifyKeyStatement);
    const statement = missing.find(each => !stated.includes(digestOf(each)));
    return statement && { states: { about: 'key', statement } };
  }

  function signDraft(connection: string, draft: Draft, { sequence, digest, revoked }: Head): Entry {
    const key = keyring.signingKey();
    if (revoked.includes(key.id))
      throw new KeyringError(
        'signing-key-revoked',
        `The key ${key.id}, which signs receipts in this key file, was revoked. Copy the key file with the new key to this machine.`,
      );
    const at = new Date(now()).toISOString();
    const chain = { sequence: sequence + 1, previous: digest };
    return 'states' in draft
      ? signChainStatement({ connection, states: draft.states, issued: { at }, chain }, key)
      : signReceipt({ ...draft.content, issued: { at, how: draft.how }, chain }, key);
  }

  /**
   * Appends entries, and before them what the chain lacks about keys: without entries, only that.
   * @param unopened codes of entries that cannot be opened, and are passed over
   * @returns of each the entry, or why it has none: that of one does not concern the others
   */
  async function append<E extends Entry>(
    connection: string,
    wanted: readonly Wanted<E>[],
    unopened: readonly string[] = BROKEN,
  ): Promise<PromiseSettledResult<E>[]> {
    const before = await headOf(connection, unopened);
    const outcomes = new Map<Wanted<E>, PromiseSettledResult<E>>();
    await sideBySide(wanted, AT_ONCE, async each => {
      const [known] = await Promise.allSettled([each.known()]);
      if (known.status === 'rejected') outcomes.set(each, known);
      else if (known.value !== undefined) outcomes.set(each, { status: 'fulfilled', value: known.value });
    });
    const left = new Set(wanted.filter(each => !outcomes.has(each)));
    const behind: (Entry | Unreadable)[] = [];
    let { head } = before;
    for (;;) {
      const [first] = left;
      const next = missingKeyStatement(head) ?? first?.draft;
      if (next === undefined) break;
      const mine = signDraft(connection, next, head);
      const { sequence } = mine.chain;
      const isNew = await vault.putIfAbsent(keyAt(connection, sequence), Buffer.from(canonicalJson(mine)));
      const found = isNew ? mine : await look(connection, sequence, unopened);
      behind.push(found);
      head = headAfter(head, found);
      if ('fault' in found) continue;
      for (const each of left) {
        if (!each.isSame(found)) continue;
        left.delete(each);
        outcomes.set(each, { status: 'fulfilled', value: found });
        if (isNew) each.onNew?.(found);
        break;
      }
    }
    await sideBySide(behind, AT_ONCE, note);
    if (behind.length > 0) await moveHead(connection, before.version, head);
    return wanted.flatMap(each => outcomes.get(each) ?? []);
  }

  async function appendOne<E extends Entry>(
    connection: string,
    wanted: Wanted<E>,
    unopened: readonly string[],
  ): Promise<void> {
    for (const outcome of await append(connection, [wanted], unopened))
      if (outcome.status === 'rejected') throw outcome.reason;
  }

  async function inTurn<T>(connection: string, work: () => Promise<T>): Promise<T> {
    const before = turns.get(connection) ?? Promise.resolve();
    const turn = before.catch(() => {}).then(work);
    turns.set(connection, turn);
    try {
      return await turn;
    } finally {
      if (turns.get(connection) === turn) turns.delete(connection);
    }
  }

  async function budgetNow(connection: string): Promise<ReceiptContent['budget']> {
    const [stored, rateLimits] = await Promise.all([connections.get(connection), connections.rateLimits(connection)]);
    if (stored === undefined) return null;
    const budget = budgetOf(stored.value, rateLimits);
    return {
      limitPerMinute: budget.limitPerMinute,
      sharePerMille: Math.round(budget.share * 1_000),
      requestsPerHour: Math.floor(requestsPerHour(budget)),
    };
  }

  /**
   * What a receipt can state of the run. If its facts cannot be stated, its last step fails; afterwards nobody can correct
   * them any more, and the receipt states that.
   * @throws {ReceiptError} `receipt-invalid`
   */
  function contentOf(run: EndedRun, budgetNow: ReceiptContent['budget']): ReceiptContent {
    const { how, workflows = null, endedBefore: _, ...ended } = run;
    const budget = how === 'at-end' ? budgetNow : null;
    const facts: ReceiptFacts = { ...ended, budget, service: { version: VERSION, workflows } };
    try {
      return statableContent(facts);
    } catch (error) {
      if (how === 'at-end' || !(error instanceof ReceiptError)) throw error;
      const ending = { code: error.code, receivedAt: null, endedAt: null };
      return statableContent({ ...facts, clock: undefined, ending, phases: {} });
    }
  }

  /** What lies at every place of the chain, up to the last one that is stored or known of. */
  async function everything(
    connection: string,
    known: number,
    unopened: readonly string[] = BROKEN,
  ): Promise<(Entry | Unreadable)[]> {
    const last = await lastPlace(connection, known, unopened);
    const places = Array.from({ length: last }, (_, index) => index + 1);
    return sideBySide(places, AT_ONCE, sequence => look(connection, sequence, unopened));
  }

  /**
   * That of the last entry that we sealed, and those behind it without a gap. Anybody who can write the vault can store
   * something under any name: a place far behind the end is none.
   */
  async function lastPlace(connection: string, known: number, unopened: readonly string[]): Promise<number> {
    const names = (await vault.list(chainOf(connection))).map(key => key.slice(chainOf(connection).length + 1));
    const listed = new Set(names.filter(name => PLACE.test(name)).map(Number));
    let last = known;
    for (const sequence of [...listed].sort((one, other) => other - one)) {
      if (sequence <= last) break;
      const found = await look(connection, sequence, unopened);
      if (!('fault' in found) || found.fault === 'malformed') last = sequence;
    }
    while (listed.has(last + 1)) last += 1;
    return last;
  }

  async function read(connection: string): Promise<{ entries: Entry[]; unstated: Unreadable[] }> {
    const { head } = await headOf(connection, UNOPENED);
    const all = await everything(connection, head.sequence, UNOPENED);
    const entries = all.flatMap(each => ('fault' in each ? [] : each));
    const stated = unreadableIn(entries);
    return { entries, unstated: all.flatMap(each => ('fault' in each && !stated.has(each.sequence) ? each : [])) };
  }

  async function isStated(connection: string, sequence: number): Promise<boolean> {
    const { entries } = await read(connection);
    return unreadableIn(entries).has(sequence);
  }

  /** The newest receipt of a request, or of one of its runs, if the object that holds its place is broken. */
  async function search(request: RequestRef, runId?: string): Promise<Receipt | undefined> {
    const { entries } = await read(request.connection);
    return newest(entries, request, runId);
  }

  async function stateUnreadable(
    connection: string,
    unreadable: Unreadable,
    onNew: (statedAt: number) => void,
  ): Promise<void> {
    const isSame = (entry: Entry): entry is ChainStatement =>
      !isReceipt(entry) && entry.states.about === 'unreadable' && entry.states.sequence === unreadable.sequence;
    const known = async () => {
      const place = await placeAt(repairKey(connection, unreadable.sequence));
      const found = typeof place === 'number' ? await look(connection, place, UNOPENED) : undefined;
      return found === undefined || 'fault' in found || !isSame(found) ? undefined : found;
    };
    const draft = { states: { about: 'unreadable', ...unreadable } } as const;
    await appendOne(connection, { draft, known, isSame, onNew: ({ chain }) => onNew(chain.sequence) }, UNOPENED);
  }

  /** States again what the chain stated about keys, in an entry that nobody can read. */
  async function restateKeys(connection: string): Promise<void> {
    const { entries } = await read(connection);
    const aboutKey = (entry: Entry, digest: string) =>
      !isReceipt(entry) && entry.states.about === 'key' && digestOf(entry.states.statement) === digest;
    for (const statement of keyring.keyStatements().map(verifyKeyStatement)) {
      const digest = digestOf(statement);
      if (entries.some(entry => aboutKey(entry, digest))) continue;
      const isSame = (entry: Entry): entry is Entry => aboutKey(entry, digest);
      const draft = { states: { about: 'key', statement } } as const;
      await appendOne(connection, { draft, known: async () => undefined, isSame }, UNOPENED);
    }
  }

  /** Puts a receipt in line, or finds it there. */
  function join(ended: EndedRun, onNew: () => void): Promise<Receipt> {
    const { connection } = ended.request;
    const served = lines.get(connection);
    const line = served ?? new Map<string, Queued>();
    const present = line.get(runOf(ended));
    if (present !== undefined) return present.receipt;
    let settle: Queued['settle'] = () => {};
    const receipt = new Promise<Receipt>((resolve, reject) => {
      settle = outcome => (outcome.status === 'fulfilled' ? resolve(outcome.value) : reject(outcome.reason));
    });
    line.set(runOf(ended), { ended, onNew, receipt, settle });
    if (served === undefined) void serve(connection, line);
    return receipt;
  }

  /** Appends all that stand in line, also those that come meanwhile. Between batches others that wait for their turn write. */
  async function serve(connection: string, line: Map<string, Queued>): Promise<void> {
    lines.set(connection, line);
    while (line.size > 0) {
      await inTurn(connection, async () => {
        const batch = [...line.values()].slice(0, BATCH_MAX);
        const outcomes = await issueAll(connection, batch).catch(reason =>
          batch.map(() => ({ status: 'rejected', reason }) as const),
        );
        for (const [index, { ended, settle }] of batch.entries()) {
          line.delete(runOf(ended));
          const outcome = outcomes[index];
          if (outcome !== undefined) settle(outcome);
        }
      });
    }
    lines.delete(connection);
  }

  /** Receipts of one connection. */
  async function issueAll(connection: string, batch: readonly Queued[]): Promise<PromiseSettledResult<Receipt>[]> {
    const budget = batch.some(({ ended }) => ended.how === 'at-end') ? await budgetNow(connection) : null;
    const searched = once(() => read(connection));
    const outcomes = batch.map(({ ended, onNew }): Wanted<Receipt> | PromiseRejectedResult => {
      const { request, runId, how, endedBefore = false } = ended;
      try {
        return {
          draft: { content: contentOf(ended, budget), how },
          known: async () =>
            (await receipts.of(request, runId)) ??
            (endedBefore ? newest((await searched()).entries, request, runId) : undefined),
          isSame: (each): each is Receipt => isReceipt(each) && isOf(each, request, runId),
          onNew,
        };
      } catch (reason) {
        return { status: 'rejected', reason };
      }
    });
    const appended = await append(
      connection,
      outcomes.flatMap(each => ('status' in each ? [] : each)),
    );
    return outcomes.flatMap(each => ('status' in each ? each : (appended.shift() ?? [])));
  }

  const receipts: Receipts = {
    issue: async (ended, onNew = () => {}) => join(ended, onNew),
    async issueSoon(ended, onNew = () => {}) {
      const line = lines.get(ended.request.connection);
      if (line === undefined || line.size < WAITED_FOR_MAX) return join(ended, onNew);
      const there = line.has(runOf(ended)) ? undefined : await receipts.of(ended.request, ended.runId);
      if (there !== undefined) return there;
      join(ended, onNew).catch(() => {}); // whoever comes again tries again, and learns why
      return { inLine: line.size };
    },
    async of(request, runId) {
      const place = await placeAt(placeKey(request, runId));
      if (place === 'broken') return search(request, runId);
      return place === undefined ? undefined : readReceipt(request.connection, place);
    },
    async newestOf(request) {
      const places = await Promise.all((await vault.list(placesOf(request))).map(placeAt));
      if (places.includes('broken')) return search(request);
      const newest = Math.max(0, ...places.filter(place => typeof place === 'number'));
      return newest === 0 ? undefined : readReceipt(request.connection, newest);
    },
    async chain(connection) {
      const { entries, unstated } = await read(connection);
      if (unstated.length > 0) throw await unreadable(connection, unstated);
      return entries;
    },
    repair: connection =>
      inTurn(connection, async () => {
        const made: Repaired[] = [];
        const { unstated } = await read(connection);
        for (const each of unstated)
          await stateUnreadable(connection, each, statedAt => made.push({ ...each, statedAt }));
        if (unstated.length > 0) await restateKeys(connection);
        return made;
      }),
    stateKeys: connection =>
      inTurn(connection, async () => {
        const { head } = await headOf(connection);
        if (head.sequence > 0) await append(connection, []);
      }),
    connections: async () => (await vault.list(HEADS)).map(key => key.slice(HEADS.length + 1)),
  };
  return receipts;
}

/** Names a run within its connection. */
function runOf({ request: { kind, requestId }, runId }: EndedRun): string {
  return `${kind} ${requestId} ${runId}`;
}

/** The newest receipt of a request, or of one of its runs. */
function newest(entries: readonly Entry[], request: RequestRef, runId?: string): Receipt | undefined {
  return entries.filter(isReceipt).findLast(each => isOf(each, request, runId ?? each.request.runId));
}

/** Does something when it is first needed. */
function once<T>(does: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined;
  return () => {
    done ??= does();
    return done;
  };
}

function isOf({ request }: Receipt, { kind, requestId }: RequestRef, runId: string): boolean {
  return request.kind === kind && request.requestId === requestId && request.runId === runId;
}

function headAfter({ stated, revoked }: Head, found: Entry | Unreadable): Head {
  if ('fault' in found) return { sequence: found.sequence, digest: null, stated, revoked };
  const next = { sequence: found.chain.sequence, digest: digestOf(found), stated, revoked };
  if (isReceipt(found) || found.states.about !== 'key') return next;
  const { statement } = found.states;
  const { says } = statement;
  return {
    ...next,
    stated: [...stated, digestOf(statement)],
    revoked: says.does === 'revoke' ? [...revoked, says.keyId] : revoked,
  };
}

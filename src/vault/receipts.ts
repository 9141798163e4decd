/**
 * Receipts in the vault: a chain for each connection, one object per receipt, never changed and never removed, even if
 * request or connection is. The first writer of a place in the chain gets it. Each run gets one receipt,
 * for any number of callers.
 *
 * `receipts/<connection>/<sequence>` is the chain; `receipt-places/...` holds the place of the receipt of a run;
 * `receipt-heads/<connection>` is a place near the end. Two rules prevent a second receipt of a run: the head moves only
 * after the places of all receipts up to it are stored, and a writer reads the head first, the place second, and
 * then every receipt behind that head.
 */

import { ratePerSecond } from '../budget';
import type { Keyring } from '../encryption/keyring';
import { type ReceiptFacts, receiptContent } from '../receipt/build';
import { canonicalJson } from '../receipt/canonical';
import type { Receipt, ReceiptContent } from '../receipt/model';
import { digestOf, parseDocument, ReceiptError, readReceipt, signReceipt } from '../receipt/sign';
import type { RequestRef } from '../request/names';
import { sideBySide } from '../side-by-side';
import { VERSION } from '../version';
import { budgetOf, createConnections } from './connections';
import type { Stored, Vault } from './vault';

export interface Receipts {
  /**
   * The receipt of a run that has ended: the existing one, or a new one at the end of its connection's chain.
   * @param onNew called if it is a new one: once for each run, also if several processes issue its receipt
   * @throws {KeyringError} `key-not-in-role`
   */
  issue(ended: EndedRun, onNew?: () => void): Promise<Receipt>;
  /** The receipt of a run, if it has one. */
  of(request: RequestRef, runId: string): Promise<Receipt | undefined>;
  /** The newest receipt of all runs of a request. */
  newestOf(request: RequestRef): Promise<Receipt | undefined>;
  /** All present receipts of a connection, in order. */
  chain(connection: string): Promise<Receipt[]>;
}

export interface EndedRun extends Omit<ReceiptFacts, 'budget' | 'service'> {
  /** Issued by its last step, or afterwards: then its budget and its worker are not known. */
  readonly how: Receipt['issued']['how'];
  /** Digest of the workflows of the worker that took its last step. */
  readonly workflows?: string;
}

export interface ReceiptsDependencies {
  readonly vault: Vault;
  /** Signs. */
  readonly keyring: Keyring;
  readonly now: () => number;
}

interface Head {
  /** 0: there is no receipt. */
  readonly sequence: number;
  /** Digest of the receipt at that place. */
  readonly digest: string | null;
}

const NOTHING: Head = { sequence: 0, digest: null };
const SEQUENCE_DIGITS = 10;
const READ_AT_ONCE = 8;
const SECONDS_PER_HOUR = 3_600;

export function createReceipts({ vault, keyring, now }: ReceiptsDependencies): Receipts {
  const connections = createConnections(vault);
  const chainOf = (connection: string) => `receipts/${connection}`;
  const keyAt = (connection: string, sequence: number) =>
    `${chainOf(connection)}/${String(sequence).padStart(SEQUENCE_DIGITS, '0')}`;
  const headKey = (connection: string) => `receipt-heads/${connection}`;
  const placesOf = ({ connection, kind, requestId }: RequestRef) => `receipt-places/${connection}/${kind}/${requestId}`;
  const placeKey = (request: RequestRef, runId: string) => `${placesOf(request)}/${runId}`;
  /** The last to write in each chain: within a process writers wait for each other, so that they do not race for places. */
  const turns = new Map<string, Promise<unknown>>();

  /** @throws {ReceiptError} if it is missing: no other receipt may take its place */
  async function read(key: string): Promise<Receipt> {
    const stored = await vault.get(key);
    if (stored !== undefined) return readReceipt(parseDocument(stored.value));
    throw new ReceiptError(
      'receipt-chain-broken',
      'A receipt is missing from the vault. Restore the vault from a backup.',
    );
  }

  async function sequenceAt(key: string): Promise<number | undefined> {
    const stored = await vault.get(key);
    return stored && Number(stored.value.toString());
  }

  async function headOf(connection: string): Promise<Stored<Head> | undefined> {
    const stored = await vault.get(headKey(connection));
    return stored && { value: JSON.parse(stored.value.toString()), version: stored.version };
  }

  async function notePlace({ request, chain }: Receipt): Promise<void> {
    await vault.putIfAbsent(placeKey(request, request.runId), Buffer.from(String(chain.sequence)));
  }

  /** If another process has moved it meanwhile, it may lag: the next writer finds the rest. */
  async function moveHead(connection: string, from: Stored<Head> | undefined, to: Head): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(to));
    if (from === undefined) await vault.putIfAbsent(headKey(connection), bytes);
    else await vault.putIfUnchanged(headKey(connection), bytes, from.version);
  }

  async function append(ended: EndedRun, content: ReceiptContent, onNew: () => void): Promise<Receipt> {
    const { request, runId, how } = ended;
    const { connection } = request;
    const before = await headOf(connection);
    let head = before?.value ?? NOTHING;
    const known = await receipts.of(request, runId);
    if (known !== undefined) return known;
    for (;;) {
      const sequence = head.sequence + 1;
      const key = keyAt(connection, sequence);
      const mine = signReceipt(
        {
          ...content,
          issued: { at: new Date(now()).toISOString(), how },
          chain: { sequence, previous: head.digest },
        },
        keyring.signingKey(),
      );
      const won = await vault.putIfAbsent(key, Buffer.from(canonicalJson(mine)));
      const there = won ? mine : await read(key);
      await notePlace(there);
      head = { sequence, digest: digestOf(there) };
      if (won || isOf(there, request, runId)) {
        if (won) onNew();
        await moveHead(connection, before, head);
        return there;
      }
    }
  }

  async function budgetNow(connection: string): Promise<ReceiptContent['budget']> {
    const [stored, rateLimits] = await Promise.all([connections.get(connection), connections.rateLimits(connection)]);
    if (stored === undefined) return null;
    const budget = budgetOf(stored.value, rateLimits);
    return {
      limitPerMinute: budget.limitPerMinute,
      sharePerMille: Math.round(budget.share * 1_000),
      requestsPerHour: Math.floor(ratePerSecond(budget, 1) * SECONDS_PER_HOUR),
    };
  }

  const receipts: Receipts = {
    async issue(ended, onNew = () => {}) {
      const { connection } = ended.request;
      const atEnd = ended.how === 'at-end';
      const { workflows = null, ...facts } = ended;
      const content = receiptContent({
        ...facts,
        budget: atEnd ? await budgetNow(connection) : null,
        service: { version: VERSION, workflows },
      });
      const before = turns.get(connection) ?? Promise.resolve();
      const turn = before.catch(() => {}).then(() => append(ended, content, onNew));
      turns.set(connection, turn);
      try {
        return await turn;
      } finally {
        if (turns.get(connection) === turn) turns.delete(connection);
      }
    },
    async of(request, runId) {
      const sequence = await sequenceAt(placeKey(request, runId));
      return sequence === undefined ? undefined : read(keyAt(request.connection, sequence));
    },
    async newestOf(request) {
      const places = await vault.list(placesOf(request));
      const sequences = await Promise.all(places.map(sequenceAt));
      const newest = Math.max(0, ...sequences.flatMap(sequence => sequence ?? []));
      return newest === 0 ? undefined : read(keyAt(request.connection, newest));
    },
    async chain(connection) {
      return sideBySide(await vault.list(chainOf(connection)), READ_AT_ONCE, read);
    },
  };
  return receipts;
}

function isOf({ request }: Receipt, { kind, requestId }: RequestRef, runId: string): boolean {
  return request.kind === kind && request.requestId === requestId && request.runId === runId;
}

/**
 * A connection's receipts as a chain: each holds the digest of the entry before. Nobody can remove, insert or move one without
 * signing all later ones again. Only somebody who knows a later entry can notice a cut at the end. A signed statement
 * in the chain may excuse an entry that nobody can read, and says which keys sign. Pure.
 */
import { connectionOf, type Entry, isReceipt, type Receipt, type Unreadable } from './model';
import { digestOf, ReceiptError, verifyEntry } from './sign';
import { createTrust } from './trust';

export interface VerifiedChain {
  readonly entries: readonly Entry[];
  readonly receipts: readonly Receipt[];
  /** Entries that are missing, because a statement says that nobody can read them. */
  readonly unreadable: readonly Unreadable[];
  /** Places of entries that a revocation behind them declares not to be trusted. */
  readonly distrusted: readonly number[];
  /** Ids of signing keys that were not given: a trusted key introduced them. */
  readonly introduced: readonly string[];
}

/**
 * A chain from its first entry on, in order.
 * @param trusted as in `verifyReceipt`; keys that they introduce in the chain may sign too
 * @param since digest of an entry that was seen before: if it is missing, the newest were cut off, or the chain is another one
 * @throws {ReceiptError} naming the place (the first is 1): `receipt-chain-broken`, `receipt-revoked`, and the errors of `verifyReceipt`
 */
export function verifyChain(presented: readonly unknown[], trusted?: readonly string[], since?: string): VerifiedChain {
  if (presented.length === 0) throw new ReceiptError('receipt-chain-broken', 'A chain holds at least one receipt.');
  const entries = presented.map((each, index) => at(index + 1, () => verifyEntry(each)));
  const stated = unreadableIn(entries);
  const trust = createTrust(trusted);
  for (const [index, entry] of entries.entries()) {
    const broken = breakAt(entry, entries[index - 1], stated);
    if (broken !== undefined) throw new ReceiptError('receipt-chain-broken', `At place ${index + 1}: ${broken}.`);
    at(index + 1, () => trust.take(entry));
  }
  if (since !== undefined && !entries.some(entry => digestOf(entry) === since))
    throw new ReceiptError(
      'receipt-chain-broken',
      'The receipt with the digest of --since is not in the chain: it was cut off or replaced.',
    );
  const there = new Set(entries.map(({ chain }) => chain.sequence));
  return {
    entries,
    receipts: entries.filter(isReceipt),
    unreadable: [...stated.values()].filter(({ sequence }) => !there.has(sequence)),
    distrusted: trust.distrusted(),
    introduced: [...trust.introduced],
  };
}

function at<T>(place: number, does: () => T): T {
  try {
    return does();
  } catch (error) {
    if (error instanceof ReceiptError) throw new ReceiptError(error.code, `At place ${place}: ${error.message}`);
    throw error;
  }
}

/** By place. A statement counts for places before its own only. */
export function unreadableIn(entries: readonly Entry[]): Map<number, Unreadable> {
  const found = new Map<number, Unreadable>();
  for (const entry of entries) {
    if (!('states' in entry) || entry.states.about !== 'unreadable') continue;
    const { about: _, ...unreadable } = entry.states;
    if (unreadable.sequence < entry.chain.sequence) found.set(unreadable.sequence, unreadable);
  }
  return found;
}

/** The fault of an entry behind another one; undefined if there is none. */
function breakAt(entry: Entry, last: Entry | undefined, stated: ReadonlyMap<number, Unreadable>): string | undefined {
  const { sequence, previous } = entry.chain;
  const lastSequence = last?.chain.sequence ?? 0;
  if (last !== undefined && connectionOf(entry) !== connectionOf(last))
    return `a receipt of connection ${connectionOf(entry)} among those of ${connectionOf(last)}`;
  if (sequence <= lastSequence) return `receipt ${sequence} is here a second time, or out of order`;
  for (let missing = lastSequence + 1; missing < sequence; missing += 1) {
    if (stated.has(missing)) continue;
    return missing === 1
      ? `the chain begins with receipt ${sequence}; those before are missing`
      : `receipt ${missing} is missing; ${sequence} is in its place`;
  }
  // Whoever wrote behind an entry that could not be read did not know its digest.
  const excused = stated.has(sequence - 1);
  if (excused && (previous === null || lastSequence < sequence - 1)) return undefined;
  const expected = last === undefined ? null : digestOf(last);
  return previous === expected ? undefined : 'the receipt does not follow the one before it';
}

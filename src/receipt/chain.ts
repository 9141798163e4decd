/**
 * A connection's receipts as a chain: each holds the digest of the one before. Nobody can remove, insert or
 * move one without signing all later ones again. Only somebody who knows a later receipt can notice a cut at the end. Pure.
 */
import type { Receipt } from './model';
import { digestOf, ReceiptError, verifyReceipt } from './sign';

/**
 * A chain from its first receipt on, in order.
 * @param trusted as in `verifyReceipt`
 * @param since digest of a receipt that was seen before: if it is missing, the newest were cut off, or the chain is another one
 * @throws {ReceiptError} naming the place (the first is 1): `receipt-chain-broken`, and the errors of `verifyReceipt`
 */
export function verifyChain(presented: readonly unknown[], trusted?: readonly string[], since?: string): Receipt[] {
  if (presented.length === 0) throw new ReceiptError('receipt-chain-broken', 'A chain holds at least one receipt.');
  const receipts: Receipt[] = [];
  for (const [index, each] of presented.entries()) {
    const place = index + 1;
    const receipt = verifiedAt(place, each, trusted);
    const broken = breakAt(place, receipt, receipts);
    if (broken !== undefined) throw new ReceiptError('receipt-chain-broken', `At place ${place}: ${broken}.`);
    receipts.push(receipt);
  }
  if (since !== undefined && !receipts.some(receipt => digestOf(receipt) === since))
    throw new ReceiptError(
      'receipt-chain-broken',
      'The receipt with the digest of --since is not in the chain: it was cut off or replaced.',
    );
  return receipts;
}

function verifiedAt(place: number, presented: unknown, trusted: readonly string[] | undefined): Receipt {
  try {
    return verifyReceipt(presented, trusted);
  } catch (error) {
    if (error instanceof ReceiptError) throw new ReceiptError(error.code, `At place ${place}: ${error.message}`);
    throw error;
  }
}

/** The fault of a receipt at this place; undefined if there is none. */
function breakAt(place: number, { request, chain }: Receipt, before: readonly Receipt[]): string | undefined {
  const last = before.at(-1);
  const { sequence, previous } = chain;
  if (last !== undefined && request.connection !== last.request.connection)
    return `a receipt of connection ${request.connection} among those of ${last.request.connection}`;
  if (sequence > place && before.length === 0)
    return `the chain begins with receipt ${sequence}; those before are missing`;
  if (sequence > place) return `receipt ${place} is missing; ${sequence} is in its place`;
  if (sequence < place) return `receipt ${sequence} is here a second time, or out of order`;
  const expected = last === undefined ? null : digestOf(last);
  if (previous !== expected) return `the receipt does not follow the one before it`;
  return undefined;
}

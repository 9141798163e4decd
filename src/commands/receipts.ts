/**
 * Commands that print receipts: of one request, or the chain of a connection, and the one that repairs a chain. They change
 * nothing, except that they add to a chain what is missing at its end.
 */
import { KeyringError } from '../encryption/key-file';
import type { Stores } from '../parts';
import type { Entry, Receipt } from '../receipt/model';
import { NAME_PATTERN, requestOf } from '../request/names';
import { count } from '../request/words';
import { unknownConnection } from './connection-named';
import type { Context } from './context';
import { CommandError, EXIT, type Exit, usage } from './errors';
import { refuseUnusable, saveOnce } from './out-file';
import { noSuchRequest, resolveId } from './request-id';

export interface ReceiptOptions {
  readonly out?: string;
  /** The name of a connection. */
  readonly chain?: string;
  /** The name of a connection. */
  readonly repair?: string;
}

export async function receipt(context: Context, id: string | undefined, options: ReceiptOptions): Promise<Exit> {
  const { chain, repair, out } = options;
  if ([id, chain, repair].filter(given => given !== undefined).length !== 1)
    throw usage('Give the id of a request, or --chain or --repair with the name of a connection.');
  if (repair !== undefined) {
    if (out !== undefined) throw usage('--out does not belong to --repair. Save the chain afterwards, with --chain.');
    return repairChain(context, repair);
  }
  if (out !== undefined) await refuseUnusable(out);
  if (chain !== undefined) {
    const entries = await chainOf(context, chain);
    return handOut(
      context,
      entries,
      out,
      `Saved ${count(entries.length, 'entry', 'entries')} of the chain of ${chain}`,
    );
  }
  const found = await receiptOf(context, id ?? '');
  return handOut(context, found, out, `Saved receipt ${found.chain.sequence} of ${found.request.connection}`);
}

async function receiptOf({ parts }: Context, id: string): Promise<Receipt> {
  const all = await parts();
  const request = requestOf(await resolveId(all, id));
  const found = request && (await all.lateReceipts.of(request));
  if (found === undefined) throw noSuchRequest();
  return found;
}

async function chainOf(context: Context, connection: string): Promise<Entry[]> {
  const receipts = await receiptsOf(context, connection);
  await receipts.stateKeys(connection).catch(signsNothing);
  const chain = await receipts.chain(connection);
  if (chain.length > 0) return chain;
  throw new CommandError('no-receipts', 'No request of this connection has ended yet.', EXIT.failed);
}

/** Whoever cannot sign may read the chain as it is. */
function signsNothing(error: unknown): void {
  if (!(error instanceof KeyringError && ['key-not-in-role', 'signing-key-revoked'].includes(error.code))) throw error;
}

const WORDS = {
  missing: 'nothing is stored',
  unopened: 'its seal does not open',
  malformed: 'it is no entry of a chain',
} as const;

async function repairChain(context: Context, connection: string): Promise<Exit> {
  const receipts = await receiptsOf(context, connection);
  const repaired = await receipts.repair(connection);
  context.terminal.print(
    { connection, repaired },
    repaired.length === 0
      ? [
          `Every entry of the chain of ${connection} can be read, or its chain states that it cannot: nothing was added.`,
        ]
      : [
          `Added ${count(repaired.length, 'statement')} to the chain of ${connection}:`,
          ...repaired.map(
            ({ sequence, fault, statedAt }) =>
              `  entry ${sequence} cannot be read: ${WORDS[fault]}; stated at place ${statedAt}`,
          ),
          'A request that lost its receipt gets a new one when `aircall-dsr receipt` or a purge needs it.',
        ],
  );
  return EXIT.done;
}

async function receiptsOf({ keyring, stores }: Context, connection: string): Promise<Stores['receipts']> {
  keyring(); // a fault of the key file is reported first
  if (!NAME_PATTERN.test(connection)) throw unknownConnection(connection);
  return (await stores()).receipts;
}

/** Prints the document on stdout, or saves it to a file and prints a line about it. */
async function handOut(
  { terminal }: Context,
  document: unknown,
  out: string | undefined,
  saved: string,
): Promise<Exit> {
  const text = JSON.stringify(document, null, 2);
  if (out === undefined) {
    terminal.print(document, text.split('\n'));
    return EXIT.done;
  }
  await saveOnce(out, `${text}\n`);
  terminal.print({ out }, [`${saved}: ${out}`]);
  return EXIT.done;
}

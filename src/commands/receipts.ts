/** Commands that print receipts: of one request, or the chain of a connection. They change nothing, except that they add missing receipts. */
import type { Receipt } from '../receipt/model';
import { NAME_PATTERN, requestOf } from '../request/names';
import { unknownConnection } from './connection-named';
import type { Context } from './context';
import { CommandError, EXIT, type Exit, usage } from './errors';
import { refuseUnusable, saveOnce } from './out-file';
import { noSuchRequest, resolveId } from './request-id';

export interface ReceiptOptions {
  readonly out?: string;
  /** The name of a connection. */
  readonly chain?: string;
}

export async function receipt(context: Context, id: string | undefined, options: ReceiptOptions): Promise<Exit> {
  const { chain, out } = options;
  if ((id === undefined) === (chain === undefined))
    throw usage('Give the id of a request, or --chain with the name of a connection.');
  if (out !== undefined) await refuseUnusable(out);
  if (chain !== undefined) {
    const receipts = await chainOf(context, chain);
    return handOut(context, receipts, out, `Saved ${receipts.length} receipts of ${chain}`);
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

async function chainOf({ keyring, stores }: Context, connection: string): Promise<Receipt[]> {
  keyring(); // a fault of the key file is reported first
  if (!NAME_PATTERN.test(connection)) throw unknownConnection(connection);
  const { receipts } = await stores();
  const chain = await receipts.chain(connection);
  if (chain.length > 0) return chain;
  throw new CommandError('no-receipts', 'No request of this connection has ended yet.', EXIT.failed);
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

/** Commands that hand out receipts: of one request, or the chain of a connection. They change nothing but what is missing. */
import { writeFile } from 'node:fs/promises';
import { connectTemporal, createDsrClient } from '../client';
import { configuredKeyring, configuredTaskQueue, configuredVault } from '../config';
import type { Receipt } from '../receipt/model';
import { NAME_PATTERN, requestOf } from '../request/names';
import { createLateReceipts } from '../retention/late-receipts';
import { createCases } from '../vault/cases';
import { createReceipts } from '../vault/receipts';
import { unknownConnection } from './connections';
import { answer, CommandError, EXIT, type Exit, type Output } from './output';
import { noSuchRequest, refuseUnusable, resolveId } from './requests';

export interface ReceiptOptions extends Output {
  readonly out?: string;
  /** The name of a connection. */
  readonly chain?: string;
}

export async function receipt(id: string | undefined, options: ReceiptOptions): Promise<Exit> {
  const { chain, out } = options;
  if ((id === undefined) === (chain === undefined))
    throw new CommandError('usage', 'Give the id of a request, or --chain with the name of a connection.', EXIT.usage);
  if (out !== undefined) await refuseUnusable(out);
  if (chain !== undefined) {
    const receipts = await chainOf(chain);
    await handOut(options, receipts, [`Saved ${receipts.length} receipts of ${chain}: ${out}`]);
    return EXIT.done;
  }
  const found = await receiptOf(id ?? '');
  await handOut(options, found, [`Saved receipt ${found.chain.sequence} of ${found.request.connection}: ${out}`]);
  return EXIT.done;
}

async function receiptOf(id: string): Promise<Receipt> {
  const keyring = configuredKeyring();
  const temporal = await connectTemporal(keyring);
  try {
    const vault = await configuredVault(keyring);
    const cases = createCases(vault);
    const receipts = createReceipts({ vault, keyring, now: Date.now });
    const client = createDsrClient({ temporal, keyring, taskQueue: configuredTaskQueue(), recordOf: cases.record });
    const request = requestOf(await resolveId(client, id));
    const found = request && (await createLateReceipts({ temporal, cases, receipts }).of(request));
    if (found === undefined) throw noSuchRequest();
    return found;
  } finally {
    await temporal.connection.close();
  }
}

async function chainOf(connection: string): Promise<Receipt[]> {
  const keyring = configuredKeyring();
  if (!NAME_PATTERN.test(connection)) throw unknownConnection(connection);
  const receipts = await createReceipts({ vault: await configuredVault(keyring), keyring, now: Date.now }).chain(
    connection,
  );
  if (receipts.length > 0) return receipts;
  throw new CommandError('no-receipts', 'No request of such a connection has ended yet.', EXIT.failed);
}

/** The document itself on stdout, or in a file and words about it. */
async function handOut(options: ReceiptOptions, document: unknown, saved: readonly string[]): Promise<void> {
  const { out } = options;
  if (out === undefined) return answer({ json: true }, document, []);
  await writeFile(out, `${JSON.stringify(document, null, 2)}\n`, { flag: 'wx' });
  answer(options, { out }, saved);
}

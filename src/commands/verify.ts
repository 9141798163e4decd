/** The command that verifies receipts: it reads only the given files, and needs neither vault nor keys nor server. */
import { verifyChain } from '../receipt/chain';
import type { Receipt } from '../receipt/model';
import { digestOf, parseDocument, verifyReceipt } from '../receipt/sign';
import type { Context } from './context';
import { EXIT, type Exit, usage } from './errors';
import { contentOf, publicKeysOf } from './given-files';
import type { Terminal } from './terminal';

export interface VerifyOptions {
  /** A file of public keys. */
  readonly key?: string;
  readonly chain?: boolean;
  /** The digest that was printed the last time. */
  readonly since?: string;
}

const DIGEST = /^[0-9a-f]{64}$/;

export async function verify({ terminal }: Context, file: string, options: VerifyOptions): Promise<Exit> {
  const { since } = options;
  if (since !== undefined && (options.chain !== true || !DIGEST.test(since)))
    throw usage('--since belongs to --chain and takes a digest that `verify --chain` printed.');
  const trusted = options.key === undefined ? undefined : await publicKeysOf(options.key);
  const presented = parseDocument(await contentOf(file, 'FILE'));
  const many = Array.isArray(presented);
  if (many !== (options.chain === true))
    throw usage(
      many
        ? 'The file holds a chain of receipts. Verify it with --chain.'
        : 'The file of --chain holds no chain. `aircall-dsr receipt --chain NAME` prints one.',
    );
  if (trusted === undefined)
    terminal.note('note: the public key comes from the file itself; pass --key to require a key that you trust.');
  if (many) printChain(terminal, options, verifyChain(presented, trusted, since), trusted);
  else printOne(terminal, verifyReceipt(presented, trusted), trusted);
  return EXIT.done;
}

function printOne(terminal: Terminal, receipt: Receipt, trusted: readonly string[] | undefined): void {
  const { request, status, times, chain, signer, service } = receipt;
  const { connection, kind, requestId } = request;
  terminal.print(
    { verified: true, ...signedBy([receipt], trusted), connection, kind, requestId, status, ...placeOf(receipt) },
    [
      `Verified: ${kind} ${requestId} of ${connection}, ${status}`,
      `  ended      ${times.ended ?? 'not known'}`,
      ...receipt.sources.map(
        ({ source, found, kept, deleted, absent, refused, failed }) =>
          `  ${source.padEnd(9)}  ${found} found: ${kept} kept, ${deleted} deleted, ${absent} already deleted, ${refused + failed} not done`,
      ),
      `  signed by  ${signer.keyId}${trusted === undefined ? '' : ', a key of --key'}; version ${service.version}`,
      `  place      ${chain.sequence} in the chain of ${connection}; digest ${digestOf(receipt)}`,
    ],
  );
}

function printChain(
  terminal: Terminal,
  options: VerifyOptions,
  receipts: readonly Receipt[],
  trusted: readonly string[] | undefined,
): void {
  const last = receipts.at(-1);
  if (last === undefined) return;
  const { connection } = last.request;
  const keys = signedBy(receipts, trusted);
  terminal.print({ verified: true, ...keys, connection, receipts: receipts.length, ...placeOf(last) }, [
    `Verified: ${receipts.length} receipts of ${connection}, none missing from the first to the last`,
    ...(options.since === undefined ? [] : ['  since      the receipt with that digest is still in the chain']),
    `  signed by  ${keys.keyIds.join(', ')}${trusted === undefined ? '' : ', keys of --key'}`,
    `  the last   ${last.request.kind} ${last.request.requestId}; digest ${digestOf(last)}`,
  ]);
}

function placeOf(receipt: Receipt) {
  return { sequence: receipt.chain.sequence, digest: digestOf(receipt) };
}

function signedBy(receipts: readonly Receipt[], trusted: readonly string[] | undefined) {
  return { keyIds: [...new Set(receipts.map(({ signer }) => signer.keyId))], pinned: trusted !== undefined };
}

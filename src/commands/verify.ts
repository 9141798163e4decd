/** The command that verifies receipts and packages: it reads only the given files, and needs neither vault nor keys nor server. */
import { isPackageManifest } from '../package/manifest';
import { openPackage } from '../package/opened';
import { verifyPackage } from '../package/verify';
import { type VerifiedChain, verifyChain } from '../receipt/chain';
import { connectionOf, type Entry, isReceipt, type Receipt } from '../receipt/model';
import { digestOf, parseDocument, ReceiptError, verifyReceipt } from '../receipt/sign';
import { statementsOf } from '../receipt/words';
import { requestNoun } from '../request/sentences';
import { count } from '../request/words';
import type { Context } from './context';
import { EXIT, type Exit, usage } from './errors';
import { contentOf, publicKeysOf } from './given-files';
import type { Terminal } from './terminal';
import { printPackage } from './verified-package';

export interface VerifyOptions {
  /** A file of public keys. */
  readonly key?: string;
  readonly chain?: boolean;
  /** The digest that was printed the last time. */
  readonly since?: string;
  /** A file that holds the chain of the receipt's connection. */
  readonly against?: string;
}

const DIGEST = /^[0-9a-f]{64}$/;

export async function verify({ terminal }: Context, file: string, options: VerifyOptions): Promise<Exit> {
  const { since, against } = options;
  if (since !== undefined && (options.chain !== true || !DIGEST.test(since)))
    throw usage('--since belongs to --chain and takes a digest that `verify --chain` printed.');
  if (against !== undefined && options.chain === true)
    throw usage('--against belongs to a receipt: --chain verifies the chain itself.');
  const trusted = options.key === undefined ? undefined : await publicKeysOf(options.key);
  const opened = await openPackage(file);
  if (opened === undefined) return verifyDocuments(terminal, file, options, trusted);
  try {
    if (options.chain === true || against !== undefined)
      throw usage('FILE is a package. --chain and --against belong to receipts.');
    notePinning(terminal, trusted);
    return printPackage(terminal, await verifyPackage(opened, trusted), trusted !== undefined);
  } finally {
    await opened.close();
  }
}

function notePinning(terminal: Terminal, trusted: readonly string[] | undefined): void {
  if (trusted === undefined)
    terminal.note('note: the public key comes from the file itself; pass --key to require a key that you trust.');
}

async function verifyDocuments(
  terminal: Terminal,
  file: string,
  options: VerifyOptions,
  trusted: readonly string[] | undefined,
): Promise<Exit> {
  const { since, against } = options;
  const presented = parseDocument(await contentOf(file, 'FILE'));
  const many = Array.isArray(presented);
  if (many !== (options.chain === true))
    throw usage(
      many
        ? 'The file holds a chain of receipts. Verify it with --chain.'
        : 'The file of --chain holds no chain. `aircall-dsr receipt --chain NAME` prints one.',
    );
  const given = against === undefined ? undefined : parseDocument(await contentOf(against, 'The file of --against'));
  if (given !== undefined && !Array.isArray(given))
    throw usage('The file of --against holds no chain. `aircall-dsr receipt --chain NAME` prints one.');
  if (!many && isPackageManifest(presented))
    throw usage('FILE is the manifest of a package. Name the zip file, or the folder that holds the manifest.');
  notePinning(terminal, trusted);
  if (many) return printChain(terminal, options, verifyChain(presented, trusted, since), trusted);
  const receipt =
    given === undefined ? verifyReceipt(presented, trusted) : verifyAgainst(presented, verifyChain(given, trusted));
  printOne(terminal, receipt, options);
  return EXIT.done;
}

/** @throws {ReceiptError} `receipt-chain-broken` if it is not in the chain, `receipt-revoked` */
function verifyAgainst(presented: unknown, { entries, distrusted }: VerifiedChain): Receipt {
  const receipt = verifyReceipt(presented);
  const digest = digestOf(receipt);
  if (!entries.some(entry => digestOf(entry) === digest))
    throw new ReceiptError('receipt-chain-broken', 'The receipt is not in the chain of --against.');
  if (distrusted.includes(receipt.chain.sequence))
    throw new ReceiptError(
      'receipt-revoked',
      `The receipt is signed with key ${receipt.signer.keyId} in the time from which on the chain revokes that key: do not trust it.`,
    );
  return receipt;
}

function printOne(terminal: Terminal, receipt: Receipt, { key, against }: VerifyOptions): void {
  const { request, status, chain, signer, service } = receipt;
  const { connection, kind, requestId } = request;
  terminal.print(
    {
      verified: true,
      ...signedBy([receipt], key !== undefined),
      connection,
      kind,
      requestId,
      ...(request.dryRun && { dryRun: true }),
      status,
      ...placeOf(receipt),
    },
    [
      `Verified: ${nameOf(receipt)} of ${connection}, ${status}`,
      ...statementsOf(receipt).map(([about, words]) => `  ${about.padEnd(9)}  ${words}`),
      `  signed by  ${signer.keyId}${trustedBy(key, against)}; version ${service.version}`,
      `  place      ${chain.sequence} in the chain of ${connection}; digest ${digestOf(receipt)}`,
    ],
  );
}

/** `dry run of a deletion case-17`. */
function nameOf({ request }: Receipt): string {
  return `${request.dryRun ? requestNoun(request) : request.kind} ${request.requestId}`;
}

function trustedBy(key: string | undefined, against: string | undefined): string {
  if (key === undefined) return '';
  return against === undefined ? ', a key of --key' : ', a key of --key or one that its chain introduces';
}

function printChain(
  terminal: Terminal,
  { since }: VerifyOptions,
  verified: VerifiedChain,
  trusted: readonly string[] | undefined,
): Exit {
  const { entries, receipts, distrusted, introduced } = verified;
  const last = entries.at(-1);
  if (last === undefined) return EXIT.failed;
  const connection = connectionOf(last);
  const unreadable = verified.unreadable.map(({ sequence }) => sequence);
  const good = distrusted.length === 0;
  const keys = signedBy(entries, trusted !== undefined);
  const document = { ...keys, introduced, connection, receipts: receipts.length, unreadable, distrusted };
  terminal.print({ verified: good, ...document, ...placeOf(last) }, [
    `${good ? 'Verified' : 'Not all trusted'}: ${count(receipts.length, 'receipt')} of ${connection}, none missing from the first to the last`,
    ...(unreadable.length === 0
      ? []
      : [`  unreadable entries ${unreadable.join(', ')}: the chain states that nobody can read them`]),
    ...(good
      ? []
      : [
          `  revoked    entries ${distrusted.join(', ')}: do not trust them, the chain revokes their key from that time on`,
        ]),
    ...(since === undefined ? [] : ['  since      the receipt with that digest is still in the chain']),
    `  signed by  ${keys.keyIds.join(', ')}${trusted === undefined ? '' : ', keys of --key, or introduced by them'}`,
    ...(introduced.length === 0
      ? []
      : [`  introduced ${introduced.join(', ')}: not in --key; compare with the operator`]),
    `  the last   ${wordsOf(last)}; digest ${digestOf(last)}`,
  ]);
  return good ? EXIT.done : EXIT.failed;
}

function wordsOf(entry: Entry): string {
  if (isReceipt(entry)) return nameOf(entry);
  return entry.states.about === 'key' ? 'statement about a key' : 'statement about an unreadable entry';
}

function placeOf(entry: Entry) {
  return { sequence: entry.chain.sequence, digest: digestOf(entry) };
}

function signedBy(entries: readonly Entry[], pinned: boolean) {
  return { keyIds: [...new Set(entries.map(({ signer }) => signer.keyId))], pinned };
}

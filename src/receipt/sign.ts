/**
 * Signs documents and verifies them, with the document alone: its public key travels in it. A caller that trusts only some
 * keys names them. Nothing is signed that its own schema refuses, and anything other than the exact signed content is refused
 * with a code. Pure.
 */
import { createHash, sign, verify } from 'node:crypto';
import type { z } from 'zod';
import { openPublicKey, type SigningKey, signingKeyId } from '../encryption/signing-key';
import { type ReceiptFacts, receiptContent } from './build';
import { canonicalJson, parseStrictly } from './canonical';
import {
  type ChainStatement,
  chainStatementBodySchema,
  type Entry,
  entrySchema,
  type KeyStatement,
  keyStatementBodySchema,
  keyStatementSchema,
  type Receipt,
  type ReceiptBody,
  type ReceiptContent,
  receiptBodySchema,
  receiptContentSchema,
  receiptSchema,
} from './model';

export type ReceiptCode =
  | 'receipt-malformed'
  | 'receipt-changed'
  | 'receipt-untrusted'
  | 'receipt-revoked'
  | 'receipt-chain-broken'
  | 'receipt-invalid'
  | 'receipt-unreadable';

/** Why something is not accepted as a receipt, or as a chain of receipts, or cannot become one. */
export class ReceiptError extends Error {
  override readonly name = 'ReceiptError';
  constructor(
    readonly code: ReceiptCode,
    message: string,
  ) {
    super(message);
  }
}

interface Signer {
  readonly keyId: string;
  readonly publicKey: string;
}
interface Unsigned {
  readonly signer: Signer;
}

/**
 * @param schema of the unsigned document, signer included
 * @throws {ReceiptError} `receipt-invalid`, naming the first wrong member: nothing was signed
 */
export function signed<T extends Unsigned>(
  schema: z.ZodType<T>,
  unsigned: Omit<T, 'signer'>,
  key: SigningKey,
): T & { readonly signature: string } {
  const data = valid(schema, { ...unsigned, signer: { keyId: key.id, publicKey: key.publicKey } });
  return { ...data, signature: sign(null, Buffer.from(canonicalJson(data)), key.privateKey).toString('base64') };
}

function valid<T>(schema: z.ZodType<T>, unsigned: unknown): T {
  const { data, error } = schema.safeParse(unsigned);
  if (data !== undefined) return data;
  throw new ReceiptError(
    'receipt-invalid',
    `Nothing was signed, because the document would be invalid: ${faultIn(error)}.`,
  );
}

/** What a receipt states of a run whose facts crossed a workflow. @throws {ReceiptError} `receipt-invalid` */
export function statableContent(facts: ReceiptFacts): ReceiptContent {
  let content: unknown;
  try {
    content = receiptContent(facts);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // of a result that is not what its type says
  }
  return valid(receiptContentSchema, content);
}

/** @throws {ReceiptError} `receipt-invalid` */
export function signReceipt(unsigned: Omit<ReceiptBody, 'signer'>, key: SigningKey): Receipt {
  return signed(receiptBodySchema, unsigned, key);
}

/** @throws {ReceiptError} `receipt-invalid` */
export function signChainStatement(
  unsigned: Omit<ChainStatement, 'format' | 'signer' | 'signature'>,
  key: SigningKey,
): ChainStatement {
  return signed(chainStatementBodySchema, { format: 'aircall-dsr/chain-statement@1', ...unsigned }, key);
}

/** @throws {ReceiptError} `receipt-invalid` */
export function signKeyStatement(unsigned: Pick<KeyStatement, 'says' | 'issued'>, key: SigningKey): KeyStatement {
  return signed(keyStatementBodySchema, { format: 'aircall-dsr/key-statement@1', ...unsigned }, key);
}

/**
 * A receipt that somebody presents, once it has proved to be one.
 * @param trusted public keys (SPKI, base64), of which one must have signed; any may if not given
 * @throws {ReceiptError} `receipt-malformed`, `receipt-changed`, `receipt-untrusted`
 */
export function verifyReceipt(presented: unknown, trusted?: readonly string[]): Receipt {
  return verifyDocument({ schema: receiptSchema, what: 'no receipt of a known format' }, presented, trusted);
}

/**
 * Likewise, of any signed document.
 * @param what it is if it does not have the shape of the schema, in words
 */
export function verifyDocument<T extends Unsigned & { readonly signature: string }>(
  { schema, what }: { readonly schema: z.ZodType<T>; readonly what: string },
  presented: unknown,
  trusted: readonly string[] | undefined,
): T {
  const document = proven(read(schema, presented, what));
  if (trusted !== undefined && !trusted.includes(document.signer.publicKey)) throw untrusted(document.signer);
  return document;
}

/** An entry of a chain, signed by whatever key it names. @throws {ReceiptError} `receipt-malformed`, `receipt-changed` */
export function verifyEntry(presented: unknown): Entry {
  const entry = proven(readEntry(presented));
  if ('states' in entry && entry.states.about === 'key') provenKeyStatement(entry.states.statement);
  return entry;
}

/** Its shape only, not its signature. @throws {ReceiptError} `receipt-malformed`, naming the first wrong member */
export function readEntry(presented: unknown): Entry {
  return read(entrySchema, presented, 'no receipt of a known format');
}

/** @throws {ReceiptError} `receipt-malformed`, `receipt-changed` */
export function verifyKeyStatement(presented: unknown): KeyStatement {
  return provenKeyStatement(read(keyStatementSchema, presented, 'no statement about a key'));
}

function provenKeyStatement(statement: KeyStatement): KeyStatement {
  const { says } = statement;
  if (says.does === 'introduce' && signingKeyId(says.publicKey) !== says.keyId)
    throw new ReceiptError('receipt-malformed', 'A statement names a key by the id of another one.');
  return proven(statement);
}

export function untrusted({ keyId }: Signer): ReceiptError {
  return new ReceiptError('receipt-untrusted', `It is signed with key ${keyId}, which is not a given key.`);
}

function read<T>(schema: z.ZodType<T>, presented: unknown, what: string): T {
  const { data, error } = schema.safeParse(presented);
  if (data !== undefined) return data;
  throw new ReceiptError('receipt-malformed', `The document is ${what}: ${faultIn(error)}.`);
}

/** The first wrong member of a document, without its value. */
function faultIn(error: z.ZodError | undefined): string {
  const [issue] = error?.issues ?? [];
  const place = issue?.path.join('.') || 'the document';
  const extra = issue?.code === 'unrecognized_keys' ? ' (an unknown member)' : '';
  return `${place} is wrong${extra}`;
}

/** The document, once its own key has proved to have signed it. @throws {ReceiptError} `receipt-malformed`, `receipt-changed` */
export function proven<T extends Unsigned & { readonly signature: string }>(document: T): T {
  const { signature, ...body } = document;
  const { keyId, publicKey } = document.signer;
  const key = openPublicKey(publicKey);
  const bytes = Buffer.from(signature, 'base64');
  // Several base64 spellings decode to the same bytes: only one of them is accepted.
  if (key === undefined || signingKeyId(publicKey) !== keyId || bytes.toString('base64') !== signature)
    throw new ReceiptError('receipt-malformed', 'It names a key, or holds a signature, that has no valid form.');
  if (verify(null, Buffer.from(canonicalJson(body)), key, bytes)) return document;
  throw new ReceiptError('receipt-changed', 'It was changed after it was signed: the signature does not match.');
}

/** @throws {ReceiptError} `receipt-malformed` */
export function parseDocument(bytes: Uint8Array): unknown {
  try {
    return parseStrictly(bytes);
  } catch {
    throw new ReceiptError(
      'receipt-malformed',
      'The document is no JSON, or JSON that two readers may read differently.',
    );
  }
}

/** SHA-256 of its canonical JSON, hexadecimal: what the next entry of the chain holds. */
export function digestOf(document: Entry | KeyStatement): string {
  return createHash('sha256').update(canonicalJson(document)).digest('hex');
}

/**
 * Signs receipts and verifies them, with the document alone: its public key travels in it. A caller that trusts only some
 * keys names them. Anything other than the exact signed content is refused with a code. Pure.
 */
import { createHash, sign, verify } from 'node:crypto';
import { openPublicKey, type SigningKey, signingKeyId } from '../encryption/signing-key';
import { canonicalJson, parseStrictly } from './canonical';
import { type Receipt, type ReceiptBody, receiptSchema } from './model';

export type ReceiptCode = 'receipt-malformed' | 'receipt-changed' | 'receipt-untrusted' | 'receipt-chain-broken';

/** Why something is not accepted as a receipt, or as a chain of receipts. */
export class ReceiptError extends Error {
  override readonly name = 'ReceiptError';
  constructor(
    readonly code: ReceiptCode,
    message: string,
  ) {
    super(message);
  }
}

export function signReceipt(unsigned: Omit<ReceiptBody, 'signer'>, key: SigningKey): Receipt {
  const body: ReceiptBody = { ...unsigned, signer: { keyId: key.id, publicKey: key.publicKey } };
  return { ...body, signature: sign(null, signedBytes(body), key.privateKey).toString('base64') };
}

/**
 * A receipt that somebody presents, once it has proved to be one.
 * @param trusted public keys (SPKI, base64), of which one must have signed; any may if not given
 * @throws {ReceiptError} `receipt-malformed`, `receipt-changed`, `receipt-untrusted`
 */
export function verifyReceipt(presented: unknown, trusted?: readonly string[]): Receipt {
  const receipt = readReceipt(presented);
  const { signature, ...body } = receipt;
  const { keyId, publicKey } = body.signer;
  const key = openPublicKey(publicKey);
  const bytes = Buffer.from(signature, 'base64');
  // Several base64 spellings decode to the same bytes: only one of them is accepted.
  if (key === undefined || signingKeyId(publicKey) !== keyId || bytes.toString('base64') !== signature)
    throw new ReceiptError('receipt-malformed', 'It names a key, or holds a signature, that has no valid form.');
  if (!verify(null, signedBytes(body), key, bytes))
    throw new ReceiptError(
      'receipt-changed',
      'The receipt was changed after it was signed: the signature does not match.',
    );
  if (trusted !== undefined && !trusted.includes(publicKey))
    throw new ReceiptError('receipt-untrusted', `The receipt is signed with key ${keyId}, which is not a given key.`);
  return receipt;
}

/** Its shape only, not its signature. @throws {ReceiptError} `receipt-malformed`, naming the first wrong member */
export function readReceipt(presented: unknown): Receipt {
  const { data, error } = receiptSchema.safeParse(presented);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  const place = issue?.path.join('.') || 'the document';
  const extra = issue?.code === 'unrecognized_keys' ? ' (an unknown member)' : '';
  throw new ReceiptError(
    'receipt-malformed',
    `The document is no receipt of a known format: ${place} is wrong${extra}.`,
  );
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

/** SHA-256 of its canonical JSON, hexadecimal: what the next receipt of the chain holds. */
export function digestOf(receipt: Receipt): string {
  return createHash('sha256').update(canonicalJson(receipt)).digest('hex');
}

function signedBytes(body: ReceiptBody): Buffer {
  return Buffer.from(canonicalJson(body));
}

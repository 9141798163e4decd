/**
 * Faults of the vault's store and of its objects, each with its remedy. Texts hold no key, no credential and, of the store's
 * answer, only the name of its error: the rest quotes object names and hosts.
 */
import { ZodError } from 'zod';
import { SealBroken } from '../encryption/seal';
import { codeOrName } from '../error-code';

export type VaultErrorCode =
  | 'vault-unreachable'
  | 'vault-missing'
  | 'vault-denied'
  | 'vault-refused'
  | 'vault-too-large'
  | 'vault-unsafe'
  | 'vault-rolled-back'
  | 'connection-broken'
  | 'approvers-broken'
  | 'notice-broken'
  | 'record-broken'
  | 'evidence-broken';

const ADVICE = {
  'vault-unreachable': 'Check network, proxy and certificates, and the state of the store.',
  'vault-missing': 'Make the bucket, or correct AIRCALL_DSR_VAULT.',
  'vault-denied': 'Check the AWS credentials, and the permissions in docs/operate/install.md.',
  'vault-refused': 'Check AWS_REGION and AWS_ENDPOINT_URL_S3.',
  'vault-too-large': 'An object of the vault holds at most 256 MiB.',
  'vault-unsafe': 'Use another store: docs/operate/install.md says what it must do.',
  'vault-rolled-back':
    'Restore the whole vault from a backup, and start all workers again; for a connection, `aircall-dsr connect` is enough.',
  'connection-broken': 'Run `aircall-dsr connect` again, or restore the object from a backup.',
  'approvers-broken': 'Restore the object `approvers` from a backup. Check that the key file belongs to this vault.',
  'notice-broken':
    'Run `aircall-dsr connect` again with `--notice`, or restore the object from a backup. Check that the key file belongs to this vault.',
  'record-broken': 'Restore it from a backup. Check that the key file belongs to this vault.',
  'evidence-broken':
    'Restore it from a backup. Check that the key file belongs to this vault. The receipt of the request stays.',
} as const satisfies Record<VaultErrorCode, string>;

/** The message is `what`, a sentence, and the remedy of the code. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  constructor(
    readonly code: VaultErrorCode,
    what: string,
  ) {
    super(`${what} ${ADVICE[code]}`);
  }
}

/** Whether bytes could not be unsealed, or hold something else than expected. A key that is missing is another matter. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof SealBroken || error instanceof SyntaxError || error instanceof ZodError;
}

/** Reads an object; one that is unreadable is a fault of its own. @throws {VaultError} with `code` */
export async function readable<T>(
  code: 'connection-broken' | 'approvers-broken' | 'notice-broken' | 'record-broken',
  which: string,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    throw new VaultError(code, `The ${which} in the vault cannot be read (${codeOrName(error)}).`);
  }
}

export type CaseFileCode = 'case-file-broken' | 'case-file-shredded' | 'file-too-large';

export class CaseFileBroken extends Error {
  override readonly name = 'CaseFileBroken';
  constructor(
    readonly code: CaseFileCode,
    message: string,
  ) {
    super(message);
  }
}

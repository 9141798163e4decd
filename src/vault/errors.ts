/**
 * Faults of the vault's store, each with its remedy. Texts hold no key, no credential and, of the store's
 * answer, only the name of its error: the rest quotes object names and hosts.
 */
export type VaultErrorCode =
  | 'vault-unreachable'
  | 'vault-missing'
  | 'vault-denied'
  | 'vault-refused'
  | 'vault-too-large'
  | 'vault-unsafe';

const ADVICE = {
  'vault-unreachable': 'Check network, proxy and certificates, and the state of the store.',
  'vault-missing': 'Make the bucket, or correct AIRCALL_DSR_VAULT.',
  'vault-denied': 'Check the AWS credentials, and the permissions in docs/operate/install.md.',
  'vault-refused': 'Check AWS_REGION and AWS_ENDPOINT_URL_S3.',
  'vault-too-large': 'An object of the vault holds at most 256 MiB.',
  'vault-unsafe': 'Use another store: docs/operate/install.md says what it must do.',
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

export type CaseFileCode = 'case-file-broken' | 'case-file-shredded';

export class CaseFileBroken extends Error {
  override readonly name = 'CaseFileBroken';
  constructor(
    readonly code: CaseFileCode,
    message: string,
  ) {
    super(message);
  }
}

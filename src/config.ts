/**
 * What the environment says: the vault, the key file, the task queue. The only place that reads AIRCALL_DSR_* variables;
 * a missing one is told with what to do.
 */
import { existsSync, statSync } from 'node:fs';
import { type Keyring, loadKeyring } from './encryption/keyring';
import { DEFAULT_TASK_QUEUE } from './request/names';
import { createFolderDriver } from './vault/folder';
import { createVault, type Vault, type VaultDriver } from './vault/vault';

export class ConfigurationError extends Error {
  readonly code = 'configuration' as const;
  override readonly name = 'ConfigurationError';
}

/** @throws {KeyringError} saying how to make a key file */
export function configuredKeyring(): Keyring {
  return loadKeyring(process.env.AIRCALL_DSR_KEYS);
}

/**
 * The vault that AIRCALL_DSR_VAULT names. Nothing is asked of the store yet.
 * @throws {ConfigurationError}
 */
export async function configuredVault(keyring: Keyring): Promise<Vault> {
  return createVault(await configuredDriver(process.env.AIRCALL_DSR_VAULT ?? ''), keyring);
}

const ANY_URL = /^[a-z0-9+.-]+:\/\//i;
const S3_URL = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*)\/?$/;

async function configuredDriver(place: string): Promise<VaultDriver> {
  const [, bucket, path = ''] = S3_URL.exec(place) ?? [];
  if (bucket !== undefined) {
    // Loaded where it is used only: the AWS SDK would slow down every command.
    const { createS3Driver } = await import('./vault/s3.js');
    const endpoint = process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL; // as the AWS SDK does
    return createS3Driver({ bucket, prefix: path.slice(1), ...(endpoint && { endpoint }) });
  }
  if (place === '' || ANY_URL.test(place)) {
    throw new ConfigurationError(
      'Set AIRCALL_DSR_VAULT, the sealed store of connections, case files and packages, to a folder, or to s3://BUCKET/PREFIX with the name of a bucket in lower case and a prefix of letters, digits, dots, underscores, hyphens and slashes.',
    );
  }
  if (existsSync(place) && !statSync(place).isDirectory()) {
    throw new ConfigurationError('AIRCALL_DSR_VAULT names a file. Set it to a folder.');
  }
  return createFolderDriver(place);
}

/** @throws {ConfigurationError} */
export function configuredTaskQueue(): string {
  const taskQueue = process.env.AIRCALL_DSR_TASK_QUEUE ?? DEFAULT_TASK_QUEUE;
  if (/^[A-Za-z0-9._-]{1,64}$/.test(taskQueue)) return taskQueue;
  throw new ConfigurationError('AIRCALL_DSR_TASK_QUEUE takes 1 to 64 letters, digits, dots, underscores or hyphens.');
}

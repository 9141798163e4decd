/**
 * What the environment says: the vault, the key file, the task queue. The only place that reads AIRCALL_DSR_* variables;
 * a missing one is told with what to do.
 */
import { existsSync, statSync } from 'node:fs';
import { type Keyring, loadKeyring } from './encryption/keyring';
import { DEFAULT_TASK_QUEUE } from './request/names';
import { createFolderDriver } from './vault/folder';
import { createVault, type Vault } from './vault/vault';

export class ConfigurationError extends Error {
  readonly code = 'configuration' as const;
  override readonly name = 'ConfigurationError';
}

/** @throws {KeyringError} saying how to make a key file */
export function configuredKeyring(): Keyring {
  return loadKeyring(process.env.AIRCALL_DSR_KEYS);
}

/** @throws {ConfigurationError} */
export function configuredVault(keyring: Keyring): Vault {
  const folder = process.env.AIRCALL_DSR_VAULT ?? '';
  if (folder === '' || /^[a-z0-9+.-]+:\/\//i.test(folder)) {
    throw new ConfigurationError(
      'Set AIRCALL_DSR_VAULT to a folder: the sealed store of connections, case files and packages.',
    );
  }
  if (existsSync(folder) && !statSync(folder).isDirectory()) {
    throw new ConfigurationError('AIRCALL_DSR_VAULT names a file. Set it to a folder.');
  }
  return createVault(createFolderDriver(folder), keyring);
}

/** @throws {ConfigurationError} */
export function configuredTaskQueue(): string {
  const taskQueue = process.env.AIRCALL_DSR_TASK_QUEUE ?? DEFAULT_TASK_QUEUE;
  if (/^[A-Za-z0-9._-]{1,64}$/.test(taskQueue)) return taskQueue;
  throw new ConfigurationError('AIRCALL_DSR_TASK_QUEUE takes 1 to 64 letters, digits, dots, underscores or hyphens.');
}

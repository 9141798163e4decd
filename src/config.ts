/**
 * The only place that reads environment variables. The error for a missing one names the remedy. Nothing is read
 * before it is needed.
 */
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isLoopback } from './aircall/base-url';
import { createKeyCommand } from './encryption/key-command';
import type { KeyService } from './encryption/key-file';
import { type Keyring, loadKeyring } from './encryption/keyring';
import { NAMED_HOSTS_MAX, type NamedHost, parseMediaHosts } from './media/hosts';
import { DEFAULT_TASK_QUEUE, NAME_RULE } from './request/names';
import type { RetentionPolicy } from './retention/retention';
import { type TemporalConfiguration, temporalConfiguration } from './temporal/connect';
import { createFolderDriver } from './vault/folder';
import { createVault, type Vault, type VaultDriver } from './vault/vault';

export class ConfigurationError extends Error {
  readonly code = 'configuration' as const;
  override readonly name = 'ConfigurationError';
}

/** The variables of a process, by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Configuration {
  /** The key file, and the command that unwraps its keys if they are wrapped. */
  keyFile(): { readonly path: string | undefined; readonly service: KeyService | undefined };
  /** @throws {KeyringError} naming the command that makes a key file */
  keyring(): Keyring;
  /**
   * The vault that AIRCALL_DSR_VAULT names. No call to the store yet.
   * @throws {ConfigurationError}
   */
  vault(keyring: Keyring): Promise<Vault>;
  /** @throws {ConfigurationError} */
  taskQueue(): string;
  /** @throws {ConfigurationError} */
  retention(): RetentionPolicy;
  /** Bearer token that clients of the codec server must send; undefined: none. @throws {ConfigurationError} */
  codecToken(): string | undefined;
  /** Address that receives alarms about due dates; undefined: none. @throws {ConfigurationError} */
  alarmWebhook(): string | undefined;
  /** Hosts that media may come from besides Aircall's own storage. @throws {ConfigurationError} */
  mediaHosts(): readonly NamedHost[];
  /** The OAuth client that Aircall issued. @throws {ConfigurationError} naming the missing variables */
  oauthClient(): OauthConfiguration;
  /** The file with the private key of an approver; undefined: none. */
  approverKey(): string | undefined;
  /** Credentials of an Aircall company, each if it is set. */
  aircallCredentials(): AircallCredentials;
  /** Address of the Temporal server, by Temporal's own variables and profile file. */
  temporal(): TemporalConfiguration;
  /** Whether OpenTelemetry's own variables name a collector for traces. */
  tracing(): boolean;
  /** Whether the place of an unexpected error is printed. */
  debug(): boolean;
}

export interface OauthConfiguration {
  readonly clientId: string;
  readonly clientSecret: string;
  /** As registered with Aircall. */
  readonly redirectUri: string;
}

export interface AircallCredentials {
  readonly apiId: string | undefined;
  readonly apiToken: string | undefined;
  readonly accessToken: string | undefined;
}

export function createConfiguration(env: Environment): Configuration {
  const keyFile = () => {
    const command = env.AIRCALL_DSR_KEY_COMMAND ?? '';
    return { path: env.AIRCALL_DSR_KEYS, service: command === '' ? undefined : createKeyCommand(command) };
  };
  return {
    keyFile,
    keyring() {
      const { path, service } = keyFile();
      return loadKeyring(path, service);
    },
    vault: async keyring => createVault(await driverOf(env), keyring),
    taskQueue: () => taskQueueOf(env),
    retention: () => retentionOf(env),
    codecToken: () => codecTokenOf(env),
    alarmWebhook: () => alarmWebhookOf(env),
    mediaHosts: () => mediaHostsOf(env),
    oauthClient: () => oauthClientOf(env),
    approverKey: () => env.AIRCALL_DSR_APPROVER_KEY || undefined,
    aircallCredentials: () => ({
      apiId: env.AIRCALL_API_ID,
      apiToken: env.AIRCALL_API_TOKEN,
      accessToken: env.AIRCALL_ACCESS_TOKEN,
    }),
    temporal: () => temporalConfiguration(env),
    tracing: () => isTraced(env),
    debug: () => env.AIRCALL_DSR_DEBUG === '1',
  };
}

const DAY_MS = 86_400_000;
const RETENTION_DAYS_DEFAULT = 30;
const RETENTION_DAYS_MAX = 3_650;

function retentionOf(env: Environment): RetentionPolicy {
  const days = daysOf('AIRCALL_DSR_RETENTION_DAYS', env.AIRCALL_DSR_RETENTION_DAYS, RETENTION_DAYS_DEFAULT);
  const packageDays = daysOf('AIRCALL_DSR_PACKAGE_DAYS', env.AIRCALL_DSR_PACKAGE_DAYS, days);
  return { requestMs: days * DAY_MS, packageMs: Math.min(packageDays, days) * DAY_MS };
}

function daysOf(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined || text === '') return otherwise;
  const days = Number(text);
  if (text.trim() !== '' && days > 0 && days <= RETENTION_DAYS_MAX) return days;
  throw new ConfigurationError(`${name} takes a number of days above 0, at most ${RETENTION_DAYS_MAX}.`);
}

const ANY_URL = /^[a-z0-9+.-]+:\/\//i;
const S3_URL = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*)\/?$/;

async function driverOf(env: Environment): Promise<VaultDriver> {
  const place = env.AIRCALL_DSR_VAULT ?? '';
  const [, bucket, path = ''] = S3_URL.exec(place) ?? [];
  if (bucket !== undefined) {
    // Loaded only if it is used: the AWS SDK would slow down every command.
    const { createS3Driver } = await import('./vault/s3.js');
    const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL; // as the AWS SDK does
    return createS3Driver({ bucket, prefix: path.slice(1), ...(endpoint && { endpoint }) });
  }
  if (place === '' || ANY_URL.test(place)) {
    throw new ConfigurationError(
      'Set AIRCALL_DSR_VAULT, the sealed store of connections, case files and packages, to a folder, or to s3://BUCKET/PREFIX with the name of a bucket in lower case and a prefix of letters, digits, dots, underscores, hyphens and slashes.',
    );
  }
  refuseUnusable(resolve(place));
  return createFolderDriver(place);
}

/** Of a folder that is not there yet, the nearest one above it in which it would be made. */
function refuseUnusable(folder: string): void {
  let there = folder;
  while (!existsSync(there)) there = dirname(there);
  if (!statSync(there).isDirectory())
    throw new ConfigurationError('AIRCALL_DSR_VAULT names a file, or a place below one. Set it to a folder.');
  const { R_OK, W_OK, X_OK } = constants;
  try {
    accessSync(there, X_OK | (there === folder ? R_OK : W_OK));
  } catch {
    throw new ConfigurationError(
      'This user may not use the folder of AIRCALL_DSR_VAULT. Make it with its right owner, or set another one.',
    );
  }
}

/** Characters that a header can carry. */
const TOKEN = /^[!-~]{16,}$/;

function codecTokenOf(env: Environment): string | undefined {
  const token = valueOrFile(env, 'AIRCALL_DSR_CODEC_TOKEN');
  if (token === '' && !env.AIRCALL_DSR_CODEC_TOKEN_FILE) return undefined;
  if (TOKEN.test(token)) return token;
  throw new ConfigurationError(
    'The token of the codec server takes at least 16 characters: ASCII letters, digits and signs, no spaces.',
  );
}

/** The value of a variable, or the content of the file that the same variable with `_FILE` names; otherwise empty. */
function valueOrFile(env: Environment, variable: string): string {
  const file = env[`${variable}_FILE`] ?? '';
  return file === '' ? (env[variable] ?? '') : contentOf(`${variable}_FILE`, file).trim();
}

function contentOf(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new ConfigurationError(`The file of ${variable} cannot be read.`);
  }
}

function alarmWebhookOf(env: Environment): string | undefined {
  const text = env.AIRCALL_DSR_ALARM_WEBHOOK ?? '';
  if (text === '') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (url !== undefined && safe && url.username === '' && url.password === '') return text;
  throw new ConfigurationError(
    'AIRCALL_DSR_ALARM_WEBHOOK takes an HTTPS address, or one of this machine, without user and password.',
  );
}

function mediaHostsOf(env: Environment): readonly NamedHost[] {
  const hosts = parseMediaHosts(env.AIRCALL_DSR_MEDIA_HOSTS ?? '');
  if (hosts !== undefined) return hosts;
  throw new ConfigurationError(
    `AIRCALL_DSR_MEDIA_HOSTS takes a comma list of HOST or HOST:PORT, at most ${NAMED_HOSTS_MAX}, without a protocol.`,
  );
}

function oauthClientOf(env: Environment): OauthConfiguration {
  const clientId = valueOrFile(env, 'AIRCALL_OAUTH_CLIENT_ID');
  const clientSecret = valueOrFile(env, 'AIRCALL_OAUTH_CLIENT_SECRET');
  const redirectUri = env.AIRCALL_OAUTH_REDIRECT_URI ?? '';
  if (clientId === '' || clientSecret === '' || redirectUri === '') {
    throw new ConfigurationError(
      'Set AIRCALL_OAUTH_CLIENT_ID and AIRCALL_OAUTH_CLIENT_SECRET (each may be in a file: name the file in the same variable with _FILE) and AIRCALL_OAUTH_REDIRECT_URI, as Aircall issued and registered them.',
    );
  }
  const parsed = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined;
  if (!/^https?:$/.test(parsed?.protocol ?? '') || parsed?.hash !== '')
    throw new ConfigurationError('AIRCALL_OAUTH_REDIRECT_URI takes the address that is registered with Aircall.');
  return { clientId, clientSecret, redirectUri };
}

function taskQueueOf(env: Environment): string {
  const taskQueue = env.AIRCALL_DSR_TASK_QUEUE || DEFAULT_TASK_QUEUE;
  if (/^[A-Za-z0-9._-]{1,64}$/.test(taskQueue)) return taskQueue;
  throw new ConfigurationError(`AIRCALL_DSR_TASK_QUEUE ${NAME_RULE}.`);
}

function isTraced(env: Environment): boolean {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces, OTEL_SDK_DISABLED } = env;
  return Boolean(all || traces) && OTEL_SDK_DISABLED !== 'true';
}

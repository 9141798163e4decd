/**
 * What every command has in common: one JSON document or plain words on stdout, everything else on stderr, and an exit
 * code. Errors are told as code, what happened, what to do.
 */

import { createLog, type LogFormat } from '../log';

export const EXIT = { done: 0, failed: 1, usage: 2 } as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];
/** `atOnce`: something of the process would go on for ever. */
export type Ending = Exit | { readonly atOnce: Exit };

export interface Output {
  readonly json: boolean;
}

/** Of a command that serves: how it logs. */
export interface ServiceOutput extends Output {
  readonly log: LogFormat;
}

/** A command's own refusal. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    readonly code: string,
    message: string,
    readonly exit: Exit,
  ) {
    super(message);
  }
}

/** The result of a command: `document` with --json, else `lines`. */
export function answer({ json }: Output, document: unknown, lines: readonly string[]): void {
  process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : lines.map(line => `${line}\n`).join(''));
}

/** A line for a person, on stderr. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Codes that are the caller's to mend: wrong usage or configuration. */
const USAGE_CODES = new Set([
  'usage',
  'invalid-input',
  'batch-refused',
  'request-conflict',
  'not-found',
  'ambiguous-id',
  'configuration',
  'vault-unreachable',
  'vault-missing',
  'vault-denied',
  'vault-refused',
  'vault-unsafe',
  'keys-missing',
  'keys-exist',
  'keys-exposed',
  'keys-malformed',
  'keys-busy',
  'key-command-missing',
  'key-command-failed',
  'unknown-key',
  'signing-key-missing',
  'search-attributes-missing',
  'temporal-unreachable',
  'temporal-server-unavailable',
]);

/** Tells an error and answers the exit code. Errors that are not ours are told by name only: their texts hold values. */
export function tellError({ json, log = 'text' }: Output & Partial<ServiceOutput>, error: unknown): Exit {
  if (nameOf(error) === 'NamespaceNotFoundError') return tellError({ json, log }, namespaceMissing());
  const own = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unexpected';
  const ours =
    error instanceof Error && (error instanceof CommandError || USAGE_CODES.has(own) || OWN_NAMES.has(error.name));
  const code = ours ? own : 'unexpected';
  const message =
    ours && error instanceof Error
      ? error.message
      : `Something unexpected went wrong (${nameOf(error)}, ${own}). Set AIRCALL_DSR_DEBUG=1 to see where.`;
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message } }, null, 2)}\n`);
  if (log === 'json') createLog(log)({ level: 'error', message, code });
  else tell(`error ${code}: ${message}`);
  if (!ours && process.env.AIRCALL_DSR_DEBUG === '1' && error instanceof Error)
    tell((error.stack ?? '').split('\n').slice(1).join('\n'));
  if (error instanceof CommandError) return error.exit;
  return USAGE_CODES.has(code) ? EXIT.usage : EXIT.failed;
}

const OWN_NAMES = new Set([
  'DsrError',
  'AircallError',
  'SealBroken',
  'VaultError',
  'CaseFileBroken',
  'ReceiptError',
  'RequestOpen',
  'BundleRefused',
  'TemporalServerUnavailable',
  'SandboxInputError',
]);

function namespaceMissing(): CommandError {
  return new CommandError(
    'configuration',
    'The Temporal server has no such namespace. Set TEMPORAL_NAMESPACE, or create it: temporal operator namespace create.',
    EXIT.usage,
  );
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

/** An aligned table for a terminal; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length)));
  return rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

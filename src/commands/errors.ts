/** How a command ends: its exit code, and the code and message of an error. */
import { errorCode } from '../error-code';

export const EXIT = { done: 0, failed: 1, usage: 2 } as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];
/** `atOnce`: a part of the process would otherwise run for ever. */
export type CommandEnd = Exit | { readonly atOnce: Exit };

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

export function usage(message: string): CommandError {
  return new CommandError('usage', message, EXIT.usage);
}

/** Codes that the caller has to fix: wrong usage or configuration. */
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
  'keys-unwritten',
  'key-not-in-role',
  'key-command-missing',
  'key-command-failed',
  'unknown-key',
  'signing-key-revoked',
  'search-attributes-missing',
  'temporal-unreachable',
  'temporal-server-unavailable',
]);

/** Errors whose text never holds values. */
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
  'ShutdownOverdue',
]);

const NAMESPACE_MISSING = new CommandError(
  'configuration',
  'The Temporal server has no such namespace. Set TEMPORAL_NAMESPACE, or create it: temporal operator namespace create.',
  EXIT.usage,
);

const SERVER_SILENT = new CommandError(
  'temporal-unreachable',
  'The Temporal server did not answer in time. Check that it runs, and try again.',
  EXIT.usage,
);
/** gRPC statuses DEADLINE_EXCEEDED and UNAVAILABLE. */
const SILENT: readonly unknown[] = [4, 14];

/** The printed code and message of an error. */
export function codeAndMessageOf(error: unknown): { readonly code: string; readonly message: string } {
  const known = knownAs(error);
  if (known !== undefined) return { code: codeOf(known), message: known.message };
  const name = error instanceof Error ? error.name : typeof error;
  return {
    code: 'unexpected',
    message: `An unexpected error occurred (${name}, ${codeOf(error)}). Set AIRCALL_DSR_DEBUG=1 to print its place.`,
  };
}

export function exitOf(error: unknown): Exit {
  const known = knownAs(error);
  if (known instanceof CommandError) return known.exit;
  return known !== undefined && USAGE_CODES.has(codeOf(known)) ? EXIT.usage : EXIT.failed;
}

/** Whether the error is an unexpected one. */
export function namesDefect(error: unknown): error is Error {
  return error instanceof Error && knownAs(error) === undefined;
}

/** The error if it is one of ours; undefined for one whose text may hold anything. */
function knownAs(error: unknown): Error | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'NamespaceNotFoundError') return NAMESPACE_MISSING;
  if (isSilence(error) || isSilence(error.cause)) return SERVER_SILENT;
  const ours = error instanceof CommandError || USAGE_CODES.has(codeOf(error)) || OWN_NAMES.has(error.name);
  return ours ? error : undefined;
}

/** By the shape of an error of gRPC: its class would load Temporal's client, which slows down every command. */
function isSilence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && 'details' in error && SILENT.includes(error.code);
}

function codeOf(error: unknown): string {
  return (error instanceof Error ? errorCode(error) : undefined) ?? 'unexpected';
}

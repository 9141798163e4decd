/**
 * The log of a service, a line at a time: text for a person, or JSON for a log store. Ids and names only, never
 * personal data. Only services log; a command that ends prints its result.
 */

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  /** One sentence. It need not repeat `connection`, which stands before it if a person reads it. */
  readonly message: string;
  readonly connection?: string;
  readonly workflowId?: string;
  readonly activityType?: string;
  readonly taskQueue?: string;
  readonly keyId?: string;
  /** A code of docs/errors.md, or the name of an error of the SDK. */
  readonly code?: string;
}

export type Log = (line: LogLine) => void;

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Writes each line with `write`; `json`: as an object, with the time as ISO 8601. */
export function createLog(format: LogFormat, write: (line: string) => void): Log {
  return line => write(format === 'json' ? jsonOf(line) : textOf(line));
}

/** The text format, for a person. */
export function textOf({ connection, message }: LogLine): string {
  return connection === undefined ? message : `connection ${connection}: ${message}`;
}

function jsonOf(line: LogLine): string {
  return JSON.stringify({ time: new Date().toISOString(), ...line });
}

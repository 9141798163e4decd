/**
 * What a command prints: its result on stdout, as one JSON document or as plain words, and everything else on stderr. The process
 * passes its streams and signals (src/cli.ts), a test passes its own.
 */
import type { Readable } from 'node:stream';
import type { MetricMeter } from '@temporalio/common';
import { createLog, type Log, type LogFormat } from '../log';
import { codeAndMessageOf, namesDefect } from './errors';
import type { Listen } from './listen';

/** The parts of the process that a command may use. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** How often a command polls, in milliseconds; absent: as often as suits each of them. */
  readonly pollMs?: number;
  /** From now on the first SIGINT or SIGTERM aborts; a second one ends the process. */
  interruption(): Interruption;
  /** Prepares the process for Temporal workers and replays. With `metrics` it serves them there, and returns their meter. */
  installRuntime(log: Log, metrics?: Listen): Promise<MetricMeter | undefined>;
}

export interface Stream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface Interruption {
  readonly signal: AbortSignal;
  /** Gives signals back to the process. */
  forget(): void;
}

export interface Terminal {
  readonly io: Io;
  /** Whether a person watches stderr. */
  readonly watched: boolean;
  /** Prints the result of the command: `document` with --json, else `lines`. */
  print(document: unknown, lines: readonly string[]): void;
  /** Prints a line for a person, on stderr. */
  note(line: string): void;
  /** Prints an error; one that is not ours by its name only, because its text may hold values. */
  error(error: unknown): void;
  /** Lines of a command that runs until it is stopped. */
  readonly log: Log;
  /** Resolves when the process receives a signal to stop. */
  stopped(): Promise<void>;
}

export interface TerminalOptions {
  readonly json: boolean;
  /** Of a command that serves. */
  readonly log?: LogFormat | undefined;
  /** Whether the place of an unexpected error is printed too. */
  readonly debug: boolean;
}

export function createTerminal(io: Io, { json, log: format = 'text', debug }: TerminalOptions): Terminal {
  const printDocument = (document: unknown) => void io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  const note = (line: string) => void io.stderr.write(`${line}\n`);
  const log = createLog(format, note);
  return {
    io,
    watched: io.stderr.isTTY === true,
    note,
    log,
    print(document, lines) {
      if (json) printDocument(document);
      else io.stdout.write(lines.map(line => `${line}\n`).join(''));
    },
    error(error) {
      const { code, message } = codeAndMessageOf(error);
      if (json) printDocument({ error: { code, message } });
      if (format === 'json') log({ level: 'error', message, code });
      else note(`error ${code}: ${message}`);
      if (debug && namesDefect(error)) note(placeOf(error));
    },
    async stopped() {
      const { signal } = io.interruption();
      await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()));
    },
  };
}

/** The frames only: the message before them may hold values. */
function placeOf({ message, stack = '' }: Error): string {
  const frames = stack
    .replace(message, '')
    .split('\n')
    .filter(line => /^\s+at /.test(line));
  return frames.join('\n');
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

/**
 * What a command prints: its result on stdout, as one JSON document or as plain words, and everything else on stderr. Nothing
 * that a terminal would obey instead of showing it. The process passes its streams and signals (src/cli.ts), a test its own.
 */
import type { Readable } from 'node:stream';
import type { MetricMeter } from '@temporalio/common';
import { createLog, type Log, type LogFormat } from '../log';
import { codeAndMessageOf, namesDefect } from './errors';
import type { Listen } from './listen';

/** The parts of the process that a command may use. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
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
  /** Prints the result of the command: `document` with --json, else `lines`, each of which stays one line. */
  print(document: unknown, lines: readonly string[]): void;
  /** Prints one line for a person, on stderr. */
  note(line: string): void;
  /** Prints a question for a person, on stderr; the answer is typed behind it. */
  ask(question: string): void;
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
  const printDocument = (document: unknown) => void io.stdout.write(`${jsonText(document)}\n`);
  const note = (line: string) => void io.stderr.write(`${inOneLine(line)}\n`);
  const log = createLog(format, note);
  return {
    io,
    watched: io.stderr.isTTY === true,
    note,
    ask: question => void io.stderr.write(`${inOneLine(question)} `),
    log,
    print(document, lines) {
      if (json) printDocument(document);
      else io.stdout.write(lines.map(line => `${inOneLine(line)}\n`).join(''));
    },
    error(error) {
      const { code, message } = codeAndMessageOf(error);
      if (json) printDocument({ error: { code, message } });
      if (format === 'json') log({ level: 'error', message, code });
      else for (const line of `error ${code}: ${message}`.split('\n')) note(line);
      if (debug && namesDefect(error)) for (const line of framesOf(error)) note(line);
    },
    async stopped() {
      const { signal } = io.interruption();
      await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()));
    },
  };
}

/** Without the message before them, which may hold values. */
function framesOf({ message, stack = '' }: Error): string[] {
  return stack
    .replace(message, '')
    .split('\n')
    .filter(line => /^\s+at /.test(line));
}

/** What a terminal obeys instead of showing it: control characters (C0, C1), breaks of lines, marks of writing direction. */
const OBEYED = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/**
 * A text as a terminal may get it: what it would obey is spelt out as \u001b. A name from Aircall or a text from somebody's file
 * then moves no cursor, sets no title, and adds no line that looks like ours.
 */
export function inOneLine(text: string): string {
  return text.replace(OBEYED, spelt);
}

/** The same for several lines of our own. */
export function inLines(text: string): string {
  return text.split('\n').map(inOneLine).join('\n');
}

/** A document in JSON, which a reader reads as if nothing were spelt out. */
export function jsonText(document: unknown): string {
  return inLines(JSON.stringify(document, null, 2));
}

function spelt(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** An aligned table for a terminal; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const shown = rows.map(row => row.map(inOneLine));
  const widths = (shown[0] ?? []).map((_, column) => Math.max(...shown.map(row => (row[column] ?? '').length)));
  return shown.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

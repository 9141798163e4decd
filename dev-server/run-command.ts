/**
 * Runs a program to its end and turns every way it can fail into one sentence for a person.
 * It never goes through a shell, so no argument is ever interpreted.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

const REASON_LINES_MAX = 8;

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called with each line of either output as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Resolves with both outputs, trimmed. Rejects when the program cannot be started or does not end with 0. */
export function runCommand({ file, args, cwd, env, onLine }: Command): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const lines: string[] = [];
    for (const output of [child.stdout, child.stderr]) {
      let rest = '';
      const take = (line: string) => {
        lines.push(line);
        onLine?.(line);
      };
      output.setEncoding('utf8').on('data', (text: string) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop() ?? '';
        parts.forEach(take);
      });
      output.on('end', () => rest !== '' && take(rest));
    }
    child.once('error', error => reject(new Error(`${file} could not be started: ${reasonOf(error)}`)));
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(lines.join('\n').trim());
      const tail = lines.slice(-REASON_LINES_MAX).join('\n').trim();
      reject(new Error(`${file} ${args[0] ?? ''} ended with ${signal ?? code}${tail === '' ? '' : `:\n${tail}`}`));
    });
  });
}

/** By itself or by a signal, for which the exit code stays null. */
export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** The full path of a program on PATH, or `undefined`. */
export async function findOnPath(program: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder !== '' && (await isExecutable(join(folder, program)))) return join(folder, program);
  }
  return undefined;
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The message of anything thrown, with its cause. By shape, because an error of another realm is no `instanceof Error`. */
export function reasonOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('message' in thrown)) return String(thrown);
  const cause = 'cause' in thrown && thrown.cause !== undefined ? ` (${reasonOf(thrown.cause)})` : '';
  return `${thrown.message}${cause}`;
}

export function hasCode(thrown: unknown, code: string): boolean {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code === code;
}

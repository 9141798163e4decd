/** Lines for a person, on stderr, and the end of a process that failed. */

export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Prints where it failed. */
export function noteError(error: unknown): void {
  note(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

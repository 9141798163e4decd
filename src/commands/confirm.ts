/**
 * The question before a command does what nobody can undo. It is put to a person at a terminal only: elsewhere nobody would answer, and
 * the command acts. With --json too, because a person is there: question and answer are not on stdout.
 */
import type { Readable } from 'node:stream';
import { CommandError, EXIT } from './errors';
import type { Io, Terminal } from './terminal';

export interface ConfirmOptions {
  /** The answer, given in advance. */
  readonly yes?: boolean;
}

/**
 * @param question names what will happen, with nothing of a person but what was typed
 * @throws {CommandError} `not-confirmed`: nothing was done
 */
export async function confirm(terminal: Terminal, question: string, options: ConfirmOptions): Promise<void> {
  const { io } = terminal;
  if (!isAsked(io, options)) return;
  terminal.ask(`${question} [y/N]`);
  if (isYes(await firstLine(io.stdin))) return;
  throw new CommandError('not-confirmed', 'Nothing was done: the answer was not yes.', EXIT.failed);
}

function isAsked({ stdin, stderr }: Io, { yes = false }: ConfirmOptions): boolean {
  return !yes && stdin.isTTY === true && stderr.isTTY === true;
}

function isYes(answer: string): boolean {
  return /^\s*y(?:es)?\s*$/i.test(answer);
}

/** Empty if the input ends without one. What follows the line stays for others, and nothing is read until they do. */
function firstLine(stdin: Readable): Promise<string> {
  return new Promise(resolve => {
    const answer = (line: string) => {
      stdin.off('data', onData).off('end', onEnd).off('error', onEnd).pause();
      resolve(line);
    };
    const onEnd = () => answer('');
    const onData = (part: Buffer | string) => {
      const [line = '', ...others] = String(part).split('\n');
      answer(line);
      if (others.some(other => other !== '')) stdin.unshift(Buffer.from(others.join('\n')));
    };
    stdin.on('data', onData).on('end', onEnd).on('error', onEnd);
  });
}

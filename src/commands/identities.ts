/**
 * Who a request is about, as a command line gives it: an address and numbers as arguments, or, with `-`, one a line on stdin,
 * because other users of the machine can read arguments. Messages name lines, never what is on them.
 */
import type { Readable } from 'node:stream';
import { foldEmail } from '../judgement/addresses';
import { usage } from './errors';
import type { Terminal } from './terminal';

/** In place of the address. */
export const FROM_STDIN = '-';
/** Far above one address and 20 numbers. */
export const STDIN_BYTES_MAX = 16_384;

/** As an input has it. The input check judges each value. */
export interface GivenSubject {
  readonly email: string;
  readonly phoneNumbers?: readonly string[];
}

/** @throws {CommandError} `usage` */
export async function subjectOf(
  terminal: Terminal,
  email: string,
  phoneNumbers: readonly string[] = [],
): Promise<GivenSubject> {
  if (email !== FROM_STDIN) return subject(email, phoneNumbers);
  const { stdin } = terminal.io;
  if (stdin.isTTY === true)
    terminal.note('Type the address of the person, and numbers with +, one a line. End with Ctrl-D:');
  const { emails, numbers } = identitiesIn(await textOf(stdin));
  const [only, ...others] = emails;
  if (only === undefined) throw usage('stdin names no e-mail address; a request needs one.');
  if (others.length > 0)
    throw usage(`stdin names ${emails.length} e-mail addresses; a request takes one. Start one request for each.`);
  return subject(only, [...phoneNumbers, ...numbers]);
}

function subject(email: string, phoneNumbers: readonly string[]): GivenSubject {
  return { email, ...(phoneNumbers.length > 0 && { phoneNumbers }) };
}

/** Spellings of one address count once. */
function identitiesIn(text: string): { readonly emails: readonly string[]; readonly numbers: readonly string[] } {
  const emails = new Map<string, string>();
  const numbers = new Set<string>();
  for (const [index, line] of text.split(/\r\n?|\n/).entries()) {
    const identity = line.trim();
    if (identity === '') continue;
    if (identity.includes('@')) emails.set(foldEmail(identity), identity);
    else if (identity.startsWith('+')) numbers.add(identity);
    else
      throw usage(`line ${index + 1} of stdin is neither an e-mail address, with @, nor a number, with a leading +.`);
  }
  return { emails: [...emails.values()], numbers: [...numbers] };
}

async function textOf(stdin: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of stdin) {
    const bytes = Buffer.from(part);
    sizeBytes += bytes.length;
    if (sizeBytes > STDIN_BYTES_MAX) throw usage(`stdin holds more than ${STDIN_BYTES_MAX} bytes.`);
    parts.push(bytes);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw usage('stdin is not UTF-8.');
  }
}

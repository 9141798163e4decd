/**
 * Who a request is about, as a command line gives it: addresses and numbers as arguments, or, with `-`, one a line on stdin,
 * because other users of the machine can read arguments. Messages name lines, never what is on them.
 */
import type { Readable } from 'node:stream';
import type { GivenSubject } from '../request/model';
import { usage } from './errors';
import type { Terminal } from './terminal';

/** In place of the address. */
export const FROM_STDIN = '-';
/** Far above 20 addresses and 20 numbers. */
export const STDIN_BYTES_MAX = 16_384;

/** Identities as arguments name them. */
export interface NamedIdentities {
  /** The address in the place of an argument, or `-`. */
  readonly email: string | undefined;
  /** Each `--email`. */
  readonly emails: readonly string[] | undefined;
  /** Each `--phone`. */
  readonly phoneNumbers: readonly string[] | undefined;
}

/** As an input has it. The input check judges each value. @throws {CommandError} `usage` */
export async function subjectOf(
  terminal: Terminal,
  { email, emails = [], phoneNumbers = [] }: NamedIdentities,
): Promise<GivenSubject> {
  if (email === FROM_STDIN) {
    const read = await identitiesFrom(terminal);
    return { emails: [...emails, ...read.emails], phoneNumbers: [...phoneNumbers, ...read.phoneNumbers] };
  }
  if (email !== undefined || emails.length + phoneNumbers.length > 0) return { email, emails, phoneNumbers };
  throw usage('name the person: EMAIL, --email or --phone; or - to read addresses and numbers from stdin.');
}

async function identitiesFrom(
  terminal: Terminal,
): Promise<{ readonly emails: string[]; readonly phoneNumbers: string[] }> {
  const { stdin } = terminal.io;
  if (stdin.isTTY === true)
    terminal.note('Type the addresses of the person, and numbers with +, one a line. End with Ctrl-D:');
  const emails: string[] = [];
  const phoneNumbers: string[] = [];
  for (const [index, line] of (await textOf(stdin)).split(/\r\n?|\n/).entries()) {
    const identity = line.trim();
    if (identity === '') continue;
    if (identity.includes('@')) emails.push(identity);
    else if (identity.startsWith('+')) phoneNumbers.push(identity);
    else
      throw usage(`line ${index + 1} of stdin is neither an e-mail address, with @, nor a number, with a leading +.`);
  }
  if (emails.length + phoneNumbers.length === 0) throw usage('stdin names nobody: give an address or a number.');
  return { emails, phoneNumbers };
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

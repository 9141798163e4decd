/** Commands about the key file. They print ids, never keys. */
import {
  exportKeys,
  generateKeyFile,
  isExportedRole,
  type KeyList,
  listKeys,
  listPublicKeys,
  rotateKeys,
} from '../encryption/key-file';
import { pemOf } from '../encryption/signing-key';
import type { Context } from './context';
import { EXIT, type Exit, usage } from './errors';
import { table } from './terminal';

const MINUTE_MS = 60_000;
/** Long enough to bring a file to every machine, also by a tool that runs every half hour. */
const AFTER_MINUTES_DEFAULT = 60;
const AFTER_MINUTES_MAX = 30 * 24 * 60;

export async function generateKeys({ terminal, config }: Context): Promise<Exit> {
  const { path, service } = config.keyFile();
  const made = generateKeyFile(path, new Date(), service);
  terminal.print(summaryOf(made), [
    `Made a key file with key ${made.primary}, readable by you only.`,
    'Back it up: without it, nobody can read the vault or a history.',
    signedWith(path),
  ]);
  return EXIT.done;
}

export interface RotateOptions {
  readonly after?: string;
}

export async function rotate({ terminal, config }: Context, options: RotateOptions): Promise<Exit> {
  const now = new Date();
  const from = new Date(now.getTime() + minutesOf(options.after) * MINUTE_MS);
  const { path, service } = config.keyFile();
  const known = new Set(listKeys(path, now).keys.map(({ id }) => id));
  const rotated = rotateKeys(path, { now, from }, service);
  const added = rotated.keys.find(({ id }) => !known.has(id))?.id ?? '';
  const begins = added === rotated.primary ? 'now' : from.toISOString();
  terminal.print({ ...summaryOf(rotated), added, from: from.toISOString() }, [
    `Added key ${added}. It encrypts from ${begins} on; the others still decrypt.`,
    'By then, copy the file to every machine that uses it, and export it again for clients and viewers. Processes reload it by themselves.',
    'Back it up.',
  ]);
  return EXIT.done;
}

function minutesOf(text: string | undefined): number {
  if (text === undefined) return AFTER_MINUTES_DEFAULT;
  const minutes = Number(text);
  if (text.trim() !== '' && minutes >= 0 && minutes <= AFTER_MINUTES_MAX) return minutes;
  throw usage(`--after takes a number of minutes, 0 to ${AFTER_MINUTES_MAX}.`);
}

export interface ExportOptions {
  readonly role: string;
  readonly out: string;
}

/** The key file of who must not have all keys. */
export async function exportRole({ terminal, config }: Context, { role, out }: ExportOptions): Promise<Exit> {
  if (!isExportedRole(role)) throw usage('--role takes client, viewer or approver.');
  if (out === '') throw usage('--out takes the path of the new file.');
  const made = exportKeys(config.keyFile().path, { role, out, now: new Date() });
  terminal.print({ role, ...summaryOf(made) }, [
    `Made a key file of the role ${role}, readable by you only.`,
    'It does not follow rotations: export it again after each.',
  ]);
  return EXIT.done;
}

export async function list({ terminal, config }: Context): Promise<Exit> {
  const { role, primary, keys } = listKeys(config.keyFile().path, new Date());
  const noted = keys.map(note => ({ ...note, encrypts: note.id === primary }));
  terminal.print(
    { role, primary, keys: noted },
    table([
      ['KEY', 'CREATED', 'FROM', 'ENCRYPTS'],
      ...noted.map(({ id, createdAt, from, encrypts }) => [id, createdAt, from, encrypts ? 'yes' : '']),
    ]),
  );
  return EXIT.done;
}

/** For anyone who verifies receipts. PEM readers skip the lines between. */
export async function publicKeys({ terminal, config }: Context): Promise<Exit> {
  const keys = listPublicKeys(config.keyFile().path).map(({ id, createdAt, publicKey }, place) => ({
    id,
    createdAt,
    signs: place === 0,
    publicKey: pemOf(publicKey),
  }));
  const lines = keys.flatMap(({ id, createdAt, signs, publicKey }) => [
    `${id}, since ${createdAt}${signs ? ', signs' : ''}`,
    ...publicKey.split('\n'),
  ]);
  terminal.print({ keys }, lines);
  return EXIT.done;
}

function signedWith(path: string | undefined): string {
  return `Receipts are signed with ${listPublicKeys(path)[0]?.id}; \`aircall-dsr keys public\` prints the public keys that verify them.`;
}

function summaryOf({ primary, keys }: KeyList) {
  return { primary, keys: keys.map(({ id }) => id) };
}

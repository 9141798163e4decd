/** Commands about the key file. They print ids, never keys. */
import {
  addKeyStatement,
  exportKeys,
  generateKeyFile,
  isExportedRole,
  type KeyList,
  listKeyStatements,
  listKeys,
  listPublicKeys,
  rotateKeys,
  rotateSigningKey,
} from '../encryption/key-file';
import { pemOf } from '../encryption/signing-key';
import { codeOrName } from '../error-code';
import type { KeyStatement } from '../receipt/model';
import { signKeyStatement, verifyKeyStatement } from '../receipt/sign';
import { count } from '../request/words';
import type { Context } from './context';
import { CommandError, EXIT, type Exit, usage } from './errors';
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
  const { path } = config.keyFile();
  const statements = listKeyStatements(path);
  const keys = listPublicKeys(path).map(({ id, createdAt, publicKey }, place) => {
    const revokedFrom = revocationOf(statements, id);
    return { id, createdAt, signs: place === 0, ...(revokedFrom && { revokedFrom }), publicKey: pemOf(publicKey) };
  });
  const lines = keys.flatMap(({ id, createdAt, signs, revokedFrom, publicKey }) => [
    `${id}, since ${createdAt}${signs ? ', signs' : ''}${revokedFrom === undefined ? '' : `, revoked from ${revokedFrom} on`}`,
    ...publicKey.split('\n'),
  ]);
  terminal.print({ keys }, lines);
  return EXIT.done;
}

/** The key file changes at once; each chain states it before its next entry. */
export async function rotateSigning({ terminal, config }: Context): Promise<Exit> {
  const { path, service } = config.keyFile();
  const now = new Date();
  const issued = { at: now.toISOString() };
  const [signs, replaced] = rotateSigningKey(
    path,
    now,
    (present, { id: keyId, publicKey }) =>
      signKeyStatement({ says: { does: 'introduce', keyId, publicKey }, issued }, present),
    service,
  );
  terminal.print({ signs: signs?.id, replaced: replaced?.id }, [
    `Key ${signs?.id} signs from now on. ${replaced?.id} introduced it; its private half is no longer in the file.`,
    'Copy the file to every worker, and back it up.',
    'Give your auditors the output of `aircall-dsr keys public`. Without it, chains still verify with the old public key.',
  ]);
  return EXIT.done;
}

export interface RevokeOptions {
  readonly from: string;
}

/** If it is run again, it continues with the chains that do not state the revocation yet. */
export async function revoke(context: Context, id: string, options: RevokeOptions): Promise<Exit> {
  const { terminal, config } = context;
  const { path, service } = config.keyFile();
  const now = new Date();
  const from = pastTimeOf(options.from, now).toISOString();
  addKeyStatement(
    path,
    now,
    (present, { ids, statements }) => {
      if (!ids.includes(id))
        throw new CommandError('unknown-key', 'The key file has no signing key of this id.', EXIT.usage);
      if (id === present.id) throw usage('This key signs now. Replace it first: `aircall-dsr keys rotate-signing`.');
      const before = revocationOf(statements, id);
      if (before !== undefined && before < from)
        throw usage(`This key is revoked from ${before} on. A revocation is never taken back.`);
      if (before === from) return undefined;
      const says = { does: 'revoke', keyId: id, from } as const;
      return signKeyStatement({ says, issued: { at: now.toISOString() } }, present);
    },
    service,
  );
  const { receipts } = await context.stores();
  const failed: string[] = [];
  const connections = await receipts.connections();
  for (const connection of connections) {
    try {
      await receipts.stateKeys(connection);
    } catch (error) {
      terminal.note(`the chain of ${connection} does not state it yet: ${codeOrName(error)}`);
      failed.push(connection);
    }
  }
  terminal.print({ revoked: id, from, chains: connections.length - failed.length, failed }, [
    `Key ${id} is revoked: what it signed from ${from} on must not be trusted.`,
    `Stated in ${count(connections.length - failed.length, 'chain')}.${failed.length === 0 ? '' : ` Run the command again for ${failed.join(', ')}.`}`,
    'Copy the file to every worker: one that still signs with that key waits.',
  ]);
  return failed.length === 0 ? EXIT.done : EXIT.failed;
}

/** The earliest time from which on a key is revoked. */
function revocationOf(statements: readonly unknown[], id: string): string | undefined {
  const times = statements.flatMap(each => {
    const { says }: KeyStatement = verifyKeyStatement(each);
    return says.does === 'revoke' && says.keyId === id ? says.from : [];
  });
  return times.sort().at(0);
}

function pastTimeOf(text: string, now: Date): Date {
  const time = new Date(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(time.getTime()) && time <= now) return time;
  throw usage('--from takes an ISO 8601 time in the past.');
}

function signedWith(path: string | undefined): string {
  return `Receipts are signed with ${listPublicKeys(path)[0]?.id}; \`aircall-dsr keys public\` prints the public keys that verify them.`;
}

function summaryOf({ primary, keys }: KeyList) {
  return { primary, keys: keys.map(({ id }) => id) };
}

/** Commands about the key file. They print ids, never keys. */
import { generateKeyFile, type KeyList, listKeys, listPublicKeys, rotateKeys } from '../encryption/key-file';
import { pemOf } from '../encryption/signing-key';
import type { Context } from './context';
import { EXIT, type Exit } from './errors';
import { table } from './terminal';

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

export async function rotate({ terminal, config }: Context): Promise<Exit> {
  const { path, service } = config.keyFile();
  const rotated = rotateKeys(path, new Date(), service);
  terminal.print(summaryOf(rotated), [
    `Key ${rotated.primary} encrypts from now on; ${rotated.keys.length - 1} older ones still decrypt.`,
    'Back the file up, and copy it to every machine that uses it: workers reload it by themselves.',
    signedWith(path),
  ]);
  return EXIT.done;
}

export async function list({ terminal, config }: Context): Promise<Exit> {
  const { primary, keys } = listKeys(config.keyFile().path);
  const noted = keys.map(({ id, createdAt }) => ({ id, createdAt, encrypts: id === primary }));
  terminal.print(
    { primary, keys: noted },
    table([
      ['KEY', 'CREATED', 'ENCRYPTS'],
      ...noted.map(({ id, createdAt, encrypts }) => [id, createdAt, encrypts ? 'yes' : '']),
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

/** Commands about keys. They print ids, never keys. */
import { connectTemporal } from '../client';
import {
  configuredKeyFile,
  configuredKeyring,
  configuredRetention,
  configuredTaskQueue,
  configuredVault,
} from '../config';
import {
  destroyKeys,
  generateKeyFile,
  type KeyList,
  listKeys,
  listPublicKeys,
  rotateKeys,
} from '../encryption/key-file';
import { pemOf } from '../encryption/signing-key';
import { type KeyNeeds, needsOf, outlived, resealAll } from '../retention/retire-keys';
import { createCases } from '../vault/cases';
import { answer, CommandError, EXIT, type Exit, type Output, table, tell } from './output';

const DAY_MS = 86_400_000;
const SHOWN_MAX = 5;

export interface RetireOptions extends Output {
  readonly olderThan?: string;
}

export async function generateKeys(options: Output): Promise<Exit> {
  const { path, service } = configuredKeyFile();
  const made = generateKeyFile(path, new Date(), service);
  answer(options, summaryOf(made), [
    `Made a key file with key ${made.primary}, readable by you only.`,
    'Back it up: without it nothing in the vault and no history can be read.',
    signedWith(path),
  ]);
  return EXIT.done;
}

export async function rotate(options: Output): Promise<Exit> {
  const { path, service } = configuredKeyFile();
  const rotated = rotateKeys(path, new Date(), service);
  answer(options, summaryOf(rotated), [
    `Key ${rotated.primary} encrypts from now on; ${rotated.keys.length - 1} older ones still decrypt.`,
    'Back the file up, and bring it to every machine that has it: workers read it again by themselves.',
    signedWith(path),
  ]);
  return EXIT.done;
}

export async function list(options: Output): Promise<Exit> {
  const { primary, keys } = listKeys(configuredKeyFile().path);
  const noted = keys.map(({ id, createdAt }) => ({ id, createdAt, encrypts: id === primary }));
  answer(
    options,
    { primary, keys: noted },
    table([
      ['KEY', 'CREATED', 'ENCRYPTS'],
      ...noted.map(({ id, createdAt, encrypts }) => [id, createdAt, encrypts ? 'yes' : '']),
    ]),
  );
  return EXIT.done;
}

/** For whoever verifies receipts; PEM readers skip the lines between. */
export async function publicKeys(options: Output): Promise<Exit> {
  const keys = listPublicKeys(configuredKeyFile().path).map(({ id, createdAt, publicKey }, place) => ({
    id,
    createdAt,
    signs: place === 0,
    publicKey: pemOf(publicKey),
  }));
  const lines = keys.flatMap(({ id, createdAt, signs, publicKey }) => [
    `${id}, since ${createdAt}${signs ? ', signs' : ''}`,
    publicKey,
  ]);
  answer(options, { keys }, lines);
  return EXIT.done;
}

export async function retire(options: RetireOptions): Promise<Exit> {
  const ageMs = options.olderThan === undefined ? configuredRetention().requestMs : Number(options.olderThan) * DAY_MS;
  if (!(ageMs >= 0) || options.olderThan?.trim() === '')
    throw new CommandError('usage', '--older-than takes a number of days, 0 or more.', EXIT.usage);
  const { path } = configuredKeyFile();
  const keyring = configuredKeyring();
  const old = outlived(listKeys(path), ageMs, new Date());
  if (old.length === 0) {
    answer(options, { destroyed: [], needed: {} }, ['No key has been out of use for so long.']);
    return EXIT.done;
  }
  const vault = await configuredVault(keyring);
  const cases = createCases(vault);
  const temporal = await connectTemporal(keyring);
  try {
    tell('looking through the vault and the histories on the server ...');
    const needs = await needsOf({ temporal, taskQueue: configuredTaskQueue(), vault, cases }, old);
    const unneeded = old.filter(id => !needs.has(id));
    if (unneeded.length > 0) {
      await resealAll({ vault, cases });
      destroyKeys(path, unneeded);
    }
    const needed = Object.fromEntries(
      [...needs].map(([id, { open, unpurged }]) => [id, { open: [...open], unpurged: [...unpurged] }]),
    );
    answer(options, { destroyed: unneeded, needed }, [
      ...unneeded.map(id => `Destroyed key ${id}. Destroy it in backups of the key file too.`),
      ...[...needs].flatMap(([id, need]) => neededLines(id, need)),
    ]);
    return needs.size > 0 ? EXIT.failed : EXIT.done;
  } finally {
    await temporal.connection.close();
  }
}

function neededLines(id: string, { open, unpurged }: KeyNeeds): string[] {
  const some = (ids: ReadonlySet<string>) =>
    `${[...ids].slice(0, SHOWN_MAX).join(', ')}${ids.size > SHOWN_MAX ? ` and ${ids.size - SHOWN_MAX} more` : ''}`;
  return [
    ...(open.size > 0 ? [`Key ${id} stays: open requests need it: ${some(open)}`] : []),
    ...(unpurged.size > 0 ? [`Key ${id} stays: requests that are not purged need it: ${some(unpurged)}`] : []),
  ];
}

function signedWith(path: string | undefined): string {
  return `Receipts are signed with ${listPublicKeys(path)[0]?.id}; \`aircall-dsr keys public\` prints what verifies them.`;
}

function summaryOf({ primary, keys }: KeyList) {
  return { primary, keys: keys.map(({ id }) => id) };
}

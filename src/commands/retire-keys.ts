/** The command that destroys old keys, after it has checked vault and server for requests that still need them. */
import { destroyKeys, listKeys } from '../encryption/key-file';
import { type KeyNeeds, needsOf, outlived, resealAll } from '../retention/retire-keys';
import type { Context } from './context';
import { EXIT, type Exit, usage } from './errors';

const DAY_MS = 86_400_000;
const SHOWN_MAX = 5;

export interface RetireOptions {
  readonly olderThan?: string;
}

export async function retire({ terminal, config, keyring, parts }: Context, options: RetireOptions): Promise<Exit> {
  const ageMs = options.olderThan === undefined ? config.retention().requestMs : Number(options.olderThan) * DAY_MS;
  if (!(ageMs >= 0) || options.olderThan?.trim() === '') throw usage('--older-than takes a number of days, 0 or more.');
  const { path } = config.keyFile();
  keyring(); // a fault of the key file is reported first
  const now = new Date();
  const old = outlived(listKeys(path, now), ageMs, now);
  if (old.length === 0) {
    terminal.print({ destroyed: [], needed: {} }, ['No key has been unused for that long.']);
    return EXIT.done;
  }
  const { temporal, taskQueue, vault, cases } = await parts();
  terminal.note('checking the vault and the histories on the server ...');
  const needs = await needsOf({ temporal, taskQueue, vault, cases }, old);
  const unneeded = old.filter(id => !needs.has(id));
  if (unneeded.length > 0) {
    await resealAll({ vault, cases });
    destroyKeys(path, unneeded, now);
  }
  const needed = Object.fromEntries(
    [...needs].map(([id, { open, unpurged }]) => [id, { open: [...open], unpurged: [...unpurged] }]),
  );
  terminal.print({ destroyed: unneeded, needed }, [
    ...unneeded.map(id => `Destroyed key ${id}. Destroy it in copies and backups of the key file too.`),
    ...[...needs].flatMap(([id, need]) => neededLines(id, need)),
  ]);
  return needs.size > 0 ? EXIT.failed : EXIT.done;
}

function neededLines(id: string, { open, unpurged }: KeyNeeds): string[] {
  const some = (ids: ReadonlySet<string>) =>
    `${[...ids].slice(0, SHOWN_MAX).join(', ')}${ids.size > SHOWN_MAX ? ` and ${ids.size - SHOWN_MAX} more` : ''}`;
  return [
    ...(open.size > 0 ? [`Key ${id} stays: open requests need it: ${some(open)}`] : []),
    ...(unpurged.size > 0 ? [`Key ${id} stays: requests that are not purged need it: ${some(unpurged)}`] : []),
  ];
}

/** The command that destroys old keys, after it has checked vault and server for requests that still need them. */
import { destroyKeys, listKeys } from '../encryption/key-file';
import { count } from '../request/words';
import { needsOf, outlived, type Resealed, resealAll } from '../retention/retire-keys';
import { serverNowMs } from '../temporal/server-time';
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
  const all = await parts();
  const { temporal, taskQueue, vault, cases } = all;
  // Not by the clock of this machine: one that is ahead would destroy a key that others still encrypt with.
  const now = new Date(await serverNowMs(temporal, taskQueue));
  const old = outlived(listKeys(path, now), ageMs, now);
  if (old.length === 0) {
    terminal.print({ destroyed: [], needed: {}, foreign: 0, broken: [] }, ['No key has been unused for that long.']);
    return EXIT.done;
  }
  terminal.note('checking the vault and the histories on the server ...');
  const { keys: needs, foreign } = await needsOf(all, old);
  if (foreign.length > 0)
    terminal.note(
      `note: ignored, although keys are named in them: ${count(foreign.length, 'run')} not of this service (foreign-run).`,
    );
  const unneeded = old.filter(id => !needs.has(id));
  const { unread, broken } = unneeded.length > 0 ? await resealAll({ vault, cases }) : NOTHING_RESEALED;
  const destroyed = unneeded.filter(id => !unread.has(id));
  if (destroyed.length > 0) destroyKeys(path, destroyed, now);
  const needed = Object.fromEntries(
    old.flatMap(id => {
      const { open = [], unpurged = [], unread: runs = [] } = needs.get(id) ?? {};
      const objects = unread.get(id) ?? [];
      return destroyed.includes(id)
        ? []
        : [[id, { open: [...open], unpurged: [...unpurged], unread: [...runs, ...objects] }]];
    }),
  );
  terminal.print({ destroyed, needed, foreign: foreign.length, broken }, [
    ...destroyed.map(id => `Destroyed key ${id}. Destroy it in copies and backups of the key file too.`),
    ...Object.entries(needed).flatMap(([id, need]) => neededLines(id, need)),
    ...(broken.length > 0
      ? [`No key opens these objects of the vault; restore them from a backup: ${some(broken)}`]
      : []),
  ]);
  return Object.keys(needed).length > 0 || broken.length > 0 ? EXIT.failed : EXIT.done;
}

const NOTHING_RESEALED: Resealed = { unread: new Map(), broken: [] };

function some(all: readonly string[]): string {
  return `${all.slice(0, SHOWN_MAX).join(', ')}${all.length > SHOWN_MAX ? ` and ${all.length - SHOWN_MAX} more` : ''}`;
}

function neededLines(id: string, { open, unpurged, unread }: Needed): string[] {
  return [
    ...(open.length > 0 ? [`Key ${id} stays: open requests need it: ${some(open)}`] : []),
    ...(unpurged.length > 0 ? [`Key ${id} stays: requests that are not purged need it: ${some(unpurged)}`] : []),
    ...(unread.length > 0 ? [`Key ${id} stays: these could not be read and may need it: ${some(unread)}`] : []),
  ];
}

type Needed = Readonly<Record<'open' | 'unpurged' | 'unread', readonly string[]>>;

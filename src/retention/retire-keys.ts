/**
 * Finds the keys that nothing needs any more: no object of the vault, and no history on the server. Objects that live longer
 * than any key (records, connections) are sealed again with the present key. It destroys nothing itself. Decision D9.
 */
import type { Client } from '@temporalio/client';
import { type KeyList, KeyringError } from '../encryption/key-file';
import type { Keyring } from '../encryption/keyring';
import { SealBroken } from '../encryption/seal';
import { isChildWorkflow, type RequestRef, requestOf, WORKFLOW_TYPES, workflowIdOf } from '../request/names';
import { sideBySide } from '../side-by-side';
import { keyIdsOf, ourRuns, type Run, type RunId, runAt } from '../temporal/histories';
import { isRunOf } from '../temporal/own-runs';
import { type Cases, hasEnded } from '../vault/cases';
import type { Receipts } from '../vault/receipts';
import type { Vault } from '../vault/vault';
import { isOfUnrecorded } from './open-requests';

/** The users of a key: workflow ids of open runs, and of requests that are not purged. */
export interface KeyNeeds {
  readonly open: ReadonlySet<string>;
  readonly unpurged: ReadonlySet<string>;
  /** Runs, and objects of the vault, that may need it and could not be read now. */
  readonly unread: ReadonlySet<string>;
}

export interface Needs {
  /** Of each key; keys without users have no entry. */
  readonly keys: ReadonlyMap<string, KeyNeeds>;
  /** Runs that name a key and belong to no request of ours: they keep no key. */
  readonly foreign: readonly RunId[];
}

export interface RetireDependencies {
  readonly temporal: Client;
  /** The service's main task queue. */
  readonly taskQueue: string;
  readonly keyring: Keyring;
  readonly vault: Vault;
  readonly cases: Cases;
  readonly receipts: Pick<Receipts, 'newestOf'>;
}

const AT_ONCE = 8;

/** Keys that have encrypted nothing for `ageMs`: those whose successor began that long ago. */
export function outlived({ keys }: KeyList, ageMs: number, now: Date): string[] {
  return keys.flatMap(({ id }, index) => {
    const successor = keys[index + 1];
    return successor !== undefined && now.getTime() - Date.parse(successor.from) >= ageMs ? id : [];
  });
}

/** The users of each key. What cannot be read now keeps every key that it may need; the rest is judged all the same. */
export async function needsOf(dependencies: RetireDependencies, keyIds: readonly string[]): Promise<Needs> {
  const { temporal, taskQueue, vault, cases } = dependencies;
  const keys = new Map<string, { open: Set<string>; unpurged: Set<string>; unread: Set<string> }>();
  const foreign: RunId[] = [];
  const note = (ids: readonly (string | undefined)[], how: keyof KeyNeeds, user: string) => {
    for (const id of ids) {
      if (id === undefined || !keyIds.includes(id)) continue;
      const found = keys.get(id) ?? { open: new Set(), unpurged: new Set(), unread: new Set() };
      keys.set(id, found);
      found[how].add(user);
    }
  };

  await sideBySide(await cases.unshredded(), AT_ONCE, async request => {
    const workflowId = workflowIdOf(request);
    try {
      note([await vault.sealedBy(cases.recordKey(request))], 'unpurged', workflowId);
    } catch (error) {
      // A record that names no key is opened by none.
      if (!(error instanceof SealBroken)) note(keyIds, 'unread', workflowId);
    }
  });
  const runs: Run[] = [];
  for await (const run of ourRuns(temporal, taskQueue)) runs.push(run);
  await sideBySide(runs, AT_ONCE, async run => {
    const request = requestOf(run.parent?.workflowId ?? run.workflowId);
    if (request === undefined) return; // sweeps, renewals and runs that wake hold no personal data, and are begun anew
    try {
      const needed = [...(await keyIdsOf(temporal, run))].filter(id => keyIds.includes(id));
      if (needed.length === 0) return;
      if (await isOurs(dependencies, run, request)) note(needed, run.open ? 'open' : 'unpurged', workflowIdOf(request));
      else foreign.push(run);
    } catch {
      note(keyIds, 'unread', workflowIdOf(request));
    }
  });
  return { keys, foreign };
}

/** Whether a run is of a request that the vault knows, or whose input names it. */
async function isOurs(dependencies: RetireDependencies, run: Run, request: RequestRef): Promise<boolean> {
  const { temporal, cases } = dependencies;
  const isRequest = run.type === WORKFLOW_TYPES[request.kind] && run.parent === undefined;
  const isChild = isChildWorkflow(run.type) && run.parent !== undefined;
  if (!isRequest && !isChild) return false;
  const record = await cases.record(request);
  if (record !== undefined && !hasEnded(record)) return true;
  // Another run of a request that has ended was only answered or refused. Of a reset only a run that is read by itself tells.
  const { workflowId, runId } = run.parent ?? run;
  if (record?.runId === runId) return true;
  const behind = await runAt(temporal, workflowId, runId);
  if (behind === undefined) return false;
  return record === undefined ? isOfUnrecorded(dependencies, request, behind) : isRunOf(record, behind);
}

export interface Resealed {
  /** Objects that are still sealed with another key, by the key that they name. */
  readonly unread: ReadonlyMap<string, ReadonlySet<string>>;
  /** Objects that name no key of the key file: nothing opens them. */
  readonly broken: readonly string[];
}

/**
 * Seals objects that live longer than any key with the present key: records, connections. Case files and packages never need
 * it. One that cannot be sealed again does not keep the others from it.
 */
export async function resealAll({ vault, cases }: Pick<RetireDependencies, 'vault' | 'cases'>): Promise<Resealed> {
  const unread = new Map<string, Set<string>>();
  const broken: string[] = [];
  const lasting = (await vault.list('')).filter(key => cases.isLasting(key));
  await sideBySide(lasting, AT_ONCE, async key => {
    try {
      await vault.reseal(key);
    } catch (error) {
      const named = await vault.sealedBy(key).catch(again => {
        if (again instanceof SealBroken) return undefined;
        throw again; // the vault does not answer: nothing is known
      });
      if (named === undefined || error instanceof KeyringError) return void broken.push(key);
      if (!(error instanceof SealBroken)) throw error;
      const objects = unread.get(named) ?? new Set();
      unread.set(named, objects);
      objects.add(key);
    }
  });
  return { unread, broken };
}

/**
 * Finds the keys that nothing needs any more: no object of the vault, and no history on the server. Objects that live longer
 * than any key (records, connections) are sealed again with the present key. It destroys nothing itself. Decision D9.
 */
import type { Client } from '@temporalio/client';
import type { KeyList } from '../encryption/key-file';
import { requestBehind, workflowIdOf } from '../request/names';
import { sideBySide } from '../side-by-side';
import { keyIdsOf, ourRuns, type Run } from '../temporal/histories';
import type { Cases } from '../vault/cases';
import type { Vault } from '../vault/vault';

/** The users of a key: workflow ids of open runs, and of requests that are not purged. */
export interface KeyNeeds {
  readonly open: ReadonlySet<string>;
  readonly unpurged: ReadonlySet<string>;
}

export interface RetireDependencies {
  readonly temporal: Client;
  /** The service's main task queue. */
  readonly taskQueue: string;
  readonly vault: Vault;
  readonly cases: Cases;
}

const AT_ONCE = 8;

/** Keys that have encrypted nothing for `ageMs`: those whose successor began that long ago. */
export function outlived({ keys }: KeyList, ageMs: number, now: Date): string[] {
  return keys.flatMap(({ id }, index) => {
    const successor = keys[index + 1];
    return successor !== undefined && now.getTime() - Date.parse(successor.from) >= ageMs ? id : [];
  });
}

/** The users of each key; keys without users have no entry. */
export async function needsOf(
  dependencies: RetireDependencies,
  keyIds: readonly string[],
): Promise<Map<string, KeyNeeds>> {
  const { temporal, taskQueue, vault, cases } = dependencies;
  const needs = new Map<string, { open: Set<string>; unpurged: Set<string> }>();
  const note = (id: string | undefined, how: keyof KeyNeeds, workflowId: string) => {
    if (id === undefined || !keyIds.includes(id)) return;
    const found = needs.get(id) ?? { open: new Set(), unpurged: new Set() };
    needs.set(id, found);
    found[how].add(workflowId);
  };

  await sideBySide(await cases.unshredded(), AT_ONCE, async request => {
    note(await vault.sealedBy(cases.recordKey(request)), 'unpurged', workflowIdOf(request));
  });
  const runs: Run[] = [];
  for await (const run of ourRuns(temporal, taskQueue)) runs.push(run);
  await sideBySide(runs, AT_ONCE, async run => {
    const request = requestBehind(run.workflowId);
    if (request === undefined && !run.open) return; // a sweep that has ended: it holds no personal data
    const workflowId = request === undefined ? run.workflowId : workflowIdOf(request);
    for (const id of await keyIdsOf(temporal, run)) note(id, run.open ? 'open' : 'unpurged', workflowId);
  });
  return needs;
}

/** Seals objects that live longer than any key with the present key: records, connections. Case files and packages never need it. */
export async function resealAll({ vault, cases }: Pick<RetireDependencies, 'vault' | 'cases'>): Promise<void> {
  const lasting = (await vault.list('')).filter(key => cases.isLasting(key));
  await sideBySide(lasting, AT_ONCE, key => vault.reseal(key));
}

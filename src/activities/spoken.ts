/**
 * Steps that decide of which calls transcripts are asked for, and remember what the company does not pay for. They use only the vault.
 * Decisions D7, D16.
 */
import { isSpoken } from '../aircall/links';
import type { LocalActivities } from '../request/contracts';
import { readRecordName } from '../request/sources';
import { sideBySide } from '../side-by-side';
import type { ApprovedDependencies } from './approved';
import { mayFollow } from './audio';
import { readObject, writeObject } from './case-objects';
import { newestFirst, readDecided } from './judging';

/** Each step about one of them reads its block: small, so that it reads little of other calls. */
const BLOCK = 500;
const WRITTEN_AT_ONCE = 8;

export function createSpokenActivities(
  dependencies: ApprovedDependencies,
): Pick<LocalActivities, 'pickSpoken' | 'noteNotEntitled' | 'gatherIntelligence'> {
  const { cases, connections } = dependencies;
  return {
    async pickSpoken({ request, calls, audio, nowMs, ...planned }) {
      const rows = await readDecided(dependencies, request, planned, true);
      const places = new Map(
        rows.flatMap(({ record, verb, decision, id, ref }) =>
          record === 'call' && verb === 'deliver' && decision === 'take' ? [[id, readRecordName(ref).number - 1]] : [],
        ),
      );
      const files = audio === undefined ? [] : await readObject(cases, request, audio, 'media');
      const heard = new Set(files.flatMap(({ call, file }) => (file === undefined ? [] : [call])));
      const { records } = await readObject(cases, request, calls, 'calls');
      const own = newestFirst(records.filter(({ id }) => places.has(id)));
      const isKnown = (call: (typeof own)[number]) => isSpoken(call) || heard.has(call.id);
      const spoken = own.filter(isKnown).map(({ id }) => id);
      const blocks = await sideBySide(blocksOf(spoken), WRITTEN_AT_ONCE, async block => ({
        object: await writeObject(cases, request, 'spoken', block),
        places: block.flatMap(id => places.get(id) ?? []),
      }));
      return { blocks, mayFollow: own.filter(call => !isKnown(call) && mayFollow(call, nowMs, false)).length };
    },

    /** They are read one by one when the package is made: together they may be more than a process can hold. */
    async gatherIntelligence({ request, objects }) {
      return writeObject(cases, request, 'intelligence', [...objects]);
    },

    /** Of a connection that was removed meanwhile nothing is remembered. */
    async noteNotEntitled({ connection, what, nowMs }) {
      const present = (await connections.get(connection))?.value;
      if (present !== undefined) await connections.noteNotEntitled(present, what, nowMs);
    },
  };
}

function blocksOf(ids: readonly number[]): number[][] {
  const count = Math.ceil(ids.length / BLOCK);
  return Array.from({ length: count }, (_, index) => ids.slice(index * BLOCK, (index + 1) * BLOCK));
}

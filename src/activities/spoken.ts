/**
 * Steps that decide of which calls transcripts are asked for, and remember what the company does not pay for. They use only the vault.
 * Decisions D7, D16.
 */
import { isSpoken } from '../aircall/links';
import type { LocalActivities } from '../request/contracts';
import { ahead, sideBySide } from '../side-by-side';
import type { ApprovedDependencies } from './approved';
import { type Read, readObject, readPart, writeObject } from './case-objects';
import { newestFirst, readDecided } from './judging';

/** Each step about one of them reads its block: small, so that it reads little of other calls. */
const BLOCK = 500;
const WRITTEN_AT_ONCE = 8;
const READ_AT_ONCE = 8;

export function createSpokenActivities(
  dependencies: ApprovedDependencies,
): Pick<LocalActivities, 'pickSpoken' | 'noteNotEntitled' | 'gatherIntelligence'> {
  const { cases, connections } = dependencies;
  return {
    async pickSpoken({ request, plan, approval, calls }) {
      const rows = await readDecided(dependencies, request, { plan, approval }, true);
      const taken = new Set(
        rows.flatMap(({ record, verb, decision, id }) =>
          record === 'call' && verb === 'deliver' && decision === 'take' ? [id] : [],
        ),
      );
      const { records } = await readObject(cases, request, calls, 'calls');
      const spoken = newestFirst(records.filter(call => taken.has(call.id) && isSpoken(call))).map(({ id }) => id);
      const blocks = await sideBySide(blocksOf(spoken), WRITTEN_AT_ONCE, async block => ({
        object: await writeObject(cases, request, 'spoken', block),
        count: block.length,
      }));
      return { blocks };
    },

    async gatherIntelligence({ request, objects }) {
      const gathered: Read['intelligence'] = { transcripts: [], insights: [] };
      for await (const [, one] of ahead(objects, READ_AT_ONCE, object => readPart(cases, request, object)))
        if ('kind' in one) gathered.insights.push(one);
        else gathered.transcripts.push(one);
      return writeObject(cases, request, 'intelligence', gathered);
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

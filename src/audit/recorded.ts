/** Histories from the server, to be replayed. */
import type { Client } from '@temporalio/client';
import { ahead } from '../side-by-side';
import { historyOf, type Run } from '../temporal/histories';
import { decides, runName } from './history';
import type { Recorded } from './replay';

/** Histories that are held while one is replayed. */
const FETCHED_AHEAD = 4;

/**
 * Of runs that made a decision. A run that is deleted meanwhile is skipped.
 * @param onUndecided called once at the end with the number of the other runs, if there are any
 */
export async function* recordedOf(
  temporal: Client,
  runs: Iterable<Run> | AsyncIterable<Run>,
  onUndecided?: (runs: number) => void,
): AsyncIterable<Recorded> {
  let undecided = 0;
  for await (const [run, history] of ahead(runs, FETCHED_AHEAD, each => historyOf(temporal, each))) {
    if (history === undefined) continue;
    if (decides(history)) yield { name: runName(run), history };
    else undecided += 1;
  }
  if (undecided > 0) onUndecided?.(undecided);
}

/**
 * Waiting for a result with a person watching: a line whenever the request's story moves on. On a terminal only; a script
 * gets the result alone.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { DsrClient, RequestResult, StatusReport } from '../client';
import { WAITS } from '../request/waits';
import { PHASE_WORDS } from '../request/words';
import type { Terminal } from './terminal';

const LOOK_EVERY_MS = 500;

export async function showProgress(
  client: DsrClient,
  workflowId: string,
  terminal: Pick<Terminal, 'watched' | 'note'>,
): Promise<RequestResult> {
  const result = client.result(workflowId);
  if (!terminal.watched) return result;
  const over = result.then(
    () => true,
    () => true,
  );
  let last = '';
  while (!(await Promise.race([over, delay(LOOK_EVERY_MS, false)]))) {
    const story = progressWords(await client.status(workflowId).catch(() => undefined));
    if (story !== undefined && story !== last) terminal.note(`  … ${story}`);
    last = story ?? last;
  }
  return result;
}

/** What a request does or waits for, in words. */
export function progressWords(report: StatusReport | undefined): string | undefined {
  if (report?.waitingFor !== undefined) return WAITS[report.waitingFor.cause].short;
  return report?.phase === undefined ? undefined : PHASE_WORDS[report.phase];
}

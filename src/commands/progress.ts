/**
 * Waits for a result and prints a line whenever the request's progress changes. On a terminal only; a script
 * gets the result alone.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { DsrClient, RequestResult, StatusReport } from '../client';
import { WAITS } from '../request/waits';
import { PHASE_WORDS } from '../request/words';
import type { Terminal } from './terminal';

const POLL_EVERY_MS = 500;

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
  while (!(await Promise.race([over, delay(POLL_EVERY_MS, false)]))) {
    const story = progressWords(await client.status(workflowId).catch(() => undefined));
    if (story !== undefined && story !== last) terminal.note(`  … ${story}`);
    last = story ?? last;
  }
  return result;
}

/** The work of a request, or the cause of its wait, in words. */
export function progressWords(report: StatusReport | undefined): string | undefined {
  if (report?.waitingFor !== undefined) return WAITS[report.waitingFor.cause].short;
  return report?.phase === undefined ? undefined : PHASE_WORDS[report.phase];
}

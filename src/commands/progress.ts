/**
 * Waiting for a result with a person watching: a line whenever the request's story moves on. On a terminal only; a script
 * gets the result alone.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { DsrClient, RequestResult, StatusReport } from '../client';
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
    const story = storyOf(await client.status(workflowId).catch(() => undefined));
    if (story !== undefined && story !== last) terminal.note(`  … ${story}`);
    last = story ?? last;
  }
  return result;
}

const WAITS = {
  paused: 'the connection is paused',
  credentials: 'waiting for the connection to be connected again',
  settle: 'letting Aircall settle before searching again',
  'access-request': 'waiting for an access request of the same person',
  worker: 'no worker answers: start `aircall-dsr worker`',
  'rate-limit': 'Aircall asks for a pause',
} as const;

/** What a request does or waits for, in words. */
export function storyOf(report: StatusReport | undefined): string | undefined {
  if (report?.waitingFor !== undefined) return WAITS[report.waitingFor.cause];
  return report?.phase === undefined ? undefined : PHASE_WORDS[report.phase];
}

/**
 * Waits for a result and prints a line whenever the request does something else, and now and then how far it is. On a terminal only;
 * a script gets the result alone.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { DsrClient, RequestResult, StatusReport } from '../client';
import { filesWords } from '../request/sentences';
import { SOURCES } from '../request/sources';
import { WAITS } from '../request/waits';
import { count, durationWords, PHASE_WORDS } from '../request/words';
import type { Terminal } from './terminal';

const POLL_EVERY_MS = 500;
/** Polls from one line to the next if only figures have changed. */
const FIGURES_EVERY_POLLS = 20;

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
  const tell = createTeller(line => terminal.note(`  … ${line}`));
  while (!(await Promise.race([over, delay(POLL_EVERY_MS, false)])))
    tell(await client.status(workflowId).catch(() => undefined));
  return result;
}

/** Takes the report of each poll, and prints those lines that say something new. */
export function createTeller(print: (line: string) => void): (report: StatusReport | undefined) => void {
  let last = { work: '', line: '' };
  let polls = 0;
  return report => {
    polls += 1;
    const work = progressWords(report);
    if (report === undefined || work === undefined) return;
    const figures = figuresOf(report);
    const line = figures === '' ? work : `${work}: ${figures}`;
    if (line === last.line || (work === last.work && polls < FIGURES_EVERY_POLLS)) return;
    print(line);
    last = { work, line };
    polls = 0;
  };
}

/** The work of a request, or the cause of its wait, in words. */
export function progressWords(report: StatusReport | undefined): string | undefined {
  if (report?.waitingFor !== undefined) return WAITS[report.waitingFor.cause].short;
  return report?.phase === undefined ? undefined : PHASE_WORDS[report.phase];
}

/** How far it is: `120 calls, 14 files (32 MB), at most 340 API requests left (8 min)`. Empty if nothing is fetched. */
function figuresOf({ counts, progress, waitingFor }: StatusReport): string {
  if (counts === undefined || progress === undefined || waitingFor !== undefined) return '';
  const { apiRequestsLeft: left, hoursLeft: hours } = progress;
  const found = (source: 'calls' | 'transcripts' | 'insights') =>
    counts[source] ? [count(counts[source], SOURCES[source].noun)] : [];
  const files = filesWords(progress);
  const time = hours === undefined ? '' : ` (${durationWords(hours)})`;
  return [
    ...found('calls'),
    ...(files === undefined ? [] : [files]),
    ...found('transcripts'),
    ...found('insights'),
    ...(left === undefined ? [] : [`at most ${count(left, 'API request')} left${time}`]),
  ].join(', ');
}

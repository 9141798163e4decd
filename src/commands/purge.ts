/** The command that destroys the case file, the package and the history of an ended request. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { requestOf } from '../request/names';
import { count } from '../request/words';
import { type RunId, runAt } from '../temporal/histories';
import { serverNowMs } from '../temporal/server-time';
import { type ConfirmOptions, confirm } from './confirm';
import type { Context } from './context';
import { CommandError, EXIT, type Exit } from './errors';
import { noSuchRequest, resolveId } from './request-id';
import type { Terminal } from './terminal';

/** The server deletes a history half a minute after the request, by its default settings. */
const GONE_WITHIN_MS = 120_000;
const GONE_POLL_MS = 200;
const PATIENCE_MS = 3_000;

export async function purge({ terminal, parts }: Context, id: string, options: ConfirmOptions): Promise<Exit> {
  const all = await parts();
  const workflowId = await resolveId(all, id);
  const request = requestOf(workflowId);
  if (request === undefined) throw noSuchRequest();
  const question = `Destroy case file, package and history of ${workflowId}? Nobody can restore them. Its record and its receipt stay.`;
  await confirm(terminal, question, options);
  const at = new Date(await serverNowMs(all.temporal, all.taskQueue));
  const destroyed = await all.retention.destroy('request', request, at);
  const { result, histories, evidence: kept, foreign } = destroyed;
  if (result === undefined && histories.length === 0) throw noSuchRequest();
  if (foreign.length > 0)
    terminal.note(`note: left alone under this id: ${count(foreign.length, 'run')} not of this service (foreign-run).`);
  await untilGone(all.temporal, histories, terminal);
  const { requestId, kind } = request;
  const counts = { histories: histories.length, foreign: foreign.length };
  terminal.print(
    { requestId, workflowId, kind, status: 'purged', ...counts, evidence: kept, ...(result && { result }) },
    [
      `Purged ${workflowId}: its case file and package, and ${count(histories.length, 'history', 'histories')} on the server.`,
      kept
        ? 'Its evidence was kept: `audit export` still writes it.'
        : 'No evidence is left that can be read: its history was deleted before, or no key opens it.',
      'Its record and its receipt stay, without personal data; copies of the server database and the vault age out with `keys retire`.',
    ],
  );
  return EXIT.done;
}

async function untilGone(temporal: Client, runs: readonly RunId[], terminal: Terminal): Promise<void> {
  const beganMs = performance.now();
  let noted = false;
  const isThere = ({ workflowId, runId }: RunId) => runAt(temporal, workflowId, runId);
  while ((await Promise.all(runs.map(isThere))).some(run => run !== undefined)) {
    if (!noted && performance.now() - beganMs > PATIENCE_MS) {
      terminal.note('deleted from the vault; waiting for the server to delete the history ...');
      noted = true;
    }
    if (performance.now() - beganMs > GONE_WITHIN_MS)
      throw new CommandError(
        'history-remains',
        'The server has not deleted the history yet. Run the command again to check.',
        EXIT.failed,
      );
    await delay(GONE_POLL_MS);
  }
}

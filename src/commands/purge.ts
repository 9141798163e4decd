/** The command that destroys the case file, the package and the history of an ended request. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { requestOf } from '../request/names';
import { runAt } from '../temporal/histories';
import type { Context } from './context';
import { CommandError, EXIT, type Exit } from './errors';
import { noSuchRequest, resolveId } from './request-id';
import type { Terminal } from './terminal';

/** The server deletes a history half a minute after the request, by its default settings. */
const GONE_WITHIN_MS = 120_000;
const GONE_POLL_MS = 200;
const PATIENCE_MS = 3_000;

export async function purge({ terminal, parts }: Context, id: string): Promise<Exit> {
  const all = await parts();
  const workflowId = await resolveId(all, id);
  const { result, histories, evidence: kept } = await all.retention.destroy({ workflowId, what: 'request' });
  if (result === undefined && histories === 0) throw noSuchRequest();
  await untilGone(all.temporal, workflowId, terminal);
  const { requestId, kind } = requestOf(workflowId) ?? {};
  terminal.print(
    { requestId, workflowId, kind, status: 'purged', histories, evidence: kept, ...(result && { result }) },
    [
      `Purged ${workflowId}: its case file and package, and ${histories} histories on the server.`,
      kept
        ? 'Its evidence was kept: `audit export` still writes it.'
        : 'No evidence was kept: its history was deleted before, or no key opens it.',
      'Its record and its receipt stay, without personal data; copies of the server database and the vault age out with `keys retire`.',
    ],
  );
  return EXIT.done;
}

async function untilGone(temporal: Client, workflowId: string, terminal: Terminal): Promise<void> {
  const beganMs = Date.now();
  let noted = false;
  while ((await runAt(temporal, workflowId)) !== undefined) {
    if (!noted && Date.now() - beganMs > PATIENCE_MS) {
      terminal.note('deleted from the vault; waiting for the server to delete the history ...');
      noted = true;
    }
    if (Date.now() - beganMs > GONE_WITHIN_MS)
      throw new CommandError(
        'history-remains',
        'The server has not deleted the history yet. Run the command again to check.',
        EXIT.failed,
      );
    await delay(GONE_POLL_MS);
  }
}

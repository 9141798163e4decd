/** Commands about requests that were started: `status`, `list`, `cancel`, `extend`. */
import { parseExtension } from '../request/input';
import { requestOf } from '../request/names';
import type { Context } from './context';
import { EXIT, type Exit } from './errors';
import { resolveId } from './request-id';
import { statusLines } from './result-lines';
import { table } from './terminal';

export async function status({ terminal, parts }: Context, id: string): Promise<Exit> {
  const all = await parts();
  const report = await all.client.status(await resolveId(all, id));
  terminal.print(report, statusLines(report));
  return EXIT.done;
}

export async function list({ terminal, parts }: Context): Promise<Exit> {
  const { client } = await parts();
  const requests = await client.list();
  const rows = requests.map(({ startedAt, dueAt = '-', status, kind, dryRun, connection, requestId }) => [
    startedAt,
    dueAt,
    status,
    dryRun ? `${kind} (dry run)` : kind,
    connection,
    requestId,
  ]);
  terminal.print(
    { requests },
    rows.length === 0
      ? ['No requests yet. Start one: aircall-dsr access NAME EMAIL']
      : table([['STARTED', 'DUE', 'STATUS', 'KIND', 'CONNECTION', 'REQUEST'], ...rows]),
  );
  return EXIT.done;
}

export async function cancel({ terminal, parts }: Context, id: string): Promise<Exit> {
  const all = await parts();
  const workflowId = await resolveId(all, id);
  const cancellationRequested = await all.client.cancel(workflowId);
  terminal.print({ workflowId, cancellationRequested }, [
    cancellationRequested
      ? `Sent a cancellation to ${workflowId}. Steps in flight end and are recorded; see aircall-dsr status.`
      : `${workflowId} has ended already; see aircall-dsr status.`,
  ]);
  return EXIT.done;
}

export interface ExtendOptions {
  readonly reason: string;
  readonly until?: string;
}

export async function extend({ terminal, parts }: Context, id: string, options: ExtendOptions): Promise<Exit> {
  const { reason, until } = options;
  const extension = parseExtension({ reason, ...(until !== undefined && { until }) });
  const all = await parts();
  const workflowId = await resolveId(all, id);
  const clock = await all.client.extend(workflowId, extension);
  const { requestId } = requestOf(workflowId) ?? {};
  terminal.print({ requestId, workflowId, ...clock }, [
    `Extended ${workflowId}: due ${clock.dueAt}, was due ${clock.extension?.dueBefore}.`,
    'Tell the person, and why, before the earlier date: the law requires it.',
  ]);
  return EXIT.done;
}

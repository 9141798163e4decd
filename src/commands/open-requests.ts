/** Calls to the Temporal server about requests, for commands about connections. The commands work without a server. */
import { count } from '../request/words';
import type { Context } from './context';

type Server = Pick<Context, 'ifServerAnswers' | 'stores'>;

/** Workflow ids of a connection's open requests; undefined if no server answers. */
export async function openRequestsOf(
  { ifServerAnswers, stores }: Server,
  name: string,
): Promise<readonly string[] | undefined> {
  const { openRequests } = await import('../retention/open-requests.js');
  const { keyring, cases, receipts } = await stores();
  return ifServerAnswers((temporal, { taskQueue }) =>
    openRequests({ temporal, keyring, taskQueue, cases, receipts }, name),
  );
}

/** How many are open, and the first of them. */
export function openWords(open: readonly string[]): string {
  return `${count(open.length, 'open request')}: ${open.slice(0, 3).join(', ')}${open.length > 3 ? ', ...' : ''}`;
}

/** Wakes the requests that wait for a connection, and returns how many wait. Undefined if no server answers: then a worker does. */
export async function wakeRequestsOf({ ifServerAnswers }: Server, name: string): Promise<number | undefined> {
  const { wakeWaiting } = await import('../temporal/waiting.js');
  return ifServerAnswers((temporal, { taskQueue }) => wakeWaiting(temporal, taskQueue, name));
}

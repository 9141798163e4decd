/** Calls to the Temporal server about requests, for commands about connections. The commands work without a server. */
import type { Context } from './context';

type Server = Pick<Context, 'ifServerAnswers'>;

/** Workflow ids of a connection's open requests; undefined if no server answers. */
export async function openRequestsOf(
  { ifServerAnswers }: Server,
  name: string,
): Promise<readonly string[] | undefined> {
  const { openRequests } = await import('../temporal/waiting.js');
  return ifServerAnswers((temporal, { taskQueue }) => openRequests(temporal, taskQueue, name));
}

/** Makes waiting requests check again, and returns how many. Undefined if no server answers: then they check by themselves. */
export async function wakeWaiting({ ifServerAnswers }: Server, name: string): Promise<number | undefined> {
  const { signalWaiting } = await import('../temporal/waiting.js');
  return ifServerAnswers((temporal, { taskQueue }) => signalWaiting(temporal, taskQueue, name));
}

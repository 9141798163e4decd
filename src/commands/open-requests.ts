/** What commands about connections ask the Temporal server of requests; they work without one. */
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

/** Lets waiting requests look again, and answers how many; undefined if no server answers: they look by themselves. */
export async function wakeWaiting({ ifServerAnswers }: Server, name: string): Promise<number | undefined> {
  const { signalWaiting } = await import('../temporal/waiting.js');
  return ifServerAnswers((temporal, { taskQueue }) => signalWaiting(temporal, taskQueue, name));
}

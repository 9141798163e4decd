/** Which request a command means: by its workflow id, or by its request id if only one request has it. */
import type { DsrClient } from '../client';
import { KINDS, requestOf, workflowIdOf } from '../request/names';
import type { Connections } from '../vault/connections';
import { CommandError, EXIT } from './errors';

const LISTED_MAX = 10_000;

/** @returns its workflow id. @throws {CommandError} `not-found`, `ambiguous-id` */
export async function resolveId(
  { client, connections }: { readonly client: DsrClient; readonly connections: Connections },
  id: string,
): Promise<string> {
  if (id.includes(':')) {
    if (requestOf(id) === undefined)
      throw new CommandError('not-found', 'That is not the id of a request. See aircall-dsr list.', EXIT.usage);
    return id;
  }
  // A request may outlive its connection: `disconnect --force` keeps the name. Of another vault, only the server's list knows it.
  const names = new Set([...(await connections.names()), ...(await connections.keptNames())]);
  const candidates = [...names].flatMap(connection =>
    KINDS.map(kind => workflowIdOf({ connection, kind, requestId: id })),
  );
  const known = await client.known(candidates.filter(candidate => requestOf(candidate) !== undefined));
  const [found, ...others] = known.length > 0 ? known : await listedUnder(client, id);
  if (found === undefined) throw noSuchRequest();
  if (others.length > 0)
    throw new CommandError(
      'ambiguous-id',
      `Several requests have that id: ${[found, ...others].join(', ')}. Give one of these.`,
      EXIT.usage,
    );
  return found;
}

export function noSuchRequest(): CommandError {
  return new CommandError('not-found', 'No request has that id. See aircall-dsr list.', EXIT.usage);
}

async function listedUnder(client: DsrClient, requestId: string): Promise<string[]> {
  const requests = await client.list({ limit: LISTED_MAX });
  return requests.flatMap(listed => (listed.requestId === requestId ? listed.workflowId : []));
}

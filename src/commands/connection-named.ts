/** The connection that a command names. */
import { NAME_PATTERN } from '../request/names';
import type { Connection, Connections } from '../vault/connections';
import { CommandError, EXIT } from './errors';

/** @throws {CommandError} `unknown-connection` */
export async function connectionNamed(name: string, connections: Connections): Promise<Connection> {
  const stored = NAME_PATTERN.test(name) ? await connections.get(name) : undefined;
  if (stored === undefined) throw unknownConnection(name);
  return stored.value;
}

/** A text that is no name is not printed: an e-mail address in the wrong place is personal data. */
export function unknownConnection(name: string): CommandError {
  const which = NAME_PATTERN.test(name) ? `connection ${name}` : 'connection of that name';
  return new CommandError('unknown-connection', `There is no ${which}. See aircall-dsr connections.`, EXIT.usage);
}

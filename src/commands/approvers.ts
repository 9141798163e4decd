/** Commands about people who may approve plans: `approvers add`, `approvers list`, `approvers remove`. */
import { signingKeyId } from '../encryption/signing-key';
import { NAME_PATTERN, NAME_RULE } from '../request/names';
import { count } from '../request/words';
import { type Connections, ifBroken } from '../vault/connections';
import type { Context } from './context';
import { CommandError, EXIT, type Exit, usage } from './errors';
import { publicKeysOf } from './given-files';
import { table } from './terminal';

export async function add(
  { terminal, stores }: Context,
  name: string,
  { key }: { readonly key: string },
): Promise<Exit> {
  if (!NAME_PATTERN.test(name)) throw usage(`NAME ${NAME_RULE}.`);
  const [publicKey = '', ...others] = await publicKeysOf(key);
  if (others.length > 0) throw usage('The file of --key holds several public keys. Give a file with one.');
  const { approvers } = await stores();
  const verdict = await approvers.add({ name, publicKey, addedAt: new Date().toISOString() });
  if (verdict === 'name-taken')
    throw usage(`Another key is registered under ${name}. Remove it first, or choose another name.`);
  if (verdict === 'key-taken')
    throw usage('This key is registered under another name: see aircall-dsr approvers list.');
  const keyId = signingKeyId(publicKey);
  terminal.print({ name, keyId, added: verdict === 'added' }, [
    verdict === 'added'
      ? `Registered ${name} with key ${keyId}. From now on an approval counts only if it is signed.`
      : `${name} is registered with key ${keyId} already.`,
  ]);
  return EXIT.done;
}

export async function list({ terminal, stores }: Context): Promise<Exit> {
  const { approvers } = await stores();
  const rows = (await approvers.list()).map(({ name, keyId, addedAt }) => ({ name, keyId, addedAt }));
  terminal.print(
    { approvers: rows },
    rows.length === 0
      ? ['Nobody is registered: approvals are not signed. Add one: aircall-dsr approvers add NAME --key FILE']
      : table([['NAME', 'KEY', 'SINCE'], ...rows.map(({ name, keyId, addedAt }) => [name, keyId, addedAt])]),
  );
  return EXIT.done;
}

export async function remove({ terminal, stores }: Context, name: string): Promise<Exit> {
  const { approvers, connections } = await stores();
  const { connection, approvals } = await strictest(connections);
  const verdict = await approvers.remove(name, approvals);
  if (verdict === 'unknown')
    throw new CommandError(
      'unknown-approver',
      'No approver has that name. See aircall-dsr approvers list.',
      EXIT.usage,
    );
  if (verdict === 'too-few')
    throw usage(
      `${connection} requires ${count(approvals, 'approval')}, and fewer approvers would be left. Nothing was changed. Add another one first, or run: aircall-dsr connect ${connection} --approvals ${approvals - 1}`,
    );
  terminal.print({ name, removed: true }, [
    `Removed ${name}: what was signed with that key counts no more, also for plans that are approved and not executed yet.`,
  ]);
  return EXIT.done;
}

/** The connection that requires most approvals. One that cannot be read requires them again when it is connected. */
async function strictest(
  connections: Connections,
): Promise<{ readonly connection: string; readonly approvals: number }> {
  let found = { connection: '', approvals: 0 };
  for (const connection of new Set([...(await connections.names()), ...(await connections.keptNames())])) {
    const stored = await connections.get(connection).catch(ifBroken);
    if (stored === 'broken') continue;
    const { approvals = 0 } = stored?.value ?? (await connections.kept(connection)) ?? {};
    if (approvals > found.approvals) found = { connection, approvals };
  }
  return found;
}

/** The commands that start a request, `access` and `delete`, and with `--wait` wait for its end. */
import { randomUUID } from 'node:crypto';
import type { DsrClient, RequestResult, Started } from '../client';
import { endedWell, endOf } from '../request/endings';
import { parseInput } from '../request/input';
import type { GivenSubject } from '../request/model';
import { type Kind, workflowIdOf } from '../request/names';
import { commandLineOptions, type Takes, type Unit } from '../request/options';
import type { Connections } from '../vault/connections';
import { type ConfirmOptions, confirm } from './confirm';
import { unknownConnection } from './connection-named';
import type { Context } from './context';
import { EXIT, type Exit } from './errors';
import { noteHistoryRetention } from './history-retention';
import { FROM_STDIN, subjectOf } from './identities';
import { refuseOther, refuseUnusable } from './out-file';
import { savePackage } from './package';
import { showProgress } from './progress';
import { resultLines } from './result-lines';
import type { Terminal } from './terminal';

/** As commander gives them; those of the table in src/request/options.ts are read by their names. */
export interface StartOptions {
  readonly requestId?: string;
  readonly email?: string[];
  readonly phone?: string[];
  readonly wait?: boolean;
  readonly [option: string]: unknown;
}

export interface AccessOptions extends StartOptions {
  readonly out?: string;
}

export interface RemoveOptions extends StartOptions, ConfirmOptions {}

export async function access(
  { terminal, parts }: Context,
  connection: string,
  email: string | undefined,
  options: AccessOptions,
): Promise<Exit> {
  const { out, requestId } = options;
  const subject = await subjectOf(terminal, { email, emails: options.email, phoneNumbers: options.phone });
  const input = parseInput('access', inputOf('access', connection, subject, options));
  if (out !== undefined && requestId === undefined) await refuseUnusable(out);
  const { client, connections, cases, temporal } = await parts();
  if (out !== undefined && requestId !== undefined)
    await refuseOther(out, async () => (await endedBefore(client, { connection, requestId }))?.package?.sha256);
  await refuseUnknown({ client, connections }, 'access', input);
  const started = await client.start('access', input);
  await noteHistoryRetention(terminal, { temporal }, input);
  if (!options.wait && out === undefined) return begun(terminal, started);
  noteId(terminal, started, options);
  const result = await showProgress(client, started.workflowId, terminal);
  if (out !== undefined && result.package !== undefined) await savePackage(cases, result, out);
  return ended(terminal, result, out);
}

export async function remove(
  { terminal, parts }: Context,
  connection: string,
  email: string | undefined,
  options: RemoveOptions,
): Promise<Exit> {
  const asked = () => confirm(terminal, questionOf(connection, email, options), options);
  const deletes = options.dryRun !== true;
  const isTyped = email !== FROM_STDIN;
  if (deletes && !isTyped) await asked(); // the answer is the first line of stdin, the person follows
  const subject = await subjectOf(terminal, { email, emails: options.email, phoneNumbers: options.phone });
  const input = parseInput('deletion', inputOf('deletion', connection, subject, options));
  const { client, connections, temporal } = await parts();
  await refuseUnknown({ client, connections }, 'deletion', input);
  if (deletes && isTyped) await asked();
  const started = await client.start('deletion', input);
  await noteHistoryRetention(terminal, { temporal }, input);
  if (!options.wait) return begun(terminal, started);
  noteId(terminal, started, options);
  return ended(terminal, await showProgress(client, started.workflowId, terminal));
}

/** The person is on the command line above it, or is typed after it. */
function questionOf(connection: string, email: string | undefined, { plan }: RemoveOptions): string {
  const person = email === FROM_STDIN ? 'the person that comes next' : 'this person';
  const what = typeof plan === 'string' ? `the contacts of plan ${plan}` : `the contacts of ${person}`;
  return `Delete ${what} in Aircall company ${connection}? They cannot be restored. Calls, their comments and messages stay in Aircall.`;
}

function begun(terminal: Terminal, { requestId, workflowId, runId }: Started): Exit {
  terminal.print({ requestId, workflowId, runId }, [`Started ${workflowId}. See aircall-dsr status ${requestId}`]);
  return EXIT.done;
}

/** A caller that is stopped while it waits needs a random id to continue. */
function noteId(terminal: Terminal, { workflowId }: Started, { requestId }: StartOptions): void {
  if (requestId === undefined) terminal.note(`Started ${workflowId}`);
}

function ended(terminal: Terminal, result: RequestResult, out?: string): Exit {
  const saved = out !== undefined && result.package !== undefined;
  terminal.print(result, [
    ...resultLines(result),
    ...(saved ? [`  package    ${out} (${result.package.sizeBytes} bytes). It holds personal data.`] : []),
  ]);
  if (out !== undefined && !saved) terminal.note(`note: ${noPackage(result)}, so ${out} was not written.`);
  return endedWell(endOf(result)) ? EXIT.done : EXIT.failed;
}

function noPackage({ status }: RequestResult): string {
  return status === 'planned' ? 'a dry run hands over nothing' : `there is no package (status ${status})`;
}

/** The input that a command line gives. Options that are not given stay absent. */
function inputOf(kind: Kind, connection: string, subject: GivenSubject, options: StartOptions) {
  const { requestId = randomUUID() } = options;
  const given = commandLineOptions(kind).flatMap(({ attribute, field, takes }) => {
    const value = options[attribute];
    if (value === undefined) return [];
    return [[field, valueIn(takes, value)] as const];
  });
  return { kind, requestId, connection, subject, ...Object.fromEntries(given) };
}

/** The result of an access request that has ended already. */
async function endedBefore(
  client: DsrClient,
  { connection, requestId }: { readonly connection: string; readonly requestId: string },
): Promise<RequestResult | undefined> {
  const workflowId = workflowIdOf({ connection, kind: 'access', requestId });
  const [there] = await client.known([workflowId]);
  return there === undefined ? undefined : (await client.status(workflowId)).result;
}

/** There must be such a connection, or one that requests wait for; unless its request exists already: then that request's answer is printed. */
async function refuseUnknown(
  { client, connections }: { readonly client: DsrClient; readonly connections: Connections },
  kind: Kind,
  { connection, requestId }: { readonly connection: string; readonly requestId: string },
): Promise<void> {
  if ((await connections.incarnation(connection)) !== undefined) return;
  const [there] = await client.known([workflowIdOf({ connection, kind, requestId })]);
  if (there === undefined) throw unknownConnection(connection);
}

function valueIn(takes: Takes, value: unknown): unknown {
  if (typeof takes !== 'object') return value;
  if ('min' in takes) return numberIn(value, takes.unit);
  return 'someOf' in takes && typeof value === 'string' ? listIn(value, takes.someOf) : value;
}

/** `all`, `none`, or names between commas; other names are passed on: the input check refuses them. */
function listIn(value: string, all: readonly string[]): readonly string[] {
  if (value === 'all') return all;
  return value === 'none' ? [] : value.split(',').map(name => name.trim());
}

/** In seconds: as a duration is written, and as an option counts. */
const WRITTEN: ReadonlyMap<string, number> = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3_600],
  ['d', 86_400],
]);
const COUNTED = { seconds: 1, days: 86_400 } as const satisfies Record<Unit, number>;

/** A number; of an option with a unit also a duration. A text that is neither is passed on: the input check names it. */
function numberIn(value: unknown, unit: Unit | undefined): unknown {
  if (typeof value !== 'string') return value;
  const written = unit && WRITTEN.get(value.slice(-1));
  const amount = written === undefined ? value : value.slice(0, -1);
  const number = Number(amount);
  if (amount.trim() === '' || Number.isNaN(number)) return value;
  return unit === undefined || written === undefined ? number : (number * written) / COUNTED[unit];
}

/** The commands that start a request, `access` and `delete`, and wait for its end if asked to. */
import { randomUUID } from 'node:crypto';
import type { DsrClient, RequestResult, Started } from '../client';
import { endedWell } from '../request/endings';
import { parseInput } from '../request/input';
import { type Kind, workflowIdOf } from '../request/names';
import type { Connections } from '../vault/connections';
import { unknownConnection } from './connection-named';
import type { Context } from './context';
import { EXIT, type Exit } from './errors';
import { refuseOther } from './out-file';
import { savePackage } from './package';
import { showProgress } from './progress';
import { resultLines } from './result-lines';
import type { Terminal } from './terminal';

interface CommonOptions {
  readonly requestId?: string;
  readonly phone?: string[];
  readonly deadline?: string;
  readonly regime?: string;
  readonly submittedAt?: string;
  readonly wait?: boolean;
}

export interface AccessOptions extends CommonOptions {
  readonly calls?: string;
  readonly from?: string;
  readonly to?: string;
  readonly out?: string;
}

export interface DeleteOptions extends CommonOptions {
  readonly dryRun?: boolean;
  readonly settle?: string;
}

export async function access(
  { terminal, parts }: Context,
  connection: string,
  email: string,
  options: AccessOptions,
): Promise<Exit> {
  const { calls, from, to, out, requestId } = options;
  const input = parseInput('access', { ...commonInput(connection, email, options), ...given({ calls, from, to }) });
  if (out !== undefined && requestId === undefined) await refuseOther(out, async () => undefined);
  const { client, connections, cases } = await parts();
  if (out !== undefined && requestId !== undefined)
    await refuseOther(out, async () => (await endedBefore(client, { connection, requestId }))?.package?.sha256);
  await refuseUnknown({ client, connections }, 'access', input);
  const started = await client.start('access', input);
  noteOtherClock(terminal, started.otherClock ? 1 : 0);
  if (!options.wait && out === undefined) return begun(terminal, started);
  const result = await showProgress(client, started.workflowId, terminal);
  if (out !== undefined && result.package !== undefined) await savePackage(cases, result.package, out);
  return ended(terminal, result, out);
}

export async function remove(
  { terminal, parts }: Context,
  connection: string,
  email: string,
  options: DeleteOptions,
): Promise<Exit> {
  const input = parseInput('deletion', {
    ...commonInput(connection, email, options),
    ...given({ dryRun: options.dryRun, settleSeconds: numberGiven(options.settle) }),
  });
  const { client, connections } = await parts();
  await refuseUnknown({ client, connections }, 'deletion', input);
  const started = await client.start('deletion', input);
  noteOtherClock(terminal, started.otherClock ? 1 : 0);
  if (!options.wait) return begun(terminal, started);
  return ended(terminal, await showProgress(client, started.workflowId, terminal));
}

/** Of requests that were there before. */
export function noteOtherClock(terminal: Terminal, requests: number): void {
  if (requests > 0)
    terminal.note(
      `note: ${requests === 1 ? 'a request was' : `${requests} requests were`} started before with another --regime or submission time; the due date of then stands, or that there is none.`,
    );
}

function begun(terminal: Terminal, { requestId, workflowId, runId }: Started): Exit {
  terminal.print({ requestId, workflowId, runId }, [`Started ${workflowId}. See aircall-dsr status ${requestId}`]);
  return EXIT.done;
}

function ended(terminal: Terminal, result: RequestResult, out?: string): Exit {
  const saved = out !== undefined && result.package !== undefined;
  terminal.print(result, [
    ...resultLines(result),
    ...(saved ? [`  package    ${out} (${result.package.sizeBytes} bytes). It holds personal data.`] : []),
  ]);
  if (out !== undefined && !saved) terminal.note(`note: nothing was found, so ${out} was not written.`);
  return endedWell(result.status) ? EXIT.done : EXIT.failed;
}

function commonInput(connection: string, email: string, options: CommonOptions) {
  const { requestId, phone, deadline, regime, submittedAt } = options;
  return {
    requestId: requestId ?? randomUUID(),
    connection,
    subject: { email, ...(phone === undefined ? {} : { phoneNumbers: phone }) },
    ...given({ deadlineDays: numberGiven(deadline), regime, submittedAt }),
  };
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

/** A connection must be in the vault, unless its request is there already: that one is answered. */
async function refuseUnknown(
  { client, connections }: { readonly client: DsrClient; readonly connections: Connections },
  kind: Kind,
  { connection, requestId }: { readonly connection: string; readonly requestId: string },
): Promise<void> {
  if ((await connections.get(connection)) !== undefined) return;
  const [there] = await client.known([workflowIdOf({ connection, kind, requestId })]);
  if (there === undefined) throw unknownConnection(connection);
}

/** What was given on the command line; what was not stays absent. */
function given<T extends object>(options: T): Partial<T> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  const present: Partial<T> = {};
  return Object.assign(present, Object.fromEntries(entries));
}

/** Text that is no number is passed on, for the input check to name. */
function numberGiven(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  const value = Number(text);
  return text.trim() === '' || Number.isNaN(value) ? text : value;
}

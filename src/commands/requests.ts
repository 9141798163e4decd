/**
 * Commands about requests: start, watch, list, cancel, fetch the package. All of them go through src/client.ts.
 */
import { randomUUID } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { createEvidence } from '../audit/evidence';
import {
  connectTemporal,
  createDsrClient,
  type DsrClient,
  type RequestResult,
  type Started,
  type StatusReport,
} from '../client';
import { configuredKeyring, configuredTaskQueue, configuredVault } from '../config';
import { parseExtension, parseInput } from '../request/input';
import { KINDS, type Kind, type RequestRef, requestOf, workflowIdOf } from '../request/names';
import { createLateReceipts } from '../retention/late-receipts';
import { createRetention } from '../retention/retention';
import { runAt } from '../temporal/histories';
import { createCases } from '../vault/cases';
import { createConnections } from '../vault/connections';
import { createReceipts } from '../vault/receipts';
import { unknownConnection } from './connections';
import { answer, CommandError, EXIT, type Exit, type Output, table, tell } from './output';
import { showProgress } from './progress';

const LISTED_MAX = 10_000;
/** The server deletes a history half a minute after it was told to, by its default settings. */
const GONE_WITHIN_MS = 120_000;
const GONE_LOOK_MS = 200;
const PATIENCE_MS = 3_000;

interface CommonOptions extends Output {
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

export async function access(connection: string, email: string, options: AccessOptions): Promise<Exit> {
  const { out } = options;
  if (out !== undefined) await refuseUnusable(out);
  const { calls, from, to } = options;
  const input = parseInput('access', { ...commonInput(connection, email, options), ...given({ calls, from, to }) });
  return withClient(async client => {
    await refuseUnknown(client, 'access', input);
    const started = await client.start('access', input);
    tellOtherClock(started.otherClock ? 1 : 0);
    if (!options.wait && out === undefined) return begun(options, started);
    const result = await showProgress(client, started.workflowId);
    if (out !== undefined && result.package !== undefined) await savePackage(result, out);
    return ended(options, result, out);
  });
}

export async function remove(connection: string, email: string, options: DeleteOptions): Promise<Exit> {
  const input = parseInput('deletion', {
    ...commonInput(connection, email, options),
    ...given({ dryRun: options.dryRun, settleSeconds: numberGiven(options.settle) }),
  });
  return withClient(async client => {
    await refuseUnknown(client, 'deletion', input);
    const started = await client.start('deletion', input);
    tellOtherClock(started.otherClock ? 1 : 0);
    if (!options.wait) return begun(options, started);
    return ended(options, await showProgress(client, started.workflowId));
  });
}

export async function status(id: string, options: Output): Promise<Exit> {
  return withClient(async client => {
    const report = await client.status(await resolveId(client, id));
    answer(options, report, statusLines(report));
    return EXIT.done;
  });
}

export async function list(options: Output): Promise<Exit> {
  return withClient(async client => {
    const requests = await client.list();
    answer(
      options,
      { requests },
      requests.length === 0
        ? ['No requests yet. Start one: aircall-dsr access NAME EMAIL']
        : table([
            ['STARTED', 'DUE', 'STATUS', 'KIND', 'CONNECTION', 'REQUEST'],
            ...requests.map(({ startedAt, dueAt = '-', status, kind, connection, requestId }) => [
              startedAt,
              dueAt,
              status,
              kind,
              connection,
              requestId,
            ]),
          ]),
    );
    return EXIT.done;
  });
}

export async function cancel(id: string, options: Output): Promise<Exit> {
  return withClient(async client => {
    const workflowId = await resolveId(client, id);
    const cancellationRequested = await client.cancel(workflowId);
    answer(options, { workflowId, cancellationRequested }, [
      cancellationRequested
        ? `Asked ${workflowId} to end. What is in flight is finished and recorded; see aircall-dsr status.`
        : `${workflowId} has ended already; see aircall-dsr status.`,
    ]);
    return EXIT.done;
  });
}

export interface ExtendOptions extends Output {
  readonly reason: string;
  readonly until?: string;
}

export async function extend(id: string, options: ExtendOptions): Promise<Exit> {
  const { reason, until } = options;
  const extension = parseExtension({ reason, ...given({ until }) });
  return withClient(async client => {
    const workflowId = await resolveId(client, id);
    const clock = await client.extend(workflowId, extension);
    const { requestId } = requestOf(workflowId) ?? {};
    answer(options, { requestId, workflowId, ...clock }, [
      `Extended ${workflowId}: due ${clock.dueAt}, before ${clock.extension?.dueBefore}.`,
      'Tell the person so, and why, before the earlier date: the law wants it.',
    ]);
    return EXIT.done;
  });
}

export async function purge(id: string, options: Output): Promise<Exit> {
  const keyring = configuredKeyring();
  const temporal = await connectTemporal(keyring);
  try {
    const vault = await configuredVault(keyring);
    const cases = createCases(vault);
    const receipts = createReceipts({ vault, keyring, now: Date.now });
    const taskQueue = configuredTaskQueue();
    const client = createDsrClient({ temporal, keyring, taskQueue, recordOf: cases.record });
    const workflowId = await resolveId(client, id);
    const lateReceipts = createLateReceipts({ temporal, cases, receipts });
    const evidence = createEvidence({ temporal, vault, keyring, taskQueue, now: Date.now });
    const retention = createRetention({ temporal, cases, lateReceipts, evidence, taskQueue, now: () => new Date() });
    const { result, histories, evidence: kept } = await retention.destroy({ workflowId, what: 'request' });
    if (result === undefined && histories === 0) throw noSuchRequest();
    await untilGone(temporal, workflowId);
    const { requestId, kind } = requestOf(workflowId) ?? {};
    answer(
      options,
      { requestId, workflowId, kind, status: 'purged', histories, evidence: kept, ...(result && { result }) },
      [
        `Purged ${workflowId}: its case file and package, and ${histories} histories on the server.`,
        kept
          ? 'Its evidence was kept first: `audit export` still has it.'
          : 'No evidence was kept: its history was gone before, or no key opens it.',
        'Its record and its receipt stay, without personal data; copies of the server database and the vault age out with `keys retire`.',
      ],
    );
    return EXIT.done;
  } finally {
    await temporal.connection.close();
  }
}

async function untilGone(temporal: Client, workflowId: string): Promise<void> {
  const beganMs = Date.now();
  let told = false;
  while ((await runAt(temporal, workflowId)) !== undefined) {
    if (!told && Date.now() - beganMs > PATIENCE_MS) {
      tell('the vault holds no more of it; waiting for the server to delete the history ...');
      told = true;
    }
    if (Date.now() - beganMs > GONE_WITHIN_MS)
      throw new CommandError(
        'history-remains',
        'The server has not deleted the history yet, though it was told to. Run the command again to look.',
        EXIT.failed,
      );
    await delay(GONE_LOOK_MS);
  }
}

export async function savePackageOf(id: string, options: Output & { readonly out: string }): Promise<Exit> {
  await refuseUnusable(options.out);
  return withClient(async client => {
    const { result, status: state } = await client.status(await resolveId(client, id));
    if (result?.package === undefined) {
      throw new CommandError(
        'no-package',
        `This request has no package (status ${state}). Only an access request that found something has one, until it is purged.`,
        EXIT.failed,
      );
    }
    await savePackage(result, options.out);
    answer(options, { out: options.out, ...result.package }, [
      `Saved the package: ${options.out} (${result.package.sizeBytes} bytes). It holds personal data.`,
    ]);
    return EXIT.done;
  });
}

/** What was found, done and not covered, in words. */
export function resultLines(result: RequestResult): string[] {
  const { kind, status: state, counts, coverage, verification, failure, purged, apiRequests } = result;
  const gaps = [
    ...coverage.contacts.gaps.map(gap => ({ source: 'contacts', ...gap })),
    ...(coverage.calls?.gaps.map(gap => ({ source: 'calls', ...gap })) ?? []),
  ];
  return [
    `${kind} ${result.requestId}: ${state}`,
    `  found      ${counts.contacts} contacts${counts.calls === undefined ? '' : `, ${counts.calls} calls`}`,
    ...(kind === 'deletion'
      ? [`  deleted    ${counts.deleted ?? 0} contacts (${counts.alreadyAbsent ?? 0} were gone already)`]
      : []),
    ...(counts.refused + counts.failed > 0 ? [`  not done   ${counts.refused} refused, ${counts.failed} failed`] : []),
    ...(coverage.calls !== undefined && coverage.calls.ambiguous > 0
      ? [`  withheld   ${coverage.calls.ambiguous} calls on a number that is shared with somebody else`]
      : []),
    ...gaps.map(
      ({ source, code, count }) => `  missing    ${source}: ${code}${count === undefined ? '' : ` (${count})`}`,
    ),
    ...(verification && verification.state !== 'skipped'
      ? [`  verified   ${verification.state === 'verified' ? 'searched again: nothing is left' : 'something is left'}`]
      : []),
    ...(result.plan
      ? [`  plan       ${result.plan.counts.contacts} contacts would be deleted, digest ${result.planDigest}`]
      : []),
    ...(purged ? [`  purged     ${purged.at}; it had ended as ${purged.status} on ${result.completedAt}`] : []),
    ...(result.dueAt === undefined
      ? []
      : [`  due        ${result.dueAt}${result.completedAt > result.dueAt ? ': it ended later' : ''}`]),
    ...(failure ? [`  why        ${failure.code}: ${failure.message}`] : []),
    `  asked      Aircall ${apiRequests} times`,
  ];
}

function statusLines(report: StatusReport): string[] {
  if (report.result !== undefined) return resultLines(report.result);
  const { kind, requestId, status: state, phase, counts, waitingFor, dueAt, alarm, failure, retrying = [] } = report;
  return [
    `${kind} ${requestId}: ${state}${phase === undefined ? '' : `, ${phase}`}`,
    ...(counts === undefined
      ? []
      : [`  so far     ${counts.contacts} contacts${counts.calls === undefined ? '' : `, ${counts.calls} calls`}`]),
    ...(waitingFor === undefined
      ? []
      : [`  waits for  ${waitingFor.cause}${waitingFor.until === undefined ? '' : ` until ${waitingFor.until}`}`]),
    ...(dueAt === undefined ? [] : [`  due        ${dueAt}${alarm === undefined ? '' : `: ${DUE[alarm]}`}`]),
    ...(failure === undefined ? [] : [`  because    ${failure.code}: ${failure.message}`]),
    ...retrying.map(({ step, code, attempts }) => `  retrying   ${step}: ${code}, ${attempts} attempts so far`),
  ];
}

const DUE = { 'due-soon': 'a week is left, or less', overdue: 'it has passed' } as const;

/** Of a request that was there before. */
export function tellOtherClock(requests: number): void {
  if (requests > 0)
    tell(
      `note: ${requests === 1 ? 'a request was' : `${requests} requests were`} started before with another --regime or submission time; the due date of then stands, or that there is none.`,
    );
}

function begun(options: Output, { requestId, workflowId, runId }: Started): Exit {
  const started = { requestId, workflowId, runId };
  answer(options, started, [`Started ${started.workflowId}. See aircall-dsr status ${started.requestId}`]);
  return EXIT.done;
}

function ended(options: Output, result: RequestResult, out?: string): Exit {
  const saved = out !== undefined && result.package !== undefined;
  answer(options, result, [
    ...resultLines(result),
    ...(saved ? [`  package    ${out} (${result.package.sizeBytes} bytes). It holds personal data.`] : []),
  ]);
  if (out !== undefined && !saved) tell(`note: nothing was found, so ${out} was not written.`);
  return result.status === 'failed' || result.status === 'partial' ? EXIT.failed : EXIT.done;
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

/** A connection must be in the vault, unless its request is there already: that one is answered. */
async function refuseUnknown(
  client: DsrClient,
  kind: Kind,
  { connection, requestId }: { readonly connection: string; readonly requestId: string },
): Promise<void> {
  const connections = createConnections(await configuredVault(configuredKeyring()));
  if ((await connections.get(connection)) !== undefined) return;
  const [there] = await client.known([workflowIdOf({ connection, kind, requestId })]);
  if (there === undefined) throw unknownConnection(connection);
}

export async function withClient<T>(use: (client: DsrClient) => Promise<T>): Promise<T> {
  const keyring = configuredKeyring();
  const temporal = await connectTemporal(keyring);
  try {
    const recordOf = async (request: RequestRef) => createCases(await configuredVault(keyring)).record(request);
    return await use(createDsrClient({ temporal, keyring, taskQueue: configuredTaskQueue(), recordOf }));
  } finally {
    await temporal.connection.close();
  }
}

/** A workflow id as it is; a request id where only one run has it, among all connections and kinds. */
export async function resolveId(client: DsrClient, id: string): Promise<string> {
  if (id.includes(':')) {
    if (requestOf(id) === undefined)
      throw new CommandError('not-found', 'That is not the id of a request. See aircall-dsr list.', EXIT.usage);
    return id;
  }
  const connections = await createConnections(await configuredVault(configuredKeyring())).names();
  const candidates = connections.flatMap(connection =>
    KINDS.map(kind => workflowIdOf({ connection, kind, requestId: id })),
  );
  const known = await client.known(candidates.filter(candidate => requestOf(candidate) !== undefined));
  // A request outlives its connection in this vault; only the server's list knows it then.
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

/** Refused before anything is started: a file that exists, a folder that does not. */
export async function refuseUnusable(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there !== undefined)
    throw new CommandError(
      'usage',
      'The file of --out exists already and is left as it is. Name another file.',
      EXIT.usage,
    );
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (!folder?.isDirectory())
    throw new CommandError('usage', 'The folder of --out does not exist. Make it, or name another file.', EXIT.usage);
}

/** Readable by its owner only. */
async function savePackage({ package: found }: RequestResult, path: string): Promise<void> {
  const bytes =
    found === undefined
      ? undefined
      : await createCases(await configuredVault(configuredKeyring())).readPackage(found.uri);
  if (bytes === undefined)
    throw new CommandError(
      'no-package',
      'The package is not in this vault. Set AIRCALL_DSR_VAULT to the one that the worker uses.',
      EXIT.failed,
    );
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
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

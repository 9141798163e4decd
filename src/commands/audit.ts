/** What an auditor asks: whether recorded histories replay with this version. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type History, historyFromJson } from '../audit/history-json';
import { type Recorded, type ReplayOptions, replay, type Verdict } from '../audit/replay';
import { configuredKeyring, configuredTaskQueue } from '../config';
import { createDataConverter } from '../encryption/data-converter';
import { sideBySide } from '../request/side-by-side';
import { connectTemporal } from '../temporal/connect';
import { ourRuns, type Run, runsOf } from '../temporal/histories';
import { answer, CommandError, EXIT, type Exit, type Output, table } from './output';
import { installRuntime } from './quiet-logger';
import { resolveId, withClient } from './requests';

export interface ReplayCommandOptions extends Output {
  readonly all?: boolean;
  readonly since?: string;
}

const FETCHED_AT_ONCE = 8;

export async function auditReplay(id: string | undefined, options: ReplayCommandOptions): Promise<Exit> {
  if ((id === undefined) !== (options.all === true)) throw usage('Give an id, a file, a folder, or --all.');
  if (options.since !== undefined && options.all !== true) throw usage('--since belongs to --all.');
  const files = id === undefined ? undefined : filesAt(id);
  const verdicts = files === undefined ? await replayOnServer(id, options.since) : await replayFiles(files);
  if (verdicts.length === 0)
    throw new CommandError('nothing-to-replay', 'There is no history to replay: nothing was proved.', EXIT.failed);
  const same = verdicts.filter(({ verdict }) => verdict === 'same').length;
  answer(options, { replayed: verdicts.length, same, verdicts }, [
    ...table([
      ['VERDICT', 'HISTORY', 'EVENT'],
      ...verdicts.map(({ name, verdict, event }) => [verdict, name, event ?? '']),
    ]),
    `${same} of ${verdicts.length} replay with this version as they ran.`,
  ]);
  return same === verdicts.length ? EXIT.done : EXIT.failed;
}

/** The files that a path names; undefined where it names none. */
function filesAt(path: string): readonly string[] | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (found.isFile()) return [path];
  const names = readdirSync(path).filter(name => /^history.*\.json$/.test(name));
  return names.sort().map(name => join(path, name));
}

/** Histories in the clear need no key; a key file is read where one is sealed. */
async function replayFiles(files: readonly string[]): Promise<Verdict[]> {
  const read = files.map((name): Recorded | Verdict => {
    try {
      return { name, history: historyFromJson(readFileSync(name, 'utf8')) };
    } catch {
      return { name, verdict: 'unreadable', event: 'it is no history' };
    }
  });
  const recorded = read.flatMap(each => ('history' in each ? [each] : []));
  const unreadable = read.flatMap(each => ('history' in each ? [] : [each]));
  const replayed = await replayQuietly(recorded, { dataConverter: () => createDataConverter(configuredKeyring()) });
  return [...replayed, ...unreadable];
}

/** A runtime that nothing uses would keep the process from its end. */
async function replayQuietly(recorded: readonly Recorded[], options: ReplayOptions): Promise<Verdict[]> {
  if (recorded.length === 0) return [];
  installRuntime();
  return replay(recorded, options);
}

async function replayOnServer(id: string | undefined, since: string | undefined): Promise<Verdict[]> {
  const keyring = configuredKeyring();
  const taskQueue = configuredTaskQueue();
  const condition = since === undefined ? undefined : sinceCondition(since);
  const temporal = await connectTemporal(keyring);
  try {
    const runs: Run[] = [];
    if (id === undefined) for await (const run of ourRuns(temporal, taskQueue, condition)) runs.push(run);
    else runs.push(...(await runsOf(temporal, await withClient(client => resolveId(client, id)))));
    const recorded = await sideBySide(runs, FETCHED_AT_ONCE, async ({ workflowId, runId }): Promise<Recorded> => {
      const history: History = await temporal.workflow.getHandle(workflowId, runId).fetchHistory();
      return { name: `${workflowId} ${runId}`, history };
    });
    return await replayQuietly(recorded, { dataConverter: () => createDataConverter(keyring) });
  } finally {
    await temporal.connection.close();
  }
}

/** @throws {CommandError} `usage` */
function sinceCondition(text: string): string {
  const since = new Date(text);
  if (Number.isNaN(since.getTime()) || !/^\d{4}-\d\d-\d\d/.test(text)) throw usage('--since takes an ISO 8601 time.');
  return `(ExecutionStatus = 'Running' OR CloseTime >= '${since.toISOString()}')`;
}

function usage(message: string): CommandError {
  return new CommandError('usage', message, EXIT.usage);
}

/** Commands for auditors: export evidence of a request, check that it is complete, replay histories with this version. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkBundle, MANIFEST, type Manifest, RECEIPT, readManifest } from '../audit/bundle';
import { type History, historyFromJson } from '../audit/history-json';
import { recordedOf } from '../audit/recorded';
import { type Recorded, replay, STUCK, type Verdict } from '../audit/replay';
import { createPayloadCodec } from '../encryption/payload-codec';
import type { Parts } from '../parts';
import { requestOf } from '../request/names';
import { count } from '../request/words';
import { childrenOf, ourRuns, type Run } from '../temporal/histories';
import { runsOf } from '../temporal/own-runs';
import type { Context } from './context';
import { type CommandEnd, CommandError, EXIT, type Exit, usage } from './errors';
import { publicKeysOf } from './given-files';
import { refuseUnusable } from './out-file';
import { noSuchRequest, resolveId } from './request-id';
import { table } from './terminal';

export interface ReplayCommandOptions {
  readonly all?: boolean;
  readonly since?: string;
  /** A file of public keys. */
  readonly key?: string;
}

export interface ExportOptions {
  readonly out: string;
}

export async function auditReplay(
  context: Context,
  id: string | undefined,
  options: ReplayCommandOptions,
): Promise<CommandEnd> {
  const { terminal } = context;
  if ((id === undefined) !== (options.all === true)) throw usage('Give an id, a file, a folder, or --all.');
  if (options.since !== undefined && options.all !== true) throw usage('--since belongs to --all.');
  const bundle = id === undefined ? undefined : bundleAt(id);
  if (options.key !== undefined && bundle === undefined) throw usage('--key belongs to the folder of a bundle.');
  const checked =
    bundle && checkBundle(bundle, options.key === undefined ? undefined : await publicKeysOf(options.key));
  if (checked !== undefined && options.key === undefined)
    terminal.note('note: the public key comes from the bundle itself; pass --key to require a key that you trust.');
  if (checked !== undefined && checked.missing.length > 0)
    terminal.note(
      `note: deleted before it was exported: ${count(checked.missing.length, 'history', 'histories')} of children.`,
    );
  const files = id === undefined ? undefined : filesAt(id);
  if (files !== undefined && checked === undefined)
    terminal.note('note: no evidence: histories only. They are not signed: anyone who had them could change them.');
  const verdicts =
    files === undefined ? await replayOnServer(context, id, options.since) : await replayFiles(context, files);
  if (verdicts.length === 0)
    throw new CommandError('nothing-to-replay', 'There is no history to replay, so nothing was proved.', EXIT.failed);
  const same = verdicts.filter(({ verdict }) => verdict === 'same').length;
  terminal.print({ replayed: verdicts.length, same, verdicts, ...bundleIn(checked, files) }, [
    ...(checked === undefined
      ? []
      : [`The bundle of ${checked.workflowId} is complete: signature, files, histories and receipt match.`]),
    ...table([
      ['VERDICT', 'HISTORY', 'EVENT'],
      ...verdicts.map(({ name, verdict, closed, event }) => [
        verdict,
        name,
        event ?? (closed ? '' : 'open: replays so far'),
      ]),
    ]),
    `Replayed with this version exactly as before: ${same} of ${count(verdicts.length, 'history', 'histories')}.`,
  ]);
  if (verdicts.at(-1)?.event === STUCK) return { atOnce: EXIT.failed };
  return same === verdicts.length ? EXIT.done : EXIT.failed;
}

function bundleIn(checked: Manifest | undefined, files: readonly string[] | undefined) {
  if (checked !== undefined) return { bundle: 'verified', missing: checked.missing.length };
  return files !== undefined && { bundle: 'none' };
}

/** Evidence of a request that has ended, in a folder of its own. */
export async function auditExport({ terminal, parts }: Context, id: string, options: ExportOptions): Promise<Exit> {
  const { out } = options;
  await refuseUnusable(out);
  const all = await parts();
  const workflowId = await resolveId(all, id);
  const request = requestOf(workflowId);
  const receipt = request && (await all.lateReceipts.of(request));
  if (receipt === undefined) throw noSuchRequest();
  const files = await all.evidence.of(receipt);
  if (files === undefined)
    throw new CommandError(
      'history-gone',
      'The server has deleted the history of this request, and its evidence was not kept. Only its receipt remains.',
      EXIT.failed,
    );
  const { runs, missing, signer } = readManifest(files.get(MANIFEST));
  mkdirSync(out, { mode: 0o700 });
  for (const [name, bytes] of files) writeFileSync(join(out, name), bytes, { flag: 'wx' });
  if (missing.length > 0)
    terminal.note(
      `note: the server has deleted ${count(missing.length, 'history', 'histories')} of children; the manifest lists what is missing.`,
    );
  terminal.print({ workflowId, out, histories: runs.length, missing: missing.length, signedBy: signer.keyId }, [
    `Exported ${workflowId}: receipt and ${count(runs.length, 'history', 'histories')}, without personal data, signed by ${signer.keyId}.`,
    `Check it anywhere: aircall-dsr audit replay ${out}`,
  ]);
  return EXIT.done;
}

/** All files of a bundle's folder; undefined if the path is no bundle. */
function bundleAt(path: string): ReadonlyMap<string, Buffer> | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  const entries = readdirSync(path, { withFileTypes: true });
  // One of the two files is enough: a folder without the other is an incomplete bundle.
  if (!entries.some(({ name }) => name === MANIFEST || name === RECEIPT)) return undefined;
  return new Map(
    entries.map(entry => [entry.name, entry.isFile() ? readFileSync(join(path, entry.name)) : Buffer.alloc(0)]),
  );
}

/** The files that a path names; undefined if it names none. */
function filesAt(path: string): readonly string[] | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (found.isFile()) return [path];
  const names = readdirSync(path).filter(name => /^history.*\.json$/.test(name));
  return names.sort().map(name => join(path, name));
}

/** Histories in the clear need no key; a key file is read if one is sealed. */
async function replayFiles({ terminal, keyring }: Context, files: readonly string[]): Promise<Verdict[]> {
  await terminal.io.installRuntime(terminal.log);
  return replay(recordedIn(files), { codec: () => createPayloadCodec(keyring()) });
}

function* recordedIn(files: readonly string[]): Iterable<Recorded> {
  for (const name of files) {
    let history: History | undefined;
    try {
      history = historyFromJson(readFileSync(name, 'utf8'));
    } catch {
      // its verdict says so
    }
    yield { name, history };
  }
}

async function replayOnServer(
  { terminal, parts }: Context,
  id: string | undefined,
  since: string | undefined,
): Promise<Verdict[]> {
  const condition = since === undefined ? undefined : sinceCondition(since);
  const all = await parts();
  const { temporal, taskQueue, keyring } = all;
  const runs = id === undefined ? ourRuns(temporal, taskQueue, condition) : await runsOfRequest(all, id);
  await terminal.io.installRuntime(terminal.log);
  const onUndecided = (undecided: number) =>
    terminal.note(`note: nothing to replay yet for ${count(undecided, 'run')} without a decision.`);
  return replay(recordedOf(temporal, runs, onUndecided), { codec: () => createPayloadCodec(keyring) });
}

/** Its own runs, and the children that they name. */
async function runsOfRequest(all: Parts, id: string): Promise<Run[]> {
  const { temporal, taskQueue } = all;
  const request = requestOf(await resolveId(all, id));
  if (request === undefined) throw noSuchRequest();
  const { own } = await runsOf(temporal, taskQueue, request);
  return [...own, ...(await Promise.all(own.map(run => childrenOf(temporal, run)))).flat()];
}

/** @throws {CommandError} `usage` */
function sinceCondition(text: string): string {
  const since = new Date(text);
  if (Number.isNaN(since.getTime()) || !/^\d{4}-\d\d-\d\d/.test(text)) throw usage('--since takes an ISO 8601 time.');
  return `(ExecutionStatus = 'Running' OR CloseTime >= '${since.toISOString()}')`;
}

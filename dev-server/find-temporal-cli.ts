/**
 * Finds the Temporal CLI, which contains the dev server and its Web UI. The last resort needs neither Docker nor
 * an account: a build from the official Go modules, pinned by temporal-cli/go.mod and go.sum.
 * It never ignores a path that somebody set by hand: a bad TEMPORAL_CLI_PATH fails instead of using another server.
 */
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { type Chain, findFirst, type Step } from './chain';
import { buildGoProgram } from './go-build';
import { makeOnce } from './make-once';
import { download, probeDownload } from './official-download';
import { cachePlace } from './places';
import { type OnProgress, reportEffort } from './progress';
import { findOnPath, isExecutable, runCommand } from './run-command';

/** The version in temporal-cli/go.mod. */
const VERSION = 'v1.8.2';
const SERVER_MINOR_MIN = 29;

export interface ResolveOptions {
  /** Instead of lines on stderr. */
  readonly onProgress?: OnProgress;
  /** Instead of the real chain. */
  readonly steps?: readonly Step[];
}

/**
 * The path of a Temporal CLI whose server is 1.29 or newer.
 * The first call on a machine without one may build for about five minutes; later ones find that build in the cache.
 * @throws {TemporalServerUnavailable} when no step finds one
 */
export async function resolveTemporalCli(options?: ResolveOptions): Promise<string> {
  return findFirst(temporalCliChain(options));
}

function temporalCliChain(options?: ResolveOptions): Chain {
  const explicitPath = process.env.TEMPORAL_CLI_PATH ?? '';
  const place = cachePlace(`temporal-${VERSION}`);
  const onProgress = options?.onProgress;
  const explicit: Step = { name: 'TEMPORAL_CLI_PATH', find: () => checkCli(explicitPath) };
  const search: readonly Step[] = [
    { name: 'temporal on PATH', find: findCliOnPath },
    { name: 'cache', find: () => findInCache(place) },
    { name: 'official download', find: () => downloadCli(place, onProgress) },
    { name: 'build from the official Go modules', find: () => buildCli(place, onProgress) },
  ];
  return {
    wanted: 'A Temporal dev server',
    steps: options?.steps ?? (explicitPath === '' ? search : [explicit]),
    advice:
      explicitPath === ''
        ? 'put a Temporal CLI (https://docs.temporal.io/cli) with server >= 1.29 on PATH or name it in TEMPORAL_CLI_PATH, or install Go >= 1.26 with access to its module proxy.'
        : 'correct TEMPORAL_CLI_PATH, or unset it to have a server found, downloaded or built.',
  };
}

async function findCliOnPath(): Promise<string> {
  const path = await findOnPath('temporal');
  if (path === undefined) throw new Error('there is none');
  return checkCli(path);
}

async function checkCli(path: string): Promise<string> {
  const version = await runCommand({ file: path, args: ['--version'] });
  const [, major, minor] = /server (\d+)\.(\d+)/i.exec(version) ?? [];
  if (major === undefined || minor === undefined)
    throw new Error(`${path} says "${version}", which names no server version`);
  if (Number(major) === 1 && Number(minor) < SERVER_MINOR_MIN) {
    throw new Error(`${path} has server ${major}.${minor}, but priority and fairness need 1.${SERVER_MINOR_MIN}`);
  }
  return path;
}

export async function findInCache(path: string): Promise<string> {
  if (!(await isExecutable(path))) throw new Error(`there is no ${path}`);
  return path;
}

async function downloadCli(place: string, onProgress: OnProgress | undefined): Promise<string> {
  await probeDownload();
  return reportEffort({
    what: `Downloading the Temporal CLI ${VERSION}`,
    onProgress,
    run: report =>
      makeOnce({
        path: place,
        onWait: holder => report(`waiting for process ${holder}, which makes it`),
        make: path =>
          download(path, downloadDir =>
            TestWorkflowEnvironment.createLocal({
              server: { executable: { type: 'cached-download', version: VERSION, downloadDir } },
            }),
          ),
      }),
  });
}

function buildCli(place: string, onProgress: OnProgress | undefined): Promise<string> {
  return buildGoProgram({
    what: `Building the Temporal CLI ${VERSION} (5 minutes, once)`,
    program: 'github.com/temporalio/cli/cmd/temporal',
    folder: 'temporal-cli',
    place,
    variable: 'TEMPORAL_CLI_PATH',
    onProgress,
  });
}

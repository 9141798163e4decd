/**
 * Finds the time-skipping test server. It is a Java program of Temporal's; the last resort is the artifact on
 * Maven Central, pinned by test-server/pom.xml, with a launcher beside its jars.
 * It is for workflow timers only: it has no schedules, no visibility and no rate limits, so those need the dev server.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { type Chain, findFirst, type Step } from './chain';
import { findInCache, type ResolveOptions } from './find-temporal-cli';
import { ANY_PORT, findFreePort, HOST } from './free-port';
import { makeOnce } from './make-once';
import { download, probeDownload } from './official-download';
import { cachePlace, packageFolder } from './places';
import { type OnProgress, reportEffort } from './progress';
import { findOnPath, hasEnded, isExecutable, runCommand } from './run-command';

/** The version in test-server/pom.xml. */
const VERSION = '1.38.0';
const LAUNCHER = 'temporal-test-server';
const LOOK_EVERY_MS = 100;
/** Loaded classes, as Java 13 and later can map them: a start takes a quarter of the time. */
const ARCHIVE = 'classes.jsa';
/** `exec`, so that the SDK's kill reaches Java itself; relative paths, because Java refuses an archive of other paths. */
const LAUNCHER_TEXT = `#!/bin/sh
cd "$(dirname "$0")"
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+IgnoreUnrecognizedVMOptions -Xshare:auto \\
  "\${ARCHIVE_OPTION:--XX:SharedArchiveFile=${ARCHIVE}}" -cp 'lib/*' io.temporal.testserver.TestServer "$@"
`;

/**
 * The path of an executable that starts the time-skipping test server.
 * @throws {TemporalServerUnavailable} when no step finds one
 */
export async function resolveTestServer(options?: ResolveOptions): Promise<string> {
  return findFirst(testServerChain(options));
}

function testServerChain(options?: ResolveOptions): Chain {
  const explicitPath = process.env.TEMPORAL_TEST_SERVER_PATH ?? '';
  const place = cachePlace(`${LAUNCHER}-${VERSION}`);
  const onProgress = options?.onProgress;
  const explicit: Step = { name: 'TEMPORAL_TEST_SERVER_PATH', find: () => checkServer(explicitPath) };
  const search: readonly Step[] = [
    { name: 'cache', find: () => findInCache(join(place, LAUNCHER)) },
    { name: 'official download', find: () => downloadServer(place, onProgress) },
    { name: 'copy from Maven Central', find: () => copyFromMaven(place, onProgress) },
  ];
  return {
    wanted: 'The time-skipping test server',
    steps: options?.steps ?? (explicitPath === '' ? search : [explicit]),
    advice:
      explicitPath === ''
        ? 'name one in TEMPORAL_TEST_SERVER_PATH, or install Java >= 8 and Maven with access to Maven Central.'
        : 'correct TEMPORAL_TEST_SERVER_PATH, or unset it to have a server downloaded or copied.',
  };
}

async function checkServer(path: string): Promise<string> {
  if (!(await isExecutable(path))) throw new Error(`${path} is not an executable file`);
  return path;
}

async function downloadServer(place: string, onProgress: OnProgress | undefined): Promise<string> {
  await probeDownload();
  return makeFolder({
    what: `Downloading the time-skipping test server ${VERSION}`,
    place,
    onProgress,
    make: async folder => {
      await mkdir(folder);
      await download(join(folder, LAUNCHER), downloadDir =>
        TestWorkflowEnvironment.createTimeSkipping({
          server: { executable: { type: 'cached-download', version: `v${VERSION}`, downloadDir } },
        }),
      );
    },
  });
}

async function copyFromMaven(place: string, onProgress: OnProgress | undefined): Promise<string> {
  const missing: string[] = [];
  for (const program of ['java', 'mvn']) if ((await findOnPath(program)) === undefined) missing.push(program);
  if (missing.length > 0) {
    throw new Error(`${missing.join(' and ')} not on PATH: install Java and Maven or set TEMPORAL_TEST_SERVER_PATH`);
  }
  return makeFolder({
    what: `Copying the time-skipping test server ${VERSION} from Maven Central`,
    place,
    onProgress,
    make: async folder => {
      await runCommand({
        file: 'mvn',
        args: [
          '-q',
          '-B',
          'dependency:copy-dependencies',
          '-DincludeScope=runtime',
          `-DoutputDirectory=${join(folder, 'lib')}`,
        ],
        cwd: packageFolder('dev-server', 'test-server'),
      });
      await writeFile(join(folder, LAUNCHER), LAUNCHER_TEXT, { mode: 0o755 });
      await archiveClasses(join(folder, LAUNCHER));
    },
  });
}

/** Runs the server once until it listens: Java writes the archive when it ends. Without an archive the server works too. */
async function archiveClasses(launcher: string): Promise<void> {
  const port = await findFreePort(ANY_PORT);
  const env = { ...process.env, ARCHIVE_OPTION: `-XX:ArchiveClassesAtExit=${ARCHIVE}` };
  const child = spawn(launcher, [String(port)], { env, stdio: 'ignore' });
  const ended = once(child, 'close');
  do await Promise.race([ended, delay(LOOK_EVERY_MS)]);
  while (!hasEnded(child) && !(await isListening(port)));
  child.kill('SIGTERM');
  await ended;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, HOST);
  return once(socket, 'connect')
    .then(
      () => true,
      () => false,
    )
    .finally(() => socket.destroy());
}

interface FolderJob {
  readonly what: string;
  readonly place: string;
  readonly onProgress: OnProgress | undefined;
  make(folder: string): Promise<void>;
}

async function makeFolder({ what, place, onProgress, make }: FolderJob): Promise<string> {
  const run = (report: (detail: string) => void) =>
    makeOnce({ path: place, make, onWait: holder => report(`waiting for process ${holder}, which makes it`) });
  return join(await reportEffort({ what, onProgress, run }), LAUNCHER);
}

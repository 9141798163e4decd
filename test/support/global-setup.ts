/**
 * One Temporal dev server, one workflow bundle and one build for all test files of a run, and the servers that tests start. If
 * no server is available, or the build fails, the run fails here and says why; no test is skipped.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DevServer, resolveS3Server, resolveTestServer, startDevServer } from '../../dev-server';
import { SEARCH_ATTRIBUTES } from '../../src/request/names';
import { cachedPath, makeFolder, removeFolder } from './folders';

declare global {
  var devServer: Pick<DevServer, 'stop'> | undefined;
}

/** A history that was deleted is gone within seconds; by default it takes the server half a minute. */
const FORGETS_AT_ONCE = [
  'history.transferProcessorUpdateAckInterval="1s"',
  'history.visibilityProcessorUpdateAckInterval="1s"',
];

const onProgress = (message: string) => void process.stderr.write(`${message}\n`);

export default async function setup(): Promise<void> {
  const built = build();
  built.catch(() => {}); // handled below
  // Made before the first test, which would wait for it otherwise.
  await Promise.all([resolveTestServer({ onProgress }), resolveS3Server({ onProgress })]);
  // For the dev server: by default its garbage collector takes a tenth of its time.
  process.env.GOGC ??= '400';
  const folder = makeFolder();
  const dbFilename = join(folder, 'temporal.db');
  const server = await startDevServer({
    dbFilename,
    searchAttributes: SEARCH_ATTRIBUTES,
    dynamicConfig: FORGETS_AT_ONCE,
    onProgress,
  });
  globalThis.devServer = {
    async stop() {
      await server.stop();
      removeFolder(folder);
    },
  };
  process.env.TEST_TEMPORAL_ADDRESS = server.address;
  process.env.TEST_TEMPORAL_DATABASE = dbFilename;
  try {
    process.env.TEST_WORKFLOW_BUNDLE = await built;
  } catch (error) {
    await globalThis.devServer.stop(); // after a set-up that failed nobody calls the teardown
    throw error;
  }
}

/**
 * Builds dist/, which tests of the command line run, and answers the bundle of workflows. Only what changed is written:
 * another run may be reading the rest.
 * @throws with what the compiler says
 */
async function build(): Promise<string> {
  const root = join(__dirname, '../..');
  const run = promisify(execFile);
  const tsc = join(root, 'node_modules/.bin/tsc');
  const incremental = ['--incremental', '--tsBuildInfoFile', 'dist/tsconfig.build.tsbuildinfo'];
  await run(tsc, ['-p', 'tsconfig.build.json', ...incremental], { cwd: root }).catch((error: { stdout?: string }) => {
    throw new Error(`dist/ cannot be built: ${error.stdout ?? String(error)}`);
  });
  const bundle = join(root, 'dist/workflows.js');
  const cached = cachedPath(`workflows-${digestOf(root)}`);
  if (!existsSync(cached) || !existsSync(bundle) || readFileSync(bundle, 'utf8') !== readFileSync(cached, 'utf8')) {
    const step = "require('./dist/src/workflow-bundle.js').writeBundle()";
    await run(process.execPath, ['-e', step], { cwd: root });
    copyFileSync(bundle, cached);
  }
  return bundle;
}

/** Of all that a bundle may be made from: to bundle takes longer than all the rest of the set-up. */
function digestOf(root: string): string {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  const folder = join(root, 'dist/src');
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort())
    if (name.endsWith('.js')) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex');
}

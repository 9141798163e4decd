/**
 * The workflows as one file, which workers and replays run. `npm run build` makes it, so that processes start fast
 * and all processes of a version run the same bytes: receipts state their digest.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bundleWorkflowCode, type WorkflowBundleOption } from '@temporalio/worker';
import { failureConverterPath } from './encryption/data-converter';

/** Seen from src and from dist/src. */
const BUILT = join(__dirname, basename(dirname(__dirname)) === 'dist' ? '..' : '../dist', 'workflows.js');

/** The built bundle, or one that is made now. */
export async function workflowBundle(): Promise<WorkflowBundleOption> {
  return existsSync(BUILT) ? { codePath: BUILT } : { code: await bundle() };
}

/** A step of the build. Writes nothing if it would write the same: another process may be reading it. */
export async function writeBundle(): Promise<void> {
  const code = await bundle();
  if (!existsSync(BUILT) || readFileSync(BUILT, 'utf8') !== code) writeFileSync(BUILT, code);
}

async function bundle(): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: require.resolve('./workflows'),
    failureConverterPath,
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn: console.error, error: console.error },
  });
  return code;
}

/**
 * The SDK's own download, which it only offers together with a start: the server is started once and stopped.
 * It never waits long for a missing network, so it calls the address first.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { reasonOf } from './run-command';

const ADDRESS = 'https://temporal.download';
const PROBE_TIMEOUT_MS = 3_000;
const DOWNLOAD_TIMEOUT_MS = 180_000;

/** @throws when the download address gives no usable answer, with the reason. */
export async function probeDownload(): Promise<void> {
  const response = await fetch(ADDRESS, {
    method: 'HEAD',
    redirect: 'manual',
    signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
  }).catch(error => {
    throw new Error(`${ADDRESS} cannot be reached: ${reasonOf(error)}`);
  });
  if (response.status === 403 || response.status === 407 || response.status >= 500) {
    throw new Error(`${ADDRESS} answers ${response.status}`);
  }
}

/** Leaves the executable at `path`; `start` must download into the folder that it is given. */
export async function download(
  path: string,
  start: (downloadDir: string) => Promise<TestWorkflowEnvironment>,
): Promise<void> {
  const folder = `${path}.download`;
  await mkdir(folder, { recursive: true });
  try {
    const abandon = new AbortController();
    const started = start(folder).then(env => env.teardown());
    const late = sleep(DOWNLOAD_TIMEOUT_MS, undefined, { signal: abandon.signal }).then(() => {
      throw new Error(`the download took longer than ${DOWNLOAD_TIMEOUT_MS / 1_000} s`);
    });
    await Promise.race([started, late]).finally(() => abandon.abort());
    const [file] = await readdir(folder);
    if (file === undefined) throw new Error('the download left no file');
    await rename(join(folder, file), path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

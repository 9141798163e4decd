/**
 * A real Chromium for tests of what a person sees: the one of AIRCALL_DSR_CHROMIUM, else one on PATH, else Debian's, which
 * is installed where this process may. Where none can be had, the test fails and says what to do.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** It asks nobody but the pages that it is told to open. */
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
const INSTALL_WITHIN_MS = 240_000;

/** @throws saying what was tried */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await chromiumPath(), args: ARGS });
}

async function chromiumPath(): Promise<string> {
  const given = process.env.AIRCALL_DSR_CHROMIUM;
  if (given !== undefined) {
    if (existsSync(given)) return given;
    throw new Error('AIRCALL_DSR_CHROMIUM names no file');
  }
  const found = onPath();
  if (found !== undefined) return found;
  const why = await install();
  const installed = onPath();
  if (installed !== undefined) return installed;
  throw new Error(
    `There is no Chromium on PATH, and Debian's could not be installed (${why}). Install one, or set AIRCALL_DSR_CHROMIUM to its path.`,
  );
}

function onPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.flatMap(folder => NAMES.map(name => join(folder, name))).find(path => existsSync(path));
}

/** Why it did not work, if it did not. */
async function install(): Promise<string> {
  if (process.getuid?.() !== 0) return 'this process is not root';
  process.stderr.write('installing Debian’s Chromium ...\n');
  const run = promisify(execFile);
  const options = { timeout: INSTALL_WITHIN_MS, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  try {
    await run('apt-get', ['update'], options);
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], options);
    return 'it is not on PATH afterwards';
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? 'unknown') : 'unknown';
  }
}

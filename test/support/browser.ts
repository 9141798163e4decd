/**
 * A real Chromium for tests of what a person sees: the one of AIRCALL_DSR_CHROMIUM, else one on PATH, else Debian's, which is
 * installed where this process may. Where none can be had, the test fails and says what was tried and what to do.
 */
import { type Browser, chromium } from 'playwright-core';
import { findFirst } from '../../dev-server/chain';
import { reportEffort } from '../../dev-server/progress';
import { findOnPath, isExecutable, runCommand } from '../../dev-server/run-command';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** It asks nobody but the pages that it is told to open. */
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

/** @throws saying what was tried */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await resolveChromium(), args: ARGS });
}

function resolveChromium(): Promise<string> {
  const explicitPath = process.env.AIRCALL_DSR_CHROMIUM ?? '';
  const explicit = { name: 'AIRCALL_DSR_CHROMIUM', find: () => checkChromium(explicitPath) };
  const search = [
    { name: 'Chromium or Chrome on PATH', find: findChromiumOnPath },
    { name: 'Debian’s package', find: installChromium },
  ];
  return findFirst({
    wanted: 'A Chromium for tests in a browser',
    steps: explicitPath === '' ? search : [explicit],
    advice:
      explicitPath === ''
        ? 'put Chromium or Chrome on PATH or name it in AIRCALL_DSR_CHROMIUM, or run the tests as root on Debian.'
        : 'correct AIRCALL_DSR_CHROMIUM, or unset it to have one found or installed.',
  });
}

async function checkChromium(path: string): Promise<string> {
  if (!(await isExecutable(path))) throw new Error(`${path} is not an executable file`);
  return path;
}

async function findChromiumOnPath(): Promise<string> {
  for (const name of NAMES) {
    const path = await findOnPath(name);
    if (path !== undefined) return path;
  }
  throw new Error(`there is no ${NAMES.join(', ')}`);
}

async function installChromium(): Promise<string> {
  if (process.getuid?.() !== 0) throw new Error('this process is not root');
  const aptGet = (...args: string[]) =>
    runCommand({ file: 'apt-get', args, env: { DEBIAN_FRONTEND: 'noninteractive' } });
  await reportEffort({
    what: 'Installing Debian’s Chromium (a minute, once)',
    onProgress: undefined,
    async run() {
      await aptGet('update');
      await aptGet('install', '-y', '--no-install-recommends', 'chromium');
    },
  });
  return findChromiumOnPath();
}

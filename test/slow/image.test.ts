/**
 * The image without Docker: the Dockerfile's build stage in a folder, with what .dockerignore lets through, and a worker in
 * what the image takes of it. It runs as the image does: as a user who may write none of it, with nothing of a home.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasEnded, runCommand } from '../../dev-server/run-command';
import { createOperator } from '../support/command-line';
import { until } from '../support/patience';
import { environment } from '../support/service';
import { readProjectFile } from '../support/source-text';

const ROOT = join(__dirname, '../..');
/** The user of the image. */
const USER = 1000;

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

const instructions: readonly Instruction[] = readProjectFile('Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .flatMap(line => {
    const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    return name === '' ? [] : [{ name, rest }];
  });
const second = instructions.findLastIndex(({ name }) => name === 'FROM');
const folder = mkdtempSync(join(tmpdir(), 'aircall-dsr-image-'));
const [built, image] = [join(folder, 'build'), join(folder, 'image')];
const operator = createOperator();

afterAll(async () => {
  await operator.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Copies of a COPY: what is there to where it is put. */
function copy(rest: string, from: string, to: string): void {
  const names = rest.split(' ').filter(word => !word.startsWith('--'));
  const target = names.pop() ?? '';
  for (const name of names) {
    const source = join(from, name.replace(/^\/app\//, ''));
    expect(existsSync(source)).toBe(true);
    cpSync(source, target === './' ? join(to, name) : join(to, target), { recursive: true });
  }
}

async function build(): Promise<void> {
  for (const made of [built, image]) mkdirSync(made);
  for (const { name, rest } of instructions.slice(0, second)) {
    if (name === 'COPY') copy(rest, ROOT, built);
    if (name === 'RUN') await runCommand({ file: '/bin/sh', args: ['-c', rest], cwd: built });
  }
  for (const { name, rest } of instructions.slice(second))
    if (name === 'COPY') copy(rest, rest.startsWith('--from=build') ? built : ROOT, image);
}

test('a worker runs from the image’s files, as a user who may write none of them', async () => {
  await build();
  const home = join(folder, 'home');
  const keys = join(home, 'keys.json');
  mkdirSync(home);
  await operator.run(['keys', 'generate']);
  copyFileSync(join(operator.folder, 'keys.json'), keys);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) for (const path of [home, keys]) chownSync(path, USER, USER);
  await runCommand({ file: 'chmod', args: ['-R', 'a+rX,a-w', image] });
  await runCommand({ file: 'chmod', args: ['a+x', folder] });

  const child = spawn(process.execPath, [join(image, 'dist/src/cli.js'), 'worker'], {
    cwd: image,
    ...(isRoot && { uid: USER, gid: USER }),
    env: {
      NODE_ENV: 'production',
      TEMPORAL_ADDRESS: environment('TEST_TEMPORAL_ADDRESS'),
      AIRCALL_DSR_TASK_QUEUE: operator.taskQueue,
      AIRCALL_DSR_KEYS: keys,
      AIRCALL_DSR_VAULT: join(home, 'vault'),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const closed = once(child, 'close');
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  try {
    await until('the worker is ready', () => {
      if (hasEnded(child)) throw new Error(`the worker ended with ${child.signalCode ?? child.exitCode}: ${told}`);
      return /^ready$/m.test(told);
    });
  } finally {
    child.kill('SIGTERM');
  }
  expect(await closed).toEqual([0, null]);
  expect(existsSync(join(image, 'node_modules/typescript'))).toBe(false);
  expect(existsSync(join(image, 'src'))).toBe(false);
  const size = await runCommand({ file: 'du', args: ['-sm', image] });
  process.stderr.write(`The image’s own files take ${size.split('\t')[0]} MB\n`);
});

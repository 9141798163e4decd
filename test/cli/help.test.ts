/** What the command line says about itself: help of every command, at once and with exit code 0. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createOperator } from '../support/command-line';
import { COMMANDS } from '../support/program';

const ROOT = join(__dirname, '../..');
const NAMES = COMMANDS.map(({ name }) => name);

const operator = createOperator();
afterAll(() => operator.stop());

test('the source names its commands, among them those of the README', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const table = readme.split('\n').filter(line => line.startsWith('| `'));
  const told = table.flatMap(line => [...(line.split('|')[1] ?? '').matchAll(/`([a-z -]+)`/g)].map(match => match[1]));
  expect(NAMES.length).toBeGreaterThan(10);
  expect([...told].sort()).toEqual([...NAMES].sort());
});

test('--help lists every command', async () => {
  const { exit, stdout, stderr } = await operator.run(['--help']);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  const listed = [...stdout.matchAll(/^ {2}([a-z-]+) /gm)].map(match => match[1]);
  const words = NAMES.map(name => name.split(' ')[0]);
  expect(words.filter(word => !listed.includes(word))).toEqual([]);
});

test.each(NAMES)('%s --help tells its use and ends with exit code 0', async name => {
  const { exit, stdout, stderr } = await operator.run([...name.split(' '), '--help']);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(stdout).toContain(`Usage: aircall-dsr ${name}`);
  expect(stdout).toContain('--json');
});

test('connect --help tells apart the company of before under another name, and another company', async () => {
  const { stdout } = await operator.run(['connect', '--help']);
  const words = stdout.replace(/\s+/g, ' ');
  expect(words).toContain('--same-company confirm that this is the same company');
  expect(words).toContain(
    '--replace replace the company by another one; refused while requests of the old one are open',
  );
});

test('commands whose vault is a folder do not load the AWS SDK', () => {
  const config = readFileSync(join(ROOT, 'src/config.ts'), 'utf8');
  expect(config).toContain("await import('./vault/s3.js')");
  expect(config).not.toMatch(/^import [^;]*vault\/s3'/m);
});

test('help loads neither Temporal nor the schemas: it answers at once', async () => {
  const script = `process.on('exit', () => console.error(Object.keys(require.cache).join('\\n'))); require(process.argv[1]);`;
  const args = ['-e', script, join(ROOT, 'dist/src/cli.js'), '--help'];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toContain('Usage: aircall-dsr');
  const packages = stderr.split('\n').map(path => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  expect([...new Set(packages)].filter(name => name !== undefined)).toEqual(['commander']);
});

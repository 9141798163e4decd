/** Tests of the cache's lock with real processes, which run the compiled source because Node 20 reads no TypeScript. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { transformFileSync } from '@swc/core';
import { makeOnce } from '../../dev-server/make-once';

/** Makes the file named by the first argument and logs that it does; with a second argument it never finishes. */
const MAKER = `
const { appendFileSync, writeFileSync } = require('node:fs');
const [path, hangs] = process.argv.slice(2);
require('./make-once').makeOnce({ path, make: async temporaryPath => {
  appendFileSync(path + '.log', 'made\\n');
  writeFileSync(temporaryPath, 'result');
  console.log('making');
  await new Promise(resolve => setTimeout(resolve, hangs ? 600000 : 300));
} });`;

describe('making something of the cache once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dev-server-make-once-'));
  const compiled = join(folder, 'compiled');
  let path = '';
  let count = 0;

  beforeAll(() => {
    mkdirSync(compiled);
    for (const name of ['make-once', 'run-command']) {
      const { code } = transformFileSync(resolve(__dirname, `../../dev-server/${name}.ts`), {
        swcrc: false,
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
      });
      writeFileSync(join(compiled, `${name}.js`), code);
    }
    writeFileSync(join(compiled, 'maker.js'), MAKER);
  });
  beforeEach(() => {
    count += 1;
    path = join(folder, `case-${count}`, 'thing');
    mkdirSync(join(path, '..'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const startMaker = (...args: string[]): ChildProcess =>
    spawn(process.execPath, [join(compiled, 'maker.js'), path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const makeHere = () => makeOnce({ path, make: async temporaryPath => writeFileSync(temporaryPath, 'made here') });
  const filesBeside = () => readdirSync(join(path, '..')).sort();

  it('is done by one of several processes that ask at the same time', async () => {
    const makers = [startMaker(), startMaker(), startMaker()];
    const codes = await Promise.all(makers.map(async maker => (await once(maker, 'exit'))[0]));

    expect(codes).toEqual([0, 0, 0]);
    expect(readFileSync(`${path}.log`, 'utf8')).toBe('made\n');
    expect(filesBeside()).toEqual(['thing', 'thing.log']);
  });

  it('is done once for several callers in one process', async () => {
    let made = 0;
    const make = async (temporaryPath: string) => {
      made += 1;
      writeFileSync(temporaryPath, 'made here');
    };
    await Promise.all([makeOnce({ path, make }), makeOnce({ path, make }), makeOnce({ path, make })]);

    expect(made).toBe(1);
    expect(filesBeside()).toEqual(['thing']);
  });

  it('is done by the next one, who also clears up, when a process dies over it', async () => {
    const maker = startMaker('hangs');
    if (maker.stdout === null) throw new Error('the maker has no output');
    await once(maker.stdout, 'data');
    maker.kill('SIGKILL');
    await once(maker, 'exit');
    expect(filesBeside()).toContain('thing.lock');

    await makeHere();

    expect(readFileSync(path, 'utf8')).toBe('made here');
    expect(filesBeside()).toEqual(['thing', 'thing.log']);
  });

  it('is done by the next one when a process of another host has been silent for long', async () => {
    writeFileSync(`${path}.lock`, '1@another-host');
    const longAgo = new Date(Date.now() - 120_000);
    utimesSync(`${path}.lock`, longAgo, longAgo);

    await makeHere();

    expect(filesBeside()).toEqual(['thing']);
  });

  it('waits for a living process and says for whom', async () => {
    const maker = startMaker();
    if (maker.stdout === null) throw new Error('the maker has no output');
    await once(maker.stdout, 'data');
    const holders: string[] = [];

    await makeOnce({
      path,
      make: () => Promise.reject(new Error('made twice')),
      onWait: holder => holders.push(holder),
    });

    expect(holders[0]).toMatch(new RegExp(`^${maker.pid}@`));
    expect(readFileSync(path, 'utf8')).toBe('result');
  });

  it('is done where another process has made the same folder meanwhile', async () => {
    const make = async (temporaryPath: string) => {
      for (const folder of [temporaryPath, path]) {
        mkdirSync(folder);
        writeFileSync(join(folder, 'file'), folder);
      }
    };
    await expect(makeOnce({ path, make })).resolves.toBe(path);
    expect(readFileSync(join(path, 'file'), 'utf8')).toBe(path);
    expect(filesBeside()).toEqual(['thing']);
  });

  it('can be tried again after it failed', async () => {
    await expect(makeOnce({ path, make: () => Promise.reject(new Error('disk full')) })).rejects.toThrow('disk full');
    expect(filesBeside()).toEqual([]);

    await expect(makeHere()).resolves.toBe(path);
  });
});

/** Tests of the chain of ways to a server: its order, and what it tells when every way fails. No network, no server. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  resolveS3Server,
  resolveSqlTool,
  resolveTemporalCli,
  resolveTemporalServer,
  resolveTestServer,
  type Step,
  TemporalServerUnavailable,
} from '../../dev-server';

const failing = (name: string, reason: string): Step => ({ name, find: () => Promise.reject(new Error(reason)) });

describe('the chain of ways to a server', () => {
  const { PATH } = process.env;
  const before = { ...process.env };
  const folder = mkdtempSync(join(tmpdir(), 'dev-server-chain-'));

  afterEach(() => {
    for (const name of ['PATH', ...Object.keys(process.env).filter(each => each.endsWith('_PATH'))]) {
      const value = before[name];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function fakeCli(versionLine: string): string {
    const path = join(folder, 'temporal');
    writeFileSync(path, `#!/bin/sh\necho "${versionLine}"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  it('takes the first way that works and does not try the ones behind it', async () => {
    const tried: string[] = [];
    const step = (name: string, find: () => Promise<string>): Step => ({
      name,
      find: () => {
        tried.push(name);
        return find();
      },
    });
    const steps = [
      step('first', () => Promise.reject(new Error('no'))),
      step('second', () => Promise.resolve('/the/server')),
      step('third', () => Promise.resolve('/another/server')),
    ];

    await expect(resolveTemporalCli({ steps })).resolves.toBe('/the/server');
    expect(tried).toEqual(['first', 'second']);
  });

  it('tells every way, why it failed and what to do when none works', async () => {
    delete process.env.TEMPORAL_CLI_PATH;
    const steps = [failing('cache', 'there is no /a/file'), failing('build', 'go build ended with 1:\nno space left')];

    const error: unknown = await resolveTemporalCli({ steps }).catch(thrown => thrown);

    expect(error).toBeInstanceOf(TemporalServerUnavailable);
    expect(error).toMatchObject({
      attempts: [
        { step: 'cache', reason: 'there is no /a/file' },
        { step: 'build', reason: 'go build ended with 1:\nno space left' },
      ],
    });
    expect(error).toHaveProperty(
      'message',
      [
        'A Temporal dev server is not available. Tried, in this order:',
        '  - cache: there is no /a/file',
        '  - build: go build ended with 1:',
        '      no space left',
        'What to do: put a Temporal CLI (https://docs.temporal.io/cli) with server >= 1.29 on PATH or name it in TEMPORAL_CLI_PATH, or install Go >= 1.26 with access to its module proxy.',
      ].join('\n'),
    );
  });

  it('does not pass over a wrong TEMPORAL_CLI_PATH', async () => {
    process.env.TEMPORAL_CLI_PATH = join(folder, 'nothing-here');

    await expect(resolveTemporalCli()).rejects.toMatchObject({
      attempts: [{ step: 'TEMPORAL_CLI_PATH', reason: expect.stringContaining('ENOENT') }],
      advice: expect.stringContaining('correct TEMPORAL_CLI_PATH'),
    });
  });

  it('does not pass over a wrong TEMPORAL_TEST_SERVER_PATH', async () => {
    process.env.TEMPORAL_TEST_SERVER_PATH = join(folder, 'nothing-here');

    await expect(resolveTestServer()).rejects.toMatchObject({ attempts: [{ step: 'TEMPORAL_TEST_SERVER_PATH' }] });
  });

  it('does not pass over a wrong VERSITYGW_PATH', async () => {
    process.env.VERSITYGW_PATH = join(folder, 'nothing-here');

    await expect(resolveS3Server()).rejects.toMatchObject({
      attempts: [{ step: 'VERSITYGW_PATH', reason: expect.stringContaining('ENOENT') }],
      advice: expect.stringContaining('correct VERSITYGW_PATH'),
    });
  });

  it.each([
    ['TEMPORAL_SERVER_PATH', resolveTemporalServer],
    ['TEMPORAL_SQL_TOOL_PATH', resolveSqlTool],
  ] as const)('does not pass over a %s of another version', async (variable, resolveProgram) => {
    process.env[variable] = fakeCli('temporal version 1.30.0');

    await expect(resolveProgram()).rejects.toMatchObject({
      attempts: [{ step: variable, reason: expect.stringContaining('the rehearsal needs 1.31') }],
      advice: expect.stringContaining(`correct ${variable}`),
    });
  });

  it.each([
    'temporal version 1.0.0 (Server 1.24.1, UI 2.26.2)',
    'temporal version 0.10.0 (server 1.20.0) (ui 2.10.3)',
    'something else',
  ])('refuses a CLI that says "%s"', async versionLine => {
    process.env.TEMPORAL_CLI_PATH = fakeCli(versionLine);

    await expect(resolveTemporalCli()).rejects.toThrow(TemporalServerUnavailable);
  });

  it('takes a new enough CLI from PATH', async () => {
    delete process.env.TEMPORAL_CLI_PATH;
    const path = fakeCli('temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)');
    process.env.PATH = `${folder}:${PATH}`;

    await expect(resolveTemporalCli()).resolves.toBe(path);
  });
});

/** What reaches a terminal: nothing that it would obey, whoever wrote it, and of a defect its place only. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { createTerminal, type Io, inOneLine, table } from '../../src/commands/terminal';
import { createOperator } from '../support/command-line';
import { makeFolder, removeFolder } from '../support/folders';

/** All that a terminal obeys, but the line feed that ends a line. */
const OBEYED = /[^\P{Cc}\n]|[\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

function printedBy(use: (terminal: ReturnType<typeof createTerminal>) => void, json: boolean, log?: 'json') {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = { stdin: new PassThrough(), stdout, stderr } as unknown as Io;
  use(createTerminal(io, { json, debug: true, log }));
  stdout.end();
  stderr.end();
  return Promise.all([text(stdout), text(stderr)]);
}

test('debug prints the place of an unexpected error, and no line of its message', async () => {
  const [, printed] = await printedBy(
    terminal => terminal.error(new Error('first line\n    at person@example.org\n  and more')),
    false,
  );
  expect(printed).toMatch(/^\s+at .*terminal\.test\.ts/m);
  expect(printed).not.toMatch(/person@example\.org|and more/);
});

describe('a text that a terminal would obey', () => {
  test.each([
    ['an escape sequence', '\u001b[2J', '\\u001b[2J'],
    ['its form of one character', '\u009b2J', '\\u009b2J'],
    ['a bell', '\u0007', '\\u0007'],
    ['a backspace and a delete', '\b\u007f', '\\u0008\\u007f'],
    ['a line that looks like ours', 'acme\r\nDone', 'acme\\u000d\\u000aDone'],
    ['breaks that only some see', '\u2028\u2029\u0085', '\\u2028\\u2029\\u0085'],
    ['another direction of writing', '\u202egnp.\u2066', '\\u202egnp.\\u2066'],
  ])('%s is spelt out', (_, given, shown) => {
    expect(inOneLine(given)).toBe(shown);
  });

  test.each(['Zoë Núñez', '東京', 'חברה', '👩‍💻', 'a\u00a0b', '\\u001b'])('%s is printed as it is', given => {
    expect(inOneLine(given)).toBe(given);
  });

  test('reaches none of the ways of printing, and a document still says the same', async () => {
    const anyText = fc.string({ unit: fc.nat({ max: 0x20ff }).map(code => String.fromCharCode(code)) });
    await fc.assert(
      fc.asyncProperty(anyText, async given => {
        const [lines, notes] = await printedBy(terminal => {
          terminal.print({}, [given, ...table([[given, given]])]);
          terminal.note(given);
          terminal.ask(given);
          terminal.log({ level: 'warn', message: given, workflowId: given });
        }, false);
        expect(lines + notes).not.toMatch(OBEYED);
        expect([lines, notes].map(printed => printed.split('\n').length)).toEqual([3, 3]);
        const [document, logged] = await printedBy(
          terminal => {
            terminal.print({ given }, []);
            terminal.log({ level: 'warn', message: given });
          },
          true,
          'json',
        );
        expect(document + logged).not.toMatch(OBEYED);
        expect(JSON.parse(document)).toEqual({ given });
        expect(JSON.parse(logged)).toMatchObject({ message: given });
      }),
      { seed: 14 },
    );
  });
});

describe('commands', () => {
  const EVIL = 'acme\u001b]0;owned\u0007\u009b2J\u202e\nConnected all of it.';
  const SHOWN = 'acme\\u001b]0;owned\\u0007\\u009b2J\\u202e\\u000aConnected all of it.';
  const operator = createOperator();
  const folder = makeFolder();
  let sandbox: Sandbox;

  beforeAll(async () => {
    const now = Date.now();
    const companies = [EVIL, 'other'].map((name, seed) =>
      createCompanySeed({ name, seed, contacts: 1, calls: 1, now }),
    );
    sandbox = await startSandbox({ companies });
    await operator.run(['keys', 'generate']);
  });
  afterAll(async () => {
    await operator.stop();
    await sandbox.close();
    removeFolder(folder);
  });

  const connect = (company: string) => {
    const { apiId, apiToken } = sandbox.company(company);
    const environment = { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken };
    return operator.run(['connect', 'evil', '--base-url', sandbox.baseUrl], environment);
  };

  test('show the name of a company as it is spelt, in results, tables and refusals', async () => {
    const connected = await connect(EVIL);
    const listed = await operator.run(['connections']);
    const refused = await connect('other');
    expect([connected, listed, refused].map(({ exit }) => exit)).toEqual([0, 0, 1]);
    for (const { stdout, stderr } of [connected, listed, refused]) {
      expect(stdout + stderr).toContain(SHOWN);
      expect(stdout + stderr).not.toMatch(OBEYED);
      expect(stdout + stderr).not.toMatch(/^Connected all/m);
    }
  });

  test('show the names of files that somebody else chose as they are spelt', async () => {
    writeFileSync(join(folder, 'history-\u001b[31m-1.json'), '{}');
    const { stdout, stderr } = await operator.run(['audit', 'replay', folder]);
    expect(stdout).toMatch(/^unreadable +\S*history-\\u001b\[31m-1\.json/m);
    expect(stdout + stderr).not.toMatch(OBEYED);
  });

  test('show nothing that an option was given, and no help, in another way', async () => {
    const { exit, stderr } = await operator.run(['worker', '--log', '\u001b[31m']);
    expect(exit).toBe(2);
    expect(stderr).toContain("argument '\\u001b[31m' is invalid");
    expect(stderr).not.toMatch(OBEYED);
  });
});

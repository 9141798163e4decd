import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { createTerminal, type Io } from '../../src/commands/terminal';

test('debug prints the place of an unexpected error, and no line of its message', async () => {
  const stderr = new PassThrough();
  const io = { stdin: new PassThrough(), stdout: new PassThrough(), stderr } as unknown as Io;
  createTerminal(io, { json: false, debug: true }).error(
    new Error('first line\n    at person@example.org\n  and more'),
  );
  stderr.end();
  const printed = await text(stderr);
  expect(printed).toMatch(/^\s+at .*terminal\.test\.ts/m);
  expect(printed).not.toMatch(/person@example\.org|and more/);
});

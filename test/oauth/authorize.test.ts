/** How long a callback is waited for, and what whoever sits at the browser is told: time is the test's, all else is real. */
import { authorize } from '../../src/commands/authorize';
import { createContext } from '../../src/commands/context';
import { CommandError, EXIT } from '../../src/commands/errors';
import { createTerminal } from '../../src/commands/terminal';
import { createConfiguration } from '../../src/config';
import { STATE_LIFE_MS } from '../../src/vault/authorizations';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { makeFolder, removeFolder } from '../support/folders';

const REST = ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const;
const setRealTimeout = setTimeout;
const ENV = {
  AIRCALL_OAUTH_CLIENT_ID: 'client',
  AIRCALL_OAUTH_CLIENT_SECRET: 'secret',
  AIRCALL_OAUTH_REDIRECT_URI: 'https://dsr.example.com/oauth/callback',
};
let folder: string;
let told: string;
beforeEach(() => {
  folder = makeFolder();
  told = '';
  jest.useFakeTimers({ doNotFake: [...REST, 'setInterval', 'clearInterval'] });
});
afterEach(() => {
  jest.useRealTimers();
  removeFolder(folder);
});

/** Of a command whose stderr goes to `told`. */
function contextOf() {
  const stream = { write: (text: string) => (told += text) };
  const io = {
    stdin: process.stdin,
    stdout: stream,
    stderr: stream,
    interruption: () => ({ signal: new AbortController().signal, forget() {} }),
    installRuntime: async () => undefined,
  };
  return createContext(createTerminal(io, { json: false, debug: false }), createConfiguration(ENV));
}

/** Begins, and answers where to call back once that is listened at. */
async function begin(use: () => Promise<string>) {
  const vault = createVault(createFolderDriver(folder), keyringOf(['k-1', keyOf('authorize')]));
  const baseUrl = 'https://api.aircall.io/v1';
  const running = authorize(contextOf(), { name: 'acme', baseUrl, vault, listen: '127.0.0.1:0' }, use);
  running.catch(() => {});
  const listening = () => /http:\/\/127\S+\/oauth\/callback/.exec(told)?.[0];
  while (listening() === undefined) await new Promise(resolve => setRealTimeout(resolve, 5));
  const state = /[?&]state=([\w-]+)/.exec(told)?.[1];
  return { running, callback: `${listening()}?code=c0de&state=${state}` };
}

test('a callback is waited for as long as its state is good', async () => {
  const { running } = await begin(async () => 'stored');
  jest.advanceTimersByTime(STATE_LIFE_MS - 1);
  await expect(Promise.race([running, 'still waiting'])).resolves.toBe('still waiting');
  jest.advanceTimersByTime(1);
  await expect(running).rejects.toMatchObject({
    code: 'oauth-state-late',
    message: expect.stringContaining('No callback came'),
  });
});

test('one that came in time is dealt with to its end, however long that takes', async () => {
  let finish = () => {};
  let begun = false;
  const { running, callback } = await begin(() => {
    begun = true;
    return new Promise(resolve => {
      finish = () => resolve('stored');
    });
  });
  jest.advanceTimersByTime(STATE_LIFE_MS - 1);
  const reply = fetch(callback, { redirect: 'manual' });
  while (!begun) await new Promise(resolve => setRealTimeout(resolve, 5));
  jest.advanceTimersByTime(STATE_LIFE_MS);
  finish();
  await expect(running).resolves.toBe('stored');
  expect((await reply).status).toBe(302);
});

test('what the terminal is told of other companies and of requests, the browser is not', async () => {
  const message = 'acme belongs to the Aircall company “Acme”; dsr:acme:access:r-1 is open.';
  const { running, callback } = await begin(async () => {
    throw new CommandError('other-company', message, EXIT.failed);
  });
  const reply = await fetch(callback);
  await expect(running).rejects.toMatchObject({ code: 'other-company', message });
  const shown = await reply.text();
  expect([reply.status, shown]).toEqual([400, expect.stringContaining('See the terminal')]);
  expect(shown).not.toMatch(/Acme|dsr:/);
});

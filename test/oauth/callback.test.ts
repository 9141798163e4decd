/** What comes back from a consent page: good once, for its connection, for ten minutes; everything else is refused and says why. */
import { acceptCallback, CallbackRefused, parseCallback } from '../../src/oauth/callback';
import { type Authorizations, createAuthorizations } from '../../src/vault/authorizations';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault, type Vault } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { makeFolder, removeFolder } from '../support/folders';

const NOW = new Date('2026-01-31T12:00:00.000Z');
const later = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000);

let folder: string;
let vault: Vault;
let authorizations: Authorizations;
beforeEach(() => {
  folder = makeFolder();
  vault = createVault(createFolderDriver(folder), keyringOf(['k-1', keyOf('oauth')]));
  authorizations = createAuthorizations(vault);
});
afterEach(() => removeFolder(folder));

const take = (text: string, { connection = 'acme', at = NOW } = {}) =>
  Promise.resolve(text).then(pasted => acceptCallback(parseCallback(pasted), connection, authorizations, at));

async function refusalOf(text: string, how: Parameters<typeof take>[1] = {}): Promise<CallbackRefused> {
  const end: unknown = await take(text, how).catch((error: unknown) => error);
  if (end instanceof CallbackRefused) return end;
  throw new Error('the callback was not refused');
}

describe('a good callback', () => {
  test.each([
    ['the whole address', (state: string) => `https://dsr.example.com/cb?code=c0de&state=${state}`],
    [
      'with spaces and a line end around',
      (state: string) => `  https://dsr.example.com/cb?code=c0de&state=${state}\r\n`,
    ],
    ['its query alone', (state: string) => `?code=c0de&state=${state}`],
    ['its query without the mark', (state: string) => `state=${state}&code=c0de`],
  ])('gives its code: %s', async (_, text) => {
    expect(await take(text(await authorizations.begin('acme', NOW)), { at: later(10) })).toBe('c0de');
  });

  test('is taken once, also where two bring it at the same time', async () => {
    const text = `?code=c0de&state=${await authorizations.begin('acme', NOW)}`;
    const ends = await Promise.allSettled(Array.from({ length: 8 }, () => take(text)));
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await refusalOf(text)).code).toBe('oauth-state-used');
  });

  test('of an authorization that was begun twice is taken with either state', async () => {
    const states = [await authorizations.begin('acme', NOW), await authorizations.begin('acme', NOW)];
    expect(new Set(states).size).toBe(2);
    for (const state of states) expect(await take(`?code=c0de&state=${state}`)).toBe('c0de');
  });
});

describe('a callback is refused', () => {
  const SECRETIVE = 'zoe.nunez@example.com';
  test.each([
    ['no address', 'oauth-callback-unusable', () => SECRETIVE],
    ['without a state', 'oauth-callback-unusable', () => '?code=c0de'],
    ['with an empty state', 'oauth-callback-unusable', () => '?code=c0de&state='],
    ['with two states', 'oauth-callback-unusable', (state: string) => `?code=c0de&state=${state}&state=${state}`],
    ['with neither code nor error', 'oauth-callback-unusable', (state: string) => `?state=${state}`],
    ['with two codes', 'oauth-callback-unusable', (state: string) => `?code=a&code=b&state=${state}`],
    ['with an absurd code', 'oauth-callback-unusable', (state: string) => `?code=${'c'.repeat(5_000)}&state=${state}`],
    ['with a made-up state', 'oauth-state-wrong', () => `?code=c0de&state=${'A'.repeat(43)}`],
    ['with a state that was changed', 'oauth-state-wrong', (state: string) => `?code=c0de&state=${state}A`],
    ['after a refusal of the admin', 'oauth-denied', (state: string) => `?error=access_denied&state=${state}`],
    ['with an error, and no state', 'oauth-callback-unusable', () => '?error=access_denied'],
    ['with an error that is no plain word', 'oauth-denied', (state: string) => `?error=${SECRETIVE}&state=${state}`],
  ] as const)('%s: %s', async (_, code, text) => {
    const refusal = await refusalOf(text(await authorizations.begin('acme', NOW)));
    expect(refusal.code).toBe(code);
    expect(refusal.message).not.toContain(SECRETIVE);
    expect(refusal.message.length).toBeGreaterThan(30);
  });

  test('that tells an error without a state: the error is told, and no state is used up', async () => {
    const state = await authorizations.begin('acme', NOW);
    expect((await refusalOf('?error=access_denied')).message).toContain('did not authorize it (access_denied)');
    expect(await take(`?code=c0de&state=${state}`)).toBe('c0de');
  });

  test('that belongs to another connection, which then still can use it', async () => {
    const text = `?code=c0de&state=${await authorizations.begin('acme', NOW)}`;
    expect((await refusalOf(text, { connection: 'globex' })).code).toBe('oauth-state-wrong');
    expect(await take(text)).toBe('c0de');
  });

  test('that comes after ten minutes', async () => {
    const text = `?code=c0de&state=${await authorizations.begin('acme', NOW)}`;
    expect((await refusalOf(text, { at: later(10.01) })).code).toBe('oauth-state-late');
  });

  test.each([
    ['an error', 'oauth-denied', '?error=access_denied&'],
    ['an address without code and error', 'oauth-callback-unusable', '?'],
  ])('also if %s used its state up', async (_, code, before) => {
    const state = await authorizations.begin('acme', NOW);
    expect((await refusalOf(`${before}state=${state}`)).code).toBe(code);
    expect((await refusalOf(`?code=c0de&state=${state}`)).code).toBe('oauth-state-used');
  });
});

test('states of days ago are forgotten, and no state is readable in the vault', async () => {
  const state = await authorizations.begin('acme', NOW);
  expect((await vault.list('authorizations')).join()).not.toContain(state);
  await authorizations.begin('acme', later(25 * 60));
  expect(await vault.list('authorizations')).toHaveLength(1);
  expect((await refusalOf(`?code=c0de&state=${state}`, { at: later(25 * 60) })).code).toBe('oauth-state-wrong');
});

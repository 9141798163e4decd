/** The notice of a company in the vault: sealed, of one company, and no longer there than its connection. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LANGUAGES } from '../../src/request/options';
import { resealAll } from '../../src/retention/retire-keys';
import { createCases } from '../../src/vault/cases';
import { type Connections, createConnections } from '../../src/vault/connections';
import { createFolderDriver } from '../../src/vault/folder';
import { NOTICE_BYTES_MAX, noticeShown, noticeText } from '../../src/vault/notices';
import { createVault, type Vault, type VaultDriver } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { makeFolder, removeFolder } from '../support/folders';

const TEXTS = { en: '# Who we are\n\nAcme Telephones', fr: '# Qui nous sommes\n\nAcme Telephones' };
const ACME = { name: 'acme', incarnation: 1 };

let folder: string;
let driver: VaultDriver;
let vault: Vault;
let connections: Connections;
beforeEach(() => {
  folder = makeFolder();
  driver = createFolderDriver(folder);
  vault = createVault(driver, keyringOf(['k-1', keyOf('one')]));
  connections = createConnections(vault);
});
afterEach(() => removeFolder(folder));

const put = () =>
  connections.put(
    {
      ...ACME,
      baseUrl: 'https://api.aircall.io/v1',
      limitPerMinute: 60,
      share: 0.75,
      credential: { kind: 'api-key', apiId: 'id', apiToken: 'sesame' },
      credentialVersion: 1,
      connectedAt: '2026-01-31T12:00:00.000Z',
    },
    undefined,
  );

test('is what was stored last, and an object of its own beside the connection', async () => {
  await put();
  expect(await connections.notice(ACME)).toBeUndefined();
  const before = await driver.get('connections/acme');
  await connections.setNotice(ACME, TEXTS);
  expect(await connections.notice(ACME)).toEqual(TEXTS);
  await connections.setNotice(ACME, 'none');
  expect(await connections.notice(ACME)).toBe('none');
  expect(await driver.get('connections/acme')).toEqual(before);
  expect(await connections.names()).toEqual(['acme']);
});

test('is of one company: another one under the same name has none', async () => {
  await connections.setNotice(ACME, TEXTS);
  expect(await connections.notice({ name: 'acme', incarnation: 2 })).toBeUndefined();
  expect(await connections.notice({ name: 'globex', incarnation: 1 })).toBeUndefined();
});

test('goes with the connection, but not while requests wait for it', async () => {
  await put();
  await connections.setNotice(ACME, TEXTS);
  await connections.delete('acme', { waitedFor: true });
  expect(await connections.notice(ACME)).toEqual(TEXTS);
  await connections.delete('acme');
  expect(await connections.notice(ACME)).toBeUndefined();
  expect(await driver.list('notices')).toEqual([]);
});

test('is stored without a readable word, and sealed again with the key of today when an old one is retired', async () => {
  await connections.setNotice(ACME, TEXTS);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  expect(files.length).toBeGreaterThan(0);
  for (const { parentPath, name } of files)
    expect(readFileSync(join(parentPath, name)).toString('latin1')).not.toContain('Telephones');

  const anew = createVault(driver, keyringOf(['k-2', keyOf('two')], ['k-1', keyOf('one')]));
  expect(await anew.sealedBy('notices/acme')).toBe('k-1');
  await resealAll({ vault: anew, cases: createCases(anew) });
  const only = createVault(driver, keyringOf(['k-2', keyOf('two')]));
  expect(await createConnections(only).notice(ACME)).toEqual(TEXTS);
});

test.each([
  ['no text', {}],
  ['an empty text', { en: '' }],
  ['a text that is too long', { en: 'x'.repeat(NOTICE_BYTES_MAX + 1) }],
])('with %s is not stored', async (_, notice) => {
  await connections.setNotice(ACME, TEXTS);
  await expect((async () => connections.setNotice(ACME, notice))()).rejects.toThrow();
  expect(await connections.notice(ACME)).toEqual(TEXTS);
});

test('with the longest texts in every language is stored', async () => {
  const longest = Object.fromEntries(LANGUAGES.map(language => [language, 'x'.repeat(NOTICE_BYTES_MAX)]));
  await connections.setNotice(ACME, longest);
  expect(noticeShown(await connections.notice(ACME))).toEqual([...LANGUAGES]);
});

test('of another shape is refused rather than used, and replaced by the next one', async () => {
  await vault.putIfAbsent('notices/acme', Buffer.from(JSON.stringify({ incarnation: 1, notice: { tlh: 'x' } })));
  await expect(connections.notice(ACME)).rejects.toMatchObject({ code: 'notice-broken' });
  await connections.setNotice(ACME, TEXTS);
  expect(await connections.notice(ACME)).toEqual(TEXTS);
});

test('is read in the first wanted language that it has, else in the first that it has at all', () => {
  const texts = { fr: 'bonjour', en: 'hello', pt: 'bom dia' };
  expect(noticeText(texts, ['pt', 'en'])).toEqual({ language: 'pt', text: 'bom dia' });
  expect(noticeText(texts, ['de', 'fr', 'en'])).toEqual({ language: 'fr', text: 'bonjour' });
  expect(noticeText({ pt: 'bom dia', it: 'buongiorno' }, ['de', 'en'])).toEqual({ language: 'it', text: 'buongiorno' });
  expect(noticeText({}, ['en'])).toBeUndefined();
});

test('is shown by its languages, in one order', () => {
  expect(noticeShown({ fr: 'bonjour', en: 'hello' })).toEqual(['en', 'fr']);
  expect([noticeShown('none'), noticeShown(undefined)]).toEqual(['none', null]);
});

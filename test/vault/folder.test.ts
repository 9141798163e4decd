import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createFolderDriver } from '../../src/vault/folder';
import { probeVault } from '../../src/vault/probe';
import { createVault } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { makeFolder, removeFolder } from '../support/folders';
import { describeVaultDriver } from './driver-suite';
import { INCREMENT_PROCESS, increment } from './increment';

const run = promisify(execFile);
const ring = keyringOf(['k-1', keyOf('one')]);
const folders: string[] = [];

function newFolder(): string {
  const folder = makeFolder();
  folders.push(folder);
  return join(folder, 'vault');
}

afterAll(() => {
  for (const folder of folders) removeFolder(folder);
});

/** Everything below a folder, as paths. */
function below(folder: string): { files: string[]; folders: string[] } {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const pathsOf = (wanted: (entry: (typeof entries)[number]) => boolean) =>
    entries.filter(wanted).map(entry => join(entry.parentPath, entry.name));
  return { files: pathsOf(entry => entry.isFile()), folders: [folder, ...pathsOf(entry => entry.isDirectory())] };
}

describeVaultDriver('a folder', () => createFolderDriver(newFolder()));

describe('the vault folder', () => {
  test('has files that only their owner can read, and folders that only their owner can enter', async () => {
    const folder = newFolder();
    const driver = createFolderDriver(folder);
    const umask = process.umask(0);
    try {
      await driver.putIfAbsent('connections/acme', Buffer.from('one'));
      await increment(driver, 'requests/acme/access/r-1/record');
      await increment(driver, 'requests/acme/access/r-1/record');
    } finally {
      process.umask(umask);
    }
    const { files, folders: made } = below(folder);
    expect(files.length).toBeGreaterThanOrEqual(2);
    expect(files.map(file => (statSync(file).mode & 0o777).toString(8))).toEqual(files.map(() => '600'));
    expect(made.map(path => (statSync(path).mode & 0o777).toString(8))).toEqual(made.map(() => '700'));
  });

  test('lists no name that is no key, whoever made it', async () => {
    const folder = newFolder();
    const driver = createFolderDriver(folder);
    await driver.putIfAbsent('a/b', Buffer.from('one'));
    for (const name of ['a/x y/~1', 'a/b/~/~1', 'a/ ~/~1', 'x y/b/~1'])
      mkdirSync(join(folder, name), { recursive: true });
    expect(await driver.list('')).toEqual(['a/b']);
    expect(await driver.list('a')).toEqual(['a/b']);
    expect(await driver.page('', 9)).toEqual(['a/b']);
  });

  test('keeps one file per object, however often it was replaced, and none of a deleted one', async () => {
    const folder = newFolder();
    const driver = createFolderDriver(folder);
    for (let round = 0; round < 5; round++) await increment(driver, 'a/b');
    await driver.putIfAbsent('a/b', Buffer.from('refused'));
    await driver.putIfUnchanged('a/b', Buffer.from('refused'), 'stale');
    expect(below(folder).files).toHaveLength(1);
    await driver.delete('a/b');
    expect(below(folder).files).toEqual([]);
  });

  test('is after a probe as it was before', async () => {
    const folder = newFolder();
    const driver = createFolderDriver(folder);
    await driver.putIfAbsent('a', Buffer.from('one'));
    const before = below(folder);
    await probeVault(driver);
    expect(below(folder)).toEqual(before);
  });

  test('can be replaced more often than a file says what it descends from', async () => {
    const driver = createFolderDriver(newFolder());
    for (let round = 0; round < 300; round++) await increment(driver, 'a');
    expect((await driver.get('a'))?.value.toString()).toBe('300');
  });

  test('holds nothing readable, in no file and no file name, and gives it back to who has the key', async () => {
    const folder = newFolder();
    const vault = createVault(createFolderDriver(folder), ring);
    const secret = Buffer.from(JSON.stringify({ email: 'anna@example.com', token: 'sesame-sesame' }));
    await vault.putIfAbsent('connections/acme', secret);
    const stored = await vault.get('connections/acme');
    expect(stored?.value.equals(secret)).toBe(true);
    expect(await vault.putIfUnchanged('connections/acme', secret, stored?.version ?? '')).toBe(true);
    const { files } = below(folder);
    expect(files).toHaveLength(1);
    for (const file of files) {
      for (const word of [
        'anna',
        'sesame',
        'email',
        secret.toString('base64').slice(4, 16),
        secret.toString('hex').slice(4, 20),
      ]) {
        expect(readFileSync(file).toString('latin1')).not.toContain(word);
        expect(file).not.toContain(word);
      }
    }
  });

  test('refuses an object that was copied to the place of another one, or of which one bit was changed', async () => {
    const folder = newFolder();
    const vault = createVault(createFolderDriver(folder), ring);
    await vault.putIfAbsent('connections/acme', Buffer.from('acme'));
    await vault.putIfAbsent('connections/beta', Buffer.from('beta'));
    const [acme = '', beta = ''] = below(folder).files.sort();
    writeFileSync(beta, readFileSync(acme));
    await expect(vault.get('connections/beta')).rejects.toMatchObject({ code: 'seal-broken' });
    const changed = readFileSync(acme);
    changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
    writeFileSync(acme, changed);
    await expect(vault.get('connections/acme')).rejects.toMatchObject({ code: 'seal-broken' });
    writeFileSync(acme, '');
    await expect(vault.get('connections/acme')).rejects.toMatchObject({ code: 'not-sealed' });
  });

  test('loses and repeats no increment of 4 processes with 40 each', async () => {
    const [processes, times] = [4, 40];
    const folder = newFolder();
    const script = [INCREMENT_PROCESS, folder, 'a/counter', String(times)];
    const ended = await Promise.all(Array.from({ length: processes }, () => run(process.execPath, script)));
    expect(ended.map(({ stdout }) => stdout)).toEqual(Array.from({ length: processes }, () => String(times)));
    expect((await createFolderDriver(folder).get('a/counter'))?.value.toString()).toBe(String(times * processes));
    expect(below(folder).files).toHaveLength(1);
  });

  test('goes on after a crash that left an older generation behind', async () => {
    const folder = newFolder();
    const driver = createFolderDriver(folder);
    await increment(driver, 'a');
    const before = await driver.get('a');
    const [first = ''] = below(folder).files;
    const bytes = readFileSync(first);
    await increment(driver, 'a');
    writeFileSync(first, bytes, { mode: 0o600 }); // as if the writer had died before it removed what it replaced
    expect((await driver.get('a'))?.value.toString()).toBe('2');
    expect(await driver.putIfUnchanged('a', Buffer.from('stale'), before?.version ?? '')).toBe(false);
    expect(await driver.list('')).toEqual(['a']);
    await increment(driver, 'a');
    expect((await driver.get('a'))?.value.toString()).toBe('3');
    expect(below(folder).files).toHaveLength(1);
    writeFileSync(first, bytes, { mode: 0o600 });
    await driver.delete('a');
    expect(below(folder).files).toEqual([]);
  });

  test('goes on after a crash that left a file half written or an empty folder: neither is an object', async () => {
    const folder = newFolder();
    const driver = createFolderDriver(folder);
    await driver.putIfAbsent('a', Buffer.from('one'));
    writeFileSync(join(folder, '.staging', '123456789012345678901234'), 'half');
    mkdirSync(join(folder, 'b', 'c'), { recursive: true });
    expect(await driver.list('')).toEqual(['a']);
    expect(await driver.get('b/c')).toBeUndefined();
    expect(await driver.putIfAbsent('b/c', Buffer.from('two'))).toBe(true);
    expect(await driver.list('')).toEqual(['a', 'b/c']);
  });

  test('loses what a process left that died while it wrote, an hour later', async () => {
    const folder = newFolder();
    await createFolderDriver(folder).putIfAbsent('a', Buffer.from('one'));
    const staged = (name: string, hoursAgo: number) => {
      const path = join(folder, '.staging', name);
      writeFileSync(path, 'half');
      const seconds = statSync(path).mtimeMs / 1_000 - hoursAgo * 3_600;
      utimesSync(path, seconds, seconds);
    };
    staged('abandoned', 1.1);
    staged('perhaps-alive', 0.9);
    await createFolderDriver(folder).putIfAbsent('b', Buffer.from('two'));
    expect(readdirSync(join(folder, '.staging'))).toEqual(['perhaps-alive']);
  });

  test('does not let a key reach the files of writes in progress', async () => {
    const driver = createFolderDriver(newFolder());
    await expect(driver.putIfAbsent('.staging/a', Buffer.from('one'))).rejects.toThrow(RangeError);
    expect(await driver.putIfAbsent('connections/.staging', Buffer.from('one'))).toBe(true);
    expect(await driver.list('connections')).toEqual(['connections/.staging']);
  });
});

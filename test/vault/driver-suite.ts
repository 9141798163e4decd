import { buffer } from 'node:stream/consumers';
import { readChunks, writeChunks } from '../../src/vault/chunks';
import { probeVault } from '../../src/vault/probe';
import { createVault, type VaultDriver } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { streamOf } from '../support/streams';
import { increment } from './increment';

/** What every driver of the vault does. `makeDriver` answers one that is empty. */
export function describeVaultDriver(name: string, makeDriver: () => Promise<VaultDriver> | VaultDriver): void {
  const one = Buffer.from('one');
  const two = Buffer.from('two');
  const three = Buffer.from('three');

  /** The version of an object that must be there. */
  async function versionOf(driver: VaultDriver, key: string): Promise<string> {
    const stored = await driver.get(key);
    if (stored === undefined) throw new Error(`there is no ${key}`);
    return stored.version;
  }
  const textAt = async (driver: VaultDriver, key: string) => (await driver.get(key))?.value.toString();

  describe(`the vault in ${name}`, () => {
    let driver: VaultDriver;
    beforeEach(async () => {
      driver = await makeDriver();
    });

    test('holds nothing at first', async () => {
      expect(await driver.get('a')).toBeUndefined();
      expect(await driver.list('')).toEqual([]);
      expect(await driver.list('a/b')).toEqual([]);
      expect(await driver.putIfUnchanged('a', one, 'any-version')).toBe(false);
      await expect(driver.delete('a/b')).resolves.toBeUndefined();
      expect(await driver.list('')).toEqual([]);
    });

    test('stores an object only where there is none', async () => {
      expect(await driver.putIfAbsent('a/b', one)).toBe(true);
      expect(await driver.putIfAbsent('a/b', two)).toBe(false);
      expect(await textAt(driver, 'a/b')).toBe('one');
    });

    test('keeps every byte, none as well as many', async () => {
      const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const objects = {
        none: Buffer.alloc(0),
        lines: Buffer.from('\n\n \n'),
        all: everyByte,
        many: Buffer.concat(Array.from({ length: 4096 }, () => everyByte)),
      };
      for (const [key, bytes] of Object.entries(objects)) {
        expect(await driver.putIfAbsent(key, bytes)).toBe(true);
        expect((await driver.get(key))?.value.equals(bytes)).toBe(true);
        expect(await driver.putIfUnchanged(key, bytes, await versionOf(driver, key))).toBe(true);
        expect((await driver.get(key))?.value.equals(bytes)).toBe(true);
      }
    });

    test('replaces an object at the version that was read, and gives it another version, even for the same bytes', async () => {
      await driver.putIfAbsent('a', one);
      const versions = [await versionOf(driver, 'a')];
      for (const bytes of [two, two, three]) {
        expect(await driver.putIfUnchanged('a', bytes, versions.at(-1) ?? '')).toBe(true);
        expect((await driver.get('a'))?.value.equals(bytes)).toBe(true);
        versions.push(await versionOf(driver, 'a'));
      }
      expect(new Set(versions).size).toBe(4);
      expect(await versionOf(driver, 'a')).toBe(versions[3]);
    });

    test('refuses a stale version and keeps what is there', async () => {
      await driver.putIfAbsent('a', one);
      const stale = await versionOf(driver, 'a');
      await driver.putIfUnchanged('a', two, stale);
      expect(await driver.putIfUnchanged('a', three, stale)).toBe(false);
      expect(await driver.putIfUnchanged('a', three, '')).toBe(false);
      expect(await driver.putIfUnchanged('a', three, '*')).toBe(false);
      expect(await driver.putIfAbsent('a', three)).toBe(false);
      expect(await textAt(driver, 'a')).toBe('two');
    });

    test('refuses the version of another object', async () => {
      await driver.putIfAbsent('a', one);
      await driver.putIfAbsent('b', one);
      expect(await driver.putIfUnchanged('a', two, await versionOf(driver, 'b'))).toBe(false);
      expect(await textAt(driver, 'a')).toBe('one');
    });

    test('forgets a deleted object; one that is made again does not accept a version from before', async () => {
      await driver.putIfAbsent('a/b', one);
      const before = await versionOf(driver, 'a/b');
      await driver.delete('a/b');
      expect(await driver.get('a/b')).toBeUndefined();
      expect(await driver.list('')).toEqual([]);
      expect(await driver.putIfUnchanged('a/b', two, before)).toBe(false);
      expect(await driver.get('a/b')).toBeUndefined();
      expect(await driver.putIfAbsent('a/b', one)).toBe(true);
      expect(await driver.putIfUnchanged('a/b', two, before)).toBe(false);
      expect(await textAt(driver, 'a/b')).toBe('one');
    });

    test('deletes an object with its history, and only that object', async () => {
      await driver.putIfAbsent('a/b', one);
      for (const bytes of [two, three]) await driver.putIfUnchanged('a/b', bytes, await versionOf(driver, 'a/b'));
      await driver.putIfAbsent('a/bc', one);
      await driver.putIfAbsent('a', one);
      await driver.delete('a/b');
      expect(await driver.get('a/b')).toBeUndefined();
      expect(await driver.list('')).toEqual(['a', 'a/bc']);
      await driver.delete('a');
      expect(await driver.list('')).toEqual(['a/bc']);
    });

    test('lists what lies below a prefix, whole segments only, in order, each once', async () => {
      for (const key of ['b/2', 'b/1', 'b/10', 'b/c/1', 'b', 'bb/1', 'a', '1/1/1', 'b/.dot'])
        await driver.putIfAbsent(key, one);
      await driver.putIfUnchanged('b/1', two, await versionOf(driver, 'b/1'));
      expect(await driver.list('b')).toEqual(['b/.dot', 'b/1', 'b/10', 'b/2', 'b/c/1']);
      expect(await driver.list('b/c')).toEqual(['b/c/1']);
      expect(await driver.list('b/1')).toEqual([]);
      expect(await driver.list('none')).toEqual([]);
      expect(await driver.list('')).toEqual(['1/1/1', 'a', 'b', 'b/.dot', 'b/1', 'b/10', 'b/2', 'b/c/1', 'bb/1']);
    });

    test('pages through all keys below a prefix, however many a page takes, each once and in one order', async () => {
      // Names that begin alike, and objects with others below them, in the order of `<key>~`.
      const inOrder = ['b-1/x', 'b-1', 'b.x', 'b/c-1', 'b/c/1', 'b/c/10', 'b/c/2', 'b/c', 'b', 'b1/x', 'b1', 'ba'];
      const sorted = inOrder.toSorted((one, other) => (`${one}~` < `${other}~` ? -1 : 1));
      for (const key of inOrder) await driver.putIfAbsent(`a/${key}`, one);
      await driver.putIfAbsent('a', one);
      await driver.putIfAbsent('aa/b', one);
      await driver.putIfUnchanged('a/b/c', two, await versionOf(driver, 'a/b/c'));
      for (const max of [1, 2, 5, 100]) {
        const keys: string[] = [];
        for (let after: string | undefined; ; after = keys.at(-1)) {
          const page = await driver.page('a', max, after);
          expect(page.length).toBeLessThanOrEqual(max);
          keys.push(...page);
          if (page.length < max) break;
        }
        expect(keys).toEqual(sorted.map(key => `a/${key}`));
      }
    });

    test('begins a page behind a key that does not exist, and behind all that lies below a folder', async () => {
      for (const key of ['a/2026-01-01/10', 'a/2026-01-01/20', 'a/2026-01-02/1', 'a/2026-01-02-x/1', 'b/1'])
        await driver.putIfAbsent(key, one);
      expect(await driver.page('a', 9, 'a/2026-01-01/15')).toEqual([
        'a/2026-01-01/20',
        'a/2026-01-02-x/1',
        'a/2026-01-02/1',
      ]);
      expect(await driver.page('a', 1, 'a/2026-01-01')).toEqual(['a/2026-01-02-x/1']);
      expect(await driver.page('a', 9, 'a/any text: ~/')).toEqual([]);
      expect(await driver.page('a', 9, 'a')).toEqual([]);
      expect(await driver.page('none', 9)).toEqual([]);
      expect(await driver.page('', 2)).toEqual(['a/2026-01-01/10', 'a/2026-01-01/20']);
    });

    test('keeps an object and others below it apart, even where names are numbers', async () => {
      for (const key of ['a/1/1', 'a/1', 'a', 'a/2'])
        expect(await driver.putIfAbsent(key, Buffer.from(key))).toBe(true);
      for (const key of ['a/1/1', 'a/1', 'a', 'a/2']) expect(await textAt(driver, key)).toBe(key);
    });

    test.each([
      '',
      '/',
      'a/',
      '/a',
      'a//b',
      '.',
      '..',
      '../a',
      'a/..',
      'a/../b',
      'a/./b',
      'a b',
      'a\\b',
      'a\u0000',
      'é',
      'a:b',
      'a\n',
      '~1',
      'a/~1',
      '%2e%2e',
      'anna@example.com',
    ])('refuses the unsafe key %j', async key => {
      await expect(driver.get(key)).rejects.toThrow(RangeError);
      await expect(driver.putIfAbsent(key, one)).rejects.toThrow(RangeError);
      await expect(driver.putIfUnchanged(key, one, 'version')).rejects.toThrow(RangeError);
      await expect(driver.delete(key)).rejects.toThrow(RangeError);
      if (key !== '') await expect(driver.list(key)).rejects.toThrow(RangeError);
      if (key !== '') await expect(driver.page(key, 1)).rejects.toThrow(RangeError);
      expect(await driver.list('')).toEqual([]);
    });

    test('lets exactly one of 20 creators win, and holds what it wrote', async () => {
      const won = await Promise.all(
        Array.from({ length: 20 }, (_, writer) => driver.putIfAbsent('a/b', Buffer.from(String(writer)))),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await textAt(driver, 'a/b')).toBe(String(won.indexOf(true)));
    });

    test('lets exactly one of 20 writers win at the same version, and holds what it wrote', async () => {
      await driver.putIfAbsent('a', one);
      const version = await versionOf(driver, 'a');
      const won = await Promise.all(
        Array.from({ length: 20 }, (_, writer) => driver.putIfUnchanged('a', Buffer.from(String(writer)), version)),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await textAt(driver, 'a')).toBe(String(won.indexOf(true)));
    });

    test('loses and repeats no increment of 15 concurrent writers', async () => {
      await Promise.all(Array.from({ length: 15 }, () => increment(driver, 'a/counter')));
      expect(await textAt(driver, 'a/counter')).toBe('15');
    });

    test('shows each reader a whole object, old or new, and never none, while it is replaced', async () => {
      const versions = Array.from({ length: 25 }, (_, index) => Buffer.alloc(20_000, index));
      await driver.putIfAbsent('a', versions[0] ?? one);
      let done = false;
      const seen: (Buffer | undefined)[] = [];
      const reading = (async () => {
        while (!done) seen.push((await driver.get('a'))?.value);
      })();
      for (const bytes of versions.slice(1)) await driver.putIfUnchanged('a', bytes, await versionOf(driver, 'a'));
      done = true;
      await reading;
      expect(seen.length).toBeGreaterThan(0);
      expect(seen.every(bytes => bytes !== undefined && versions.some(version => version.equals(bytes)))).toBe(true);
    });

    test('lists what is there while other objects come and go', async () => {
      await driver.putIfAbsent('a/stays', one);
      let done = false;
      const lists: string[][] = [];
      const listing = (async () => {
        while (!done) lists.push(await driver.list('a'));
      })();
      for (let round = 0; round < 30; round++) {
        await driver.putIfAbsent('a/goes', two);
        await driver.delete('a/goes');
      }
      done = true;
      await listing;
      expect(lists.length).toBeGreaterThan(0);
      expect(lists.filter(keys => !keys.includes('a/stays'))).toEqual([]);
    });

    test('ends with nothing where the last of many deletes comes after all writes', async () => {
      await Promise.all(
        Array.from({ length: 10 }, async (_, worker) => {
          for (let round = 0; round < 5; round++)
            await (worker % 2 === 0 ? increment(driver, 'a/b') : driver.delete('a/b'));
        }),
      );
      await driver.delete('a/b');
      expect(await driver.get('a/b')).toBeUndefined();
      expect(await driver.list('')).toEqual([]);
      await increment(driver, 'a/b');
      expect(await textAt(driver, 'a/b')).toBe('1');
    });

    test('keeps a file in chunks, sealed, and a folder of chunks is deleted as any other', async () => {
      const vault = createVault(driver, keyringOf(['k-1', keyOf('chunks')]));
      const store = { vault: async () => vault, folder: 'requests/chunks' };
      const bytes = Buffer.from('a file '.repeat(1_000));
      const limits = { chunkBytes: 1_000, fileBytesMax: bytes.length };
      const head = await writeChunks(store, streamOf(bytes), limits);
      expect((await buffer(readChunks(store, head, 0))).equals(bytes)).toBe(true);
      expect((await buffer(readChunks(store, head, 6_990))).toString()).toBe(bytes.subarray(6_990).toString());
      const keys = await driver.list('requests/chunks');
      expect(keys).toHaveLength(7);
      for (const key of keys) {
        expect((await driver.get(key))?.value.includes('a file')).toBe(false);
        await driver.delete(key);
      }
      expect(await driver.list('')).toEqual([]);
    });

    test('passes the probe of a vault, which leaves nothing in it', async () => {
      await driver.putIfAbsent('a', one);
      await probeVault(driver);
      expect(await driver.list('')).toEqual(['a']);
    });
  });
}

/** The files of a package, their signed manifest, README.txt in each language, and the zip file as a stream. */
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { type PackageFile, PackageFileChanged, writeZip } from '../../src/package/archive';
import { packageFiles as inSlices, type PackageParts } from '../../src/package/files';
import { packageManifestSchema } from '../../src/package/manifest';
import { catalogOf } from '../../src/package/page/catalogs';
import { readmeText } from '../../src/package/readme';
import { proven } from '../../src/receipt/sign';
import { LANGUAGES } from '../../src/request/options';
import { atOnce } from '../../src/slices';
import { unzipBytes } from '../support/zip';
import { AUDIO, documentOf, FOUND, KEY, NOTHING, openAudio, PACKAGE, PAGES, sha256 } from './support';

const PARTS = { document: PACKAGE, pages: PAGES, openMedia: openAudio, key: KEY };

const packageFiles = (parts: PackageParts) => atOnce(inSlices(parts));

async function zipOf(files: readonly PackageFile[]): Promise<Buffer> {
  return buffer(writeZip(files));
}

function fileOf(path: string, bytes: Uint8Array, more: Partial<PackageFile> = {}): PackageFile {
  return { path, sizeBytes: bytes.length, sha256: sha256(bytes), stored: true, open: () => [bytes], ...more };
}

describe('the files of a package', () => {
  test('are what people read first, then what programs read, then audio', async () => {
    expect([...(await unzipBytes(await zipOf(packageFiles(PARTS)))).keys()]).toEqual([
      'README.txt',
      'index.html',
      'notice.html',
      'access-package.json',
      'access-package.schema.json',
      'csv/contacts.csv',
      'csv/calls.csv',
      'csv/comments.csv',
      'csv/tags.csv',
      'csv/transcripts.csv',
      'csv/insights.csv',
      'manifest.json',
      'media/call-0001.mp3',
    ]);
  });

  test('hold the document and the audio byte by byte', async () => {
    const files = await unzipBytes(await zipOf(packageFiles(PARTS)));
    expect(files.get('access-package.json')?.toString()).toBe(`${JSON.stringify(PACKAGE, null, 2)}\n`);
    expect(files.get('media/call-0001.mp3')).toEqual(AUDIO);
    expect(files.get('index.html')?.toString()).toBe('<!doctype html><title>a page</title>');
  });

  test('are the same bytes each time, however the audio arrives', async () => {
    async function* inBytes() {
      for (const byte of AUDIO) yield Buffer.from([byte]);
    }
    const whole = await zipOf(packageFiles(PARTS));
    expect((await zipOf(packageFiles({ ...PARTS, openMedia: inBytes }))).equals(whole)).toBe(true);
    expect((await zipOf(packageFiles({ ...PARTS, document: documentOf(FOUND) }))).equals(whole)).toBe(true);
  });

  test('are each in the manifest, with size and digest, and its own key has signed it', async () => {
    const files = await unzipBytes(await zipOf(packageFiles(PARTS)));
    const manifest = proven(packageManifestSchema.parse(JSON.parse(String(files.get('manifest.json')))));
    files.delete('manifest.json');
    expect(manifest.files).toEqual(
      [...files].map(([path, bytes]) => ({ path, sizeBytes: bytes.length, sha256: sha256(bytes) })),
    );
    expect(manifest).toMatchObject({ connection: 'acme', requestId: 'case-17', signer: { keyId: KEY.id } });
    const other = { ...manifest, files: manifest.files.slice(1) };
    expect(() => proven(other)).toThrow(expect.objectContaining({ code: 'receipt-changed' }));
  });

  test.each(['../index.html', '/index.html', 'a/b/c.html', 'C:\\x.html', 'a\u0000.html', '.html', 'README.txt', ''])(
    'are not made with a page at %j',
    path => {
      const pages = [...PAGES, { path, pieces: () => ['x'] }];
      expect(() => packageFiles({ ...PARTS, pages })).toThrow(expect.objectContaining({ code: 'receipt-invalid' }));
    },
  );

  test('of a person of whom nothing was found are the same, without audio', async () => {
    const files = await unzipBytes(await zipOf(packageFiles({ ...PARTS, document: documentOf(NOTHING) })));
    expect([...files.keys()]).toHaveLength(12);
    expect(files.get('README.txt')?.toString()).toContain('Nothing about you was found.');
  });
});

describe('README.txt', () => {
  test.each(LANGUAGES)('in %s says what the package is, and what is in it', language => {
    const text = readmeText({ ...PACKAGE, language }, PAGES);
    for (const each of ['case-17', 'index.html', 'notice.html', 'csv/', 'media/', 'manifest.json', '2026'])
      expect(text).toContain(each);
    expect(text).toContain('(Europe/Paris)');
    expect(text).not.toMatch(/undefined|\[object/);
  });

  test('differs in every sentence between languages', () => {
    const sentences = LANGUAGES.flatMap(language => {
      const of = (document: typeof PACKAGE) => readmeText({ ...document, language }, PAGES).split('\n');
      return [...new Set([...of(PACKAGE), ...of(documentOf(NOTHING))])].filter(line => line !== '');
    });
    expect(new Set(sentences).size).toBe(sentences.length);
  });

  test('gives the time in the zone of the person', () => {
    expect(readmeText(PACKAGE, PAGES)).toContain('December 1, 2026 at 12:30');
    expect(readmeText({ ...PACKAGE, timezone: 'UTC' }, PAGES)).toContain('November 30, 2026 at 11:30');
  });

  test.each(LANGUAGES)('in %s names a notice that is missing, and only then', language => {
    const sentence = `${catalogOf(language).gaps['notice-missing']}.`;
    const of = (notice: typeof PACKAGE.coverage.notice) =>
      readmeText({ ...PACKAGE, language, coverage: { ...PACKAGE.coverage, notice } }, [{ path: 'index.html' }]);
    expect(of({ state: 'skipped', gaps: [{ code: 'notice-missing' }] }).split('\n')).toContain(sentence);
    for (const state of ['complete', 'not-asked', 'skipped'] as const)
      expect(of({ state, gaps: [] })).not.toContain(sentence);
  });

  test('names no file that is not there, and says nothing that is not so', () => {
    const text = readmeText(documentOf(NOTHING), [{ path: 'index.html' }]);
    expect(text).not.toMatch(/notice\.html|media\/|left out/);
    expect(text).not.toMatch(/index\.html: [^\n]*(everything|all data)/);
    expect(text).toMatch(/access-package\.json: all data/);
    const found = readmeText(PACKAGE, PAGES);
    expect(found).toContain('left out');
    expect(found).not.toContain('Nothing');
    const withheldOnly = readmeText({ ...documentOf(NOTHING), withheld: FOUND.withheld }, PAGES);
    expect(withheldOnly).toContain('left out');
    expect(withheldOnly).not.toContain('Nothing');
  });
});

describe('the zip file', () => {
  test('gives back the files that it was made of', async () => {
    const contents = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,8}\.[a-z]{3}$/),
      fc.record({ bytes: fc.uint8Array({ maxLength: 5_000 }), stored: fc.boolean() }),
      { noNullPrototype: true },
    );
    await fc.assert(
      fc.asyncProperty(contents, async given => {
        const files = Object.entries(given).map(([path, { bytes, stored }]) => fileOf(path, bytes, { stored }));
        const read = await unzipBytes(await zipOf(files));
        expect([...read]).toEqual(Object.entries(given).map(([path, { bytes }]) => [path, Buffer.from(bytes)]));
      }),
      { numRuns: 50 },
    );
  });

  test('holds stored files uncompressed and texts compressed, and says nothing of when it was made', async () => {
    const bytes = Buffer.alloc(100_000, 'a');
    expect((await zipOf([fileOf('a.mp3', bytes)])).length).toBeGreaterThan(100_000);
    const small = await zipOf([fileOf('a.txt', bytes, { stored: false })]);
    expect(small.length).toBeLessThan(1_000);
    expect(small.readUInt16LE(10)).toBe(0); // midnight
    expect(small.readUInt16LE(12)).toBe((1 << 5) | 1); // of the first day of 1980
  });

  test.each([
    ['other bytes', { open: () => [Buffer.from('b')] }],
    ['fewer bytes', { open: () => [] }],
    ['more bytes', { open: () => [Buffer.from('a'), Buffer.from('a')] }],
  ])('is not made of a file that has %s than its digest states', async (_what, more) => {
    for (const stored of [true, false]) {
      const files = [fileOf('x.txt', Buffer.from('x')), fileOf('media/a.mp3', Buffer.from('a'), { stored, ...more })];
      await expect(zipOf(files)).rejects.toThrow(PackageFileChanged);
    }
  });

  test('fails with what a file failed with, and nothing fails before it is read', async () => {
    const open = () => {
      throw new Error('the vault is silent');
    };
    const zip = writeZip([fileOf('a.txt', Buffer.from('a'), { open })]);
    await new Promise(resolve => setImmediate(resolve));
    await expect(buffer(zip)).rejects.toThrow('the vault is silent');
  });

  test('opens one file at a time, no faster than it is read, and a reader that stops closes it', async () => {
    const CHUNK = Buffer.alloc(65_536);
    const CHUNKS = 1_000;
    let [opened, closed, given] = [0, 0, 0];
    async function* open() {
      opened += 1;
      try {
        for (let chunk = 0; chunk < CHUNKS; chunk += 1) {
          given += 1;
          yield CHUNK;
        }
      } finally {
        closed += 1;
      }
    }
    const sizeBytes = CHUNK.length * CHUNKS;
    const files = ['a', 'b', 'c'].map(path => ({ path, sizeBytes, sha256: '', stored: true, open }));
    const zip = writeZip(files);
    let readBytes = 0;
    for await (const chunk of zip) {
      readBytes += chunk.length;
      if (readBytes > 10 * CHUNK.length) break;
    }
    while (closed === 0) await new Promise(resolve => setImmediate(resolve));
    expect({ opened, closed }).toEqual({ opened: 1, closed: 1 });
    expect(given).toBeLessThan(30);
  });
});

/** A package above 4 GiB: other programs read it, and the process that makes it holds little of it. */
import { createHash } from 'node:crypto';
import { createWriteStream, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { type Entry, open, type ZipFile } from 'yauzl';
import { type PackageFile, writeZip } from '../../src/package/archive';
import { removeFolder } from '../support/folders';

const MEBIBYTE = 1_048_576;
const CHUNK = Buffer.alloc(4 * MEBIBYTE, 'audio');
const CHUNKS = 32;
const FILES = 33;
const SIZE_BYTES = CHUNK.length * CHUNKS;

function* audio() {
  for (let chunk = 0; chunk < CHUNKS; chunk += 1) yield CHUNK;
}

/** Above what the process held before. */
async function heldAtMost(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const watching = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 20);
  await work().finally(() => clearInterval(watching));
  return most - before;
}

async function entriesOf(path: string): Promise<{ readonly zip: ZipFile; readonly entries: readonly Entry[] }> {
  const zip = await promisify<string, { lazyEntries: boolean; autoClose: boolean }, ZipFile>(open)(path, {
    lazyEntries: false,
    autoClose: false,
  });
  const entries: Entry[] = [];
  return new Promise((resolve, reject) => {
    zip.on('error', reject);
    zip.on('entry', (entry: Entry) => entries.push(entry));
    zip.on('end', () => resolve({ zip, entries }));
  });
}

test('a package above 4 GiB is read whole, and is made in 128 MiB', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aircall-dsr-')); // not in memory, as other folders of tests
  const digest = createHash('sha256');
  for (const chunk of audio()) digest.update(chunk);
  const sha256 = digest.digest('hex');
  const files = Array.from(
    { length: FILES },
    (_, place): PackageFile => ({ path: `${place}.mp3`, sizeBytes: SIZE_BYTES, sha256, stored: true, open: audio }),
  );
  const path = join(folder, 'package.zip');
  try {
    const held = await heldAtMost(() => pipeline(writeZip(files), createWriteStream(path)));
    expect(held).toBeLessThan(128 * MEBIBYTE);
    const { zip, entries } = await entriesOf(path);
    expect(entries.map(({ fileName, uncompressedSize }) => [fileName, uncompressedSize])).toEqual(
      files.map(file => [file.path, SIZE_BYTES]),
    );
    const [last] = entries.slice(-1);
    if (last === undefined) throw new Error('the zip file is empty');
    expect(last.relativeOffsetOfLocalHeader).toBeGreaterThan(2 ** 32);
    const read = createHash('sha256');
    for await (const chunk of await promisify(zip.openReadStream.bind(zip, last))()) read.update(chunk);
    expect(read.digest('hex')).toBe(sha256);
    zip.close();
  } finally {
    removeFolder(folder);
  }
});

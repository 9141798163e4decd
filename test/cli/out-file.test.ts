/** How commands save large files: a stream, whole or not at all, continued after an interruption, for their owner only. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { removePart, saveStream } from '../../src/commands/out-file';
import { savePackage } from '../../src/commands/package';
import { createCases, type StoredFile } from '../../src/vault/cases';
import { FILE_LIMITS } from '../../src/vault/chunks';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { askedFor } from '../support/asked';
import { makeFolder, removeFolder } from '../support/folders';
import { streamOf } from '../support/streams';

const BYTES = Buffer.from('PK: the bytes of a package, quite a few of them');
const PIECE_BYTES = 5;
const SEEDED = { seed: 20_261_202, numRuns: 60 };

let folder: string;
let out: string;
beforeEach(() => {
  folder = makeFolder();
  out = join(folder, 'package.zip');
});
afterEach(() => removeFolder(folder));

interface Watched extends StoredFile {
  /** Where each reading began. */
  readonly readings: number[];
}

/** A stored file whose reading breaks off before a place, if one is given. */
function fileOf(bytes: Buffer, breaksAt = Number.POSITIVE_INFINITY): Watched {
  const readings: number[] = [];
  return {
    readings,
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    async *read(from) {
      readings.push(from);
      for (let at = from; at < bytes.length; at += PIECE_BYTES) {
        if (at >= breaksAt) throw new Error('the store does not answer');
        yield bytes.subarray(at, at + PIECE_BYTES);
      }
    },
  };
}

const saved = () => readFileSync(out).toString();
const filesIn = () => readdirSync(folder).sort();
/** The name that a file has until it is whole. */
const partOf = ({ sha256 }: StoredFile) => `${out}.${sha256.slice(0, 16)}.part`;

test('a file is saved for its owner only, and leaves no part', async () => {
  for (const bytes of [BYTES, Buffer.alloc(0)]) {
    out = join(folder, `of-${bytes.length}.zip`);
    await saveStream(out, fileOf(bytes));
    expect(readFileSync(out).equals(bytes)).toBe(true);
    expect(statSync(out).mode & 0o777).toBe(0o600);
  }
  expect(filesIn()).toEqual(['of-0.zip', `of-${BYTES.length}.zip`]);
});

test('wherever a command is interrupted, the name is not taken, and the next command reads only the rest', async () => {
  const place = fc.nat(BYTES.length - 1);
  await fc.assert(
    fc.asyncProperty(place, place, async (first, second) => {
      const before = [fileOf(BYTES, first), fileOf(BYTES, second)];
      for (const broken of before) {
        await saveStream(out, broken).catch(() => {});
        if (existsSync(out)) break;
        expect(statSync(partOf(broken)).mode & 0o777).toBe(0o600);
      }
      const last = fileOf(BYTES);
      const there = existsSync(out) ? undefined : statSync(partOf(last)).size;
      await saveStream(out, last);
      expect(last.readings).toEqual(there === undefined ? [] : [there]);
      expect(saved()).toBe(BYTES.toString());
      expect(filesIn()).toEqual(['package.zip']);
      removeFolder(folder);
      mkdirSync(folder);
    }),
    SEEDED,
  );
});

test.each([
  ['other bytes', Buffer.from('PK: no'), [6, 0]],
  ['more bytes than the file has', Buffer.concat([BYTES, BYTES]), [BYTES.length]],
  ['as many bytes, all of them zero', Buffer.alloc(BYTES.length), [BYTES.length, 0]],
])('a part with %s never becomes the file', async (_what, part, readings) => {
  const file = fileOf(BYTES);
  writeFileSync(partOf(file), part, { mode: 0o600 });
  await saveStream(out, file);
  expect(file.readings).toEqual(readings);
  expect(saved()).toBe(BYTES.toString());
  expect(filesIn()).toEqual(['package.zip']);
});

test('a part of another package is left alone', async () => {
  await expect(saveStream(out, fileOf(Buffer.from('another'), 1))).rejects.toThrow('does not answer');
  await saveStream(out, fileOf(BYTES));
  expect(saved()).toBe(BYTES.toString());
  expect(filesIn()).toHaveLength(2);
});

test('several commands that save at once all end well, and the file is whole', async () => {
  const files = Array.from({ length: 6 }, () => fileOf(BYTES));
  await Promise.all(files.map(file => saveStream(out, file)));
  expect(saved()).toBe(BYTES.toString());
  expect(filesIn()).toEqual(['package.zip']);
});

test('a file with the same bytes is done without a reading, another one stays unchanged', async () => {
  await saveStream(out, fileOf(BYTES));
  const again = fileOf(BYTES);
  writeFileSync(partOf(again), 'left behind', { mode: 0o600 });
  await saveStream(out, again);
  expect(again.readings).toEqual([]);
  expect(filesIn()).toEqual(['package.zip']);
  const other = fileOf(Buffer.from('other'));
  await expect(saveStream(out, other)).rejects.toMatchObject({ code: 'usage' });
  expect({ saved: saved(), readings: other.readings }).toEqual({ saved: BYTES.toString(), readings: [] });
});

test('a stored file that is not what it states is refused, and no file has the name', async () => {
  const file = { ...fileOf(BYTES), sha256: 'f'.repeat(64) };
  await expect(saveStream(out, file)).rejects.toMatchObject({ code: 'case-file-broken' });
  await removePart(out, file);
  expect(filesIn()).toEqual([]);
});

test.each<[string, (part: string) => void]>([
  ['others can read', part => writeFileSync(part, '', { mode: 0o600 }) ?? chmodSync(part, 0o644)],
  ['is a link', part => symlinkSync(join(folder, 'elsewhere'), part)],
  ['is a second name of a file', part => linkSync(join(folder, 'elsewhere'), part)],
  ['is a folder', part => mkdirSync(part)],
])('nothing is written to a part that %s', async (_what, make) => {
  writeFileSync(join(folder, 'elsewhere'), 'mine', { mode: 0o600 });
  const file = fileOf(BYTES);
  make(partOf(file));
  await expect(saveStream(out, file)).rejects.toMatchObject({ code: 'usage' });
  expect(file.readings).toEqual([]);
  expect(readFileSync(join(folder, 'elsewhere')).toString()).toBe('mine');
  expect(existsSync(out)).toBe(false);
});

test('a package that was destroyed or broken leaves no part, one whose store does not answer leaves it', async () => {
  const driver = createFolderDriver(join(folder, 'vault'));
  const cases = createCases(createVault(driver, keyringOf(['k-1', keyOf('one')])));
  const request = { connection: 'acme', kind: 'access', requestId: 'r-1' } as const;
  const startedAt = '2026-01-31T12:00:00.000Z';
  await cases.open({ request, ...askedFor('f'.repeat(32)), runId: 'run-1', startedAt, incarnation: 1 });
  const stored = await cases.writePackage(request, streamOf(Buffer.alloc(FILE_LIMITS.chunkBytes), BYTES));
  await cases.close(request, {
    ...request,
    status: 'completed',
    counts: { contacts: 0, calls: 0, refused: 0, failed: 0 },
    outcomes: [],
    coverage: { contacts: { state: 'complete', gaps: [] }, outOfReach: [] },
    apiRequests: 0,
    startedAt,
    completedAt: startedAt,
    doubts: [],
    approvals: [],
    package: stored,
  });
  const { get } = driver;
  const second = (await driver.list('requests/acme/access/r-1/chunks'))[1] ?? '';
  const parts = () => filesIn().filter(name => name.endsWith('.part'));

  const fails = async (key: string) => (key === second ? Promise.reject(new Error('the disk failed')) : get(key));
  Object.assign(driver, { get: fails });
  await expect(savePackage(cases, request, out)).rejects.toThrow('the disk failed');
  expect(parts()).toHaveLength(1);
  Object.assign(driver, { get: async (key: string) => (key === second ? undefined : get(key)) });
  await expect(savePackage(cases, request, out)).rejects.toMatchObject({ code: 'case-file-broken' });
  expect(parts()).toEqual([]);
  Object.assign(driver, { get });
  await savePackage(cases, request, out);
  expect(statSync(out).size).toBe(stored.sizeBytes);
});

/** Files in chunks: whatever their size and however their bytes come, they are read as they were written, or refused. */
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import {
  type ChunkStore,
  FILE_LIMITS,
  type FileHead,
  headShape,
  readChunks,
  writeChunks,
} from '../../src/vault/chunks';
import type { Stored } from '../../src/vault/vault';
import { streamOf } from '../support/streams';

const SEEDED = { seed: 20_261_201, numRuns: 200 };
const LIMITS = { chunkBytes: 7, fileBytesMax: 50 };

/** The chunks of a request, and how a test breaks them. */
function newStore(): ChunkStore & { readonly objects: Map<string, Buffer> } {
  const objects = new Map<string, Buffer>();
  const vault = {
    async get(key: string): Promise<Stored<Buffer> | undefined> {
      const value = objects.get(key);
      return value && { value, version: '1' };
    },
    async putIfAbsent(key: string, bytes: Buffer) {
      if (objects.has(key)) return false;
      objects.set(key, Buffer.from(bytes)); // a real one seals: the chunk is used again
      return true;
    },
    async delete(key: string) {
      objects.delete(key);
    },
  };
  return { objects, vault: async () => vault, folder: 'of-a-request' };
}

const bytesUpTo = (maxLength: number) => fc.uint8Array({ maxLength }).map(bytes => Buffer.from(bytes));
const pieces = fc.array(bytesUpTo(20), { maxLength: 8 }).filter(all => Buffer.concat(all).length <= 50);

async function stored(bytes: Uint8Array) {
  const store = newStore();
  return { store, head: await writeChunks(store, streamOf(bytes), LIMITS) };
}

test('a file is read as it was written, from any place on, and its chunks depend on its bytes only', async () => {
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat(50), async (all, place) => {
      const store = newStore();
      const bytes = Buffer.concat(all);
      const head = await writeChunks(store, streamOf(...all), LIMITS);
      expect(head).toMatchObject({
        sizeBytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      });
      expect(headShape(JSON.parse(JSON.stringify(head)))).toBe(true);
      const from = Math.min(place, bytes.length);
      expect((await buffer(readChunks(store, head, from))).equals(bytes.subarray(from))).toBe(true);
      const { head: again } = await stored(bytes);
      expect({ ...again, chunksIn: '' }).toEqual({ ...head, chunksIn: '' });
      expect(again.chunksIn).not.toBe(head.chunksIn);
    }),
    SEEDED,
  );
});

test('a chunk that is missing, changed, longer, shorter or another one of the file is refused, and what is before it is returned', async () => {
  await fc.assert(
    fc.asyncProperty(
      bytesUpTo(50).filter(bytes => bytes.length > 7),
      fc.nat(6),
      fc.constantFrom('missing', 'changed', 'longer', 'shorter', 'another'),
      async (bytes, place, how) => {
        const { store, head } = await stored(bytes);
        const keys = [...store.objects.keys()];
        const broken = place % keys.length;
        const key = keys[broken] ?? '';
        const chunk = store.objects.get(key) ?? Buffer.alloc(0);
        if (how === 'missing') store.objects.delete(key);
        else if (how === 'changed') chunk.writeUInt8(chunk.readUInt8(0) ^ 1, 0);
        else if (how === 'longer') store.objects.set(key, Buffer.concat([chunk, Buffer.from([0])]));
        else if (how === 'shorter') store.objects.set(key, chunk.subarray(1));
        else {
          const other = store.objects.get(keys[(broken + 1) % keys.length] ?? '') ?? Buffer.alloc(0);
          fc.pre(!other.equals(chunk));
          store.objects.set(key, other);
        }
        const read: Buffer[] = [];
        const reading = (async () => {
          for await (const piece of readChunks(store, head, 0)) read.push(piece);
        })();
        await expect(reading).rejects.toMatchObject({ code: 'case-file-broken' });
        expect(Buffer.concat(read).equals(bytes.subarray(0, broken * LIMITS.chunkBytes))).toBe(true);
      },
    ),
    SEEDED,
  );
});

test('a file of exactly the limit is stored, and one byte more is refused with the limit in the message', async () => {
  expect((await stored(Buffer.alloc(50))).head.sizeBytes).toBe(50);
  await expect(stored(Buffer.alloc(51))).rejects.toMatchObject({ code: 'file-too-large' });
  async function* endless() {
    for (;;) yield Buffer.alloc(20);
  }
  const limits = { chunkBytes: 1024 ** 2, fileBytesMax: 2 * 1024 ** 2 };
  await expect(writeChunks(newStore(), endless(), limits)).rejects.toThrow('larger than the 0.001953125 GiB');
});

test('one chunk is made at a time: nothing is read from a stream before the chunk before it is stored', async () => {
  const store = newStore();
  const seen: number[] = [];
  async function* watched() {
    for (let piece = 0; piece < 5; piece += 1) {
      seen.push(store.objects.size);
      yield Buffer.alloc(LIMITS.chunkBytes);
    }
  }
  await writeChunks(store, watched(), LIMITS);
  expect(seen).toEqual([0, 1, 2, 3, 4]);
});

test('an attempt that fails leaves no chunk, and one that cannot delete them fails as it did', async () => {
  async function* torn() {
    yield Buffer.alloc(30);
    throw new RangeError('torn');
  }
  const store = newStore();
  const other = await writeChunks(store, streamOf(Buffer.alloc(10)), LIMITS);
  await expect(writeChunks(store, torn(), LIMITS)).rejects.toThrow('torn');
  await expect(writeChunks(store, streamOf(Buffer.alloc(51)), LIMITS)).rejects.toMatchObject({
    code: 'file-too-large',
  });
  expect([...store.objects.keys()].map(key => key.split('/')[1])).toEqual([other.chunksIn, other.chunksIn]);

  const full = newStore();
  const vault = await full.vault();
  const failing = { ...vault, putIfAbsent: () => Promise.reject(new Error('full')) };
  await expect(writeChunks({ ...full, vault: async () => failing }, torn(), LIMITS)).rejects.toThrow('full');
  const stuck = { ...vault, delete: () => Promise.reject(new Error('stuck')) };
  await expect(writeChunks({ ...full, vault: async () => stuck }, torn(), LIMITS)).rejects.toThrow('torn');
});

test('the largest file has a head that any store takes in one object', () => {
  expect(FILE_LIMITS.fileBytesMax / FILE_LIMITS.chunkBytes).toBe(16_384);
});

const HEAD: FileHead = {
  chunksIn: 'a'.repeat(24),
  chunkBytes: 7,
  sizeBytes: 8,
  sha256: 'b'.repeat(64),
  chunks: ['c'.repeat(64), 'd'.repeat(64)],
};

test.each<[string, unknown]>([
  ['fewer chunks than its size needs', { ...HEAD, chunks: HEAD.chunks.slice(1) }],
  ['more chunks than its size needs', { ...HEAD, sizeBytes: 7 }],
  ['chunks without a size', { ...HEAD, chunkBytes: 0 }],
  ['a place outside its request', { ...HEAD, chunksIn: '../../../other' }],
  ['no digest', { ...HEAD, sha256: '' }],
  ['no head', ['a']],
])('what has %s is no head of a file', (_what, value) => {
  expect(headShape(HEAD)).toBe(true);
  expect(headShape(value)).toBe(false);
});

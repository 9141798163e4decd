/**
 * A key file whose disk fails at any moment: at each byte, at each operation, with or without a chance to clean up. What has
 * its name is always the old file or the new one, whole, and a command that fails says which. The file system is the real
 * one; its operations are made to fail where they are called, and a limit of the operating system does the same.
 */
import { spawnSync } from 'node:child_process';
import fs, { existsSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  destroyKeys,
  exportKeys,
  generateKeyFile,
  KeyringError,
  listKeys,
  rotateKeys,
} from '../../src/encryption/key-file';
import { inFolder } from './keyrings';

const BEFORE = new Date('2026-01-01T00:00:00.000Z');
const NOW = new Date('2026-02-01T00:00:00.000Z');
const AT_ONCE = { now: NOW, from: NOW };

/** What a change of the file calls. */
const OPERATIONS = [
  ...(['openSync', 'writeSync', 'fsyncSync', 'closeSync'] as const),
  ...(['readFileSync', 'renameSync', 'linkSync', 'rmSync'] as const),
];
type Operation = (typeof OPERATIONS)[number];

/** Stands before each operation: it throws, or calls it, or does something else. */
type Disturbance = (operation: Operation, call: () => unknown, args: readonly unknown[]) => unknown;

function disturbed<T>(by: Disturbance, use: () => T): T {
  const spies = OPERATIONS.map(name => {
    const real = fs[name] as (...args: unknown[]) => unknown;
    return jest
      .spyOn(fs, name)
      .mockImplementation(((...args: unknown[]) => by(name, () => real(...args), args)) as never);
  });
  try {
    return use();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const realWrite = writeSync;

/** Disturbs writes only. @param write the descriptor, and what the caller wants written */
function writesAs(write: (descriptor: number, rest: Buffer) => number): Disturbance {
  return (operation, call, [descriptor, bytes, at]) => {
    if (operation !== 'writeSync') return call();
    if (typeof descriptor !== 'number' || !Buffer.isBuffer(bytes)) throw new Error('written in another way');
    return write(descriptor, bytes.subarray(Number(at ?? 0)));
  };
}

function failureOf(use: () => unknown): KeyringError | undefined {
  try {
    use();
    return undefined;
  } catch (error) {
    if (error instanceof KeyringError) return error;
    throw error;
  }
}

interface Change {
  readonly name: string;
  /** The file that it writes. */
  readonly file: string;
  /** Keys of that file afterwards. */
  readonly keys: number;
  run(path: string, folder: string): unknown;
}

const CHANGES: readonly Change[] = [
  {
    ...{ name: 'keys generate', file: 'new.json', keys: 1 },
    run: (_, folder) => generateKeyFile(join(folder, 'new.json'), NOW),
  },
  { name: 'keys rotate', file: 'keys.json', keys: 3, run: path => rotateKeys(path, AT_ONCE) },
  {
    ...{ name: 'keys retire', file: 'keys.json', keys: 1 },
    run: path => destroyKeys(path, [listKeys(path, NOW).keys[0]?.id ?? ''], NOW),
  },
  {
    ...{ name: 'keys export', file: 'new.json', keys: 2 },
    run: (path, folder) => exportKeys(path, { role: 'approver', out: join(folder, 'new.json'), now: NOW }),
  },
];

describe.each(CHANGES)('$name', ({ file, keys, run }) => {
  /** Runs it where a key file with two keys is, and checks that what has the name afterwards is whole. */
  function once(by: Disturbance) {
    return inFolder(folder => {
      const path = join(folder, 'keys.json');
      generateKeyFile(path, BEFORE);
      rotateKeys(path, AT_ONCE);
      const target = join(folder, file);
      const textOf = () => (existsSync(target) ? readFileSync(target, 'utf8') : undefined);
      const old = textOf();
      const failure = disturbed(by, () => failureOf(() => run(path, folder)));
      const text = textOf();
      if (text !== undefined) expect(statSync(target).mode & 0o777).toBe(0o600);
      // Read as every process reads it.
      if (text !== old) expect(listKeys(target, NOW).keys).toHaveLength(keys);
      const others = readdirSync(folder).filter(name => name !== 'keys.json' && name !== file);
      return { failure, isNew: text !== old, sizeBytes: text?.length ?? 0, others };
    });
  }

  /** The operations of a run that nothing disturbs. */
  function operations(): Operation[] {
    const called: Operation[] = [];
    const { failure } = once((operation, call) => {
      called.push(operation);
      return call();
    });
    expect(failure).toBeUndefined();
    expect(called).toEqual(expect.arrayContaining(['writeSync', 'fsyncSync', 'readFileSync']));
    return called;
  }

  test('leaves the old file where the disk is full at any byte, and nothing else', () => {
    const { sizeBytes } = once((_, call) => call());
    expect(sizeBytes).toBeGreaterThan(200);
    for (let room = 0; room < sizeBytes; room += 1) {
      let left = room;
      const { failure, isNew, others } = once(
        writesAs((descriptor, rest) => {
          if (left === 0) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
          const written = realWrite(descriptor, rest.subarray(0, left));
          left -= written;
          return written;
        }),
      );
      expect({ code: failure?.code, isNew, others }).toEqual({ code: 'keys-unwritten', isNew: false, others: [] });
      expect(failure?.message).toContain('(ENOSPC): nothing was changed');
    }
  });

  test('writes the whole file where the disk takes a few bytes at a time', () => {
    const { failure, isNew } = once(writesAs((descriptor, rest) => realWrite(descriptor, rest.subarray(0, 7))));
    expect({ failure, isNew }).toEqual({ failure: undefined, isNew: true });
  });

  test.each([
    ['takes nothing', () => 0],
    [
      'keeps less than it says',
      (descriptor: number, rest: Buffer) => {
        realWrite(descriptor, rest.subarray(0, 100));
        return rest.length;
      },
    ],
    ['keeps other bytes', (descriptor: number, rest: Buffer) => realWrite(descriptor, Buffer.alloc(rest.length, ' '))],
  ])('leaves the old file where the disk %s', (_, write) => {
    const { failure, isNew, others } = once(writesAs(write));
    expect({ code: failure?.code, isNew, others }).toEqual({ code: 'keys-unwritten', isNew: false, others: [] });
  });

  test('leaves the old or the new file where any operation fails, and the error says which', () => {
    const silent = operations().filter((_, place) => {
      let calls = 0;
      const { failure, isNew } = once((_operation, call) => {
        calls += 1;
        if (calls === place + 1) throw Object.assign(new Error('broken'), { code: 'EIO' });
        return call();
      });
      if (failure === undefined) return true;
      expect(['keys-unwritten', 'keys-missing']).toContain(failure.code);
      expect(failure.message).toContain('EIO');
      if (failure.code === 'keys-missing') expect(isNew).toBe(false);
      else expect(failure.message).toContain(isNew ? 'The key file was changed' : 'nothing was changed');
      return false;
    });
    // A lock that stays: the next command reports it.
    expect(silent).toEqual(file === 'keys.json' ? ['rmSync'] : []);
  });

  test('leaves the old or the new file where the machine stops at any operation', () => {
    const stopped = operations().map((_, place) => {
      let calls = 0;
      const { isNew } = once((_operation, call) => {
        calls += 1;
        if (calls > place) throw Object.assign(new Error('stopped'), { code: 'EIO' });
        return call();
      });
      return isNew;
    });
    expect(new Set(stopped)).toEqual(new Set([false, true]));
  });
});

test('a command whose process may not write that much leaves the old file and ends with an error', () => {
  inFolder(folder => {
    const path = join(folder, 'keys.json');
    generateKeyFile(path, BEFORE);
    // A file that one more key takes above the limit of one block, 512 bytes or more.
    while (statSync(path).size < 2_048) rotateKeys(path, AT_ONCE);
    const before = readFileSync(path, 'utf8');
    const cli = join(__dirname, '../../dist/src/cli.js');
    const rotate = (limit: string) =>
      spawnSync('sh', ['-c', `${limit}exec "$0" "$1" keys rotate --json`, process.execPath, cli], {
        cwd: folder,
        encoding: 'utf8',
        env: { PATH: process.env.PATH, AIRCALL_DSR_KEYS: path },
      });
    const refused = rotate('ulimit -f 1; ');
    expect(refused.status).toBe(2);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      error: { code: 'keys-unwritten', message: expect.stringContaining('(EFBIG): nothing was changed') },
    });
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(readdirSync(folder)).toEqual(['keys.json']);
    expect(rotate('').status).toBe(0);
  });
});

/** The key file over its life: keys are added, replaced and destroyed, and running processes follow. */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKeyCommand } from '../../src/encryption/key-command';
import {
  destroyKeys,
  generateKeyFile,
  KeyringError,
  listKeys,
  listPublicKeys,
  readKeys,
  rotateKeys,
} from '../../src/encryption/key-file';
import { loadKeyring } from '../../src/encryption/keyring';
import { openPublicKey, pemOf, publicKeysIn } from '../../src/encryption/signing-key';
import { inFolder } from './keyrings';

const DAYS = ['2026-01-01', '2026-02-01', '2026-03-01'].map(day => new Date(`${day}T00:00:00.000Z`));
const [FIRST = new Date(0), SECOND = new Date(0), THIRD = new Date(0)] = DAYS;

const RSA_PUBLIC = String(
  generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ format: 'pem', type: 'spki' }),
);

/** A key service of few words: it keeps keys in a file of its own and gives out numbers. Its own file is the master key. */
const COMMAND = `#!${process.execPath}
const { readFileSync, writeFileSync, existsSync } = require('node:fs');
const store = __filename + '.store';
const kept = existsSync(store) ? JSON.parse(readFileSync(store, 'utf8')) : [];
const [, , action, id] = process.argv;
const bytes = readFileSync(0, 'utf8').trim();
if (action === 'wrap') {
  writeFileSync(store, JSON.stringify([...kept, { id, bytes }]));
  console.log(Buffer.from('wrapped ' + kept.length).toString('base64'));
} else {
  const found = kept[Number(Buffer.from(bytes, 'base64').toString().split(' ')[1])];
  if (found === undefined || found.id !== id) process.exit(3);
  console.log(found.bytes);
}
`;

function withFile<T>(use: (path: string, folder: string) => T): T {
  return inFolder(folder => use(join(folder, 'keys.json'), folder));
}

function withCommand<T>(use: (path: string, command: string) => T): T {
  return withFile((path, folder) => {
    const command = join(folder, 'key-command');
    writeFileSync(command, COMMAND, { mode: 0o700 });
    return use(path, command);
  });
}

const codeOf = (action: () => unknown) => {
  try {
    action();
  } catch (error) {
    if (error instanceof KeyringError) return error.code;
    throw error;
  }
  return undefined;
};

describe('the key file', () => {
  test('gets a new primary key by a rotation, keeps the older ones, and stays readable by its owner only', () => {
    withFile((path, folder) => {
      const { primary } = generateKeyFile(path, FIRST);
      const before = loadKeyring(path);
      const rotated = rotateKeys(path, SECOND);
      expect(rotated.primary).not.toBe(primary);
      expect(listKeys(path)).toEqual({
        primary: rotated.primary,
        keys: [
          { id: primary, createdAt: FIRST.toISOString() },
          { id: rotated.primary, createdAt: SECOND.toISOString() },
        ],
      });
      const after = loadKeyring(path);
      expect(after.key(primary).equals(before.key(primary))).toBe(true);
      expect(after.hash('anna@example.com')).toBe(before.hash('anna@example.com'));
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(readdirSync(folder)).toEqual(['keys.json']);
    });
  });

  test('loses keys for ever, but never the one that encrypts', () => {
    withFile(path => {
      const { primary: first } = generateKeyFile(path, FIRST);
      const { primary: second } = rotateKeys(path, SECOND);
      const { primary: third } = rotateKeys(path, THIRD);
      expect(destroyKeys(path, [first, third, 'k-unknown']).keys.map(({ id }) => id)).toEqual([second, third]);
      expect(readFileSync(path, 'utf8')).not.toContain(first);
      expect(loadKeyring(path).primaryId).toBe(third);
    });
  });

  test('is changed by one command at a time; an interrupted one is told', () => {
    withFile(path => {
      generateKeyFile(path, FIRST);
      const before = readFileSync(path, 'utf8');
      writeFileSync(`${path}.lock`, '');
      for (const change of [() => rotateKeys(path, SECOND), () => destroyKeys(path, [])])
        expect(codeOf(change)).toBe('keys-busy');
      expect(readFileSync(path, 'utf8')).toBe(before);
      rmSync(`${path}.lock`);
      expect(rotateKeys(path, SECOND).keys).toHaveLength(2);
    });
  });

  test('loses no key where many processes rotate it at once', () => {
    withFile((path, folder) => {
      generateKeyFile(path, FIRST);
      const script = `
        const { rotateKeys } = require(${JSON.stringify(join(__dirname, '../../dist/src/encryption/key-file.js'))});
        let made = 0;
        for (let turn = 0; turn < 200; turn += 1)
          try {
            rotateKeys(process.argv[2], new Date());
            made += 1;
          } catch (error) {
            if (error.code !== 'keys-busy') throw error;
          }
        console.log(made);`;
      writeFileSync(join(folder, 'rotate.js'), script);
      const each = '"$0" rotate.js keys.json';
      const { stdout } = spawnSync('sh', ['-c', `${each} & ${each} & ${each} & wait`, process.execPath], {
        cwd: folder,
        encoding: 'utf8',
      });
      const made = stdout.trim().split('\n').map(Number);
      expect(made).toHaveLength(3);
      expect(listKeys(path).keys).toHaveLength(1 + made.reduce((sum, each) => sum + each, 0));
    });
  });
});

describe('keys that sign', () => {
  /** A file from before there were any. */
  const withoutSigning = (path: string) => {
    generateKeyFile(path, FIRST);
    const { signing: _, ...before } = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify(before));
  };

  test('are made with the file, stay through rotations and destructions, and are shown by their public half', () => {
    withFile(path => {
      const { primary } = generateKeyFile(path, FIRST);
      const made = listPublicKeys(path);
      const { id, publicKey } = loadKeyring(path).signingKey();
      expect(made).toEqual([{ id, publicKey, createdAt: FIRST.toISOString() }]);
      rotateKeys(path, SECOND);
      destroyKeys(path, [primary, id]);
      expect(listPublicKeys(path)).toEqual(made);
      expect(publicKeysIn(`${id}\n${pemOf(publicKey)}\nand\n${pemOf(publicKey)}\n`)).toEqual([publicKey, publicKey]);
      const { privateKey } = loadKeyring(path).signingKey();
      const key = openPublicKey(publicKey) ?? privateKey;
      const said = Buffer.from('said');
      expect(verify(null, said, key, sign(null, said, privateKey))).toBe(true);
    });
  });

  test('are added by a rotation to a file that has none, which is read all the same', () => {
    withFile(path => {
      withoutSigning(path);
      const ring = loadKeyring(path);
      for (const use of [() => ring.signingKey(), () => listPublicKeys(path)])
        expect(codeOf(use)).toBe('signing-key-missing');
      expect(ring.key(ring.primaryId)).toHaveLength(32);
      rotateKeys(path, SECOND);
      expect(listPublicKeys(path)).toMatchObject([{ createdAt: SECOND.toISOString() }]);
      expect(loadKeyring(path).signingKey().id).toBe(listPublicKeys(path)[0]?.id);
    });
  });

  test('may be several: the first one signs', () => {
    withFile((path, folder) => {
      const other = join(folder, 'other.json');
      for (const each of [path, other]) generateKeyFile(each, FIRST);
      const [one, two] = [path, other].map(each => JSON.parse(readFileSync(each, 'utf8')));
      writeFileSync(path, JSON.stringify({ ...one, signing: [...two.signing, ...one.signing] }));
      expect(loadKeyring(path).signingKey().id).toBe(two.signing[0].id);
      expect(listPublicKeys(path)).toHaveLength(2);
      writeFileSync(path, JSON.stringify({ ...one, signing: [...one.signing, ...one.signing] }));
      expect(codeOf(() => loadKeyring(path))).toBe('keys-malformed');
    });
  });

  test('are refused where seed, public key and id do not belong together', () => {
    withFile((path, folder) => {
      const other = join(folder, 'other.json');
      for (const each of [path, other]) generateKeyFile(each, FIRST);
      const [one, two] = [path, other].map(each => JSON.parse(readFileSync(each, 'utf8')));
      for (const field of ['id', 'publicKey', 'key']) {
        const mixed = { ...one.signing[0], [field]: two.signing[0][field] };
        writeFileSync(path, JSON.stringify({ ...one, signing: [mixed] }));
        expect(codeOf(() => loadKeyring(path))).toBe('keys-malformed');
      }
    });
  });

  test('are wrapped like the others, and shown without being opened', () => {
    withCommand((path, command) => {
      const service = createKeyCommand(command);
      generateKeyFile(path, FIRST, service);
      const { id, publicKey } = loadKeyring(path, service).signingKey();
      expect(listPublicKeys(path)).toMatchObject([{ id, publicKey }]);
    });
  });

  test.each(['', 'no key', pemOf('AAAA'), RSA_PUBLIC])(
    'a file of public keys that holds none of ours is told (%#)',
    pem => {
      const read = () => publicKeysIn(pem);
      if (pem.includes('BEGIN')) expect(read).toThrow(TypeError);
      else expect(read()).toEqual([]);
    },
  );
});

describe('a running process', () => {
  const later = (path: string, seconds: number) => utimesSync(path, seconds, seconds);
  beforeEach(() => jest.useFakeTimers({ now: THIRD }));
  afterEach(() => jest.useRealTimers());

  test('follows a rotation and a destruction within a second or two', () => {
    withFile(path => {
      const { primary: first } = generateKeyFile(path, FIRST);
      const ring = loadKeyring(path);
      expect(ring.primaryId).toBe(first);
      const derived = ring.derivedKey(first, 'vault');
      const { primary: second } = rotateKeys(path, SECOND);
      jest.setSystemTime(THIRD.getTime() + 1_000);
      expect(ring.primaryId).toBe(second);
      expect(ring.derivedKey(first, 'vault').equals(derived)).toBe(true);
      destroyKeys(path, [first]);
      jest.setSystemTime(THIRD.getTime() + 2_000);
      for (const use of [() => ring.key(first), () => ring.derivedKey(first, 'vault')])
        expect(codeOf(use)).toBe('unknown-key');
    });
  });

  test('keeps its keys while the file cannot be read, and looks again', () => {
    withFile(path => {
      const { primary: first } = generateKeyFile(path, FIRST);
      const ring = loadKeyring(path);
      expect(ring.ids).toEqual([first]);
      const whole = readFileSync(path);
      writeFileSync(path, 'half a fi');
      later(path, 1);
      jest.setSystemTime(THIRD.getTime() + 1_000);
      expect(ring.primaryId).toBe(first);
      writeFileSync(path, whole);
      later(path, 2);
      const { primary: second } = rotateKeys(path, SECOND);
      jest.setSystemTime(THIRD.getTime() + 60_000);
      expect(ring.primaryId).toBe(second);
    });
  });
});

describe('a key command', () => {
  test('holds what opens the keys: the file alone is worth nothing', () => {
    withCommand((path, command) => {
      const service = createKeyCommand(command);
      const { primary: first } = generateKeyFile(path, FIRST, service);
      const { primary: second } = rotateKeys(path, SECOND, service);
      const ring = loadKeyring(path, service);
      expect([...ring.ids].sort()).toEqual([first, second].sort());
      const text = readFileSync(path, 'utf8');
      for (const id of ring.ids) expect(text).not.toContain(ring.key(id).toString('base64'));
      expect(text).not.toContain('"key"');
      expect(codeOf(() => loadKeyring(path))).toBe('key-command-missing');
      expect(listKeys(path).keys).toHaveLength(2);
      expect(loadKeyring(path, service).hash('a')).toBe(ring.hash('a'));
    });
  });

  test.each([
    ['fails', '#!/bin/sh\nexit 4\n'],
    ['answers nothing', '#!/bin/sh\ncat >/dev/null\n'],
    ['answers no base64', '#!/bin/sh\ncat >/dev/null; echo "no such key"\n'],
    ['answers what is no key', '#!/bin/sh\ncat >/dev/null; echo YQ==\n'],
    ['is not there', undefined],
  ])('that %s is told, and nothing is guessed', (_what, script) => {
    withCommand((path, command) => {
      const service = createKeyCommand(command);
      generateKeyFile(path, FIRST, service);
      if (script === undefined) rmSync(command);
      else writeFileSync(command, script);
      if (script !== undefined) chmodSync(command, 0o700);
      expect(codeOf(() => readKeys(path, service))).toBe('key-command-failed');
    });
  });

  test('that would open a key under another name is refused by the service itself', () => {
    withCommand((path, command) => {
      const service = createKeyCommand(command);
      const { primary } = generateKeyFile(path, FIRST, service);
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll(primary, 'k-renamed'));
      expect(codeOf(() => readKeys(path, service))).toBe('key-command-failed');
    });
  });
});

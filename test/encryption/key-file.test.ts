/** The key file over its life: keys are added, replaced and destroyed, and running processes follow. */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { createKeyCommand } from '../../src/encryption/key-command';
import {
  addKeyStatement,
  destroyKeys,
  exportKeys,
  generateKeyFile,
  KeyringError,
  type KeyService,
  listKeys,
  listPublicKeys,
  readKeys,
  rotateKeys,
  rotateSigningKey,
} from '../../src/encryption/key-file';
import { loadKeyring } from '../../src/encryption/keyring';
import { openPublicKey, pemOf, publicKeysIn } from '../../src/encryption/signing-key';
import { inFolder } from './keyrings';

const DAYS = ['2026-01-01', '2026-02-01', '2026-03-01'].map(day => new Date(`${day}T00:00:00.000Z`));
const [FIRST = new Date(0), SECOND = new Date(0), THIRD = new Date(0)] = DAYS;

/** A rotation whose key encrypts at once. */
const at = (now: Date) => ({ now, from: now });

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
      const rotated = rotateKeys(path, at(SECOND));
      expect(rotated.primary).not.toBe(primary);
      expect(listKeys(path, SECOND)).toEqual({
        role: 'worker',
        primary: rotated.primary,
        keys: [
          { id: primary, createdAt: FIRST.toISOString(), from: FIRST.toISOString() },
          { id: rotated.primary, createdAt: SECOND.toISOString(), from: SECOND.toISOString() },
        ],
      });
      const after = loadKeyring(path);
      expect(after.key(primary).equals(before.key(primary))).toBe(true);
      expect(after.vaultKey(primary).equals(before.vaultKey(primary))).toBe(true);
      const keys = [primary, rotated.primary].flatMap(id => [after.key(id), after.vaultKey(id)]);
      expect(new Set(keys.map(key => key.toString('hex'))).size).toBe(4);
      expect(after.hash('anna@example.com')).toBe(before.hash('anna@example.com'));
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(readdirSync(folder)).toEqual(['keys.json']);
    });
  });

  test('says from when on a key encrypts, in whichever order keys were added', () => {
    withFile(path => {
      const { primary: first } = generateKeyFile(path, FIRST);
      const later = rotateKeys(path, { now: FIRST, from: THIRD });
      const sooner = rotateKeys(path, { now: FIRST, from: SECOND });
      expect([later.primary, sooner.primary]).toEqual([first, first]);
      const [, second, third] = sooner.keys.map(({ id }) => id);
      const before = new Date(FIRST.getTime() - 1);
      expect([before, FIRST, SECOND, THIRD].map(now => listKeys(path, now).primary)).toEqual([
        first,
        first,
        second,
        third,
      ]);
      expect(destroyKeys(path, [first, second ?? '', third ?? ''], FIRST).keys).toHaveLength(3);
    });
  });

  test('loses keys for ever, but never the one that encrypts', () => {
    withFile(path => {
      const { primary: first } = generateKeyFile(path, FIRST);
      const { primary: second } = rotateKeys(path, at(SECOND));
      const { primary: third } = rotateKeys(path, at(THIRD));
      const left = destroyKeys(path, [first, third, 'k-unknown'], THIRD).keys.map(({ id }) => id);
      expect(left).toEqual([second, third]);
      expect(readFileSync(path, 'utf8')).not.toContain(first);
      expect(loadKeyring(path).primaryId).toBe(third);
    });
  });

  test('is changed by one command at a time; an interrupted one is told', () => {
    withFile(path => {
      generateKeyFile(path, FIRST);
      const before = readFileSync(path, 'utf8');
      writeFileSync(`${path}.lock`, '');
      for (const change of [() => rotateKeys(path, at(SECOND)), () => destroyKeys(path, [], SECOND)])
        expect(codeOf(change)).toBe('keys-busy');
      expect(readFileSync(path, 'utf8')).toBe(before);
      rmSync(`${path}.lock`);
      expect(rotateKeys(path, at(SECOND)).keys).toHaveLength(2);
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
            rotateKeys(process.argv[2], { now: new Date(), from: new Date() });
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
      expect(listKeys(path, THIRD).keys).toHaveLength(1 + made.reduce((sum, each) => sum + each, 0));
    });
  });
});

describe('keys that sign', () => {
  test('are made with the file, stay through rotations and destructions, and are shown by their public half', () => {
    withFile(path => {
      const { primary } = generateKeyFile(path, FIRST);
      const made = listPublicKeys(path);
      const { id, publicKey } = loadKeyring(path).signingKey();
      expect(made).toEqual([{ id, publicKey, createdAt: FIRST.toISOString() }]);
      rotateKeys(path, at(SECOND));
      destroyKeys(path, [primary, id], SECOND);
      expect(listPublicKeys(path)).toEqual(made);
      expect(publicKeysIn(`${id}\n${pemOf(publicKey)}\nand\n${pemOf(publicKey)}\n`)).toEqual([publicKey, publicKey]);
      const { privateKey } = loadKeyring(path).signingKey();
      const key = openPublicKey(publicKey) ?? privateKey;
      const said = Buffer.from('said');
      expect(verify(null, said, key, sign(null, said, privateKey))).toBe(true);
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

  test('may be replaced: the old seed signs a statement about the new key, and is destroyed', () => {
    withFile((path, folder) => {
      generateKeyFile(path, FIRST);
      const before = JSON.parse(readFileSync(path, 'utf8')).signing[0];
      const [next, old, ...others] = rotateSigningKey(path, SECOND, (present, { id, publicKey }) => ({
        by: present.id,
        id,
        publicKey,
      }));
      expect([old?.id, others]).toEqual([before.id, []]);
      expect(next?.createdAt).toBe(SECOND.toISOString());
      const ring = loadKeyring(path);
      expect(ring.signingKey()).toMatchObject({ id: next?.id, publicKey: next?.publicKey });
      expect(ring.keyStatements()).toEqual([{ by: before.id, id: next?.id, publicKey: next?.publicKey }]);
      expect(readFileSync(path, 'utf8')).not.toContain(before.key);
      rotateKeys(path, at(THIRD));
      expect(loadKeyring(path).keyStatements()).toHaveLength(1);
      exportKeys(path, { role: 'client', out: join(folder, 'client.json'), now: THIRD });
      expect(loadKeyring(join(folder, 'client.json')).keyStatements()).toEqual([]);
    });
  });

  test('stay as they are if no statement is made, or the file is not that of a worker', () => {
    withFile((path, folder) => {
      generateKeyFile(path, FIRST);
      const before = readFileSync(path, 'utf8');
      const refuses = () => {
        throw new RangeError('no statement');
      };
      expect(() => rotateSigningKey(path, SECOND, refuses)).toThrow('no statement');
      expect(() => addKeyStatement(path, SECOND, refuses)).toThrow('no statement');
      addKeyStatement(path, SECOND, () => undefined);
      expect(readFileSync(path, 'utf8')).toBe(before);
      const out = join(folder, 'client.json');
      exportKeys(path, { role: 'client', out, now: SECOND });
      expect(codeOf(() => rotateSigningKey(out, SECOND, () => ({})))).toBe('key-not-in-role');
    });
  });

  test('that are wrapped are replaced by a wrapped one', () => {
    withCommand((path, command) => {
      const service = createKeyCommand(command);
      generateKeyFile(path, FIRST, service);
      const [next] = rotateSigningKey(path, SECOND, present => ({ by: present.id }), service);
      expect(loadKeyring(path, service).signingKey().id).toBe(next?.id);
      const { signing } = JSON.parse(readFileSync(path, 'utf8'));
      expect(signing.map((each: object) => Object.keys(each).sort())).toEqual([
        ['createdAt', 'id', 'publicKey', 'wrapped'],
        ['createdAt', 'id', 'publicKey'],
      ]);
      writeFileSync(path, readFileSync(path, 'utf8').replace('"signing"', '"statement"'));
      expect(codeOf(() => loadKeyring(path, service))).toBe('keys-malformed');
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
      const vaultKey = ring.vaultKey(first);
      const { primary: second } = rotateKeys(path, at(SECOND));
      jest.setSystemTime(THIRD.getTime() + 1_000);
      expect(ring.primaryId).toBe(second);
      expect(ring.vaultKey(first).equals(vaultKey)).toBe(true);
      destroyKeys(path, [first], THIRD);
      jest.setSystemTime(THIRD.getTime() + 2_000);
      for (const use of [() => ring.key(first), () => ring.vaultKey(first)]) expect(codeOf(use)).toBe('unknown-key');
    });
  });

  test('begins to encrypt with a new key when its time comes, without reading the file again', () => {
    withFile(path => {
      const { primary: first } = generateKeyFile(path, FIRST);
      const { primary, keys } = rotateKeys(path, { now: THIRD, from: new Date(THIRD.getTime() + 60_000) });
      expect(primary).toBe(first);
      const ring = loadKeyring(path);
      rmSync(path);
      jest.setSystemTime(THIRD.getTime() + 59_999);
      expect(ring.primaryId).toBe(first);
      jest.setSystemTime(THIRD.getTime() + 60_000);
      expect(ring.primaryId).toBe(keys[1]?.id);
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
      const { primary: second } = rotateKeys(path, at(SECOND));
      jest.setSystemTime(THIRD.getTime() + 60_000);
      expect(ring.primaryId).toBe(second);
    });
  });
});

describe('the key files of several machines', () => {
  beforeEach(() => jest.useFakeTimers({ now: THIRD }));
  afterEach(() => jest.useRealTimers());
  const MINUTE_MS = 60_000;
  const MACHINES = 3;

  /** What happens within a minute, one after the other. */
  const event = fc.oneof(
    fc.record({ what: fc.constant('rotate' as const), delay: fc.integer({ min: 5, max: 20 }) }),
    fc.record({ what: fc.constant('copy' as const), to: fc.integer({ min: 1, max: MACHINES - 1 }) }),
    fc.record({ what: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 30 }) }),
  );

  test('always read what any of them encrypts, as long as a file arrives before its new key begins', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), events => {
        inFolder(folder => {
          const paths = Array.from({ length: MACHINES }, (_, machine) => join(folder, `keys-${machine}.json`));
          const [origin = ''] = paths;
          let nowMs = THIRD.getTime();
          /** By when the last new key has to be everywhere. */
          let byMs = Number.POSITIVE_INFINITY;
          generateKeyFile(origin, new Date(nowMs));
          const copy = (path: string) => {
            // As tools do it: another file takes the place of the old one.
            writeFileSync(`${path}.new`, readFileSync(origin), { mode: 0o600 });
            renameSync(`${path}.new`, path);
          };
          const copyAll = () => {
            for (const path of paths.slice(1)) copy(path);
            byMs = Number.POSITIVE_INFINITY;
          };
          copyAll();
          const rings = paths.map(path => loadKeyring(path));
          const allRead = () => {
            const ids = rings.map(ring => ring.primaryId);
            for (const ring of rings)
              for (const id of ids) expect([ring.key(id), ring.vaultKey(id)].map(key => key.length)).toEqual([32, 32]);
          };
          for (const each of events) {
            if (each.what === 'rotate') {
              const from = new Date(nowMs + each.delay * MINUTE_MS);
              rotateKeys(origin, { now: new Date(nowMs), from });
              byMs = Math.min(byMs, from.getTime());
            } else if (each.what === 'copy') copy(paths[each.to] ?? '');
            else {
              const untilMs = nowMs + each.minutes * MINUTE_MS;
              // A second before is enough: that is how often a process looks at its file.
              if (byMs <= untilMs) {
                jest.setSystemTime(byMs - 2_000);
                allRead();
                copyAll();
              }
              nowMs = untilMs;
            }
            jest.setSystemTime(nowMs);
            allRead();
          }
        });
      }),
      { seed: 14, numRuns: 60 },
    );
  });
});

describe('a key file for a role', () => {
  const ROLES = ['client', 'viewer', 'approver'] as const;
  const exported = (path: string, folder: string, service?: KeyService) =>
    Object.fromEntries(
      ROLES.map(role => {
        const out = join(folder, `keys-${role}.json`);
        exportKeys(path, { role, out, now: SECOND });
        return [role, { out, ring: loadKeyring(out, service) }];
      }),
    );

  test('holds what the role needs, under the same ids and times, and nothing else', () => {
    withFile((path, folder) => {
      const { primary: first } = generateKeyFile(path, FIRST);
      rotateKeys(path, { now: SECOND, from: THIRD });
      const own = loadKeyring(path);
      const files = exported(path, folder);
      for (const [role, { out, ring }] of Object.entries(files)) {
        expect(statSync(out).mode & 0o777).toBe(0o600);
        expect(listKeys(out, SECOND)).toEqual({ ...listKeys(path, SECOND), role });
        for (const id of own.ids) expect(ring.key(id).equals(own.key(id))).toBe(true);
        const text = readFileSync(out, 'utf8');
        const may = (allowed: boolean, code: string | undefined, key: string) => {
          expect(code).toBe(allowed ? undefined : 'key-not-in-role');
          expect(text.includes(key)).toBe(allowed);
        };
        const { hashKey, signing } = JSON.parse(readFileSync(path, 'utf8'));
        may(
          role === 'client',
          codeOf(() => ring.hash('a')),
          hashKey,
        );
        may(
          role === 'approver',
          codeOf(() => ring.vaultKey(first)),
          own.vaultKey(first).toString('base64'),
        );
        may(
          false,
          codeOf(() => ring.signingKey()),
          signing[0].key,
        );
      }
    });
  });

  test('names what it lacks, its role and a file that has it', () => {
    withFile((path, folder) => {
      const { primary } = generateKeyFile(path, FIRST);
      const { client, viewer } = exported(path, folder);
      expect(() => viewer?.ring.hash('a')).toThrow(/the hash key.* role viewer .*a worker, .*--role client`/);
      expect(() => client?.ring.vaultKey(primary)).toThrow(/a vault key.* role client .*a worker, .*--role approver`/);
      expect(() => client?.ring.signingKey()).toThrow(/that signs receipts.* role client .*a worker\.$/);
    });
  });

  test('is not changed, gives no more than it has, and overwrites nothing', () => {
    withFile((path, folder) => {
      generateKeyFile(path, FIRST);
      const files = exported(path, folder);
      const out = join(folder, 'keys-new.json');
      for (const file of Object.values(files)) {
        const before = readFileSync(file.out, 'utf8');
        for (const change of [() => rotateKeys(file.out, at(SECOND)), () => destroyKeys(file.out, [], SECOND)])
          expect(codeOf(change)).toBe('key-not-in-role');
        expect(codeOf(() => exportKeys(path, { role: 'viewer', out: file.out, now: SECOND }))).toBe('keys-exist');
        expect(readFileSync(file.out, 'utf8')).toBe(before);
        expect(codeOf(() => listPublicKeys(file.out))).toBe('key-not-in-role');
      }
      for (const [from = '', role] of [
        [files.viewer?.out, 'client'],
        [files.viewer?.out, 'approver'],
        [files.client?.out, 'approver'],
        [files.approver?.out, 'client'],
      ] as const)
        expect(codeOf(() => exportKeys(from, { role, out, now: SECOND }))).toBe('key-not-in-role');
      expect(readdirSync(folder).sort()).toEqual(['keys.json', ...ROLES.map(role => `keys-${role}.json`)].sort());
      exportKeys(files.client?.out, { role: 'viewer', out, now: SECOND });
      expect(readFileSync(out, 'utf8')).toBe(readFileSync(files.viewer?.out ?? '', 'utf8'));
    });
  });

  test('keeps wrapped keys wrapped, and needs the command to be read, not to be made', () => {
    withCommand((path, command) => {
      const service = createKeyCommand(command);
      const { primary } = generateKeyFile(path, FIRST, service);
      const own = loadKeyring(path, service);
      const { client, viewer, approver } = exported(path, dirname(path), service);
      const wrapped = [client, viewer, approver].map(file => readFileSync(file?.out ?? '', 'utf8').match(/"wrapped"/g));
      expect(wrapped.map(found => found?.length)).toEqual([2, 1, 2]);
      expect(approver?.ring.vaultKey(primary).equals(own.vaultKey(primary))).toBe(true);
      expect(client?.ring.hash('a')).toBe(own.hash('a'));
      expect(codeOf(() => loadKeyring(viewer?.out))).toBe('key-command-missing');
    });
  });
});

describe('a key command', () => {
  test('holds what opens the keys: the file alone is worth nothing', () => {
    withCommand((path, command) => {
      const service = createKeyCommand(command);
      const { primary: first } = generateKeyFile(path, FIRST, service);
      const { primary: second } = rotateKeys(path, at(SECOND), service);
      const ring = loadKeyring(path, service);
      expect([...ring.ids].sort()).toEqual([first, second].sort());
      const text = readFileSync(path, 'utf8');
      for (const id of ring.ids)
        for (const key of [ring.key(id), ring.vaultKey(id)]) expect(text).not.toContain(key.toString('base64'));
      expect(text.match(/"wrapped"/g)).toHaveLength(6);
      expect(codeOf(() => loadKeyring(path))).toBe('key-command-missing');
      expect(listKeys(path, SECOND).keys).toHaveLength(2);
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

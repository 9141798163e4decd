import { KeyringError } from '../../src/encryption/key-file';
import type { LogLine } from '../../src/log';
import { CaseFileBroken } from '../../src/vault/cases';
import { createMissingKeys } from '../../src/worker/missing-keys';
import { askedFor } from '../support/asked';

function stand() {
  const lines: LogLine[] = [];
  const ids = ['k-here'];
  let nowMs = 0;
  let lookups = 0;
  const keys = createMissingKeys({
    keyring: { ids },
    cases: {
      async standing({ requestId }) {
        lookups += 1;
        if (requestId === 'none') throw new CaseFileBroken('case-file-broken', 'there is no record');
        if (requestId === 'sealed') throw new KeyringError('unknown-key', 'its record needs that key');
        if (requestId === 'down') throw new Error('the vault is down');
        const { need } = askedFor('of-nobody');
        return { incarnation: 1, hasEnded: requestId === 'ended', isCancelled: false, deletes: false, need };
      },
    },
    log: line => lines.push(line),
    now: () => nowMs,
  });
  return {
    ...keys,
    lines,
    ids,
    pass: (minutes: number) => {
      nowMs += minutes * 60_000;
    },
    lookups: () => lookups,
  };
}

test('a key is logged once and is a problem while something waits for it, until it is there', () => {
  const { role, problems, lines, ids, pass } = stand();
  role.onAwaited('k-here');
  expect(problems()).toEqual([]);
  for (const id of ['k-1', 'k-2', 'k-1']) role.onAwaited(id);
  expect(lines.map(({ level, code, keyId }) => [level, code, keyId])).toEqual([
    ['error', 'unknown-key', 'k-1'],
    ['error', 'unknown-key', 'k-2'],
  ]);
  expect(problems()).toEqual(['key k-1 is missing in the key file', 'key k-2 is missing in the key file']);
  ids.push('k-1');
  expect(problems()).toEqual(['key k-2 is missing in the key file']);
  pass(10);
  role.onAwaited('k-2');
  pass(10);
  expect(problems()).toEqual(['key k-2 is missing in the key file']);
  pass(10);
  expect(problems()).toEqual([]);
});

test('only so many ids are logged and listed, and none that no key can have', () => {
  const { role, problems, lines, pass } = stand();
  for (const id of ['anna@example.com', 'k-1\nready', '']) role.onAwaited(id);
  expect([...problems(), ...lines]).toEqual([]);
  for (let index = 0; index < 1_000; index += 1) role.onAwaited(`k-${index}`);
  expect(problems()).toHaveLength(21);
  expect(problems().at(-1)).toBe('more keys are missing in the key file');
  expect(lines).toHaveLength(21);
  pass(20);
  expect(problems()).toEqual([]);
});

test('what the vault knows of a request, its children included, is checked once at a time', async () => {
  const { role, lookups } = stand();
  const at = (id: string) => role.requestBehind(id);
  expect(await at('dsr:acme:access:open')).toBe('open');
  expect(await at('dsr:acme:access:open:pages:2')).toBe('open');
  expect(await at('dsr:acme:access:sealed')).toBe('open');
  expect(await at('dsr:acme:deletion:ended')).toBe('ended');
  expect(await at('dsr:acme:access:none')).toBeUndefined();
  await expect(at('dsr:acme:access:down')).rejects.toThrow('the vault is down');
  const before = lookups();
  expect(await at('some/other/run')).toBeUndefined();
  await Promise.all(Array.from({ length: 100 }, () => at('dsr:acme:access:none')));
  expect(lookups()).toBe(before + 1);
  // Nothing is remembered: its record may have been made meanwhile.
  await at('dsr:acme:access:none');
  expect(lookups()).toBe(before + 2);
});

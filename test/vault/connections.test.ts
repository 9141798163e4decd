import { budgetOf, type Connection, type Connections, createConnections } from '../../src/vault/connections';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault, type Vault } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { makeFolder, removeFolder } from '../support/folders';

const ring = keyringOf(['k-1', keyOf('one')]);
const acme: Connection = {
  name: 'acme',
  baseUrl: 'https://api.aircall.io/v1',
  limitPerMinute: 60,
  share: 0.75,
  credential: { kind: 'api-key', apiId: 'id', apiToken: 'sesame' },
  credentialVersion: 1,
  connectedAt: '2026-01-31T12:00:00.000Z',
  incarnation: 1,
};
const oauth: Connection = {
  ...acme,
  credential: {
    kind: 'oauth',
    accessToken: 'sesame',
    refresh: { refreshToken: 'r', clientId: 'c', clientSecret: 's' },
  },
  refreshLease: 'of-a-step',
};

let folder: string;
let vault: Vault;
let connections: Connections;
beforeEach(() => {
  folder = makeFolder();
  vault = createVault(createFolderDriver(folder), ring);
  connections = createConnections(vault);
});
afterEach(() => removeFolder(folder));

async function versionOf(name: string): Promise<string> {
  const stored = await connections.get(name);
  if (stored === undefined) throw new Error(`there is no connection ${name}`);
  return stored.version;
}

describe('a connection', () => {
  test.each([
    ['an API key', acme],
    ['OAuth', oauth],
    ['OAuth that cannot be refreshed', { ...acme, credential: { kind: 'oauth' as const, accessToken: 'sesame' } }],
  ])('with %s is given back as it was stored', async (_what, connection) => {
    expect(await connections.put(connection, undefined)).toBe(true);
    expect((await connections.get('acme'))?.value).toEqual(connection);
  });

  test('that was never stored is not there', async () => {
    expect(await connections.get('acme')).toBeUndefined();
    expect(await connections.names()).toEqual([]);
    expect(await connections.put(acme, 'some-version')).toBe(false);
  });

  test('is not stored over one that is there', async () => {
    await connections.put(acme, undefined);
    expect(await connections.put({ ...acme, limitPerMinute: 1 }, undefined)).toBe(false);
    expect((await connections.get('acme'))?.value.limitPerMinute).toBe(60);
  });

  test('is replaced only at the version that was read: of two that refresh, one writes', async () => {
    await connections.put(acme, undefined);
    const version = await versionOf('acme');
    const won = await Promise.all(
      [2, 3].map(limitPerMinute => connections.put({ ...acme, limitPerMinute, credentialVersion: 2 }, version)),
    );
    expect([...won].sort()).toEqual([false, true]);
    expect((await connections.get('acme'))?.value).toEqual({
      ...acme,
      limitPerMinute: won[0] === true ? 2 : 3,
      credentialVersion: 2,
    });
    expect(await connections.put(acme, version)).toBe(false);
    expect(await connections.put(acme, await versionOf('acme'))).toBe(true);
  });

  test('is listed by its name until it is deleted; others stay', async () => {
    for (const name of ['beta', '1', '0000000001', '.staging', 'acme'])
      await connections.put({ ...acme, name }, undefined);
    expect(await connections.names()).toEqual(['.staging', '0000000001', '1', 'acme', 'beta']);
    await connections.delete('acme');
    await connections.delete('acme');
    expect(await connections.names()).toEqual(['.staging', '0000000001', '1', 'beta']);
    expect(await connections.get('acme')).toBeUndefined();
  });

  test('that was deleted and made again is not replaced at a version from before', async () => {
    await connections.put(acme, undefined);
    const before = await versionOf('acme');
    await connections.delete('acme');
    expect(await connections.put(acme, before)).toBe(false);
    expect(await connections.put(acme, undefined)).toBe(true);
    expect(await connections.put(oauth, before)).toBe(false);
  });

  test.each([
    ['no name', { ...acme, name: '' }],
    ['a path as name', { ...acme, name: '../acme' }],
    ['a base URL that is none', { ...acme, baseUrl: 'api.aircall.io' }],
    ['no budget', { ...acme, limitPerMinute: 0 }],
    ['half a request a minute', { ...acme, limitPerMinute: 1.5 }],
    ['more than 10,000 a minute', { ...acme, limitPerMinute: 10_001 }],
    ['no share', { ...acme, share: 0 }],
    ['a share above 0.8', { ...acme, share: 0.81 }],
    ['an empty token', { ...acme, credential: { kind: 'api-key' as const, apiId: 'id', apiToken: '' } }],
    ['a credential version of 0', { ...acme, credentialVersion: 0 }],
  ])('with %s is not stored, and the error repeats no secret', async (_what, connection) => {
    const failure = await (async () => connections.put(connection, undefined))().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(String(failure)).not.toContain('sesame');
    expect(await connections.names()).toEqual([]);
  });

  test('that does not fit what is stored there is refused rather than used', async () => {
    await vault.putIfAbsent('connections/acme', Buffer.from(JSON.stringify({ ...acme, share: 1 })));
    await expect(connections.get('acme')).rejects.toMatchObject({ code: 'connection-broken' });
  });
});

describe('what 429 replies told', () => {
  const at = new Date('2026-01-31T12:00:00.000Z');

  test('is counted, and the last limit that was named is kept', async () => {
    expect(await connections.rateLimits('acme')).toBeUndefined();
    await connections.noteRateLimit('acme', at, 30);
    await connections.noteRateLimit('acme', new Date(at.getTime() + 1_000), undefined);
    const told = await connections.rateLimits('acme');
    expect(told).toEqual({ count: 2, lastAt: '2026-01-31T12:00:01.000Z', namedPerMinute: 30 });
    expect(budgetOf(acme, told)).toEqual({ limitPerMinute: 30, share: 0.75 });
  });

  test('loses none of many at once, and leaves the connection as it is', async () => {
    await connections.put(acme, undefined);
    await Promise.all(Array.from({ length: 20 }, () => connections.noteRateLimit('acme', at, undefined)));
    expect(await connections.rateLimits('acme')).toMatchObject({ count: 20 });
    expect((await connections.get('acme'))?.value).toEqual(acme);
    expect(await connections.names()).toEqual(['acme']);
  });

  test('goes with the connection', async () => {
    await connections.put(acme, undefined);
    await connections.noteRateLimit('acme', at, 30);
    await connections.delete('acme');
    expect(await connections.rateLimits('acme')).toBeUndefined();
  });
});

describe('what is kept of a connection that is deleted while requests wait for it', () => {
  const PAUSED_AT = '2026-01-31T13:00:00.000Z';

  test('is whose it was and that it was paused, until it is there again', async () => {
    await connections.put({ ...acme, company: 'Acme', pausedAt: PAUSED_AT }, undefined);
    expect(await connections.company('acme')).toBe('Acme');
    await connections.delete('acme', { waitedFor: true });
    expect(await connections.get('acme')).toBeUndefined();
    expect(await connections.company('acme')).toBe('Acme');
    expect(await connections.kept('acme')).toEqual({ name: 'Acme', pausedAt: PAUSED_AT, incarnation: 1 });
    expect([await connections.names(), await connections.keptNames()]).toEqual([[], ['acme']]);
    await connections.forgetKept('acme');
    expect(await connections.company('acme')).toBeUndefined();
  });

  test('is what its operator set for all of its requests', async () => {
    const policy = { country: 'FR', approvals: 2, deletionsPerDay: 50 };
    await connections.put({ ...acme, ...policy }, undefined);
    await connections.delete('acme', { waitedFor: true });
    expect(await connections.kept('acme')).toEqual({ incarnation: 1, ...policy });
  });

  test('is that it was there, where Aircall did not tell whose', async () => {
    await connections.put(acme, undefined);
    await connections.delete('acme', { waitedFor: true });
    expect(await connections.kept('acme')).toEqual({ incarnation: 1 });
  });

  test('is nothing where none waits', async () => {
    await connections.put({ ...acme, company: 'Acme' }, undefined);
    await connections.delete('acme', { waitedFor: true });
    await connections.put({ ...acme, company: 'Acme' }, undefined);
    await connections.delete('acme');
    expect(await connections.kept('acme')).toBeUndefined();
  });

  test('is overruled by what the connection that is there again says', async () => {
    await connections.put({ ...acme, company: 'Acme' }, undefined);
    await connections.delete('acme', { waitedFor: true });
    await connections.put({ ...acme, company: 'Acme Group' }, undefined);
    expect(await connections.company('acme')).toBe('Acme Group');
  });
});

describe('an incarnation', () => {
  test('is a number that we sealed: what somebody without a key stores beside it counts for nothing', async () => {
    const driver = createFolderDriver(folder);
    const first = await connections.beginIncarnation('acme', 1_000);
    const sealed = (await driver.get(`incarnations/acme/${first}`))?.value ?? Buffer.alloc(0);
    const ofNoKey = Buffer.from(sealed.toString('latin1').replace('k-1', 'k-9'), 'latin1');
    const junk = { 2000: sealed, 3000: ofNoKey, [Number.MAX_SAFE_INTEGER]: Buffer.alloc(0), '1e4': sealed, x: sealed };
    for (const [name, bytes] of Object.entries(junk)) await driver.putIfAbsent(`incarnations/acme/${name}`, bytes);
    expect(await connections.latestIncarnation('acme')).toBe(first);
    // Neither is the number of an object that is there taken, nor that of one that was begun before.
    expect(await connections.beginIncarnation('acme', 2_000)).toBe(2_001);
    expect(await connections.beginIncarnation('acme', 500)).toBe(2_002);
    expect(await connections.latestIncarnation('acme')).toBe(2_002);
  });
});

import { type Approvers, createApprovers } from '../../src/vault/approvers';
import { createFolderDriver } from '../../src/vault/folder';
import { createVault, type VaultDriver } from '../../src/vault/vault';
import { keyOf, keyringOf } from '../encryption/keyrings';
import { createApprover } from '../support/approvers';
import { makeFolder, removeFolder } from '../support/folders';

const [anna, ben, carla] = [createApprover('anna'), createApprover('ben'), createApprover('carla')];
const addedAt = '2026-01-31T12:00:00.000Z';

let folder: string;
let driver: VaultDriver;
let approvers: Approvers;
/** As another process opens it. */
const open = () => createApprovers(createVault(driver, keyringOf(['k-1', keyOf('one')])));
beforeEach(() => {
  folder = makeFolder();
  driver = createFolderDriver(folder);
  approvers = open();
});
afterEach(() => removeFolder(folder));

const add = ({ name, publicKey }: { name: string; publicKey: string }) => approvers.add({ name, publicKey, addedAt });
const names = async (of = approvers) => (await of.list()).map(({ name }) => name);

test('an approver is registered once, under one name and with one key', async () => {
  expect(await approvers.list()).toEqual([]);
  expect(await add(ben)).toBe('added');
  expect(await add(anna)).toBe('added');
  expect(await add(anna)).toBe('same');
  expect(await add({ ...carla, name: 'anna' })).toBe('name-taken');
  expect(await add({ ...anna, name: 'carla' })).toBe('key-taken');
  const { name, publicKey, keyId } = anna;
  expect(await approvers.list()).toEqual([
    { name, publicKey, keyId, addedAt },
    { name: 'ben', publicKey: ben.publicKey, keyId: ben.keyId, addedAt },
  ]);
});

test('two that are added at the same time are both registered', async () => {
  expect(await Promise.all([add(anna), add(ben), add(carla)])).toEqual(['added', 'added', 'added']);
  expect(await names()).toEqual(['anna', 'ben', 'carla']);
});

test('one is not removed if fewer would be left than are needed', async () => {
  for (const each of [anna, ben]) await add(each);
  expect(await approvers.remove('carla', 2)).toBe('unknown');
  expect(await approvers.remove('anna', 2)).toBe('too-few');
  expect(await names()).toEqual(['anna', 'ben']);
  expect(await approvers.remove('anna', 1)).toBe('removed');
  expect(await names()).toEqual(['ben']);
});

test('a list that somebody without a key puts back, or removes, is refused, also by a process that never saw it', async () => {
  await add(anna);
  const before = await driver.get('approvers');
  await add(ben);
  await approvers.remove('anna', 0);
  const last = await driver.get('approvers');
  await driver.delete('approvers');
  await expect(open().list()).rejects.toMatchObject({ code: 'vault-rolled-back' });
  await driver.putIfAbsent('approvers', before?.value ?? Buffer.alloc(0));
  await expect(open().list()).rejects.toMatchObject({ code: 'vault-rolled-back' });
  await driver.delete('approvers');
  await driver.putIfAbsent('approvers', Buffer.from('broken'));
  await expect(open().list()).rejects.toMatchObject({ code: 'approvers-broken' });
  await driver.delete('approvers');
  await driver.putIfAbsent('approvers', last?.value ?? Buffer.alloc(0));
  expect(await names(open())).toEqual(['ben']);
});

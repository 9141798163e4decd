/** The notice of a connection as an operator gives, sees, keeps and withdraws it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Sandbox, startSandbox } from '../../sandbox';
import { createFolderDriver } from '../../src/vault/folder';
import { createOperator } from '../support/command-line';
import { connectionsSchema, errorOf } from '../support/documents';

const operator = createOperator();
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox();
  await operator.run(['keys', 'generate']);
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
});

const NAME = 'noted';
const credentials = (company = 'acme') => {
  const { apiId, apiToken } = sandbox.company(company);
  return { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken };
};
const argsOf = (...more: readonly string[]) => ['connect', NAME, '--base-url', sandbox.baseUrl, ...more];
const connect = (...more: readonly string[]) => operator.ask(argsOf(...more), credentials());

async function listed() {
  const { document } = await operator.ask(['connections']);
  return connectionsSchema.parse(document);
}
const shown = async () => (await listed()).connections.find(({ connection }) => connection === NAME)?.notice;

function folderOf(name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(operator.folder, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

/** As somebody who can write the vault and has no key. */
async function spoil(key: string): Promise<void> {
  const driver = createFolderDriver(join(operator.folder, 'vault'));
  const { version } = (await driver.get(key)) ?? {};
  expect(await driver.putIfUnchanged(key, Buffer.from('broken'), version ?? '')).toBe(true);
}

test('a folder that cannot be taken is refused before anything is stored or sent', async () => {
  const wrong = [
    folderOf('other-name', { 'en.md': 'x', 'readme.md': 'x' }),
    folderOf('empty', {}),
    folderOf('blank', { 'en.md': ' \n' }),
    join(operator.folder, 'missing'),
  ];
  for (const folder of wrong) {
    const { exit, document } = await connect('--notice', folder);
    expect([exit, errorOf(document).code]).toEqual([2, 'usage']);
    expect(errorOf(document).message).toContain('--notice');
  }
  expect(sandbox.requests()).toEqual([]);
  expect(await listed()).toEqual({ connections: [], disconnected: [], broken: [] });
});

test('a notice is shown by its languages, and is kept until another one is given', async () => {
  expect((await connect()).document).toMatchObject({ notice: null });
  expect(await shown()).toBeNull();
  const two = folderOf('two', { 'fr.md': '# Qui', 'en.md': '# Who' });
  expect((await connect('--notice', two)).document).toMatchObject({ notice: ['en', 'fr'] });
  const again = await operator.run(argsOf('--country', 'FR'), credentials());
  expect(again.stdout).toContain('Access packages hold the notice of the company (en, fr).');
  expect(await shown()).toEqual(['en', 'fr']);
  expect((await operator.run(['connections'])).stdout).toContain(
    `${NAME}: numbers without a country code are of FR; access packages hold the notice of the company (en, fr)`,
  );
  // The new folder is the whole notice: English was left out.
  const one = folderOf('one', { 'de.md': '# Wer' });
  expect((await connect('--notice', one)).document).toMatchObject({ notice: ['de'] });
  const none = await operator.run(argsOf('--notice', 'none'), credentials());
  expect(none.stdout).toContain('Access packages hold no notice: the company informs people in another way.');
  expect((await connect()).document).toMatchObject({ notice: 'none' });
  expect(await shown()).toBe('none');
});

test('a broken notice is told, stops no command, and is replaced', async () => {
  await spoil(`notices/${NAME}`);
  expect(await listed()).toMatchObject({
    connections: [{ connection: NAME, notice: null }],
    broken: [{ connection: NAME, message: expect.stringContaining('--notice') }],
  });
  const { exit, stderr } = await operator.run(argsOf(), credentials());
  expect(exit).toBe(0);
  expect(stderr).toContain(`the stored notice of ${NAME} cannot be read`);
  expect((await connect('--notice', folderOf('two', {}))).document).toMatchObject({ notice: ['en', 'fr'] });
  expect((await listed()).broken).toEqual([]);
});

test('a broken connection that is replaced keeps its notice', async () => {
  await spoil(`connections/${NAME}`);
  expect((await listed()).broken).toHaveLength(1);
  expect((await connect('--same-company')).document).toMatchObject({ replaced: true, notice: ['en', 'fr'] });
  expect(await shown()).toEqual(['en', 'fr']);
});

test('another company under the name does not get it', async () => {
  const { exit, stderr } = await operator.run(argsOf('--replace'), credentials('globex'));
  expect(exit).toBe(0);
  expect(stderr).toContain(`the notice of ${NAME} was destroyed`);
  expect(await shown()).toBeNull();
});

test('a connection that is disconnected leaves no notice', async () => {
  const globex = credentials('globex');
  const given = await operator.ask(argsOf('--notice', folderOf('two', {})), globex);
  expect(given.document).toMatchObject({ notice: ['en', 'fr'] });
  expect((await operator.ask(['disconnect', NAME])).exit).toBe(0);
  expect((await operator.ask(argsOf(), globex)).document).toMatchObject({ notice: null });
});

/** The check of advisories about production dependencies, as .ci/run makes it: the real npm, and a registry of this test. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import { ANY_PORT, findFreePort, HOST } from '../../dev-server';
import { makeFolder, removeFolder } from '../support/folders';
import { readProjectFile } from '../support/source-text';

const SCRIPT = join(__dirname, '../../.ci/audit.js');
const ID = 'GHSA-aaaa-bbbb-cccc';
const REASON = 'we write files of our own names only';
const ADVISORY = {
  ...{ id: 1, url: `https://github.com/advisories/${ID}`, title: 'Bad zip', severity: 'high' },
  ...{ vulnerable_versions: '<99', cwe: [], cvss: { score: 0, vectorString: null } },
};

const folder = makeFolder();
let registry: Server;
let address: string;
/** What the registry answers next. */
let answer: { readonly status: number; readonly body: unknown };

beforeAll(async () => {
  registry = createServer((request, response) => {
    const { status, body } = request.method === 'POST' ? answer : { status: 200, body: packument };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  registry.listen(0, HOST);
  await once(registry, 'listening');
  const { port } = z.object({ port: z.number() }).parse(registry.address());
  address = `http://${HOST}:${port}`;
});
afterAll(async () => {
  registry.close();
  removeFolder(folder);
});

const packument = {
  name: 'yazl',
  'dist-tags': { latest: '3.3.1' },
  versions: { '3.3.1': { name: 'yazl', version: '3.3.1' } },
};

/** Runs the check with a list of accepted advisories. */
function audit(accepted: readonly object[], from = address): Promise<{ exit: number | null; said: string }> {
  const list = join(folder, 'accepted.json');
  writeFileSync(list, JSON.stringify(accepted));
  const npm = { npm_config_registry: from, npm_config_fetch_retries: '0', npm_config_cache: join(folder, 'cache') };
  return new Promise(resolve => {
    const child = execFile(process.execPath, [SCRIPT, list], { env: { ...process.env, ...npm } }, (_, stdout, stderr) =>
      resolve({ exit: child.exitCode, said: `${stdout}${stderr}`.replaceAll(list, 'LIST') }),
    );
  });
}

test('passes if there is no advisory', async () => {
  answer = { status: 200, body: {} };
  expect(await audit([])).toEqual({ exit: 0, said: 'audit: no advisory but 0 accepted ones.\n' });
});

test('fails on an advisory, names it, and passes if it is accepted with a reason', async () => {
  answer = { status: 200, body: { yazl: [ADVISORY] } };
  expect(await audit([])).toEqual({
    exit: 1,
    said: `audit: ${ID} (high) in yazl: Bad zip. Update it, or accept it in LIST: { "id", "package", "reason" }.\n`,
  });
  expect((await audit([{ id: ID, package: 'yazl', reason: REASON }])).exit).toBe(0);
  const unreasoned = await audit([{ id: ID, package: 'yazl', reason: 'fine' }]);
  expect(unreasoned).toEqual({ exit: 1, said: `audit: ${ID} is accepted without a reason: write it into LIST.\n` });
});

test('fails on an acceptance that nothing needs any more, or of another package', async () => {
  answer = { status: 200, body: { yazl: [ADVISORY] } };
  const other = { id: ID, package: 'zod', reason: REASON };
  expect(await audit([other])).toEqual({
    exit: 1,
    said: `audit: ${ID} is accepted for zod and not reported: remove it from LIST.\n`,
  });
  answer = { status: 200, body: {} };
  expect((await audit([{ ...other, package: 'yazl' }])).exit).toBe(1);
});

test('fails if the registry does not answer, and says what to do', async () => {
  answer = { status: 500, body: {} };
  const nowhere = `http://${HOST}:${await findFreePort(ANY_PORT)}`;
  for (const from of [address, nowhere])
    expect(await audit([], from)).toEqual({
      exit: 1,
      said: expect.stringMatching(
        /^audit: the registry did not answer .*set npm_config_registry to one that answers\.\n$/,
      ),
    });
});

test('says that nothing was checked if the registry has no advisories, as some mirrors', async () => {
  answer = { status: 405, body: {} };
  expect(await audit([])).toEqual({ exit: 0, said: expect.stringMatching(/^audit: NOT CHECKED: .*\(405\)/) });
});

test('the list of the repository is read, and .ci/run makes the check', () => {
  expect(
    z.array(z.object({ id: z.string() })).parse(JSON.parse(readProjectFile('.ci/accepted-advisories.json'))),
  ).toEqual(expect.any(Array));
  expect(readProjectFile('.ci/run').split('\n')).toContain('.ci/audit.js');
});

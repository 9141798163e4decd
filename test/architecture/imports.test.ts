/** Who imports whom: the rules of .dependency-cruiser.js, over our files and over files that break each of them. */
import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { makeFolder, removeFolder } from '../support/folders';
import { readProjectFile, readSources } from '../support/source-text';

const ROOT = join(__dirname, '../..');
const RULES = join(ROOT, '.dependency-cruiser.js');
const TOOL = join(ROOT, 'node_modules/.bin/depcruise');

const Report = z.object({
  modules: z.array(z.object({ source: z.string() })),
  summary: z.object({
    violations: z.array(z.object({ from: z.string(), to: z.string(), rule: z.object({ name: z.string() }) })),
    totalDependenciesCruised: z.number(),
  }),
});

async function cruise(root: string, ...folders: readonly string[]) {
  const args = ['--config', RULES, '--output-type', 'json', ...folders];
  const { stdout } = await promisify(execFile)(TOOL, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  const { modules, summary } = Report.parse(JSON.parse(stdout));
  const broken = summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`).sort();
  return { modules, imports: summary.totalDependenciesCruised, broken };
}

let found: Awaited<ReturnType<typeof cruise>>;
beforeAll(async () => {
  found = await cruise(ROOT, 'src', 'sandbox', 'dev-server', 'bench', 'dist/src');
});

test('every import keeps the rules', () => {
  const { modules, imports, broken } = found;
  expect(broken).toEqual([]);
  expect(modules.length).toBeGreaterThan(300);
  expect(imports).toBeGreaterThan(1000);
});

const BROKEN: readonly (readonly [rule: string, path: string, line: string])[] = [
  ['aircall-imports-rooms-of-its-list', 'src/aircall/a.ts', "import { a } from '../vault/present';"],
  ['request-imports-rooms-of-its-list', 'src/request/a.ts', "import type { A } from '../client';"],
  ['encryption-imports-rooms-of-its-list', 'src/encryption/a.ts', "export { a } from '../request/present';"],
  ['vault-imports-rooms-of-its-list', 'src/vault/a.ts', "export * from '../client';"],
  ['client-imports-rooms-of-its-list', 'src/client/a.ts', "import {\n  a,\n} from '../vault/present';"],
  ['temporal-imports-rooms-of-its-list', 'src/temporal/a.ts', "import '../client';"],
  ['vault-imports-rooms-of-its-list', 'src/vault/b.ts', "export const a = import('../client.js');"],
  ['sandbox-imports-rooms-of-its-list', 'sandbox/a.ts', "import { a } from '../src/client';"],
  ['vault-imports-rooms-of-its-list', 'src/vault/c.ts', "import { a } from '../../test/present';"],
  ['activities-uses-types-only', 'dist/src/activities/a.js', "require('../retention/present');"],
  ['workflows-reach-nothing-else', 'dist/src/workflows/b.js', "require('node:fs');"],
  ['workflows-reach-nothing-else', 'dist/src/workflows/c.js', "require('zod');"],
  ['workflows-reach-nothing-else', 'dist/src/workflows/d.js', "require('../request/reaches-zod');"],
  ['pages-import-nothing-else', 'dist/src/package/page/a.js', "require('node:fs');"],
  ['verify-reaches-no-store-and-no-server', 'dist/src/commands/verify.js', "require('../vault/present');"],
  [
    'only-some-import ^(https?|http2|net|tls|dgram|dns(/promises)?)$',
    'src/vault/d.ts',
    "import { request } from 'node:https';",
  ],
  [
    'only-some-import ^(https?|http2|net|tls|dgram|dns(/promises)?)$',
    'src/vault/h.ts',
    "import { lookup } from 'node:dns/promises';",
  ],
  ['only-some-import /@aws-sdk/', 'src/vault/e.ts', "import { S3Client } from '@aws-sdk/client-s3';"],
  ['only-some-import ^sandbox/', 'src/commands/a.ts', "import { a } from '../../sandbox/present';"],
  [
    'activities-seal-through-the-keyring-given-to-them',
    'src/activities/a.ts',
    "import { a } from '../encryption/present';",
  ],
  ['room-without-a-rule', 'src/helpers/a.ts', "import { a } from '../vault/present';"],
  ['no-unknown-file', 'src/vault/f.ts', "import { a } from './absent';"],
  ['no-circle', 'src/vault/g.ts', "import type { G } from './g';"],
];
const PRESENT: Readonly<Record<string, string>> = {
  'src/client.ts': '',
  'src/vault/present.ts': '',
  'src/request/present.ts': '',
  'src/encryption/present.ts': '',
  'sandbox/present.ts': '',
  'test/present.ts': '',
  'dist/src/vault/present.js': '',
  'dist/src/retention/present.js': '',
  'dist/src/request/reaches-zod.js': "require('zod');",
  'src/request/words.ts': "// import '../vault/present';\nexport const text = `import '../vault/present'`;",
};

test('every package that we import is a dependency, and no other', () => {
  const imported = found.modules.flatMap(({ source }) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? []);
  const Manifest = z.object({ dependencies: z.record(z.string(), z.string()) });
  const { dependencies } = Manifest.parse(JSON.parse(readProjectFile('package.json')));
  expect(imported.length).toBeGreaterThan(10);
  expect([...new Set(imported)].sort()).toEqual(Object.keys(dependencies).sort());
});

test('each rule refuses what it is there for, in every form of an import, and nothing else', async () => {
  const root = makeFolder();
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  for (const [path, text] of [...BROKEN.map(([, ...file]) => file), ...Object.entries(PRESENT)]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const { broken } = await cruise(root, 'src', 'sandbox', 'dist/src').finally(() => removeFolder(root));
  const found = broken.map(line => line.replace(/ -> .*/, ''));
  expect([...new Set(found)].sort()).toEqual(BROKEN.map(([rule, path]) => `${rule}: ${path}`).sort());
});

test('the map of the architecture names every room, and no other', () => {
  const map = /```\n([\s\S]*?)```/.exec(readProjectFile('ARCHITECTURE.md'))?.[1] ?? '';
  const named = [...map.matchAll(/^(\S+)/gm)].map(([, place = '']) => place);
  const rooms = readSources('src', 'sandbox', 'dev-server', 'bench').map(({ path }) => {
    const [top = '', second = '', deeper] = path.split('/');
    return top === 'src' ? `src/${second}${deeper === undefined ? '' : '/'}` : `${top}/`;
  });
  expect(named.length).toBeGreaterThan(20);
  expect(named.sort()).toEqual([...new Set(rooms)].sort());
});

/** Who imports whom: the directions of ARCHITECTURE.md, checked over the source text. */
import { importsOf, readProjectFile, readSources } from '../support/source-text';
import { brokenImports, importCycles, roomOf } from './rooms';

const FILES = readSources('src', 'sandbox', 'dev-server', 'bench');

test('every import goes in a direction that the architecture allows', () => {
  expect(FILES.length).toBeGreaterThan(60);
  expect(FILES.flatMap(importsOf).length).toBeGreaterThan(250);
  expect(brokenImports(FILES)).toEqual([]);
});

test('no room imports itself through others, and no file does', () => {
  expect(importCycles(FILES)).toEqual([]);
});

test('every room of the map is a room of the table, and the other way round', () => {
  const map = /```\n([\s\S]*?)```/.exec(readProjectFile('ARCHITECTURE.md'))?.[1] ?? '';
  const rooms = [...map.matchAll(/(?:^|; )((?:src\/)?[a-z-]+)(?:\/|\.ts)(?= {2,}| are its commands)/gm)].map(match =>
    roomOf(match[1] ?? ''),
  );
  const real = new Set(FILES.map(({ path }) => roomOf(path)));
  real.delete('config'); // a part of the command line that the map does not name
  expect([...new Set(rooms)].sort()).toEqual([...real].sort());
});

describe('the check of imports', () => {
  const broken = (path: string, ...lines: string[]) => {
    const present = [
      { path: 'src/request/names.ts', text: '/** Names. Workflow-safe. */' },
      { path: 'src/request/input.ts', text: '/** Input. */' },
    ];
    return brokenImports([...present.filter(file => file.path !== path), { path, text: lines.join('\n') }]);
  };

  const REFUSED: readonly (readonly [string, string, string, string])[] = [
    ['a wrong direction', 'src/aircall/x.ts', "import { a } from '../vault/vault';", 'aircall may not import vault'],
    ['a wrong direction of types', 'src/request/x.ts', "import type { A } from '../client';", 'may not import client'],
    [
      'a re-export',
      'src/encryption/x.ts',
      "export { a } from '../request/names';",
      'encryption may not import request',
    ],
    ['a re-export of everything', 'src/vault/x.ts', "export * from '../client';", 'vault may not import client'],
    [
      'an import over many lines',
      'src/client.ts',
      "import {\n  a,\n  b,\n} from './vault/x';",
      'client may not import vault',
    ],
    ['an import for its effect', 'src/temporal/x.ts', "import '../worker';", 'temporal may not import worker'],
    ['a dynamic import', 'src/vault/x.ts', "const a = await import('../worker.js');", 'vault may not import worker'],
    ['the sandbox asking the product', 'sandbox/x.ts', "import { a } from '../src/client';", 'may not import client'],
    [
      'the product asking a test',
      'src/vault/x.ts',
      "import { a } from '../../test/support/zip';",
      'may not import outside',
    ],
    ['a value of activities', 'src/workflows/x.ts', "import { a } from '../activities';", 'types of activities only'],
    [
      'a value among types',
      'src/workflows/x.ts',
      "import { type A, b } from '../activities';",
      'types of activities only',
    ],
    ['a Node built-in', 'src/workflows/x.ts', "import { readFileSync } from 'node:fs';", 'may not run in a workflow'],
    ['a library', 'src/workflows/x.ts', "import { z } from 'zod';", 'may not run in a workflow'],
    [
      'request code',
      'src/workflows/x.ts',
      "import { a } from '../request/input';",
      'does not say that it is workflow-safe',
    ],
    [
      'a library below it',
      'src/request/names.ts',
      "/** Workflow-safe. */\nimport { z } from 'zod';",
      'may not run in a workflow',
    ],
    ['a second HTTP client', 'src/vault/x.ts', "import { request } from 'node:https';", 'only '],
    ['a second user of the AWS SDK', 'src/vault/x.ts', "import { S3Client } from '@aws-sdk/client-s3';", 'only '],
    ['the keyring', 'src/activities/x.ts', "import { a } from '../encryption/keyring';", 'only '],
    ['the sandbox', 'src/commands/requests.ts', "import { startSandbox } from '../../sandbox';", 'only '],
    ['a room nobody knows', 'src/helpers/x.ts', '', 'room without a rule'],
  ];
  test.each(REFUSED)('refuses %s and names file and import', (_, path, line, reason) => {
    const [told, ...others] = broken(path, line);
    expect(others).toEqual([]);
    expect(told).toContain(path);
    expect(told).toContain(/'([^']+)'/.exec(line)?.[1] ?? path);
    expect(told).toContain(reason);
  });

  test('allows what is allowed, and is not misled by comments and strings', () => {
    expect(
      broken(
        'src/workflows/x.ts',
        '// import { a } from "../vault/vault";',
        "/* import { a } from '../vault/vault'; */",
        "const text = `\\`import { a } from '../vault/vault'`;",
        "import { proxyActivities } from '@temporalio/workflow';",
        "import { type A, type B } from '../activities';",
        "import type { InvalidInput } from '../request/input';",
        "import { KINDS } from '../request/names';",
        "import { b } from './y';",
      ),
    ).toEqual([]);
  });

  test('finds a cycle of rooms, and one of files', () => {
    const cycle = [
      { path: 'src/vault/a.ts', text: "import type { X } from '../request/b';" },
      { path: 'src/request/b.ts', text: "import { y } from '../vault/a';" },
      { path: 'src/vault/c.ts', text: "import { d } from './d';" },
      { path: 'src/vault/d.ts', text: "import { c } from './c';" },
    ];
    expect(importCycles(cycle)).toEqual([
      'vault -> request -> vault',
      'src/vault/c.ts -> src/vault/d.ts -> src/vault/c.ts',
    ]);
  });
});

/** Documents and manifests that must agree with the code, in both directions. */
import { z } from 'zod';
import { HANDLING } from '../../src/request/handling';
import { VERSION } from '../../src/version';
import { codeOf, readProjectFile, readSources } from '../support/source-text';

const FILES = readSources('src', 'sandbox', 'dev-server', 'bench');
const PRODUCT = FILES.filter(({ path }) => /^(src|dev-server)\//.test(path)).map(({ text }) => codeOf(text, 'keep'));

describe('docs/errors.md', () => {
  const tables = readProjectFile('docs/errors.md')
    .split(/^## /m)
    .map(section => [...section.matchAll(/^\| `([a-z-]+)` \|/gm)].map(match => match[1] ?? ''));
  const documented = tables.flat();

  test('has every code of the handling table, and every one that a command or a result can show', () => {
    const shown = [
      /new (?:CommandError|DsrError|KeyringError|AircallError)\(\s*'([a-z-]+)'/g,
      /\breadonly code = '([a-z-]+)'/g,
      /\bcode: '([a-z-]+)'/g,
      /: '(unexpected)';/g,
      /'failed', '([a-z-]+)'\)/g,
    ].flatMap(pattern => PRODUCT.flatMap(code => [...code.matchAll(pattern)].map(match => match[1] ?? '')));
    const unions = PRODUCT.flatMap(code =>
      [...code.matchAll(/\btype \w*Code =([^;]*);/g)].flatMap(match =>
        [...(match[1] ?? '').matchAll(/'([a-z-]+)'/g)].map(member => member[1] ?? ''),
      ),
    );
    expect(shown.length).toBeGreaterThan(30);
    expect(unions.length).toBeGreaterThan(15);
    const codes = new Set([...Object.keys(HANDLING), ...shown, ...unions]);
    expect([...codes].filter(code => !documented.includes(code))).toEqual([]);
  });

  test('has no code that the source does not hold, and none twice in a table', () => {
    expect(documented.length).toBeGreaterThan(Object.keys(HANDLING).length);
    expect(documented.filter(code => !PRODUCT.some(text => new RegExp(`['\\s]${code}['\\s:]`).test(text)))).toEqual([]);
    for (const table of tables) expect(table).toEqual([...new Set(table)]);
  });

  test('says what the handling table says about retrying', () => {
    const WORDS = { 'server-says': 'after the delay', backoff: 'with backoff', never: 'no' } as const;
    const rows = readProjectFile('docs/errors.md').split('\n');
    const wrong = Object.entries(HANDLING).filter(([code, { retry }]) => {
      const row = rows.find(line => line.startsWith(`| \`${code}\` |`));
      return !row?.split('|')[3]?.trim().startsWith(WORDS[retry]);
    });
    expect(wrong).toEqual([]);
  });
});

test('docs/threat-model.md names tests that exist, in every row', () => {
  const [, table = ''] = readProjectFile('docs/threat-model.md').split('## What they try');
  const rows = table.split('\n').filter(line => line.startsWith('| ') && !/^\| who \|/.test(line));
  expect(rows.length).toBeGreaterThan(15);
  const tests = readSources('test').map(({ path }) => path);
  for (const row of rows) {
    const named = [...row.matchAll(/`(test\/[^`]+)`/g)].map(([, path]) => path);
    if (named.length === 0) throw new Error(`no test is named: ${row}`);
    expect(named.filter(path => !tests.includes(path ?? ''))).toEqual([]);
  }
});

describe('package.json', () => {
  const manifest = z
    .object({ version: z.string(), files: z.array(z.string()) })
    .parse(JSON.parse(readProjectFile('package.json')));
  test('has the version that receipts state', () => {
    expect(VERSION).toBe(manifest.version);
  });

  test('has every file that a document links to among those it publishes, or beside it', () => {
    const links = [...readProjectFile('README.md').matchAll(/\]\(([^)#:]+)\)/g)].map(match => match[1] ?? '');
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) expect(readProjectFile(link)).not.toBe('');
  });
});

/** The documents and the code name the same things: commands, options, variables, files. Codes: documents.test.ts. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { WAITS } from '../../src/request/waits';
import { COMMANDS } from '../support/program';
import { readProjectFile, readSources } from '../support/source-text';

const ROOT = join(__dirname, '../..');
const PATHS = [
  'README.md',
  'ARCHITECTURE.md',
  'sandbox/README.md',
  'examples/README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
];
const DOCUMENTS = PATHS.map(path => ({ path, text: readProjectFile(path) }));
const ALL = DOCUMENTS.map(({ text }) => text).join('\n');

/** What stands in code: blocks, line by line with continued lines joined, and spans. */
const code = DOCUMENTS.flatMap(({ path, text }) => {
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
    block.replace(/\\\n\s*/g, ' ').split('\n'),
  );
  const spans = [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
  return [...blocks, ...spans].map(line => ({ path, line: line.replace(/\s+#.*/, '').replace(/\s+/g, ' ') }));
});

test('every command and every option is in a document', () => {
  expect(COMMANDS.length).toBeGreaterThan(20);
  const missing = COMMANDS.flatMap(({ name, options }) => [
    ...(ALL.includes(`\`${name}`) || ALL.includes(`aircall-dsr ${name}`) ? [] : [name]),
    ...options.filter(option => !new RegExp(`${option}\\b(?!-)`).test(ALL)).map(option => `${name} ${option}`),
  ]);
  expect(missing).toEqual([]);
});

test('every command line of a document is one that the program has', () => {
  const lines = code.flatMap(({ path, line }) => {
    const [, args] = /(?:^|\s)(?:(?:npx )?aircall-dsr|npm run cli --) ([a-z].*)$/.exec(line) ?? [];
    return args === undefined ? [] : [{ path, args }];
  });
  expect(lines.length).toBeGreaterThan(30);
  const unknown = lines.filter(({ args }) => {
    const command = COMMANDS.findLast(({ name }) => `${args} `.startsWith(`${name} `));
    const used = [...args.matchAll(/(?<=\s)--[a-z-]+/g)].map(([option]) => option);
    return command === undefined || used.some(option => option !== '--help' && !command.options.includes(option));
  });
  expect(unknown).toEqual([]);
});

const OPTIONS_OF_OTHERS =
  /docker|psql|temporal (?:workflow|operator)|tcld|openssl|jq|pip install|npm run (?!cli)|npx jest|npm test|--no-deps|--profile|--output json/;

test('every option that a document names is one of some command', () => {
  const known = new Set(COMMANDS.flatMap(({ options }) => options).concat('--help'));
  const named = code
    .filter(({ line }) => !OPTIONS_OF_OTHERS.test(line))
    .flatMap(({ path, line }) => [...line.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([option]) => ({ path, option })));
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter(({ option }) => !known.has(option))).toEqual([]);
});

test('every variable of ours that the code reads is in a document, and the other way round', () => {
  const files = [...readSources('src', 'dev-server', 'test/support'), ...readSources('bench')];
  const pattern = /\b(?:AIRCALL|TEST)_[A-Z]+(?:_[A-Z]+)*\b/g;
  const inCode = new Set(
    files
      .filter(({ path }) => path.startsWith('src/') || path.startsWith('dev-server/'))
      .flatMap(({ text }) => text.match(pattern) ?? [])
      .filter(name => name.startsWith('AIRCALL_')),
  );
  const everywhere = files.map(({ text }) => text).join('\n');
  const inDocuments = new Set(ALL.match(pattern) ?? []);
  expect(inCode.size).toBeGreaterThan(10);
  expect([...inCode].filter(name => !inDocuments.has(name))).toEqual([]);
  const read = (name: string) => everywhere.includes(name) || everywhere.includes(name.replace(/_FILE$/, ''));
  const ofCompose = new Set(readProjectFile('docker-compose.yml').match(pattern) ?? []);
  expect([...inDocuments].filter(name => !read(name) && !ofCompose.has(name))).toEqual([]);
});

test('every link of a document leads to a file that is there, and to a heading of it', () => {
  const anchorOf = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replaceAll(' ', '-');
  const links = DOCUMENTS.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g)].map(([, to = '', anchor]) => ({
      from: path,
      to: to === '' ? path : join(dirname(path), to),
      anchor,
    })),
  );
  expect(links.length).toBeGreaterThan(60);
  const broken = links.filter(({ to, anchor }) => {
    if (!existsSync(join(ROOT, to))) return true;
    if (anchor === undefined || !to.endsWith('.md')) return false;
    const headings = [...readProjectFile(to).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading));
    return !headings.includes(anchor);
  });
  expect(broken).toEqual([]);
});

test('every cause of a wait has a row in docs/operate/requests.md', () => {
  const rows = [...readProjectFile('docs/operate/requests.md').matchAll(/^\| `([a-z-]+)` \| [^|]+ \|$/gm)];
  expect(rows.map(([, cause]) => cause).sort()).toEqual(Object.keys(WAITS).sort());
});

test('every test file runs in exactly one group', () => {
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts') && !/^(?:groups|slow)\//.test(name))
    .map(name => name.replace('.test.ts', ''));
  const grouped = readSources('test/groups').flatMap(({ text }) =>
    [...text.slice(text.indexOf('runTogether(')).matchAll(/'([^']+)'/g)].map(([, name]) => name),
  );
  expect(files.length).toBeGreaterThan(80);
  expect([...grouped].sort()).toEqual([...files].sort());
});

/** One place per decision, and what the style forbids: each a row, checked over the code without comments and strings. */
import { codeOf, readProjectFile, readSources, type SourceFile } from '../support/source-text';

const SRC = readSources('src');
const ALL = [...SRC, ...readSources('sandbox', 'dev-server', 'bench')];

/** Rooms of steps, and of what they use. */
const CLOCKLESS = /^src\/(?:activities|retention|audit|vault)\//;

interface Place {
  readonly pattern: RegExp;
  /** Files that may hold it, each of which must. */
  readonly only: readonly string[];
  /** Files that are looked at; all of src where not given. */
  readonly within?: RegExp;
  /** Something that the pattern finds. */
  readonly example: string;
}

const PLACES: Readonly<Record<string, Place>> = {
  'what an HTTP status means': {
    pattern: /\bstatus\s*[=<>]=*\s*\d{3}\b|\b(?:401|403|404|408|429)\b/,
    only: ['src/aircall/errors.ts'],
    within: /^src\/(?!codec-server|oauth\/listener|worker\/health)/, // they answer statuses of their own
    example: 'if (response.status >= 500) again()',
  },
  'when two e-mail addresses, or two names, are the same': {
    pattern: /\.to(?:Locale)?LowerCase\(/,
    // The last two fold names and addresses to find them in texts.
    only: [
      'src/commands/runtime.ts',
      'src/judgement/addresses.ts',
      'src/judgement/names.ts',
      'src/redaction/people.ts',
      'src/redaction/scanning.ts',
    ],
    example: 'a.email.toLowerCase() === b',
  },
  'what is sent to Aircall, to its store of media, and to the webhook': {
    pattern: /\bfetch\(|\bhttps?\.request\(|XMLHttpRequest/,
    only: ['src/aircall/client.ts', 'src/media/client.ts', 'src/worker/alarms.ts'],
    example: 'await fetch(url)',
  },
  'where a client of the Temporal server is made, whose calls have deadlines': {
    pattern: /\bnew Client\(|\bConnection\.(?:connect|lazy)\(/,
    only: ['src/temporal/connect.ts'],
    example: 'const connection = await Connection.connect({ address })',
  },
  'where environment variables come from': {
    pattern: /\bprocess\.env\b/,
    only: ['src/cli.ts', 'src/temporal/connect.ts'],
    example: 'process.env.AIRCALL_API_TOKEN',
  },
  'what environment variables mean': {
    pattern: /\benv(?:\.[A-Z]{2}|\[)/,
    only: ['src/config.ts'],
    example: 'env.AIRCALL_DSR_VAULT',
  },
  'whether a failed step is retried, and when': {
    pattern: /\bnonRetryable:|\bnextRetryDelay\b|\bApplicationFailure\.(?:create|retryable|fromError)\b/,
    only: ['src/activities/api-step.ts'],
    example: 'ApplicationFailure.create({ nonRetryable: true })',
  },
  'that a page is not past the 10,000 rows': {
    pattern: /\b10_?000\b/,
    only: ['src/request/paging.ts'],
    within: /^src\/(?:aircall|activities|judgement|request|workflows\/(?!findings))/,
    example: 'page * 50 <= 10_000',
  },
  'the clock and chance of activities are given to them': {
    pattern: /\bMath\.random\b|\bDate\.now\b|\bnew Date\(\)|\brandom(?:UUID|Bytes|Int)\b/,
    only: [],
    within: /^src\/(?:activities|aircall\/errors|media|request|package|receipt)/,
    example: 'const delay = Math.random()',
  },
  'nothing that decides reads the clock of its machine: times come from the server, by the workflow or the caller': {
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)/,
    only: [],
    within: CLOCKLESS,
    example: 'const dueMs = Date.now() + lifeMs',
  },
  'who is given the clock of the machine: to state when a receipt was issued, and a bundle was exported': {
    pattern: /\bnow: \(\) => number\b/,
    only: ['src/audit/evidence.ts', 'src/vault/receipts.ts'],
    within: CLOCKLESS,
    example: 'readonly now: () => number;',
  },
  'who measures a time on this machine: the duration of a replay, and the ages of what a process remembers of the vault':
    {
      pattern: /\bperformance\.now\b/,
      only: ['src/audit/replay.ts', 'src/vault/generations.ts', 'src/vault/records.ts'],
      within: CLOCKLESS,
      example: 'untilMs: performance.now() + 60_000',
    },
  'who is given a clock that nobody sets: for gates and leases, and to know the time of the server': {
    pattern: /\belapsedMs: \(\) => number\b/,
    only: ['src/activities/api-step.ts', 'src/activities/server-time.ts'],
    within: CLOCKLESS,
    example: 'readonly elapsedMs: () => number;',
  },
  'nobody waits but Temporal: time-outs of HTTP, the last turn of a step that stops, and heartbeats are no waiting': {
    pattern: /\bset(?:Timeout|Interval|Immediate)\b|\bsleep\b|timers\/promises|\bdelay\(/,
    only: [
      'src/activities/retention-activities.ts',
      'src/activities/stopping.ts',
      'src/aircall/client.ts',
      'src/media/client.ts',
    ],
    within: /^src\/(?:activities|aircall|media|request|package|encryption|receipt)/,
    example: 'await sleep(1000)',
  },
  'what is printed on stdout': {
    pattern: /\bprocess\.stdout\.write\b|\bconsole\.(?!error\b)/,
    only: ['src/cli.ts'],
    example: "console.log('x')",
  },
  'what reaches the terminal of an operator': {
    pattern: /\bstd(?:out|err)\.write\b/,
    only: ['src/commands/program.ts', 'src/commands/terminal.ts'],
    within: /^src\/(?!cli\.ts)/,
    example: 'io.stderr.write(name)',
  },
  'when a process ends': {
    pattern: /\bprocess\.(?:exit\(|exitCode|abort\()/,
    only: ['src/cli.ts'],
    example: 'process.exit(1)',
  },
};

const FORBIDDEN: Readonly<Record<string, Pick<Place, 'pattern' | 'example'>>> = {
  'a cast': { pattern: /(?<!\bin \w+ )\bas\s+(?!const\b)/, example: 'const a = b as C;' },
  'a cast in angle brackets': { pattern: /[=(,]\s*<[A-Z]\w*>\s*[\w{[]/, example: 'const a = <C>b;' },
  any: { pattern: /\bany\b/, example: 'const a: any = 1;' },
  'a non-null assertion': { pattern: /[\w)\]]!(?=[.;,)\]\s[])(?!\s*==)/, example: 'a.b!.c' },
  'a default export': { pattern: /\bexport\s+default\b|\bexport\s*=/, example: 'export default a;' },
  'an export of everything': { pattern: /\bexport\s*\*/, example: "export * from './a';" },
  'an enum': { pattern: /\benum\s+\w/, example: 'enum A { B }' },
  'a silenced compiler or linter': { pattern: /@ts-|biome-ignore/, example: '// @ts-ignore' },
  'an assertion function that is not checked': { pattern: /\bFunction\b|\beval\(/, example: 'eval(text)' },
};

/** Code without the renaming `as` of imports and exports. */
function bareCode(text: string): string {
  const renamed = /^(\s*(?:import|export)\s[^;]*?\sfrom\s*'[^']*')/gm;
  return codeOf(text, 'empty').replace(renamed, statement => statement.replace(/\bas\b/g, ','));
}

const holding = (files: readonly SourceFile[], pattern: RegExp, codeIn = bareCode) =>
  files.flatMap(({ path, text }) => (pattern.test(codeIn(text)) ? [path] : [])).sort();

test.each(Object.entries(PLACES))('decided in one place: %s', (_, { pattern, only, within, example }) => {
  expect(example).toMatch(pattern);
  const looked = SRC.filter(({ path }) => within?.test(path) ?? true);
  expect(looked.length).toBeGreaterThan(5);
  expect(holding(looked, pattern)).toEqual(only);
});

test.each(Object.entries(FORBIDDEN))('the source has nowhere %s', (_, { pattern, example }) => {
  expect(example).toMatch(pattern);
  const codeIn = pattern.source.startsWith('@ts') ? (text: string) => text : bareCode;
  expect(holding(ALL, pattern, codeIn)).toEqual([]);
});

test('timers of the HTTP client only ever abort its request', () => {
  const code = codeOf(readProjectFile('src/aircall/client.ts'), 'empty');
  const timers = [...code.matchAll(/\bsetTimeout\(([^,]*),/g)].map(match => match[1]);
  expect(timers).toEqual(['() => abort.abort()', '() => abort.abort()']);
});

test('every source file begins with what it is', () => {
  const files = [...ALL, ...readSources('test/support')];
  const headless = files.filter(
    ({ text }) => !/^(?:#![^\n]*\n)?\/\*\*[^\n]*\w|^(?:#![^\n]*\n)?\/\*\*\n \* \S/.test(text),
  );
  expect(headless.map(({ path }) => path)).toEqual([]);
});

describe('the code that is looked at', () => {
  test('has no comments, and nothing of strings, templates and regular expressions but their code', () => {
    const text = [
      "const a = 'it\\'s // no comment'; // as any",
      'const b = `/* as any */ §{c ? `§{{ d }.d} as any` : e} as any`; /* as any */',
      "const f = /['\"/`][/'as any]/.test(g) || h / i / j;",
      'const k = "\\"";',
    ]
      .join('\n')
      .replaceAll('§', '$');
    expect(bareCode(text)).toBe(
      ["const a = ''; ", 'const b = `§{c ? `§{{ d }.d}` : e}`; ', 'const f = //.test(g) || h / i / j;', 'const k = "";']
        .join('\n')
        .replaceAll('§', '$'),
    );
  });

  test('is read to the end: every file has as many lines as before', () => {
    for (const { text } of ALL) expect(codeOf(text, 'keep').split('\n')).toHaveLength(text.split('\n').length);
  });
});

/** Which room may import which, and the check that says what breaks a rule. The table is ARCHITECTURE.md's map. */
import { cyclesOf, type Import, importsOf, type SourceFile } from '../support/source-text';

interface Rule {
  /** Rooms that it may import; its own always. */
  readonly may: readonly string[];
  /** Rooms of which it may import types only. */
  readonly types?: readonly string[];
}

/** Rooms that are not here may import nothing and be imported by nobody. */
const RULES: Readonly<Record<string, Rule>> = {
  cli: { may: ['commands', 'log'] },
  log: { may: [] },
  commands: {
    may: [
      ...[
        'client',
        'worker',
        'config',
        'request',
        'encryption',
        'vault',
        'aircall',
        'temporal',
        'retention',
        'codec-server',
        'oauth',
        'audit',
        'receipt',
        'log',
      ],
      ...['dev-server', 'sandbox'],
    ],
  },
  'codec-server': { may: ['encryption', 'log'] },
  audit: { may: ['encryption', 'receipt', 'request', 'temporal', 'vault', 'workflow-bundle'], types: ['retention'] },
  oauth: { may: [], types: ['vault'] },
  config: { may: ['aircall', 'request', 'encryption', 'vault'], types: ['retention'] },
  client: { may: ['request', 'encryption', 'temporal'] },
  worker: {
    may: [
      'workflows',
      'activities',
      'aircall',
      'audit',
      'vault',
      'request',
      'encryption',
      'temporal',
      'retention',
      'log',
      'workflow-bundle',
    ],
  },
  workflows: { may: ['request'], types: ['activities'] },
  'workflow-bundle': { may: ['encryption', 'workflows'] },
  retention: { may: ['encryption', 'log', 'receipt', 'request', 'temporal', 'vault'] },
  activities: { may: ['aircall', 'vault', 'package', 'request', 'encryption', 'log'], types: ['retention'] },
  package: { may: ['aircall', 'request'] },
  receipt: { may: ['encryption', 'request'] },
  vault: { may: ['encryption', 'receipt', 'request'] },
  temporal: { may: ['encryption', 'request'] },
  aircall: { may: [] },
  request: { may: [] },
  encryption: { may: [] },
  sandbox: { may: [] },
  'dev-server': { may: [] },
  bench: {
    may: [
      'commands',
      'log',
      ...[
        'client',
        'worker',
        'config',
        'request',
        'encryption',
        'vault',
        'aircall',
        'temporal',
        'package',
        'activities',
      ],
      ...['workflows', 'dev-server', 'sandbox'],
    ],
  },
};

/** Within the rules above, who of a room may import what, where not all of it may. */
const ONLY: readonly { readonly what: RegExp; readonly by: RegExp; readonly from: RegExp }[] = [
  { from: /^src\/commands\//, what: /^dev-server/, by: /\/demo\.ts$/ },
  { from: /^src\/commands\//, what: /^sandbox/, by: /\/(demo|sandbox)\.ts$/ },
  { from: /^src\/commands\//, what: /^src\/worker(\/|$)/, by: /\/(demo|worker)\.ts$/ },
  { from: /^src\/commands\//, what: /^src\/aircall\//, by: /\/(ask-aircall|authorize|connect)\.ts$/ },
  { from: /^src\/activities\//, what: /^src\/encryption\/(?!(seal|marks)$)/, by: /^$/ },
  { from: /^src\/receipt\//, what: /^src\/encryption\/(?!signing-key$)/, by: /^$/ },
  {
    from: /^src\/commands\/verify\.ts$/,
    what: /^src\/(?!(encryption\/signing-key|receipt\/|commands\/output$))/,
    by: /^$/,
  },
  { from: /^src\//, what: /^commander$/, by: /^src\/cli\.ts$/ },
  {
    from: /^src\//,
    what: /^(node-fetch|node:(https?|net|tls|dgram|dns)|undici)$/,
    by: /^src\/(aircall\/client|codec-server|oauth\/listener|worker\/(alarms|health))\.ts$/,
  },
  { from: /^src\//, what: /^@opentelemetry\//, by: /^src\/worker\/tracing\.ts$/ },
  { from: /^src\//, what: /^@aws-sdk\//, by: /^src\/vault\/s3\.ts$/ },
  { from: /^src\//, what: /^libphonenumber-js$/, by: /^src\/request\/identity\.ts$/ },
  { from: /^src\//, what: /^csv-parse$/, by: /^src\/request\/batch\.ts$/ },
  { from: /^src\//, what: /^@temporalio\/workflow$/, by: /^src\/(workflows\/|audit\/replay\.ts$)/ },
  { from: /^src\//, what: /^@temporalio\/activity$/, by: /^src\/activities\// },
  {
    from: /^src\//,
    what: /^@temporalio\/worker$/,
    by: /^src\/(worker(\/.*)?|commands\/(worker|demo|quiet-logger)|audit\/replay|workflow-bundle)\.ts$/,
  },
  { from: /^src\//, what: /^node:(child_process|cluster|worker_threads)$/, by: /^src\/encryption\/key-command\.ts$/ },
];

/** What runs inside a workflow: no Node built-in, and of ours only what says that it is safe there. */
const WORKFLOW_PACKAGES = ['@temporalio/workflow', '@temporalio/common'];

export function roomOf(path: string): string {
  const [, src, room = ''] = /^(src\/)?([^/.]+)/.exec(path) ?? [];
  return src === undefined && !['sandbox', 'dev-server', 'bench'].includes(room) ? `outside: ${path}` : room;
}

const isOurs = ({ specifier }: Import) => specifier.startsWith('.');

/** One line for each import that breaks a rule: the file, what it imports, and why that may not be. */
export function brokenImports(files: readonly SourceFile[]): string[] {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const workflowSafe = (target: string) =>
    /^\/\*\*(?:(?!\*\/)[\s\S])*\bWorkflow-safe\b/.test(texts.get(`${target}.ts`) ?? '');
  return files.flatMap(file => {
    const room = roomOf(file.path);
    const rule = RULES[room];
    if (rule === undefined) return [`${file.path} is in a room without a rule (${room})`];
    const reasonsOf = (each: Import): string[] => {
      const to = isOurs(each) ? roomOf(each.target) : undefined;
      const reasons: string[] = [];
      if (to !== undefined && to !== room && !rule.may.includes(to)) {
        if (!rule.types?.includes(to)) reasons.push(`${room} may not import ${to}`);
        else if (!each.typeOnly) reasons.push(`${room} may import types of ${to} only`);
      }
      for (const { from, what, by } of ONLY) {
        if (from.test(file.path) && what.test(each.target) && !by.test(file.path))
          reasons.push(`only ${by.source} may import it`);
      }
      const inWorkflows = room === 'workflows' || workflowSafe(file.path.replace(/\.ts$/, ''));
      if (inWorkflows && !each.typeOnly && to !== 'workflows') {
        if (to === undefined && !WORKFLOW_PACKAGES.includes(each.target)) reasons.push('it may not run in a workflow');
        if (to !== undefined && rule.may.concat(room).includes(to) && !workflowSafe(each.target))
          reasons.push('it does not say that it is workflow-safe');
      }
      return reasons;
    };
    return importsOf(file).flatMap(each =>
      reasonsOf(each).map(reason => `${file.path} imports '${each.specifier}': ${reason}`),
    );
  });
}

/** Ways from a room, or from a file, back to itself. Types count between rooms, not between files of one room. */
export function importCycles(files: readonly SourceFile[]): string[] {
  const rooms = new Map<string, Set<string>>();
  const values = new Map<string, Set<string>>();
  const paths = new Set(files.map(({ path }) => path));
  for (const file of files) {
    for (const each of importsOf(file).filter(isOurs)) {
      const [from, to] = [roomOf(file.path), roomOf(each.target)];
      if (from !== to) rooms.set(from, (rooms.get(from) ?? new Set()).add(to));
      const path = [`${each.target}.ts`, `${each.target}/index.ts`].find(candidate => paths.has(candidate));
      if (path !== undefined && !each.typeOnly) values.set(file.path, (values.get(file.path) ?? new Set()).add(path));
    }
  }
  return [...cyclesOf(rooms), ...cyclesOf(values)];
}

/**
 * Who may import whom: rooms in the order of ARCHITECTURE.md's map, each of which may import only rooms that stand below
 * it. Rules of src/ count types too; rules of dist/ see what runs, because compiled code has no types. The tool's own
 * documentation says what a rule may hold. Kept by test/architecture/imports.test.ts.
 */

/** From the doors down to what imports nothing. */
const ROOMS = {
  bench:
    'commands log client worker parts config retention request encryption vault aircall media temporal activities budget side-by-side sandbox dev-server',
  cli: 'commands small-heap',
  commands:
    'client worker parts config audit retention package receipt temporal codec-server oauth vault aircall encryption request judgement log budget version side-by-side error-code sandbox dev-server',
  worker:
    'parts workflow-bundle workflows activities audit retention media temporal vault aircall encryption request log budget version side-by-side error-code',
  parts: 'config client audit retention vault encryption',
  config: 'retention temporal media vault aircall encryption request',
  client: 'receipt temporal encryption request judgement side-by-side',
  audit: 'workflow-bundle retention receipt temporal vault encryption request version side-by-side error-code unusable',
  'workflow-bundle': 'workflows encryption',
  workflows: 'request judgement side-by-side unusable',
  activities:
    'retention package redaction media vault receipt aircall encryption request judgement log side-by-side slices packed error-code unusable',
  retention: 'receipt temporal vault encryption request log side-by-side error-code',
  package: 'media receipt aircall encryption request judgement redaction slices packed',
  redaction: 'request judgement slices packed signed-links',
  temporal: 'encryption request budget side-by-side',
  media: 'aircall error-code',
  'codec-server': 'encryption log',
  oauth: 'vault',
  vault: 'receipt encryption request budget version side-by-side error-code',
  receipt: 'encryption request',
  aircall: 'request signed-links error-code',
  encryption: 'error-code unusable',
  request: 'judgement',
  judgement: '',
  log: '',
  budget: '',
  version: '',
  'side-by-side': '',
  'signed-links': '',
  slices: '',
  packed: '',
  'error-code': '',
  unusable: '',
  'small-heap': '',
  sandbox: '',
  'dev-server': '',
};
const NAMES = Object.keys(ROOMS);

/** Rooms of which a room uses types only. */
const TYPES_ONLY = {
  activities: ['retention'],
  config: ['retention'],
  audit: ['retention'],
  oauth: ['vault'],
};

/** Within these rules: the only files of src/ that may import something. */
const ONLY = [
  { what: '^dev-server/', by: ['^src/commands/demo\\.ts$'] },
  { what: '^sandbox/', by: ['^src/commands/(demo|sandbox)\\.ts$'] },
  { what: '^src/worker(/|\\.ts$)', by: ['^src/worker(/|\\.ts$)', '^src/commands/(demo|worker)\\.ts$'] },
  {
    what: '^src/aircall/',
    by: [
      '^src/(aircall|activities|media|package|worker|config)\\b',
      '^src/commands/(aircall-checks|authorize|connect)\\.ts$',
    ],
  },
  { what: '/commander/', by: ['^src/commands/program\\.ts$'] },
  { what: '/(node-fetch|undici)/', by: ['^src/(aircall|media)/client\\.ts$', '^src/worker/alarms\\.ts$'] },
  {
    what: '^(https?|http2|net|tls|dgram|dns(/promises)?)$',
    by: ['^src/(aircall/client|codec-server|media/(addresses|client)|oauth/listener|worker/(alarms|health))\\.ts$'],
  },
  { what: '/ipaddr\\.js/', by: ['^src/media/addresses\\.ts$'] },
  { what: '/@opentelemetry/', by: ['^src/worker/tracing\\.ts$'] },
  { what: '/@aws-sdk/', by: ['^src/vault/s3\\.ts$'] },
  { what: '/libphonenumber-js/', by: ['^src/judgement/numbers\\.ts$'] },
  { what: '/ibantools/', by: ['^src/redaction/texts\\.ts$'] },
  { what: '/(preact|preact-render-to-string|markdown-it)/', by: ['^src/package/page/'] },
  { what: '/yauzl/', by: ['^src/package/opened\\.ts$'] },
  { what: '/csv-parse/', by: ['^src/request/batch\\.ts$'] },
  { what: '/csv-stringify/', by: ['^src/(package/csv|commands/batch)\\.ts$'] },
  { what: '/@temporalio/workflow/', by: ['^src/workflows/', '^src/audit/replay\\.ts$'] },
  { what: '/@temporalio/activity/', by: ['^src/activities/'] },
  {
    what: '/@temporalio/worker/',
    by: ['^src/worker(/|\\.ts$)', '^src/(commands/(demo|runtime|worker)|audit/replay|workflow-bundle)\\.ts$'],
  },
  { what: '^(child_process|cluster|worker_threads)$', by: ['^src/encryption/key-command\\.ts$'] },
];

const room = (name, ending = 'ts') =>
  ['sandbox', 'dev-server', 'bench'].includes(name) ? `^${name}/` : `^src/${name}(/|\\.${ending}$)`;
const ours = '^(src|sandbox|dev-server|bench|test|examples)/';

for (const [index, name] of NAMES.entries()) {
  const above = ROOMS[name].split(' ').filter(other => other !== '' && NAMES.indexOf(other) <= index);
  if (above.length > 0) throw new Error(`${name} may import rooms below it only, not ${above.join(', ')}`);
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unknown-file', severity: 'error', from: { pathNot: '/node_modules/' }, to: { couldNotResolve: true } },
    {
      name: 'room-without-a-rule',
      severity: 'error',
      from: { path: ours, pathNot: NAMES.map(name => room(name)) },
      to: {},
    },
    ...NAMES.map(name => ({
      name: `${name}-imports-rooms-of-its-list`,
      severity: 'error',
      from: { path: room(name) },
      to: { path: ours, pathNot: [name, ...ROOMS[name].split(' ').filter(Boolean)].map(other => room(other)) },
    })),
    ...Object.entries(TYPES_ONLY).map(([name, others]) => ({
      name: `${name}-uses-types-only`,
      severity: 'error',
      from: { path: room(name, 'js').replace('^', '^dist/') },
      to: { path: others.map(other => room(other, 'js').replace('^', '^dist/')) },
    })),
    ...ONLY.map(({ what, by }) => ({
      name: `only-some-import ${what}`,
      severity: 'error',
      from: { path: '^src/', pathNot: by },
      to: { path: what },
    })),
    {
      // A workflow runs in a sandbox without Node: what it reaches is ours, or Temporal's for workflows.
      name: 'workflows-reach-nothing-else',
      severity: 'error',
      from: { path: '^dist/src/workflows/' },
      to: { reachable: true, pathNot: ['^dist/src/', '/@temporalio/(workflow|common)/'] },
    },
    {
      // Templates: texts and the libraries that write them, and nothing that could read or send.
      name: 'pages-import-nothing-else',
      severity: 'error',
      from: { path: '^dist/src/package/page/' },
      to: {
        pathNot: [
          '^dist/src/(package/page|judgement)/',
          '^dist/src/(redaction/reasons|request/whole)\\.js$',
          'node_modules/(preact|preact-render-to-string|markdown-it)/',
          '^(node:)?crypto$',
        ],
      },
    },
    {
      // An auditor's verify runs without configuration, vault and server.
      name: 'verify-reaches-no-store-and-no-server',
      severity: 'error',
      from: { path: '^dist/src/commands/verify\\.js$' },
      to: { reachable: true, path: '^dist/src/(vault|temporal|client|worker)\\b' },
    },
    {
      name: 'activities-seal-through-the-keyring-given-to-them',
      severity: 'error',
      from: { path: '^src/activities/' },
      to: { path: '^src/encryption/', pathNot: '/(seal|marks)\\.ts$' },
    },
    {
      name: 'receipts-know-of-keys-only-the-signing-key',
      severity: 'error',
      from: { path: '^src/receipt/' },
      to: { path: '^src/encryption/', pathNot: '/signing-key\\.ts$' },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    // Templates cannot be parsed here: their rule reads what they compile to.
    exclude: { path: '^dist/.*\\.d\\.ts$|\\.tsx$' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js', '.d.ts'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};

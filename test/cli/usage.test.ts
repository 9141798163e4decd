/**
 * Wrong usage and configuration: exit code 2, a code, a message that helps. Nothing is asked of Aircall, nothing is started,
 * and no value that may be personal data is repeated.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Sandbox, startSandbox } from '../../sandbox';
import { createOperator, type Ran } from '../support/command-line';
import { errorOf, listSchema } from '../support/documents';
import { until } from '../support/patience';

const EMAIL = 'zoe.nunez@example.com';
const PHONE = '0155501234';
const LONG = 'x'.repeat(65);
/** Whatever of these is in a command line must not be in what it prints. */
const PERSONAL = [EMAIL, 'zoe.nunez', 'Zoë', 'example.com', PHONE, '5550', 'hunter2'];
const operator = createOperator();
const here = (name: string) => join(operator.folder, name);
const access = (...more: string[]) => ['access', 'acme', EMAIL, ...more];
const remove = (...more: string[]) => ['delete', 'acme', EMAIL, ...more];
const connect = (...more: string[]) => ['connect', 'other', ...more];

interface Row {
  readonly args: readonly string[];
  readonly says: RegExp;
  /** `usage` where not given. */
  readonly code?: string;
  readonly environment?: Record<string, string>;
  readonly stdin?: string | Uint8Array;
}

const stdin = (text: string | Uint8Array) => ({ args: ['access', 'acme', '-'], stdin: text });
const input = (args: readonly string[], says: RegExp): Row => ({ args, says, code: 'invalid-input' });

const ROWS: Readonly<Record<string, Row>> = {
  'an address without a host': input(['access', 'acme', 'zoe.nunez@'], /email takes one e-mail address/),
  'an address with a space': input(['access', 'acme', 'zoe.nunez @example.com'], /email takes/),
  'two addresses': input(['delete', 'acme', `${EMAIL},${EMAIL}`], /email takes/),
  'an empty address': input(['delete', 'acme', ' '], /email takes/),
  'a name in place of an address': input(['access', 'acme', 'Zoë'], /email takes/),
  'an address that is too long': input(['access', 'acme', `${'z'.repeat(250)}@example.com`], /at most 254/),
  'address and connection swapped': input(['access', EMAIL, 'acme'], /connection takes .*email takes/),
  'a number without country code': input(access('--phone', PHONE), /phoneNumbers.0 takes .* country code/),
  'a number that is too short': input(access('--phone', '+1555', '--phone', '+33199001122'), /phoneNumbers.0 takes/),
  'a request id that is an address': input(access('--request-id', EMAIL), /requestId takes 1 to 64/),
  'a request id that is too long': input(remove('--request-id', LONG), /requestId takes/),
  'an unknown way of finding calls': input(access('--calls', 'everything'), /calls takes by-number or company/),
  'a time that is none': input(access('--from', 'yesterday'), /from takes a date or time in ISO 8601/),
  'a month that is none': input(access('--to', '2026-13-01'), /to takes a date/),
  'a window that ends before it begins': input(access('--from', '2026-02-02', '--to', '2026-02-01'), /from must not/),
  'a deadline of no days': input(access('--deadline', '0'), /deadlineDays takes 0.04 .an hour. to 365/),
  'a deadline in words': input(remove('--deadline', 'soon'), /deadlineDays takes/),
  'a settle time below zero': input(remove('--settle', '-1'), /settleSeconds takes 0 to 3600/),
  'a settle time of an hour and more': input(remove('--settle', '2h'), /settleSeconds takes 0 to 3600/),
  'a settle time in a unit that is none': input(remove('--settle', '5x'), /settleSeconds takes/),
  'a unit without a number': input(remove('--settle', 's'), /settleSeconds takes/),
  'a deadline that is too short': input(access('--deadline', '20s'), /deadlineDays takes/),
  'contacts in a unit of time': input(remove('--matches-max', '5s'), /matchesMax takes/),
  'an empty settle time': input(remove('--settle', ''), /settleSeconds takes/),

  nobody: { args: ['access', 'acme'], says: /name the person: EMAIL, --email or --phone/ },
  'nobody to delete': { args: ['delete', 'acme', '--dry-run'], says: /name the person/ },
  'two addresses as arguments': { args: ['access', 'acme', EMAIL, `other-${EMAIL}`], says: /too many arguments/ },
  'a further address that is none': input(access('--email', 'zoe.nunez'), /emails.0 takes one e-mail address/),
  'a link to an address': input(['delete', 'acme', `mailto:${EMAIL}`], /email takes .*: leave out mailto:/),
  'a pattern': input(['delete', 'acme', '*@*'], /email takes .*: give the address itself/),
  'a sign of a hidden caller': input(
    ['delete', 'acme', '--phone', '+266696687'],
    /phoneNumbers.0 takes .*hidden caller/,
  ),
  'an empty stdin': { ...stdin(''), says: /stdin names nobody/ },
  'stdin with a bad address among good ones': {
    ...stdin(`${EMAIL}\n+33123456789\nzoe@nunez@example.com\n`),
    says: /emails.1 takes one e-mail address/,
    code: 'invalid-input',
  },
  'stdin with a name': { ...stdin(`${EMAIL}\n\nZoë\n`), says: /line 3 of stdin is neither/ },
  'stdin with a number without its +': { ...stdin(`${EMAIL}\r\n${PHONE}`), says: /line 2 of stdin is neither/ },
  'stdin with two addresses on one line': {
    ...stdin(`${EMAIL} other-${EMAIL}`),
    says: /emails.0 takes one e-mail address/,
    code: 'invalid-input',
  },
  'stdin with a number that is too short': {
    ...stdin(`${EMAIL}\n+1555`),
    says: /phoneNumbers.0 takes/,
    code: 'invalid-input',
  },
  'stdin that is not UTF-8': { ...stdin(Buffer.from(`${EMAIL}\xff`, 'latin1')), says: /stdin is not UTF-8/ },
  'stdin that does not end in time': {
    ...stdin(`${EMAIL}\n`.repeat(1_000)),
    says: /stdin holds more than 16384 bytes/,
  },

  'a connection that is not there': {
    args: ['access', 'nobody', EMAIL],
    says: /no connection nobody.*aircall-dsr connections/,
    code: 'unknown-connection',
  },
  'ping of a connection that is not there': { args: ['ping', 'nobody'], says: /nobody/, code: 'unknown-connection' },
  'ping of an address': { args: ['ping', EMAIL], says: /connections/, code: 'unknown-connection' },
  'disconnect of an address': { args: ['disconnect', EMAIL], says: /connections/, code: 'unknown-connection' },

  'a file of --out that exists': { args: access('--out', here('there')), says: /exists already/ },
  'a folder of --out that does not exist': {
    args: access('--out', here('no/p.zip')),
    says: /folder .* does not exist/,
  },
  'a package without --out': { args: ['package', 'case-1'], says: /--out/ },

  'an unknown option': { args: access('--colour', 'red'), says: /unknown option '--colour'/ },
  'a misspelt option': { args: access('--requestid', 'x'), says: /unknown option '--requestid'/ },
  'a misspelt option with a value': { args: access(`--emial=${EMAIL}`), says: /unknown option '--emial'/ },
  'an address that looks like an option': { args: ['access', 'acme', `-${EMAIL}`], says: /unknown option/ },
  'an option without its value': { args: access('--from'), says: /--from <time>/ },
  'too few arguments': { args: ['access'], says: /missing required argument 'name'/ },
  'too many arguments': { args: access(EMAIL), says: /too many arguments/ },
  'an unknown command': { args: ['acces', 'acme', EMAIL], says: /unknown command 'acces'/ },
  'an address in place of a command': { args: [EMAIL], says: /unknown command/ },

  'a connection name that is an address': { args: ['connect', EMAIL], says: /NAME takes 1 to 64/ },
  'plain HTTP to another machine': {
    args: connect('--base-url', 'http://api.aircall.io/v1'),
    says: /--base-url takes/,
  },
  'a base URL of another scheme': { args: connect('--base-url', 'ftp://127.0.0.1/v1'), says: /--base-url takes/ },
  'a base URL with a password': {
    args: connect('--base-url', 'https://u:hunter2@api.aircall.io/v1'),
    says: /without user/,
  },
  'a base URL that is none': { args: connect('--base-url', 'aircall'), says: /--base-url takes/ },
  'a share above 0.8': { args: connect('--share', '0.9'), says: /--share takes a number above 0, at most 0.8/ },
  'a share of nothing': { args: connect('--share', '0'), says: /--share takes/ },
  'an empty share': { args: connect('--share', ''), says: /--share takes/ },
  'a limit of nothing': { args: connect('--limit-per-minute', '0'), says: /from 1 to 10000/ },
  'a limit that is too high': { args: connect('--limit-per-minute', '10001'), says: /from 1 to 10000/ },
  'a limit that is not whole': { args: connect('--limit-per-minute', '1.5'), says: /whole number/ },
  'no credentials': { args: connect(), says: /AIRCALL_API_ID/, environment: { AIRCALL_API_TOKEN: '' } },

  'status of an unknown id': { args: ['status', 'case-0'], says: /aircall-dsr list/, code: 'not-found' },
  'status of an unknown workflow': {
    args: ['status', 'dsr:acme:access:no'],
    says: /dsr:acme:access:no/,
    code: 'not-found',
  },
  'status of a workflow that is not ours': { args: ['status', 'other:x'], says: /not the id/, code: 'not-found' },
  'status of an address': { args: ['status', EMAIL], says: /aircall-dsr list/, code: 'not-found' },
  'cancel of an unknown id': { args: ['cancel', 'case-0'], says: /aircall-dsr list/, code: 'not-found' },
  'a package of an unknown id': { args: ['package', 'no', '--out', here('p.zip')], says: /list/, code: 'not-found' },

  'a sandbox port that is none': { args: ['sandbox', '--port', '70000'], says: /--port takes/ },
  'a sandbox seed that is none': { args: ['sandbox', '--seed', '-1'], says: /--seed takes/ },
  'a fault plan that is not there': { args: ['sandbox', '--faults', here('none.json')], says: /cannot be read/ },
  'a fault plan that is no JSON': { args: ['sandbox', '--faults', here('there')], says: /valid JSON/ },
  'a fault plan with a misspelt action': {
    args: ['sandbox', '--faults', here('misspelt.json')],
    says: /action.*one of/,
  },

  'a task queue that is no name': {
    args: ['list'],
    says: /AIRCALL_DSR_TASK_QUEUE takes/,
    code: 'configuration',
    environment: { AIRCALL_DSR_TASK_QUEUE: 'a/b' },
  },
  'a vault that is not configured': {
    args: access(),
    says: /Set AIRCALL_DSR_VAULT/,
    code: 'configuration',
    environment: { AIRCALL_DSR_VAULT: '' },
  },
  'a vault below a file': {
    args: access(),
    says: /AIRCALL_DSR_VAULT names a file/,
    code: 'configuration',
    environment: { AIRCALL_DSR_VAULT: here('there/vault') },
  },
  'a Temporal server that is not there': {
    args: access(),
    says: /127\.0\.0\.1:9.*TEMPORAL_ADDRESS/,
    code: 'temporal-unreachable',
    environment: { TEMPORAL_ADDRESS: '127.0.0.1:9' },
  },
  'bad input, told without asking a server that is not there': {
    ...input(access('--calls', 'everything'), /calls takes/),
    environment: { TEMPORAL_ADDRESS: '127.0.0.1:9' },
  },
};

const AT_ONCE = 4;
const GOOD = { AIRCALL_API_ID: 'id', AIRCALL_API_TOKEN: 'token' };
let sandbox: Sandbox;
const ran = new Map<string, Ran>();

beforeAll(async () => {
  sandbox = await startSandbox();
  const { apiId, apiToken } = sandbox.company('acme');
  operator.keepSecret(apiToken);
  await operator.run(['keys', 'generate']);
  const { exit } = await operator.run(['connect', 'acme', '--base-url', sandbox.baseUrl], {
    AIRCALL_API_ID: apiId,
    AIRCALL_API_TOKEN: apiToken,
  });
  expect(exit).toBe(0);
  sandbox.clearRequests();
  writeFileSync(here('there'), 'precious');
  writeFileSync(here('misspelt.json'), '[{ "action": "dorp" }]');
  const rows = Object.entries(ROWS).values();
  const lane = async () => {
    for (const [name, { args, environment, stdin: typed }] of rows) {
      const [command = '', ...rest] = args;
      ran.set(name, await operator.run([command, '--json', ...rest], { ...GOOD, ...environment }, typed));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
});
afterAll(async () => {
  await operator.stop();
  await sandbox.close();
});

test.each(Object.entries(ROWS))('%s is refused with a message that helps', (name, { says, code = 'usage' }) => {
  const { exit, stdout, stderr } = ran.get(name) ?? { exit: null, stdout: '', stderr: '' };
  expect({ exit, stderr }).toEqual({ exit: 2, stderr: expect.stringMatching(/^error/) });
  const error = errorOf(JSON.parse(stdout));
  expect(error).toEqual({ code, message: expect.stringMatching(says) });
  expect(stderr).toMatch(says);
  // The one address that a message may hold is the example of what an address looks like.
  const told = `${stdout}${stderr}`.replaceAll('person@example.com', '');
  expect(PERSONAL.filter(value => told.includes(value))).toEqual([]);
});

test('none of it asked Aircall anything, stored a connection or started a workflow', async () => {
  expect(ran.size).toBe(Object.keys(ROWS).length);
  expect(sandbox.requests()).toEqual([]);
  const { document } = await operator.ask(['connections']);
  expect(document).toMatchObject({ connections: [{ connection: 'acme' }] });
  // What the server lists now is all that was started before.
  expect((await operator.ask(access('--request-id', 'good'))).exit).toBe(0);
  const listed = async () => listSchema.parse((await operator.ask(['list'])).document).requests;
  await until('the one good request is listed', async () => (await listed()).length > 0);
  expect((await listed()).map(({ requestId }) => requestId)).toEqual(['good']);
});

test('a duration may have a unit: it is the same option in whatever unit', async () => {
  const start = (settle: string, deadline: string) =>
    operator.ask(remove('--request-id', 'durations', '--settle', settle, '--deadline', deadline));
  const first = await start('1m', '36h');
  expect(first.exit).toBe(0);
  expect(await start('60', '1.5')).toEqual(first);
  expect(await start('60s', '1.5d')).toEqual(first);
  const { exit, document } = await start('60', '36');
  expect(exit).toBe(2);
  expect(errorOf(document)).toMatchObject({
    code: 'request-conflict',
    message: expect.stringContaining('deadlineDays'),
  });
});

test('no command at all tells how to use it', async () => {
  const { exit, stdout, stderr } = await operator.run([]);
  expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
  expect(stderr).toContain('Usage: aircall-dsr');
});

test('a port that is taken is told', async () => {
  const { port } = new URL(sandbox.origin);
  const { exit, stdout } = await operator.processes.run(['sandbox', '--json', '--port', port]);
  expect(exit).toBe(2);
  expect(errorOf(JSON.parse(stdout))).toMatchObject({ code: 'usage', message: expect.stringContaining('EADDRINUSE') });
});

test('a reader that stops reading ends a command with exit code 1 and without a word', async () => {
  const cli = join(__dirname, '../../dist/src/cli.js');
  const child = spawn(process.execPath, [cli, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  const stderr = await text(child.stderr);
  const [exit] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
  expect({ exit, stderr }).toEqual({ exit: 1, stderr: '' });
});

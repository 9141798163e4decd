/**
 * Starters that share nothing with us but Temporal, a client's key file and the wire format: the programs of examples/, run as
 * their README says. Go's build and Python's packages come from their registries, so the first run takes minutes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { z } from 'zod';
import { createCompanySeed, type Sandbox, startSandbox } from '../../sandbox';
import { createOperator, type Environment, keyMaterial, type Ran } from '../support/command-line';
import { resultSchema, statusSchema } from '../support/documents';
import { until } from '../support/patience';
import { environment } from '../support/service';

const EXAMPLES = join(__dirname, '../../examples');
const GO = join(EXAMPLES, 'go');
const PYTHON = join(EXAMPLES, 'python');
/** The starters encrypt with another key than the worker: each has to honour the key id of a payload. */
const STARTERS_KEY = 'starters';

const SEED = { contacts: 30, calls: 200, now: Date.now() };
const COMPANY = createCompanySeed({ name: 'acme', seed: 21, ...SEED });
/** Its key is revoked after it was connected. */
const LOCKED = createCompanySeed({ name: 'locked', seed: 22, ...SEED });
const { subjectEmail } = COMPANY.truth;
const OTHER_EMAIL = 'somebody.else@example.org';

const operator = createOperator();
const venv = join(operator.folder, 'venv');
const workersKeys = join(operator.folder, 'keys.json');
const startersKeys = join(operator.folder, 'keys-starters.json');
const running = new Set<ChildProcess>();
let sandbox: Sandbox;
let server: Connection;
/** Without a data converter: what the server holds. */
let readsAsStored: Client;

beforeAll(async () => {
  sandbox = await startSandbox({ companies: [COMPANY, LOCKED] });
  await operator.run(['keys', 'generate']);
  await addStartersKey();
  for (const { name, apiId, apiToken } of sandbox.companies) {
    operator.keepSecret(apiToken);
    const args = ['connect', name, '--base-url', sandbox.baseUrl, '--limit-per-minute', '10000'];
    const { exit } = await operator.run(args, { AIRCALL_API_ID: apiId, AIRCALL_API_TOKEN: apiToken });
    expect(exit).toBe(0);
  }
  sandbox.company('locked').revokeCredentials();
  await operator.processes.startWorker();
  server = await Connection.connect({ address: environment('TEST_TEMPORAL_ADDRESS') });
  readsAsStored = new Client({ connection: server });
});
afterAll(async () => {
  // `go run` has a child of its own, so its whole group ends.
  for (const { pid } of running) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  await server?.close();
  await operator.stop();
  await sandbox?.close();
});

const keyFileSchema = z.looseObject({
  keys: z.array(z.looseObject({ id: z.string(), from: z.iso.datetime(), payload: z.string() })),
});
const keysIn = (path: string) => keyFileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));

/** Worker and starters hold the same two keys, and each encrypts with another of them: theirs begins later for the worker. */
async function addStartersKey(): Promise<void> {
  const { keys, ...file } = keysIn(workersKeys);
  const [first] = keys;
  const another = {
    ...{ id: STARTERS_KEY, createdAt: new Date().toISOString(), from: '2999-01-01T00:00:00Z' },
    ...{ payload: randomBytes(32).toString('base64'), vault: randomBytes(32).toString('base64') },
  };
  writeFileSync(workersKeys, JSON.stringify({ ...file, keys: [...keys, another] }));
  const { exit } = await operator.run(['keys', 'export', '--role', 'client', '--out', startersKeys]);
  expect(exit).toBe(0);
  const exported = keysIn(startersKeys);
  const theirs = exported.keys.map(key => ({ ...key, ...(key.id === STARTERS_KEY && { from: first?.from }) }));
  writeFileSync(startersKeys, JSON.stringify({ ...exported, keys: theirs }));
}

interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** What to do where the command is missing. */
  readonly install: string;
}

interface Running {
  stderr(): string;
  readonly ended: Promise<Ran>;
}

/** Runs a command in its folder with a text on stdin. */
function startCommand({ command, args, folder, install }: Command, stdin: string, more: Environment = {}): Running {
  const own: Environment = { AIRCALL_DSR_KEYS: startersKeys, PYTHONDONTWRITEBYTECODE: '1' };
  const env = { ...operator.environment, ...own, ...more };
  const child = spawn(command, args, { cwd: folder, env, detached: true });
  running.add(child);
  const told = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      told[name] += text;
    });
  }
  child.stdin.end(stdin);
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', error => {
      running.delete(child);
      reject(new Error(`${command} cannot be run (${error.message}). ${install}`));
    });
    child.once('close', exit => {
      running.delete(child);
      resolve({ exit, ...told });
    });
  });
  return { stderr: () => told.stderr, ended };
}

const goProgram: Command = {
  command: 'go',
  args: ['run', '.'],
  folder: GO,
  install: 'Install Go 1.26 and put it on the PATH: https://go.dev/dl.',
};
const pythonProgram: Command = {
  command: join(venv, 'bin/python'),
  args: ['access.py'],
  folder: PYTHON,
  install: 'The virtual environment has no Python: see what `python3 -m venv` said.',
};

async function prepareGo(): Promise<void> {
  await succeeds({ ...goProgram, args: ['build', '-o', join(operator.folder, 'go-access'), '.'] });
}

async function preparePython(): Promise<void> {
  const install = 'Install Python 3.11 or newer with its venv module, and put `python3` on the PATH.';
  await succeeds({ command: 'python3', args: ['-m', 'venv', venv], folder: PYTHON, install });
  const args = ['-m', 'pip', 'install', '--quiet', '--require-hashes', '-r', 'requirements.txt'];
  await succeeds({ ...pythonProgram, args });
}

async function succeeds(command: Command): Promise<void> {
  const { exit, stderr } = await startCommand(command, '').ended;
  if (exit !== 0) throw new Error(`${command.command} ${command.args.join(' ')} failed: ${stderr}`);
}

const printedSchema = z.strictObject({
  requestId: z.string(),
  connection: z.string(),
  kind: z.literal('access'),
  status: z.string(),
  counts: z.record(z.string(), z.number()),
  apiRequests: z.number(),
  package: z.unknown().optional(),
});

/** The same of the result that our own client tells. */
async function toldByUs(workflowId: string) {
  const { document } = await operator.ask(['status', workflowId]);
  const {
    requestId,
    connection,
    kind,
    status,
    counts,
    apiRequests,
    package: handedOver,
  } = resultSchema.parse(statusSchema.parse(document).result);
  return { requestId, connection, kind, status, counts, apiRequests, ...(handedOver && { package: handedOver }) };
}

async function storedHistory(workflowId: string) {
  const history = await readsAsStored.workflow.getHandle(workflowId).fetchHistory();
  const events = history.events ?? [];
  const input = events[0]?.workflowExecutionStartedEventAttributes?.input?.payloads;
  const last = events.at(-1);
  return {
    bytes: Buffer.from(temporal.api.history.v1.History.encode(history).finish()),
    input: headOf(input?.[0]),
    result: headOf(last?.workflowExecutionCompletedEventAttributes?.result?.payloads?.[0]),
    failure: last?.workflowExecutionFailedEventAttributes?.failure,
  };
}

function headOf(payload: Payload | null | undefined) {
  const text = (name: string) => Buffer.from(payload?.metadata?.[name] ?? []).toString();
  return { encoding: text('encoding'), key: text('encryption-key-id') };
}

function workersPrimary(): string {
  return keysIn(workersKeys).keys[0]?.id ?? '';
}

describe.each([
  { language: 'Go', program: goProgram, prepare: prepareGo },
  { language: 'Python', program: pythonProgram, prepare: preparePython },
])('a program in $language', ({ language, program, prepare }) => {
  const idOf = (name: string) => `${language}-${name}`;

  beforeAll(prepare);

  function start(connection: string, requestId: string, email: string, more?: Environment): Running {
    const command = { ...program, args: [...program.args, connection, requestId] };
    const started = startCommand(command, `${email}\n`, more);
    const ended = started.ended.then(ran => {
      for (const secret of [email, ...keyMaterial(operator.folder)])
        expect(ran.stdout + ran.stderr).not.toContain(secret);
      return ran;
    });
    return { ...started, ended };
  }

  test('starts an access request, tells its status and prints the result that our client sees', async () => {
    const workflowId = `dsr:acme:access:${idOf('copy')}`;
    const { exit, stdout, stderr } = await start('acme', idOf('copy'), subjectEmail).ended;
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: expect.stringContaining(`${workflowId}: running, phase `) });
    const printed = printedSchema.parse(JSON.parse(stdout));
    expect(printed).toEqual(await toldByUs(workflowId));
    const { contactIds, callIds } = COMPANY.truth;
    expect(printed).toMatchObject({
      status: 'completed',
      counts: { contacts: contactIds.length, calls: callIds.length },
      package: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    const { bytes, input, result } = await storedHistory(workflowId);
    expect(input).toEqual({ encoding: 'binary/encrypted', key: STARTERS_KEY });
    expect(result).toEqual({ encoding: 'binary/encrypted', key: workersPrimary() });
    expect(bytes.includes(subjectEmail)).toBe(false);
  });

  test('started again gets the same result without an API request, and none for another subject', async () => {
    const first = await start('acme', idOf('twice'), subjectEmail).ended;
    expect(first.exit).toBe(0);
    const sent = sandbox.company('acme').requests().length;
    const again = await start('acme', idOf('twice'), ` ${subjectEmail.toUpperCase()} `).ended;
    expect(again).toMatchObject({ exit: 0, stdout: first.stdout });
    const other = await start('acme', idOf('twice'), OTHER_EMAIL).ended;
    expect(other).toMatchObject({ exit: 1, stdout: '', stderr: expect.stringContaining('request-conflict: ') });
    expect(sandbox.company('acme').requests()).toHaveLength(sent);
  });

  test('prints why an input was refused, which the server holds encrypted', async () => {
    const { exit, stdout, stderr } = await start('acme', idOf('refused'), 'no address').ended;
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
    expect(stderr).toContain('invalid-input: subject.email takes one e-mail address');
    const named = await start('no connection', idOf('refused'), subjectEmail).ended;
    expect(named).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('invalid-input: connection takes 1 to 64'),
    });
    const { failure } = await storedHistory(`dsr:acme:access:${idOf('refused')}`);
    expect(failure?.message).toBe('Encoded failure');
    expect(headOf(failure?.encodedAttributes).encoding).toBe('binary/encrypted');
  });

  test('tells that a request waits for credentials, and that it was cancelled meanwhile', async () => {
    const workflowId = `dsr:locked:access:${idOf('waits')}`;
    const waiting = start('locked', idOf('waits'), subjectEmail);
    await until('the program tells that it waits', () => waiting.stderr().includes('waiting for credentials'));
    const { exit } = await operator.run(['cancel', workflowId]);
    expect(exit).toBe(0);
    const ran = await waiting.ended;
    expect(ran).toMatchObject({ exit: 1, stderr: expect.stringContaining('the request ended as cancelled') });
    const printed = printedSchema.parse(JSON.parse(ran.stdout));
    expect(printed).toEqual(await toldByUs(workflowId));
    expect(printed.status).toBe('cancelled');
  });

  test('without the key file says what to do, and starts nothing', async () => {
    const workflowId = `dsr:acme:access:${idOf('keyless')}`;
    const { exit, stderr } = await start('acme', idOf('keyless'), subjectEmail, { AIRCALL_DSR_KEYS: '' }).ended;
    expect({ exit, stderr }).toEqual({ exit: 1, stderr: expect.stringContaining('keys-missing: ') });
    await expect(readsAsStored.workflow.getHandle(workflowId).describe()).rejects.toThrow('not found');
  });
});

/**
 * The command line as an operator meets it: real processes of dist/src/cli.js with a vault, a key file and a task queue of
 * their own. Whatever a process prints is searched for secrets when it ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { until } from './requests';

const CLI = join(__dirname, '../../dist/src/cli.js');
/** A command that hangs is killed, and its test fails with an exit code of null. */
const ENDS_WITHIN_MS = 50_000;

export interface Ran {
  /** Null where a signal ended it. */
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Environment = Readonly<Record<string, string>>;

export interface RunningCommand {
  readonly pid: number;
  /** What it printed so far. */
  stdout(): string;
  stderr(): string;
  /** Writes to its stdin, as somebody at the terminal. */
  type(text: string): void;
  /** Ends its stdin. */
  hangUp(): void;
  /** Waits for its own end. */
  ended(): Promise<Ran>;
  /** Sends a signal and waits for the end. */
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<Ran>;
}

export interface Operator {
  readonly folder: string;
  readonly taskQueue: string;
  /** Also the environment of processes that a test starts by itself. */
  readonly environment: Environment;
  /** Runs a command to its end. */
  run(args: readonly string[], environment?: Environment): Promise<Ran>;
  /** Runs a command with --json and answers its exit code and its document, which must be all of stdout. */
  ask(args: readonly string[], environment?: Environment): Promise<{ exit: number | null; document: unknown }>;
  /** Starts a worker; resolves when it is ready. */
  startWorker(environment?: Environment): Promise<RunningCommand>;
  /** Starts a command that runs until a signal; resolves when it has printed something like `ready`. */
  serve(args: readonly string[], ready: RegExp, environment?: Environment): Promise<RunningCommand>;
  /** What no output may hold; key material of the key file is always looked for. */
  keepSecret(...secrets: readonly string[]): void;
  /** Kills what is left and removes the folder. */
  stop(): Promise<void>;
}

const errorSchema = z.strictObject({
  error: z.strictObject({ code: z.string().regex(/^[a-z-]+$/), message: z.string().min(10) }),
});

export const errorOf = (document: unknown) => errorSchema.parse(document).error;

/** `environment` is for all its commands, where it is not the run's server that they are to ask. */
export function createOperator(environment: Environment = {}): Operator {
  const folder = mkdtempSync(join(tmpdir(), 'aircall-dsr-cli-'));
  const taskQueue = `c${randomBytes(5).toString('hex')}`;
  const keyFile = join(folder, 'keys.json');
  const secrets: string[] = [];
  const running = new Set<Process>();
  const inherited = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || /^(AIRCALL|TEMPORAL|NODE_OPTIONS)/.test(name) ? [] : [[name, value] as const],
  );
  const own: Environment = {
    ...Object.fromEntries(inherited),
    TEMPORAL_ADDRESS: temporalAddress(),
    AIRCALL_DSR_KEYS: keyFile,
    AIRCALL_DSR_VAULT: join(folder, 'vault'),
    AIRCALL_DSR_TASK_QUEUE: taskQueue,
    ...environment,
  };

  function start(args: readonly string[], more: Environment, serves = false): Process {
    const started = startProcess(args, { ...own, ...more }, serves);
    running.add(started);
    void started.ended.finally(() => running.delete(started));
    return started;
  }

  async function checked(ended: Promise<Ran>): Promise<Ran> {
    const ran = await ended;
    const told = ran.stdout + ran.stderr;
    for (const secret of [...secrets, ...keyMaterial(folder)]) expect(told).not.toContain(secret);
    return ran;
  }

  const operator: Operator = {
    folder,
    taskQueue,
    environment: own,
    run: (args, more = {}) => checked(start(args, more).ended),
    async ask(args, more = {}) {
      const { exit, stdout } = await operator.run([...args, '--json'], more);
      const document: unknown = JSON.parse(stdout);
      return { exit, document };
    },
    startWorker: more => operator.serve(['worker'], /^ready$/m, more),
    async serve(args, ready, more = {}) {
      const command = start(args, more, true);
      await until(`${args[0]} is ready`, () => {
        if (!running.has(command)) throw new Error(`${args[0]} ended: ${command.stderr()}`);
        return ready.test(command.stderr() + command.stdout());
      });
      return {
        pid: command.child.pid ?? 0,
        stdout: command.stdout,
        stderr: command.stderr,
        type: text => void command.child.stdin?.write(text),
        hangUp: () => void command.child.stdin?.end(),
        ended: () => checked(command.ended),
        end(signal) {
          command.child.kill(signal);
          return checked(command.ended);
        },
      };
    },
    keepSecret(...more) {
      secrets.push(...more);
    },
    async stop() {
      const left = [...running];
      for (const { child } of left) child.kill('SIGKILL');
      await Promise.all(left.map(({ ended }) => ended));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return operator;
}

function temporalAddress(): string {
  const { TEST_TEMPORAL_ADDRESS: address } = process.env;
  if (address === undefined) throw new Error('run the tests with `npm test`, whose set-up starts the server');
  return address;
}

interface Process {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
  stdout(): string;
  stderr(): string;
}

function startProcess(args: readonly string[], env: Environment, serves: boolean): Process {
  const child = spawn(process.execPath, [CLI, ...args], { env, stdio: [serves ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
  const told = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      told[name] += text;
    });
  }
  const timer = serves ? undefined : setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS);
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', exit => {
      clearTimeout(timer);
      resolve({ exit, ...told });
    });
  });
  return { child, ended, stdout: () => told.stdout, stderr: () => told.stderr };
}

const keyFileSchema = z.object({
  keys: z.array(z.object({ key: z.string() })),
  hashKey: z.string(),
  signing: z.array(z.object({ key: z.string() })).default([]),
});

/** The keys of all key files of a folder. */
export function keyMaterial(folder: string): string[] {
  return readdirSync(folder)
    .filter(name => name.startsWith('keys'))
    .flatMap(name => {
      const { keys, hashKey, signing } = keyFileSchema.parse(JSON.parse(readFileSync(join(folder, name), 'utf8')));
      return [hashKey, ...[...keys, ...signing].map(({ key }) => key)];
    });
}

/** What is read of a result; unknown fields fail, so that the contract's shape is the whole shape. */
const gaps = z.array(z.strictObject({ code: z.string(), count: z.number().int().optional() }));
const state = z.enum(['complete', 'partial', 'failed', 'skipped']);
const counts = z.strictObject({
  contacts: z.number().int(),
  calls: z.number().int().optional(),
  deleted: z.number().int().optional(),
  alreadyAbsent: z.number().int().optional(),
  refused: z.number().int(),
  failed: z.number().int(),
});
const kind = z.enum(['access', 'deletion']);
const finalStatus = z.enum(['completed', 'partial', 'no-match', 'cancelled', 'failed', 'purged']);
const packageRef = z.strictObject({
  uri: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().positive(),
});

export const resultSchema = z.strictObject({
  requestId: z.string(),
  kind,
  status: finalStatus,
  counts,
  outcomes: z.array(
    z.strictObject({
      record: z.string().regex(/^(unreadable )?(contact|call) \d+$/),
      outcome: z.enum(['deleted', 'already-absent', 'refused', 'unsupported', 'failed']),
      code: z.string().optional(),
    }),
  ),
  coverage: z.strictObject({
    contacts: z.strictObject({ state, gaps }),
    calls: z
      .strictObject({
        state,
        gaps,
        window: z.strictObject({ from: z.iso.datetime().nullable(), to: z.iso.datetime() }),
        ambiguous: z.number().int(),
        ignoredNumbers: z.number().int(),
      })
      .optional(),
    outOfReach: z.array(z.string()).min(1),
  }),
  apiRequests: z.number().int(),
  startedAt: z.iso.datetime(),
  completedAt: z.iso.datetime(),
  package: packageRef.optional(),
  verification: z
    .strictObject({ state: z.enum(['verified', 'residual', 'skipped']), checkedAt: z.iso.datetime().nullable() })
    .optional(),
  planDigest: z.string().optional(),
  plan: z.strictObject({ counts: z.strictObject({ contacts: z.number().int() }) }).optional(),
  purged: z.strictObject({ at: z.iso.datetime(), status: finalStatus }).optional(),
  failure: z.strictObject({ code: z.string(), message: z.string() }).optional(),
});

export const startedSchema = z.strictObject({
  requestId: z.string(),
  workflowId: z.string().regex(/^dsr:/),
  runId: z.uuid(),
});

export const statusSchema = z.strictObject({
  requestId: z.string(),
  workflowId: z.string(),
  kind,
  status: z.union([z.enum(['running', 'waiting']), finalStatus]),
  phase: z.string(),
  counts,
  apiRequests: z.number().int().optional(),
  waitingFor: z.strictObject({ cause: z.string(), until: z.iso.datetime().optional() }).optional(),
  planDigest: z.string().optional(),
  retrying: z
    .array(
      z.strictObject({
        step: z.string(),
        code: z.string(),
        attempts: z.number().int().positive(),
        nextAt: z.iso.datetime().optional(),
      }),
    )
    .optional(),
  result: resultSchema.optional(),
});

export const listSchema = z.strictObject({
  requests: z.array(
    z.strictObject({
      requestId: z.string(),
      workflowId: z.string(),
      connection: z.string(),
      kind,
      status: z.string(),
      startedAt: z.iso.datetime(),
    }),
  ),
});

export const savedSchema = packageRef.extend({ out: z.string() });

export const connectionsSchema = z.strictObject({
  disconnected: z.array(
    z.strictObject({
      connection: z.string(),
      company: z.string().nullable(),
      waitingRequests: z.number().int().nullable(),
    }),
  ),
  connections: z.array(
    z.strictObject({
      connection: z.string(),
      company: z.string().nullable(),
      state: z.enum(['served', 'no-worker', 'unknown', 'paused', 'credentials-refused']),
      baseUrl: z.url(),
      credential: z.enum(['api-key', 'oauth']),
      connectedAt: z.iso.datetime(),
      pausedAt: z.iso.datetime().nullable(),
      refusedAt: z.iso.datetime().nullable(),
      waitingRequests: z.number().int().nullable(),
      budget: z.strictObject({
        limitPerMinute: z.union([z.number(), z.literal('auto')]),
        share: z.number(),
        observedLimitPerMinute: z.number().nullable(),
        configuredPerMinute: z.number(),
        effectivePerMinute: z.number().nullable(),
      }),
      backlog: z.strictObject({ steps: z.number().int(), oldestSeconds: z.number() }).nullable(),
      rateLimited: z.strictObject({ count: z.number().int(), lastAt: z.iso.datetime().nullable() }),
    }),
  ),
});

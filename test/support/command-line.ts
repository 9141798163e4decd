/**
 * The command line as an operator meets it, with a vault, a key file and a task queue of their own. Commands run in this
 * process, with streams, signals and variables of a test; what only a process shows (exit codes, signals, pipes) is asked of
 * real ones of dist/src/cli.js. Whatever a command prints is searched for secrets when it ends.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import { runCli } from '../../src/commands/program';
import { makeFolder, removeFolder } from './folders';
import { PATIENCE_MS, until } from './patience';
import { installRuntime, environment as required } from './service';

/** More often than for an operator, who has more patience. */
const POLL_MS = 500;

const CLI = join(__dirname, '../../dist/src/cli.js');

export interface Ran {
  /** Null if a signal ended it. */
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Environment = Readonly<Record<string, string>>;

export interface RunningCommand {
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
  end(signal: 'SIGTERM' | 'SIGINT'): Promise<Ran>;
}

export interface RunningProcess extends Omit<RunningCommand, 'end'> {
  readonly pid: number;
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<Ran>;
}

export interface Operator {
  readonly folder: string;
  readonly taskQueue: string;
  /** Also the environment of processes that a test starts by itself. */
  readonly environment: Environment;
  /** Runs a command to its end, with `stdin` typed or piped into it. */
  run(args: readonly string[], environment?: Environment, stdin?: string | Uint8Array): Promise<Ran>;
  /** Runs a command with --json and answers its exit code and its document, which must be all of stdout. */
  ask(
    args: readonly string[],
    environment?: Environment,
    stdin?: string | Uint8Array,
  ): Promise<{ exit: number | null; document: unknown }>;
  /** Runs a command at a terminal, where it asks before what nobody can undo; `typed` is all that somebody types. */
  runAtTerminal(args: readonly string[], typed: string): Promise<Ran>;
  /** Starts a worker; resolves when it is ready. */
  startWorker(environment?: Environment): Promise<RunningCommand>;
  /** Starts a command that runs until a signal; resolves when it has printed something like `ready`. */
  serve(args: readonly string[], ready: RegExp, environment?: Environment): Promise<RunningCommand>;
  /** The same as processes. */
  readonly processes: {
    run(args: readonly string[], environment?: Environment): Promise<Ran>;
    startWorker(environment?: Environment): Promise<RunningProcess>;
    serve(args: readonly string[], ready: RegExp, environment?: Environment): Promise<RunningProcess>;
  };
  /** What no output may hold; key material of the key file is always looked for. */
  keepSecret(...secrets: readonly string[]): void;
  /** Ends what is left and removes the folder. */
  stop(): Promise<void>;
}

/** `environment` is for all its commands, if it is not the run's server that they are to ask. */
export function createOperator(environment: Environment = {}): Operator {
  const folder = makeFolder();
  const taskQueue = `c${randomBytes(5).toString('hex')}`;
  const secrets: string[] = [];
  const running = new Set<Command>();
  const inherited = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || /^(AIRCALL|TEMPORAL|NODE_OPTIONS)/.test(name) ? [] : [[name, value] as const],
  );
  const own: Environment = {
    ...Object.fromEntries(inherited),
    TEMPORAL_ADDRESS: environment.TEMPORAL_ADDRESS ?? required('TEST_TEMPORAL_ADDRESS'),
    AIRCALL_DSR_KEYS: join(folder, 'keys.json'),
    AIRCALL_DSR_VAULT: join(folder, 'vault'),
    AIRCALL_DSR_TASK_QUEUE: taskQueue,
    ...environment,
  };

  function track<C extends Command>(command: C): C {
    running.add(command);
    void command.ended.finally(() => running.delete(command)).catch(() => {});
    return command;
  }
  const inProcess = (args: readonly string[], more: Environment = {}) => track(startHere(args, { ...own, ...more }));
  const apart = (args: readonly string[], more: Environment = {}, stdin: 'pipe' | 'ignore' = 'ignore') =>
    track(startProcess(args, { ...own, ...more }, stdin));

  async function checked(ended: Promise<Ran>): Promise<Ran> {
    const ran = await ended;
    const printed = ran.stdout + ran.stderr;
    for (const secret of [...secrets, ...keyMaterial(folder)]) expect(printed).not.toContain(secret);
    return ran;
  }

  /** Resolves when it has printed something like `ready`. */
  async function untilReady<C extends Command>(name: string | undefined, command: C, ready: RegExp) {
    await until(`${name} is ready`, () => {
      if (!running.has(command)) throw new Error(`${name} ended: ${command.stderr()}`);
      return ready.test(command.stderr() + command.stdout());
    });
    return {
      stdout: command.stdout,
      stderr: command.stderr,
      type: (text: string) => void command.stdin?.write(text),
      hangUp: () => void command.stdin?.end(),
      ended: () => checked(command.ended),
      end(signal: NodeJS.Signals) {
        command.signal(signal);
        return checked(command.ended);
      },
    };
  }

  const operator: Operator = {
    folder,
    taskQueue,
    environment: own,
    run(args, more, stdin) {
      const command = inProcess(args, more);
      if (stdin !== undefined) command.stdin?.end(stdin);
      return checked(command.ended);
    },
    runAtTerminal(args, typed) {
      const command = track(startHere(args, own, 'terminal'));
      command.stdin?.end(typed);
      return checked(command.ended);
    },
    async ask(args, more, stdin) {
      const { exit, stdout } = await operator.run([...args, '--json'], more, stdin);
      const document: unknown = JSON.parse(stdout);
      return { exit, document };
    },
    startWorker: more => operator.serve(['worker'], /^ready$/m, more),
    serve: (args, ready, more) => untilReady(args[0], inProcess(args, more), ready),
    processes: {
      run: (args, more) => checked(apart(args, more).ended),
      startWorker: more => operator.processes.serve(['worker'], /^ready$/m, more),
      async serve(args, ready, more) {
        const command = apart(args, more, 'pipe');
        return { pid: command.pid, ...(await untilReady(args[0], command, ready)) };
      },
    },
    keepSecret(...more) {
      secrets.push(...more);
    },
    async stop() {
      const left = [...running];
      for (const command of left) command.signal('SIGKILL');
      await Promise.all(left.map(({ ended }) => ended));
      removeFolder(folder);
    },
  };
  return operator;
}

/** Runs a command in this process with no variable set: for somebody who has files and nothing else of the service. */
export const runAlone = (args: readonly string[]): Promise<Ran> => startHere(args, {}).ended;

/** A command under way. */
interface Command {
  readonly stdin: NodeJS.WritableStream | null;
  readonly ended: Promise<Ran>;
  stdout(): string;
  stderr(): string;
  signal(signal: NodeJS.Signals): void;
}

/** A command in this process. Any signal asks it to stop: nothing here can be killed. */
function startHere(args: readonly string[], env: Environment, at: 'pipe' | 'terminal' = 'pipe'): Command {
  const printed = { stdout: '', stderr: '' };
  const isTTY = at === 'terminal';
  const stdin = Object.assign(new PassThrough(), { isTTY });
  const interruptions = new Set<AbortController>();
  const stream = (name: keyof typeof printed) => ({
    isTTY,
    write(text: string) {
      printed[name] += text;
    },
  });
  const io = {
    stdin,
    pollMs: POLL_MS,
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    interruption() {
      const controller = new AbortController();
      interruptions.add(controller);
      return { signal: controller.signal, forget: () => void interruptions.delete(controller) };
    },
    async installRuntime() {
      installRuntime();
      return undefined;
    },
  };
  const ended = runCli(args, io, env).then(ending => ({
    exit: typeof ending === 'number' ? ending : ending.atOnce,
    ...printed,
  }));
  return {
    stdin,
    ended,
    stdout: () => printed.stdout,
    stderr: () => printed.stderr,
    signal() {
      stdin.end();
      for (const controller of interruptions) controller.abort();
    },
  };
}

/** A command in a process of its own. One that does not end is killed, and its test fails with an exit code of null. */
function startProcess(
  args: readonly string[],
  env: Environment,
  stdin: 'pipe' | 'ignore',
): Command & { readonly pid: number } {
  const child = spawn(process.execPath, [CLI, ...args], { env, stdio: [stdin, 'pipe', 'pipe'] });
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      printed[name] += text;
    });
  }
  const timer = stdin === 'pipe' ? undefined : setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  const ended = once(child, 'close').then(([exit]) => {
    clearTimeout(timer);
    return { exit: typeof exit === 'number' ? exit : null, ...printed };
  });
  return {
    pid: child.pid ?? 0,
    stdin: child.stdin,
    ended,
    stdout: () => printed.stdout,
    stderr: () => printed.stderr,
    signal: signal => void child.kill(signal),
  };
}

const keyFileSchema = z.object({
  keys: z.array(z.object({ payload: z.string(), vault: z.string().optional() })),
  hashKey: z.string().optional(),
  signing: z.array(z.object({ key: z.string().optional() })).default([]),
});

/** The keys of all key files of a folder. */
export function keyMaterial(folder: string): string[] {
  return readdirSync(folder)
    .filter(name => name.startsWith('keys'))
    .flatMap(name => {
      const { keys, hashKey, signing } = keyFileSchema.parse(JSON.parse(readFileSync(join(folder, name), 'utf8')));
      const pairs = keys.flatMap(({ payload, vault }) => [payload, vault]);
      return [hashKey, ...pairs, ...signing.map(({ key }) => key)].filter(key => key !== undefined);
    });
}

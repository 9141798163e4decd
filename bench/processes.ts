/** Processes of a benchmark: started, waited for, killed by their own pid. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { note } from './note';

export interface ProcessOptions {
  /** For messages. */
  readonly label: string;
  /** The compiled file, seen from dist/bench. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Options of Node itself, such as a profiler's. */
  readonly nodeArgs?: readonly string[];
}

export interface Process {
  readonly pid: number;
  /** kill -9; resolves when it has ended. */
  kill(): Promise<void>;
  /** SIGTERM: it may finish what it does; resolves when it has ended. */
  end(): Promise<void>;
}

/** Resolves when the process says `ready` on stderr; its other lines are passed on. @throws where it ends before */
export async function startProcess({ label, script, args, env, nodeArgs = [] }: ProcessOptions): Promise<Process> {
  const child = spawn(process.execPath, [...nodeArgs, join(__dirname, script), ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  const ready = new Promise<void>(resolve => {
    createInterface({ input: child.stderr }).on('line', line => {
      if (line === 'ready') resolve();
      else note(`[${label}] ${line}`);
    });
  });
  await Promise.race([ready, ended.then(([code]) => Promise.reject(new Error(`${label} ended early (exit ${code})`)))]);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${label} has no pid`);
  return {
    pid,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async end() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

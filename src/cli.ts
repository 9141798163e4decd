#!/usr/bin/env node
/** The executable: runs the command line with the streams, signals and variables of this process. */
import './small-heap';
import { runCli } from './commands/program';
import type { Interruption } from './commands/terminal';

// The reader of our output may stop reading (`| head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(1);
});

const io = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  interruption,
  installRuntime: async (...how: Parameters<typeof import('./commands/runtime').installRuntime>) =>
    (await import('./commands/runtime.js')).installRuntime(...how),
};

runCli(process.argv.slice(2), io, process.env).then(ending => {
  if (typeof ending === 'number') process.exitCode = ending;
  else process.stdout.write('', () => process.exit(ending.atOnce));
});

function interruption(): Interruption {
  const controller = new AbortController();
  const stop = () => {
    forget();
    controller.abort();
  };
  const forget = () => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop);
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, stop);
  return { signal: controller.signal, forget };
}

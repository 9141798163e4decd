/**
 * Runs benchmarks: `npm run bench [-- name ... [options]]`; without a name, all. A table and the verdict go to stdout,
 * progress to stderr, all figures to bench/results/<name>.json, a picture beside it. Ends with 1 where a bar was missed.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { installRuntime } from '../src/commands/runtime';
import { table } from '../src/commands/terminal';
import { createLog } from '../src/log';
import type { Benchmark } from './benchmark';
import { budget } from './budget';
import { connections } from './connections';
import { engine } from './engine';
import { latency } from './latency';
import { note, noteError } from './note';
import { receipts } from './receipts';
import { requests } from './requests';
import { retention } from './retention';
import { size } from './size';
import { waits } from './waits';

const BENCHMARKS: ReadonlyMap<string, Benchmark> = new Map([
  ['budget', budget],
  ['requests', requests],
  ['engine', engine],
  ['connections', connections],
  ['latency', latency],
  ['size', size],
  ['waits', waits],
  ['receipts', receipts],
  ['retention', retention],
]);
/** Seen from dist/bench. */
const RESULTS = join(__dirname, '../../bench/results');

async function main(args: readonly string[]): Promise<void> {
  const firstOption = args.findIndex(arg => arg.startsWith('-'));
  const named = args.slice(0, firstOption === -1 ? args.length : firstOption);
  const options = args.slice(named.length);
  const names = named.length === 0 ? [...BENCHMARKS.keys()] : named;
  const unknown = names.filter(name => !BENCHMARKS.has(name));
  if (unknown.length > 0) {
    note(`There is no benchmark ${unknown.join(', ')}. There are:`);
    for (const [name, { about }] of BENCHMARKS) note(`  ${name}  ${about}`);
    process.exitCode = 2;
    return;
  }

  installRuntime(createLog('text', note));
  const asked = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => asked.abort());
  for (const name of names) {
    const startedAt = new Date().toISOString();
    const report = await BENCHMARKS.get(name)?.run(options, asked.signal);
    if (report === undefined) continue;
    const { rows, missed, measured, picture } = report;
    const verdict = missed.length === 0 ? ['The bar is met.'] : missed.map(sentence => `MISSED: ${sentence}`);
    process.stdout.write(`${[`${name} ${options.join(' ')}`.trim(), ...table(rows), ...verdict].join('\n')}\n`);
    if (missed.length > 0) process.exitCode = 1;
    mkdirSync(RESULTS, { recursive: true });
    const machine = { processors: availableParallelism(), loadAverage: loadavg(), node: process.version };
    const document = { benchmark: name, options, startedAt, machine, missed, ...measured };
    writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(document, null, 2)}\n`);
    if (picture !== undefined) writeFileSync(join(RESULTS, `${name}.svg`), picture);
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  noteError(error);
  // All is cleaned up by now; a client that still retries would only throw.
  process.exit(1);
});

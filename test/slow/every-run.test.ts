/**
 * The service's ordinary tests once more. At the end of each file, every run that it made is replayed from its history: the
 * test fails if a workflow decides otherwise the second time.
 *
 * Workers that keep no workflow between its tasks would show the same, but they can hang: once, version 1.24.0 of the SDK
 * logged a bug of its own (an eviction with unreported commands; sdk-rust, pull request 1482), and 8 tests waited in vain.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
/**
 * One measures rates, which a replay beside it would change. One replays its runs itself, and destroys a key. Three use the
 * time-skipping server, which lists no runs.
 */
const APART = ['budget.test.ts', 'rotation.test.ts', 'clock.test.ts', 'late-media.test.ts', 'time.test.ts'];

test('every run that the service tests make replays', () => {
  const files = readdirSync(join(ROOT, 'test/service')).filter(name => !APART.includes(name));
  expect(files.length).toBeGreaterThan(12);
  const args = ['jest', '--config=jest.files.config.js', ...files.map(name => `test/service/${name}`)];
  const env = { ...process.env, TEST_REPLAY_EVERY_RUN: '1' };
  const { status, stderr } = spawnSync('npx', args, { cwd: ROOT, env, encoding: 'utf8' });
  const replayed = [...stderr.matchAll(/(\d+) runs replayed/g)].map(([, runs]) => Number(runs));
  expect({ status, failures: status === 0 ? [] : failuresIn(stderr) }).toEqual({ status: 0, failures: [] });
  expect(replayed.length).toBeGreaterThanOrEqual(files.length);
  const runs = replayed.reduce((sum, some) => sum + some, 0);
  expect(runs).toBeGreaterThan(100);
  process.stderr.write(`${runs} runs of ${files.length} files: each replays\n`);
});

/** What Jest printed of each failed test, without all the rest. */
function failuresIn(printed: string): string[] {
  return printed
    .split('\n  ● ')
    .slice(1)
    .filter(part => !part.startsWith('Console'))
    .map(failure => failure.slice(0, 2_000));
}

/**
 * The service's ordinary tests once more, on workers that keep no workflow between its tasks: every task then replays the
 * whole history, so that whatever a workflow decides otherwise the second time ends a test.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
/** What is about the cache, the clock of a budget, or a worker's own memory, and the same either way. */
const SUITES = ['access', 'deletion', 'cancel', 'faults', 'idempotency', 'long-lists', 'held-connections', 'retention'];

test('they pass', () => {
  const files = SUITES.map(name => `test/service/${name}.test.ts`);
  const env = { ...process.env, TEST_NO_WORKFLOW_CACHE: '1' };
  const { status, stderr } = spawnSync('npx', ['jest', '--runInBand', ...files], { cwd: ROOT, env, encoding: 'utf8' });
  expect({ status, told: status === 0 ? '' : stderr }).toEqual({ status: 0, told: '' });
});

/**
 * The service's ordinary tests once more, on workers that keep no workflow between its tasks: every task then replays the
 * whole history, so that whatever a workflow decides otherwise the second time ends a test.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
/** One measures rates, the other starts many requests at once and waits for all: a replay for each task slows both down. */
const APART = ['budget.test.ts', 'revoked-anywhere.test.ts'];

test('they pass', () => {
  const files = readdirSync(join(ROOT, 'test/service')).filter(name => !APART.includes(name));
  expect(files.length).toBeGreaterThan(15);
  const env = { ...process.env, TEST_NO_WORKFLOW_CACHE: '1' };
  const args = ['jest', '--config=jest.files.config.js', ...files.map(name => `test/service/${name}`)];
  const { status, stderr } = spawnSync('npx', args, { cwd: ROOT, env, encoding: 'utf8' });
  expect({ status, told: status === 0 ? '' : stderr }).toEqual({ status: 0, told: '' });
});

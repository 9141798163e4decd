/**
 * Histories of every scenario, recorded by released and present versions, replay with the workflows of today: requests that
 * have waited for weeks go on after an upgrade. They are only ever added to.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { historyFromJson } from '../../src/audit/history-json';
import { replay } from '../../src/audit/replay';
import { environment, installRuntime } from '../support/service';
import { HISTORIES, readableIn, SCENARIOS } from './scenarios';

const FILES = readdirSync(HISTORIES).sort();
const textOf = (file: string) => readFileSync(join(HISTORIES, file), 'utf8');
const recordedIn = (files: readonly string[]) => files.map(name => ({ name, history: historyFromJson(textOf(name)) }));
const BUNDLE = environment('TEST_WORKFLOW_BUNDLE');

beforeAll(() => installRuntime());

test('every scenario has a history, and every history is of a scenario', () => {
  const recorded = new Set(FILES.map(file => file.split('.')[0] ?? ''));
  expect([...recorded].sort()).toEqual(Object.keys(SCENARIOS).sort());
  for (const [name, { ends }] of Object.entries(SCENARIOS)) {
    const texts = FILES.filter(file => file.startsWith(`${name}.`)).map(textOf);
    expect(texts.join('\n')).toContain(ends);
  }
  expect(FILES.filter(file => !/\.0\.json$/.test(file)).length).toBeGreaterThan(0); // children of long lists too
});

test('all of them replay, without any key', async () => {
  const verdicts = await replay(recordedIn(FILES), { workflowBundle: { codePath: BUNDLE } });
  expect(verdicts).toHaveLength(FILES.length);
  expect(verdicts.filter(({ verdict }) => verdict !== 'same')).toEqual([]);
});

test('a workflow that would do something else than it did is found out, with the event that differs', async () => {
  const changed = join(process.env.TEST_WORKFLOW_BUNDLE ?? '', '..', `changed-${process.pid}.js`);
  writeFileSync(changed, readFileSync(BUNDLE, 'utf8').replaceAll('searchContacts', 'lookForContacts'));
  const files = FILES.filter(file => file.startsWith('access-completed.'));
  const [verdict] = await replay(recordedIn(files), { workflowBundle: { codePath: changed } });
  expect(verdict).toMatchObject({ verdict: 'differs', event: expect.stringContaining('searchContacts') });
});

test('nothing in them is personal, or of the machine that recorded them', () => {
  const personal = new Set(Object.values(SCENARIOS).flatMap(({ personal: values = [] }) => values));
  expect(personal.size).toBeGreaterThan(1);
  for (const file of FILES) {
    const readable = readableIn(textOf(file));
    for (const value of personal) expect(readable).not.toContain(value);
    expect(readable).not.toMatch(/node_modules|file:\/\/|"identity": "(?!process \d+")[^"]/);
  }
});

test('none that was committed was changed or removed since', () => {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: HISTORIES, encoding: 'utf8' }).trim();
  expect(git('log', '--diff-filter=MDR', '--no-renames', '--format=%h', '--', '.')).toBe('');
  expect(git('diff', '--name-only', 'HEAD', '--diff-filter=MD', '--', '.')).toBe('');
});

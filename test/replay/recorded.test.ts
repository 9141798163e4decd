/**
 * Histories of every scenario, recorded by released and present versions, replay with the workflows of today: requests that
 * have waited for weeks go on after an upgrade. They are only ever added to.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type History, historyFromJson } from '../../src/audit/history-json';
import { type Recorded, replay } from '../../src/audit/replay';
import { makeFolder, removeFolder } from '../support/folders';
import { environment, installRuntime } from '../support/service';
import { HISTORIES, readableIn, SCENARIOS } from './scenarios';

const FILES = readdirSync(HISTORIES).sort();
const FIRST_RELEASE = 'v1.0.0';
const textOf = (file: string) => readFileSync(join(HISTORIES, file), 'utf8');
const recordedIn = (files: readonly string[]) => files.map(name => ({ name, history: historyFromJson(textOf(name)) }));
const BUNDLE = environment('TEST_WORKFLOW_BUNDLE');
const workflowBundle = { codePath: BUNDLE };

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

test('all of them replay to their ends, without any key', async () => {
  const begunMs = Date.now();
  const verdicts = await replay(recordedIn(FILES), { workflowBundle });
  expect(verdicts).toHaveLength(FILES.length);
  expect(verdicts.filter(({ verdict, closed }) => verdict !== 'same' || !closed)).toEqual([]);
  const scenarios = Object.keys(SCENARIOS).length;
  console.log(`replay: ${scenarios} scenarios, ${FILES.length} histories, ${Date.now() - begunMs} ms`);
});

/** What the steps of a history returned, and where it is. */
function returnedIn(history: History | undefined) {
  const payloads = (history?.events ?? []).flatMap(event => [
    ...(event.activityTaskCompletedEventAttributes?.result?.payloads ?? []),
    ...(event.markerRecordedEventAttributes?.details?.result?.payloads ?? []),
  ]);
  return payloads.map(payload => {
    const message: { activity: string } = JSON.parse(Buffer.from(payload.data ?? []).toString());
    return { payload, message, activity: message.activity };
  });
}

describe('a history', () => {
  const HISTORY = 'deletion-completed.0.json';
  const changed = (change: (history: History) => void): Recorded => {
    const history = historyFromJson(textOf(HISTORY));
    change(history);
    return { name: HISTORY, history };
  };

  test('whose result was forged differs, although each of its events is where it was', async () => {
    const forged = changed(({ events }) => {
      const [payload] = events?.at(-1)?.workflowExecutionCompletedEventAttributes?.result?.payloads ?? [];
      Object.assign(payload ?? {}, { data: Buffer.from('{"status":"no-match"}') });
    });
    expect(await replay([forged], { workflowBundle })).toMatchObject([
      { verdict: 'differs', event: expect.stringContaining('result') },
    ]);
  });

  test('in which a child returned what another run returned differs: the request does not use it', async () => {
    const [recorded] = recordedIn(['access-company-with-children.0.json']);
    const [payload] = (recorded?.history.events ?? []).flatMap(
      ({ childWorkflowExecutionCompletedEventAttributes: ended }) => ended?.result?.payloads ?? [],
    );
    const report = JSON.parse(Buffer.from(payload?.data ?? []).toString());
    expect(report.workflowId).toMatch(/:pages:1$/);
    Object.assign(payload ?? {}, { data: Buffer.from(JSON.stringify({ ...report, workflowId: 'another' })) });
    expect(await replay(recorded ? [recorded] : [], { workflowBundle })).toMatchObject([{ verdict: 'differs' }]);
  });

  test('in which a step returned what it does not return differs: no workflow uses that', async () => {
    const changed = new Map<string, Recorded>();
    for (const name of FILES) {
      for (const { activity } of returnedIn(recordedIn([name])[0]?.history)) {
        if (changed.has(activity)) continue;
        const [recorded] = recordedIn([name]);
        // All of them: of two approvals only the last one decides what the request does next.
        for (const { payload, message } of returnedIn(recorded?.history).filter(step => step.activity === activity)) {
          // Something where a step returns nothing; otherwise of another shape.
          Object.assign(payload ?? {}, { data: Buffer.from(JSON.stringify({ ...message, result: [] })) });
        }
        if (recorded) changed.set(activity, { ...recorded, name: `${activity} in ${name}` });
      }
    }
    expect(changed.size).toBeGreaterThan(15);
    const verdicts = await replay([...changed.values()], { workflowBundle });
    const same = verdicts.flatMap(({ verdict, name }) => (verdict === 'same' ? name.split(' ').slice(0, 1) : []));
    const returnNothing = ['noteCancellation', 'raiseAlarm'];
    expect(same.filter(step => !returnNothing.includes(step))).toEqual([]);
  });

  test('that was cut off replays so far and is not closed, or nothing was decided in it', async () => {
    const cut = [1, 2, 3, 4, 20].map(length => changed(({ events }) => events?.splice(length)));
    const nothing = { verdict: 'unreadable', closed: false, event: 'it has no decision' };
    const soFar = { verdict: 'same', closed: false };
    expect(await replay(cut, { workflowBundle })).toMatchObject([nothing, nothing, nothing, soFar, soFar]);
  });

  test('whose replay does not end in time is unreadable', async () => {
    expect(await replay(recordedIn([HISTORY]), { workflowBundle, timeoutMs: 0 })).toMatchObject([
      { verdict: 'unreadable', event: expect.stringContaining('did not end in time') },
    ]);
  });
});

test('a workflow that would do something else than it did is found out, with the event that differs', async () => {
  const folder = makeFolder();
  const changed = join(folder, 'changed.js');
  writeFileSync(changed, readFileSync(BUNDLE, 'utf8').replaceAll('searchContacts', 'lookForContacts'));
  const files = FILES.filter(file => file.startsWith('access-completed.'));
  const [verdict] = await replay(recordedIn(files), { workflowBundle: { codePath: changed } }).finally(() =>
    removeFolder(folder),
  );
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

describe('histories of the first release and later', () => {
  test('were never changed or removed', () => {
    expect(changesOf(HISTORIES)).toEqual([]);
  });

  test('that are changed by a commit, by a merge alone or by nobody yet are found out; a shallow clone shows nothing', () => {
    const folder = makeFolder();
    const git = (...args: string[]) => gitIn(folder, '-c', 'user.name=x', '-c', 'user.email=x@example.com', ...args);
    const commit = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      git('add', '.');
      git('commit', '--quiet', '--message', name);
    };
    git('init', '--quiet', '--initial-branch', 'main');
    commit('one.json', '0');
    commit('one.json', '1'); // before the first release it may change
    git('tag', FIRST_RELEASE);
    git('switch', '--quiet', '--create', 'other');
    commit('two.json', '2');
    git('switch', '--quiet', 'main');
    commit('three.json', '3');
    git('merge', '--quiet', '--no-edit', 'other');
    expect(changesOf(folder)).toEqual([]);
    writeFileSync(join(folder, 'one.json'), 'changed');
    expect(changesOf(folder)).toEqual(['one.json']);
    git('commit', '--quiet', '--all', '--amend', '--no-edit'); // the merge itself changes it
    expect(changesOf(folder)).toEqual(['one.json']);
    const shallow = join(folder, 'shallow');
    git('clone', '--quiet', '--depth', '1', `file://${folder}`, shallow);
    expect(() => changesOf(shallow)).toThrow('--unshallow');
    rmSync(folder, { recursive: true });
  });
});

function gitIn(folder: string, ...args: string[]): string {
  return execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trim();
}

/**
 * Files that were changed or removed since the first release, also by a merge in a way that none of its sides knew. Before
 * the release no user has a run that such a history stands for.
 */
function changesOf(folder: string): string[] {
  if (gitIn(folder, 'rev-parse', '--is-shallow-repository') === 'true')
    throw new Error('a shallow clone does not show what was changed: run `git fetch --unshallow` first');
  if (gitIn(folder, 'tag', '--list', FIRST_RELEASE) === '') return [];
  const only = ['--diff-filter=MD', '--no-renames', '--name-only'];
  const told = [
    gitIn(folder, 'log', '-m', ...only, '--format=', `${FIRST_RELEASE}..HEAD`, '--', '.'),
    gitIn(folder, 'diff', ...only, 'HEAD', '--', '.'),
  ];
  return [...new Set(told.flatMap(text => text.split('\n')))].filter(name => name !== '');
}

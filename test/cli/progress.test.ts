/** What a person who waits for a request is told: what it does, how far it is, and what is left. */
import type { StatusReport } from '../../src/client';
import { createTeller } from '../../src/commands/progress';
import { statusLines } from '../../src/commands/result-lines';
import { noCounts } from '../../src/request/model';

const RUNNING: StatusReport = {
  ...{ requestId: 'case-17', connection: 'acme', workflowId: 'dsr:acme:access:case-17', kind: 'access' },
  status: 'running',
  phase: 'fetching-transcripts',
  counts: { ...noCounts('access'), contacts: 2, calls: 120, recordings: 12, transcripts: 80 },
  progress: { files: 14, sizeBytes: 32_400_000, apiRequestsLeft: 340, hoursLeft: 0.13 },
};
const CALLS: StatusReport = {
  ...RUNNING,
  phase: 'fetching-calls',
  counts: noCounts('access'),
  progress: { files: 0, sizeBytes: 0 },
};

function told(...reports: readonly (StatusReport | undefined)[]): string[] {
  const lines: string[] = [];
  const tell = createTeller(line => lines.push(line));
  for (const report of reports) tell(report);
  return lines;
}

test('the work, with calls, files, transcripts, and what is left', () => {
  expect(told(RUNNING)).toEqual([
    'fetching transcripts: 120 calls, 14 files (33 MB), 80 transcripts, at most 340 API requests left (8 min)',
  ]);
});

test('the work alone while nothing is fetched, and of a deletion; the cause of a wait alone', () => {
  const { progress: _, ...rest } = RUNNING;
  const deletion: StatusReport = { ...rest, kind: 'deletion', phase: 'deleting', counts: noCounts('deletion') };
  const waiting: StatusReport = { ...RUNNING, status: 'waiting', waitingFor: { cause: 'paused' } };
  expect(told(CALLS, deletion, waiting)).toEqual(['fetching calls', 'deleting contacts', 'the connection is paused']);
});

test('without a known budget no time is told', () => {
  const progress = { files: 0, sizeBytes: 0, apiRequestsLeft: 1 };
  expect(told({ ...CALLS, progress })).toEqual(['fetching calls: at most 1 API request left']);
});

test('other work is told at once, other figures now and then, and nothing twice', () => {
  const growing = Array.from({ length: 60 }, (_, index) => ({
    ...CALLS,
    counts: { ...noCounts('access'), calls: index + 1 },
  }));
  const lines = told(undefined, CALLS, CALLS, ...growing, RUNNING, RUNNING, undefined, RUNNING);
  expect(lines[0]).toBe('fetching calls');
  expect(lines.at(-1)).toContain('fetching transcripts: 120 calls');
  expect(lines.slice(1, -1)).toHaveLength(3);
  expect(new Set(lines).size).toBe(lines.length);
});

test('the status in words', () => {
  expect(statusLines(RUNNING)).toEqual([
    'access case-17: running, fetching-transcripts',
    '  so far     2 contacts, 120 calls, 12 recordings, 0 voicemails, 80 transcripts, 0 insights',
    '  downloaded 14 files (33 MB)',
    '  left       at most 340 API requests: 8 min if no other request of the company runs',
  ]);
  expect(statusLines(CALLS).join()).not.toMatch(/downloaded|left/);
});

test('the status says nothing of how far a request is while no worker answers: nobody knows', () => {
  const { progress: _, ...rest } = RUNNING;
  const asked: StatusReport = { ...rest, phase: 'opening', counts: noCounts('access') };
  expect(statusLines({ ...asked, status: 'waiting', waitingFor: { cause: 'worker' } })).toEqual([
    'access case-17: waiting',
    '  waits for  worker',
  ]);
});

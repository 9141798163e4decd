/** The steps that know which audio and transcripts a request needs: what follows, what is shared, what failed. */
import { planDigestOf } from '../../src/activities/approved';
import type { Read } from '../../src/activities/case-objects';
import type { Decisions } from '../../src/judgement/plan';
import { AUDIO_BYTES_MAX } from '../../src/vault/chunks';
import { attempt, type Steps, startSteps } from './support/steps';

const NOW_MS = Date.UTC(2026, 0, 31);
const HOUR_S = 3_600;
const NOW_S = NOW_MS / 1_000;

let steps: Steps;
beforeEach(async () => {
  steps = await startSteps();
});
afterEach(async () => steps.stop());

type Call = Read['calls']['records'][number];
type Row = Read['plan']['rows'][number];
type File = Read['media'][number];

const rowOf = (record: 'call' | 'recording', id: number, place: number, more: Partial<Row> = {}): Row => ({
  ref: `${record} ${place + 1}`,
  record,
  id,
  verb: 'deliver',
  because: [],
  ...more,
});

const plan = (rows: readonly Row[]) => steps.write('plan', { rows: [...rows] });
const calls = (records: readonly Call[]) =>
  steps.write('calls', { ids: [], records: [...records], unreadable: [], unnamed: 0, readMs: 1 });

interface Given {
  readonly calls: readonly Call[];
  readonly rows?: readonly Row[];
  readonly files?: readonly File[];
  readonly late?: boolean;
  readonly decisions?: Decisions;
}

const approvalOf = (rows: readonly Row[], decisions: Decisions) =>
  steps.write('approval', {
    planDigest: planDigestOf(steps.keyring.hash, rows),
    decisions,
    approvals: [{ at: '2026-01-31T00:00:00.000Z' }],
  });

async function gather({ calls: records, rows, files = [], late = false, decisions }: Given) {
  const planned = rows ?? records.map(({ id }, place) => rowOf('call', id, place));
  const input = {
    request: steps.request,
    plan: await plan(planned),
    ...(decisions && { approval: await approvalOf(planned, decisions) }),
    calls: await calls(records),
    kinds: ['recording', 'voicemail'] as const,
    audio: [await steps.write('media', [...files])],
    late,
    nowMs: NOW_MS,
  };
  const gathered = await attempt(() => steps.local.gatherAudio(input));
  return { ...gathered, entries: await steps.read(gathered.audio, 'media') };
}

const answered = (id: number, more: Partial<Call> = {}): Call => ({
  id,
  started_at: NOW_S - 2 * HOUR_S - id,
  answered_at: NOW_S - 2 * HOUR_S,
  ended_at: NOW_S - HOUR_S,
  ...more,
});

test('a recording that may follow is asked for late, but not if others may be heard in it', async () => {
  const records = [answered(1), answered(2, { transferred_to: { id: 5 } })];
  const first = await gather({ calls: records });
  expect(first).toMatchObject({ mayFollow: 2, missing: [], files: { recordings: 0 } });
  expect(Date.parse(first.followUntil ?? '')).toBe(NOW_MS + 23 * HOUR_S * 1_000);
  const late = await gather({ calls: records, files: first.entries, late: true });
  expect(late.entries.map(({ call, code }) => [call, code])).toEqual([
    [1, 'not-downloaded'],
    [2, 'recording-may-follow'],
  ]);
  expect(late).toMatchObject({ missing: [0], mayFollow: 1 });
  expect(late.followUntil).toBeUndefined();
});

test('nobody waits for a recording in which others may be heard', async () => {
  const { mayFollow, followUntil } = await gather({ calls: [answered(2, { transferred_to: { id: 5 } })] });
  expect([mayFollow, followUntil]).toEqual([1, undefined]);
});

test('a recording that people decided to hand over says so, for the step that gets its new link', async () => {
  const rows = [rowOf('call', 1, 0), rowOf('recording', 1, 0)];
  const { entries, missing } = await gather({ calls: [answered(1, { recording: true })], rows });
  expect(entries).toEqual([{ call: 1, kind: 'recording', code: 'not-downloaded', decided: true }]);
  expect(missing).toEqual([0]);
});

test('a recording stays with its call, whatever was decided of it', async () => {
  const rows = [rowOf('call', 1, 0, { doubt: 'shared-number' }), rowOf('recording', 1, 0)];
  const { entries } = await gather({ calls: [answered(1, { recording: true })], rows });
  expect(entries).toEqual([]);
  const decided = await attempt(async () => steps.local.decidePlan({ request: steps.request, plan: await plan(rows) }));
  expect(decided.exceptions).toContainEqual(expect.objectContaining({ source: 'recordings', taken: 0, kept: 1 }));
});

test('a file of a call that is withheld is counted by the code of the call, and named as the call', async () => {
  const records = [
    answered(1, { recording: true }),
    answered(2, { recording: true }),
    answered(3, { voicemail: true }),
    answered(4, { recording: true }),
    answered(5),
  ];
  const doubt = { doubt: 'shared-number' } as const;
  const rows = [rowOf('call', 1, 0), ...[2, 3, 4, 5].map(id => rowOf('call', id, id - 1, doubt))];
  const undecided = await gather({ calls: records, rows });
  expect(undecided.entries.map(({ call }) => call)).toEqual([1]);
  const kept = { code: 'shared-number', taken: 0 } as const;
  expect(undecided.exceptions).toEqual([
    { ...kept, source: 'recordings', kept: 2, undecided: 2, places: [1, 3] },
    { ...kept, source: 'voicemails', kept: 1, undecided: 1, places: [2] },
  ]);
  const decided = await gather({
    calls: records,
    rows,
    decisions: { 'call 1': 'keep', 'call 2': 'take', 'call 4': 'keep' },
  });
  expect(decided.entries.map(({ call }) => call)).toEqual([2]);
  expect(decided.exceptions).toEqual([
    { code: 'decided', source: 'recordings', taken: 0, kept: 1, undecided: 0, places: [0] },
    { code: 'shared-number', source: 'recordings', taken: 1, kept: 1, undecided: 0, places: [3] },
    { ...kept, source: 'voicemails', kept: 1, undecided: 1, places: [2] },
  ]);
});

test('a recording that is a row of its own is not counted by its call too', async () => {
  const rows = [rowOf('call', 1, 0, { doubt: 'shared-number' }), rowOf('recording', 1, 0, { doubt: 'other-voices' })];
  expect((await gather({ calls: [answered(1, { recording: true })], rows })).exceptions).toEqual([]);
});

test('a file that only a page of Aircall shows is asked for once, and missing if there is no link', async () => {
  const old = { ended_at: NOW_S - 30 * HOUR_S, asset: true };
  const records = [answered(1, old), answered(2, { ...old, answered_at: null })];
  const { entries, missing } = await gather({ calls: records });
  expect(entries).toEqual([
    { call: 1, kind: 'recording', code: 'not-downloaded' },
    { call: 2, kind: 'voicemail', code: 'not-downloaded' },
  ]);
  expect(missing).toEqual([0, 1]);
  const gone = entries.map(({ call, kind }): File => ({ call, kind, code: 'gone' }));
  const { failed, missing: none } = await gather({ calls: records, files: gone });
  expect(failed.map(({ record, code }) => [record, code])).toEqual([
    ['recording 1', 'gone'],
    ['voicemail 2', 'gone'],
  ]);
  expect(none).toEqual([]);
  expect(await gather({ calls: [answered(3, { asset: true })] })).toMatchObject({ mayFollow: 1, missing: [] });
});

test('a file that failed is named as its call in the plan, whatever else was found', async () => {
  const records = [answered(3), answered(4, { voicemail: true })];
  const files: File[] = [{ call: 4, kind: 'voicemail', code: 'gone' }];
  const { failed } = await gather({ calls: records, rows: [rowOf('call', 4, 0)], files });
  expect(failed).toEqual([{ source: 'voicemails', record: 'voicemail 1', code: 'gone' }]);
});

test('of many files that failed the first ones are named, and the others counted', async () => {
  const records = Array.from({ length: 5_003 }, (_, id) => answered(id + 1, { recording: true }));
  const files = records.map(({ id }): File => ({ call: id, kind: 'recording', code: 'host-refused' }));
  const { failed, failedMore, files: counts } = await gather({ calls: records, files });
  expect(failed).toHaveLength(5_000);
  expect(failedMore).toEqual([{ source: 'recordings', code: 'host-refused', count: 3 }]);
  expect(counts).toMatchObject({ recordings: 5_003 });
});

test('beyond the size that a package has room for the older files are too large, and nobody asks for their links', async () => {
  const records = [1, 2, 3, 4, 5, 6].map(id => answered(id, { recording: true }));
  const stored = (call: number, sizeBytes: number): File => {
    const file = { ref: 'a'.repeat(24), digest: 'b'.repeat(64), sizeBytes: 100 };
    return { call, kind: 'recording', file, sizeBytes };
  };
  const files: File[] = [
    stored(1, AUDIO_BYTES_MAX - 10),
    stored(3, 10),
    stored(4, 1),
    { call: 5, kind: 'recording', code: 'gone' },
  ];
  const first = await gather({ calls: records, files });
  const codes = (entries: readonly File[]) => entries.map(({ code, file }) => code ?? (file && 'there'));
  expect(codes(first.entries)).toEqual(['there', 'not-downloaded', 'there', 'too-large', 'gone', 'too-large']);
  expect(first.missing).toEqual([1]);
  expect(first.failed.map(({ record, code }) => [record, code])).toEqual([
    ['recording 2', 'not-downloaded'],
    ['recording 4', 'too-large'],
    ['recording 5', 'gone'],
    ['recording 6', 'too-large'],
  ]);
  const next = await gather({ calls: records, files: [...first.entries, stored(2, 5)] });
  expect(codes(next.entries)).toEqual(['there', 'there', 'too-large', 'too-large', 'gone', 'too-large']);
  expect(next.missing).toEqual([]);
});

test('new links are worth a request where the store may be well again, first of files that had none before', async () => {
  const codes = ['expired', 'unreachable', 'not-audio', 'gone', 'not-downloaded', 'other-voices'] as const;
  const records = codes.map((_, at) => answered(at + 1, { recording: true }));
  const files = codes.map((code, at): File => ({ call: at + 1, kind: 'recording', code }));
  const { missing, entries } = await gather({ calls: records, files });
  expect(missing.map(place => entries[place]?.code)).toEqual(['not-downloaded', 'expired', 'unreachable']);
});

test('a call whose recording came late was spoken, and one whose recording may follow is counted', async () => {
  const records = [answered(1), answered(2), answered(3, { ended_at: NOW_S - 30 * HOUR_S })];
  const file = { ref: 'a'.repeat(24), digest: 'b'.repeat(64), sizeBytes: 1 };
  const input = {
    request: steps.request,
    plan: await plan(records.map(({ id }, place) => rowOf('call', id, place))),
    calls: await calls(records),
    audio: await steps.write('media', [{ call: 2, kind: 'recording', file }]),
    nowMs: NOW_MS,
  };
  const { blocks, mayFollow } = await attempt(() => steps.local.pickSpoken(input));
  expect(blocks.map(({ places }) => places)).toEqual([[1]]);
  expect(mayFollow).toBe(1);
});

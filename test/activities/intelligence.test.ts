/** Steps about one call: a new link to its audio, its transcript and insights, and what the company does not pay for. */
import { hasOtherVoices } from '../../src/judgement/voices';
import type { Found } from '../../src/request/contracts';
import { INSIGHTS } from '../../src/request/insights';
import type { CaseRef } from '../../src/vault/cases';
import { rightNowMs } from '../support/clocks';
import { attempt, failureOf, type Steps, startSteps } from './support/steps';

const DAY_MS = 86_400_000;

let steps: Steps;
beforeEach(async () => {
  steps = await startSteps();
});
afterEach(async () => steps.stop());

const callWith = (has: 'recording' | 'voicemail' | 'nothing') => {
  const found = steps.company
    .calls()
    .find(call =>
      has === 'nothing'
        ? call.recording === null && call.voicemail === null
        : call[has] !== null && !hasOtherVoices(call),
    );
  if (found === undefined) throw new Error('the seed has no such call');
  return found.id;
};
const sent = () => steps.sandbox.requests().map(({ path }) => path);

function objectOf({ object }: Found): CaseRef {
  if (object === undefined) throw new Error('the step found nothing');
  return object;
}

describe('a new link', () => {
  const renew = async (call: number, kind: 'recording' | 'voicemail', place = 0) => {
    const media = await steps.write('media', [{ call, kind, code: 'expired' }]);
    return attempt(() => steps.api.renewMediaLink({ request: steps.request, media, place }));
  };

  test('is that of a reading of the call, and works', async () => {
    const call = callWith('recording');
    const found = await renew(call, 'recording');
    expect(found).toMatchObject({ outcome: 'found', apiRequests: 1 });
    const links = await steps.read(objectOf(found), 'links');
    expect(links).toMatchObject([{ call, kind: 'recording' }]);
    expect((await fetch(links[0]?.url ?? '')).status).toBe(200);
    expect(sent()).toEqual([`/v1/calls/${call}`]);
  });

  test('is none where the call has no such file, or there is no such call', async () => {
    expect(await renew(callWith('recording'), 'voicemail')).toEqual({ outcome: 'none', apiRequests: 1 });
    expect(await renew(7, 'recording')).toEqual({ outcome: 'none', apiRequests: 1 });
  });

  test('is none to a recording in which others may be heard, as the call says by now, unless people decided so', async () => {
    const shared = steps.company.calls().find(call => call.recording !== null && hasOtherVoices(call));
    if (shared === undefined) throw new Error('the seed has no such call');
    expect(await renew(shared.id, 'recording')).toEqual({ outcome: 'withheld', apiRequests: 1 });
    const file = { call: shared.id, kind: 'recording', code: 'expired', decided: true } as const;
    const media = await steps.write('media', [file]);
    const found = await attempt(() => steps.api.renewMediaLink({ request: steps.request, media, place: 0 }));
    expect(found).toMatchObject({ outcome: 'found' });
  });

  test('is none, and not asked for again, if the reply is whole and no call', async () => {
    steps.sandbox.setFaults({ rules: [{ action: 'wrong-shape' }] });
    expect(await renew(callWith('recording'), 'recording')).toEqual({ outcome: 'unreadable', apiRequests: 1 });
  });

  test('is not asked for at a place that the case file does not have', async () => {
    expect(await failureOf(renew(callWith('recording'), 'recording', 1))).toMatchObject({ code: 'case-file-broken' });
    expect(sent()).toEqual([]);
  });
});

describe('transcripts and insights', () => {
  const input = async (call: number) => ({
    request: steps.request,
    spoken: await steps.write('spoken', [call]),
    place: 0,
  });
  const transcriptOf = async (call: number) => {
    const of = await input(call);
    return attempt(() => steps.api.fetchTranscript(of));
  };
  const insightOf = async (call: number, insight: (typeof INSIGHTS)[number]) => {
    const of = await input(call);
    return attempt(() => steps.api.fetchInsight({ ...of, insight }));
  };

  test('are kept in the case file, each by one API request', async () => {
    steps.company.behave({ intelligence: true });
    const call = callWith('recording');
    const transcript = await steps.read(objectOf(await transcriptOf(call)), 'transcript');
    expect(transcript).toMatchObject({ call, content: { call_id: call, content: { language: 'en' } } });
    for (const kind of INSIGHTS) {
      const found = await insightOf(call, kind);
      expect(found.apiRequests).toBe(1);
      const insight = await steps.read(objectOf(found), 'insight');
      expect(insight).toMatchObject({ call, kind });
      expect(insight).toHaveProperty('content');
    }
    expect(sent()).toEqual(['transcription', ...INSIGHTS].map(leaf => `/v1/calls/${call}/${leaf}`));
  });

  test('in an envelope that nobody knows are kept as they came', async () => {
    steps.company.behave({ intelligence: true, envelopes: 'unknown' });
    const call = callWith('recording');
    const transcript = await steps.read(objectOf(await transcriptOf(call)), 'transcript');
    expect(transcript).toMatchObject({ call, raw: { data: { version: 2 } } });
    expect(await steps.read(objectOf(await insightOf(call, 'topics')), 'insight')).toMatchObject({
      call,
      kind: 'topics',
      raw: { data: { attributes: { topic: { content: ['invoice', 'delivery'] } } } },
    });
  });

  test('that are too large are told, and not asked for again', async () => {
    steps.company.behave({ intelligence: true });
    steps.sandbox.setFaults({ rules: [{ action: 'oversize' }] });
    expect(await transcriptOf(callWith('recording'))).toEqual({ outcome: 'unreadable', apiRequests: 1 });
  });

  test('are none where nothing was made', async () => {
    steps.company.behave({ intelligence: true });
    expect(await transcriptOf(callWith('nothing'))).toEqual({ outcome: 'none', apiRequests: 1 });
    expect(await insightOf(callWith('nothing'), 'summary')).toEqual({ outcome: 'none', apiRequests: 1 });
  });

  const refusedOnce = async (call: number) =>
    expect(await failureOf(transcriptOf(call))).toMatchObject({ code: 'forbidden' });
  const note = (nowMs: number) =>
    attempt(() => steps.local.noteNotEntitled({ connection: 'acme', what: 'transcription', nowMs }));

  test('that the company does not pay for are not asked for again within a day, those that it pays for are', async () => {
    const call = callWith('recording');
    steps.company.behave({ intelligence: true, intelligenceLacks: ['transcription'] });
    await refusedOnce(call);
    await note(rightNowMs());
    expect(await transcriptOf(call)).toEqual({ outcome: 'not-entitled', apiRequests: 0 });
    expect(await insightOf(call, 'summary')).toMatchObject({ outcome: 'found' });
    expect(sent()).toHaveLength(2);
    steps.company.behave({ intelligenceLacks: [] });
    steps.advance(DAY_MS + 60_000);
    expect(await transcriptOf(call)).toMatchObject({ outcome: 'found', apiRequests: 1 });
  });

  test('are asked for again by a connection that was connected again since, or of which the note is broken', async () => {
    const call = callWith('recording');
    steps.company.behave({ intelligence: true });
    await note(rightNowMs());
    expect(await transcriptOf(call)).toMatchObject({ outcome: 'not-entitled' });
    await steps.connect(undefined, { connectedAt: '2026-02-01T00:00:00.000Z' });
    expect(await transcriptOf(call)).toMatchObject({ outcome: 'found' });
    await note(rightNowMs());
    expect(await transcriptOf(call)).toMatchObject({ outcome: 'not-entitled' });
    await steps.driver.delete('entitlements/acme');
    await steps.driver.putIfAbsent('entitlements/acme', Buffer.from('x'));
    expect(await transcriptOf(call)).toMatchObject({ outcome: 'found' });
  });

  test('a disconnection forgets what the company does not pay for', async () => {
    await note(rightNowMs());
    expect(await steps.driver.list('entitlements')).toHaveLength(1);
    await steps.connections.delete('acme');
    expect(await steps.driver.list('entitlements')).toEqual([]);
    await note(rightNowMs());
    expect(await steps.driver.list('entitlements')).toEqual([]);
  });
});

describe('the calls that transcripts are asked for', () => {
  const row = (id: number, place: number) =>
    ({ ref: `call ${place + 1}`, record: 'call', id, verb: 'deliver', because: [] }) as const;
  const pick = async (
    calls: readonly Readonly<Record<string, unknown> & { id: number }>[],
    doubtful: readonly number[] = [],
  ) => {
    const { request } = steps;
    const rows = calls.map(({ id }, place) => ({
      ...row(id, place),
      ...(doubtful.includes(id) && { doubt: 'shared-number' as const }),
    }));
    const plan = await steps.write('plan', { rows });
    const listing = { ids: [], records: [...calls], unreadable: [], unnamed: 0, readMs: 1 };
    const object = await steps.write('calls', listing);
    const { blocks } = await attempt(() => steps.local.pickSpoken({ request, plan, calls: object, nowMs: 0 }));
    return Promise.all(
      blocks.map(async block => ({ ids: await steps.read(block.object, 'spoken'), places: block.places })),
    );
  };

  test('are those that the plan takes and that have, or had, a recording', async () => {
    const recording = true;
    expect(
      await pick(
        [
          { id: 1, started_at: 10, recording },
          { id: 2, started_at: 30, recording: null, asset: true },
          { id: 3, started_at: 20, voicemail: true },
          { id: 4, started_at: 40, recording: null, voicemail: null, asset: null },
          { id: 5, started_at: 50, recording },
        ],
        [5],
      ),
    ).toEqual([{ ids: [2, 3, 1], places: [1, 2, 0] }]);
    expect(await pick([])).toEqual([]);
  });

  test('come in blocks, none of them twice', async () => {
    const calls = Array.from({ length: 1_001 }, (_, n) => ({ id: n + 1, started_at: n, recording: true }));
    const blocks = await pick(calls);
    expect(blocks.map(({ ids }) => ids.length)).toEqual([500, 500, 1]);
    expect(blocks.flatMap(({ ids }) => ids)).toEqual(calls.map(({ id }) => id).reverse());
  });
});

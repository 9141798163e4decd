/** The step that downloads files: what one attempt leaves to the next one, and that it is known to be alive. */
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { DOWNLOADS_AT_ONCE } from '../../src/activities/audio';
import type { Read } from '../../src/activities/case-objects';
import type { CaseRef } from '../../src/vault/cases';
import { rightNowMs } from '../support/clocks';
import { until } from '../support/patience';
import { attempt, cardsOf, endedAs, failureOf, type Steps, startSteps } from './support/steps';

let steps: Steps;
beforeEach(async () => {
  steps = await startSteps();
});
afterEach(async () => steps.stop());

/** Long before the deadline of the step. */
const AT_ONCE = { scheduledTimestampMs: rightNowMs(), scheduleToCloseTimeoutMs: 30 * 86_400_000 };

/** Sealed links to so many recordings, as a page of calls leaves them. */
async function sealLinks(count: number): Promise<{ readonly links: CaseRef; readonly calls: number[] }> {
  const some = steps.company.calls().flatMap(({ id, recording }) => (recording === null ? [] : [{ id, recording }]));
  const chosen = some
    .slice(0, count)
    .map(({ id, recording }) => ({ call: id, kind: 'recording' as const, url: recording }));
  return { links: await steps.write('links', chosen), calls: chosen.map(({ call }) => call) };
}

const download = (links: CaseRef) => () => steps.local.downloadAudio({ request: steps.request, links });
const filesIn = ({ audio }: { readonly audio: CaseRef }) => steps.read(audio, 'media');
const asked = () => steps.sandbox.mediaRequests().map(({ path }) => Number(/call-(\d+)/.exec(path)?.[1]));
const strikes = (call: number, action: 'truncate' | 'hold-body') => ({
  rules: [],
  media: [{ path: `call-${call}-`, action }],
});

/** What the vault holds under an entry, and what the store has. */
async function expectTruth({ call, kind, file, sha256 }: Read['media'][number]): Promise<void> {
  if (file === undefined) throw new Error('the file is not in the vault');
  const bytes = await buffer((await steps.cases.openFile(steps.request, file)).read(0));
  const truth = steps.company.media().find(each => each.call === call && each.kind === kind);
  expect([createHash('sha256').update(bytes).digest('hex'), sha256]).toEqual([truth?.sha256, truth?.sha256]);
}

test('a repeated attempt downloads only what the one before has not, and then the links are gone', async () => {
  const { links, calls } = await sealLinks(3);
  const [first = 0, second = 0, third = 0] = calls;
  steps.sandbox.setFaults(strikes(second, 'truncate'));
  const heartbeats: unknown[] = [];
  expect(await failureOf(attempt(download(links), {}, heartbeats))).toMatchObject({
    code: 'download-awaited',
    nonRetryable: false,
    delayMs: 5_000,
  });
  expect(asked()).toEqual([first, second, third]);
  steps.sandbox.setFaults(undefined);
  steps.sandbox.clearRequests();
  const files = await filesIn(await attempt(download(links), { attempt: 2, heartbeatDetails: heartbeats.at(-1) }));
  expect(asked()).toEqual([second]);
  expect(files.map(({ call }) => call).sort()).toEqual([...calls].sort());
  for (const file of files) await expectTruth(file);
  await expect(steps.read(links, 'links')).rejects.toThrow('missing');
  // A run that was reset takes the step again.
  expect(await filesIn(await attempt(download(links)))).toEqual([]);
  expect(steps.sandbox.requests()).toEqual([]);
});

test('links of a page step whose result was lost are destroyed when the request ends', async () => {
  const { request } = steps;
  const people = await steps.people(cardsOf(steps.company, steps.company.truth.contactIds), ['33639981234']);
  const page = { request, people, number: 0, window: {}, page: 1, audio: ['recording', 'voicemail'] as const };
  const readPage = () => attempt(() => steps.api.fetchCalls(page));
  const left = () => steps.vault.list('requests/acme/access/r-1/links');
  await readPage(); // its worker died before anybody learned of the links
  const { links } = await readPage();
  if (links === undefined) throw new Error('the page has no audio');
  await attempt(download(links.object));
  expect(await left()).toHaveLength(1);
  await steps.cases.close(request, endedAs('completed'));
  expect(await left()).toEqual([]);
});

test('the fifth download that fails says what stopped a file, whatever attempt it is, and the others are kept', async () => {
  const { links, calls } = await sealLinks(2);
  const [first = 0, second = 0] = calls;
  steps.sandbox.setFaults(strikes(first, 'truncate'));
  const heartbeats: unknown[] = [];
  const again = (nth: number) =>
    attempt(download(links), { ...AT_ONCE, attempt: nth, heartbeatDetails: heartbeats.at(-1) }, heartbeats);
  const delays: unknown[] = [];
  // Of the attempts between these some found no place, and some were killed.
  for (const nth of [3, 20, 21, 50]) delays.push((await failureOf(again(nth))).delayMs);
  expect(delays).toEqual([5_000, 20_000, 80_000, 320_000]);
  const [whole, broken] = await filesIn(await again(51));
  expect(broken).toEqual({ call: first, kind: 'recording', code: 'incomplete' });
  expect(whole).toMatchObject({ call: second });
  if (whole !== undefined) await expectTruth(whole);
  expect(asked()).toEqual([first, second, first, first, first, first]);
});

test('downloads that do not end leave slots of the process to other steps: one without a place ends at once', async () => {
  const { links: held, calls } = await sealLinks(1);
  const { links } = await sealLinks(2);
  const [call = 0] = calls;
  steps.sandbox.setFaults(strikes(call, 'hold-body'));
  const running = Array.from({ length: DOWNLOADS_AT_ONCE }, () => attempt(download(held)));
  await until('all places are taken', () => asked().length === DOWNLOADS_AT_ONCE);
  const delays: unknown[] = [];
  for (const nth of [1, 2, 3, 4]) {
    const refused = await failureOf(attempt(download(links), { ...AT_ONCE, attempt: nth }));
    expect(refused).toMatchObject({ code: 'download-awaited', nonRetryable: false });
    delays.push(refused.delayMs);
  }
  expect(delays).toEqual([5_000, 20_000, 60_000, 60_000]);
  expect(asked()).toHaveLength(DOWNLOADS_AT_ONCE);
  steps.sandbox.setFaults(undefined);
  let ended = 0;
  for (const each of running) void each.catch(() => {}).finally(() => (ended += 1));
  await until('the places are free', () => {
    steps.sandbox.release();
    return ended === DOWNLOADS_AT_ONCE;
  });
  expect(await filesIn(await attempt(download(links)))).toHaveLength(2);
});

test('a step that fails gives back its place', async () => {
  const { links, calls } = await sealLinks(1);
  const [call = 0] = calls;
  steps.sandbox.setFaults(strikes(call, 'truncate'));
  for (let nth = 1; nth <= DOWNLOADS_AT_ONCE + 1; nth += 1) await failureOf(attempt(download(links)));
  expect(asked()).toHaveLength(DOWNLOADS_AT_ONCE + 1);
});

test('a file that takes longer than a step may be silent is no silence', async () => {
  steps.company.behave({ mediaBytes: 3_000_000 });
  const { links, calls } = await sealLinks(1);
  const [call = 0] = calls;
  steps.sandbox.setFaults(strikes(call, 'hold-body'));
  const heartbeats: unknown[] = [];
  const running = attempt(download(links), {}, heartbeats);
  await until('half of the file is on its way', () => asked().length === 1);
  expect(heartbeats).toEqual([]);
  steps.advance(60_000);
  let isDone = false;
  const done = running.finally(() => {
    isDone = true;
  });
  await until('the file is there', () => {
    steps.sandbox.release();
    return isDone;
  });
  const [file] = await filesIn(await done);
  const entry = expect.objectContaining({ call });
  expect(heartbeats).toEqual([
    { done: [], failed: {} },
    { done: [entry], failed: {} },
  ]);
  if (file !== undefined) await expectTruth(file);
});

/** While the package of a large company is made, other steps of the process have their turn. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Read } from '../../src/activities/case-objects';
import { accessPackage } from '../../src/package/document';
import { packageFiles } from '../../src/package/files';
import { renderPages } from '../../src/package/page/pages';
import { pack } from '../../src/packed';
import { redact } from '../../src/redaction/redact';
import { sideBySide } from '../../src/side-by-side';
import { atOnce } from '../../src/slices';
import { attempt, type Steps, startSteps } from '../activities/support/steps';
import { CALL_ID, FOUND, KEY, openAudio } from '../package/support';

const CALLS = 5_000;
const [contact = { id: 1 }] = FOUND.contacts;
const [call = { id: 1 }] = FOUND.calls;
const ids = Array.from({ length: CALLS }, (_, place) => CALL_ID + place);
const calls = ids.map(id => ({
  ...call,
  id,
  started_at: id,
  contact,
  comments: [{ id, content: `About order ${id}` }],
}));
const said = FOUND.transcripts[0]?.content;
const transcripts = ids.map(id => ({ call: id, content: said?.open() }));

const SEARCHED = { state: 'complete', gaps: [] } as const;
const CALLS_SEARCHED = { window: { from: null, to: FOUND.createdAt }, ambiguous: 0, ignoredNumbers: 0 };

let steps: Steps;
beforeAll(async () => {
  steps = await startSteps();
});
afterAll(async () => steps.stop());

/** The longest time for which nothing else had a turn. */
async function longestBlockMs(work: () => unknown): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const someTurns = () => new Promise(resolve => setTimeout(resolve, 50));
  await someTurns();
  delay.reset();
  await someTurns(); // the first measurement after a reset is none
  await work();
  await someTurns();
  delay.disable();
  return delay.max / 1e6;
}

/** The same work without a pause. */
function atOnceAll(): void {
  const withheld = { contacts: [], calls: [] };
  const whose = { emails: ['person@example.com'], numbers: [], otherNumbers: [], decidedRecordings: [], withheld };
  const packed = transcripts.map(({ call: id, content }) => ({ call: id, content: pack(content) }));
  const { redactions, ...redacted } = atOnce(
    redact({ contacts: [contact], calls, transcripts: packed, insights: [] }, whose),
  );
  const document = atOnce(
    accessPackage({
      ...FOUND,
      ...{ contacts: [...redacted.contacts], calls: [...redacted.calls], transcripts: redacted.transcripts },
      ...{ insights: [], recordings: [], voicemails: [], redactions },
    }),
  );
  const pages = atOnce(renderPages(document, { language: 'en', timezone: 'UTC' }));
  atOnce(packageFiles({ document, pages, openMedia: openAudio, key: KEY }));
}

function written(made: typeof transcripts): Promise<Read['intelligence']> {
  return sideBySide(made, 8, each => steps.write('transcript', each));
}

async function inputOfStep() {
  const row = (record: 'contact' | 'call', id: number) =>
    ({ ref: `${record} ${id}`, record, id, verb: 'deliver', because: [] }) as const;
  const listing = { ids: [], unreadable: [], unnamed: 0, readMs: 1 };
  return {
    request: steps.request,
    subject: await steps.write('subject', { emails: ['person@example.com'], phoneNumbers: [] }),
    people: await steps.people([contact]),
    calls: await steps.write('calls', { ...listing, records: calls }),
    plan: await steps.write('plan', { rows: [row('contact', contact.id), ...ids.map(id => row('call', id))] }),
    intelligence: [await steps.write('intelligence', await written(transcripts))],
    ...({ language: 'en', timezone: 'UTC', withheld: [], startedAt: FOUND.createdAt } as const),
    coverage: { contacts: SEARCHED, calls: { ...SEARCHED, ...CALLS_SEARCHED }, notice: SEARCHED, outOfReach: [] },
  };
}

test(`the package of ${CALLS} calls holds up other steps for a small part of the time that it takes`, async () => {
  const input = await inputOfStep();
  const whole = await longestBlockMs(atOnceAll);
  const longest = await longestBlockMs(() => attempt(() => steps.local.buildPackage(input)));
  process.stdout.write(`longest block: ${longest.toFixed(0)} ms; without slices ${whole.toFixed(0)} ms\n`);
  expect(longest).toBeLessThan(whole / 4);
});

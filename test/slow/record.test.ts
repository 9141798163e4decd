/**
 * Runs every scenario of the recorded histories anew: what it does today replays too, without any key. With
 * AIRCALL_DSR_RECORD=1 the history of a scenario that has none yet is written; one that is there is never changed.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { historyFromJson } from '../../src/audit/history-json';
import { portableHistory } from '../../src/audit/portable';
import { replay } from '../../src/audit/replay';
import { createPayloadCodec } from '../../src/encryption/payload-codec';
import { childrenIn, historyOf, runAt } from '../../src/temporal/histories';
import { pathOf, readableIn, SCENARIOS, startScenarios } from '../replay/scenarios';
import { environment, type TestService } from '../support/service';

let service: TestService;
beforeAll(async () => {
  service = await startScenarios();
});
afterAll(async () => service.stop());

/** Of a run and its children. */
async function historiesOf({ temporal, keyring }: TestService, workflowId: string): Promise<string[]> {
  const { runId = '' } = (await runAt(temporal, workflowId)) ?? {};
  const own = await historyOf(temporal, { workflowId, runId });
  if (own === undefined) throw new Error('its history is there');
  const children = await Promise.all(childrenIn(own).map(child => historyOf(temporal, child)));
  const codec = createPayloadCodec(keyring);
  return Promise.all([own, ...children].map(history => portableHistory(history ?? {}, codec, keyring.hash)));
}

test.each(Object.keys(SCENARIOS))('%s replays as it ran just now, without a key', async name => {
  const { run, ends, personal = [] } = SCENARIOS[name] ?? {};
  const workflowId = await run?.(service, name);
  if (workflowId === undefined) throw new Error('there is no such scenario');
  const texts = await historiesOf(service, workflowId);
  for (const text of texts) for (const value of personal) expect(readableIn(text)).not.toContain(value);
  const verdicts = await replay(
    texts.map((text, index) => ({ name: `${name}-${index}`, history: historyFromJson(text) })),
    { workflowBundle: { codePath: environment('TEST_WORKFLOW_BUNDLE') } },
  );
  expect(verdicts.filter(({ verdict }) => verdict !== 'same')).toEqual([]);
  expect(texts.join('')).toContain(ends);
  if (process.env.AIRCALL_DSR_RECORD !== '1') return;
  for (const [index, text] of texts.entries()) {
    const path = pathOf(name, index);
    if (!existsSync(path)) writeFileSync(path, `${text}\n`);
  }
});

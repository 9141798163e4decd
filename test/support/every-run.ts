/** For test/slow/every-run.test.ts: what the tests made workflows do, the workflows do again from their histories. */
import type { WorkflowBundleOption } from '@temporalio/worker';
import { recordedOf } from '../../src/audit/recorded';
import { replay } from '../../src/audit/replay';
import { createPayloadCodec } from '../../src/encryption/payload-codec';
import type { Parts } from '../../src/parts';
import { ourRuns } from '../../src/temporal/histories';

/** The one request whose input the tests encrypt with a foreign key (test/service/idempotency.test.ts). */
const FOREIGN_KEY = /:access:broken /;
/** Requests of which somebody without a key ended a workflow task (test/service/forged.test.ts): a replay tells. */
const FORGED = /:tasked-/;

/** @throws {Error} if a run does not replay */
export async function replayEveryRun(
  { temporal, taskQueue, keyring }: Parts,
  workflowBundle: WorkflowBundleOption,
): Promise<void> {
  const verdicts = await replay(recordedOf(temporal, ourRuns(temporal, taskQueue)), {
    workflowBundle,
    codec: () => createPayloadCodec(keyring),
  });
  const expected = { same: /^/, unreadable: FOREIGN_KEY, differs: FORGED };
  const others = verdicts.filter(({ name, verdict }) => !expected[verdict].test(name));
  if (others.length > 0) throw new Error(`these runs do not replay: ${JSON.stringify(others)}`);
  process.stderr.write(`${verdicts.filter(({ verdict }) => verdict === 'same').length} runs replayed\n`);
}

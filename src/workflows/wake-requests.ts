/**
 * Wakes the requests of a connection that wait: each looks again at once. Whoever has changed the connection starts it with a
 * signal, so that a change during a run makes it go over the list once more. It takes no input: whoever forges it only causes
 * looks. A request that it misses looks by itself. Decision D4.
 */
import { ApplicationFailure, setHandler, sleep, workflowInfo } from '@temporalio/workflow';
import { wokenBy } from '../request/names';
import { wakingSteps } from './steps';
import { credentialsUpdated } from './waits';

/** So that many signals cost few lists. */
const LISTS_APART = '5 seconds';

/** @throws {ApplicationFailure} `invalid-input`: its id names no connection; the failure of its step */
export async function wakeRequests(): Promise<void> {
  const connection = wokenBy(workflowInfo().workflowId);
  if (connection === undefined)
    throw ApplicationFailure.nonRetryable('this run names no connection of this service', 'invalid-input');
  const { wakeWaiting } = wakingSteps(`Wake the requests of ${connection} that wait`);
  let isDue = false;
  setHandler(credentialsUpdated, () => {
    isDue = true;
  });
  for (;;) {
    isDue = false;
    await wakeWaiting({ connection });
    if (!isDue) return;
    await sleep(LISTS_APART, { summary: 'The connection has changed again: go over the list once more' });
  }
}

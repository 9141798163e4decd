/**
 * Renews a credential shortly before it expires, so that no step meets an expired one; also while its connection is
 * paused. A worker starts it long before, and this workflow's clock, which is the server's, says when it is due. If the
 * credential cannot be renewed, the first refused step handles that. D4.
 */
import { sleep } from '@temporalio/workflow';
import { type Renewable, renewableShape } from '../request/contracts';
import { refuseForeign } from './received';
import { attempt, type FailureCode, renewalSteps } from './steps';

const GIVE_UP_AFTER_MS = 3_600_000;

/** @throws {ApplicationFailure} `invalid-input`: no worker of this service started it */
export async function renewCredential(
  input: Renewable & { readonly workflowId: string },
): Promise<'renewed' | FailureCode> {
  refuseForeign(input, renewableShape);
  const { workflowId: _, renewAt, ...due } = input;
  const leftMs = Date.parse(renewAt) - Date.now();
  if (leftMs > 0) await sleep(leftMs, { summary: 'Until the credential is to be renewed' });
  const steps = renewalSteps(due.connection, Date.now() + GIVE_UP_AFTER_MS);
  const renewal = await attempt(() => steps.refreshToken(due));
  return renewal.ok ? 'renewed' : renewal.code;
}

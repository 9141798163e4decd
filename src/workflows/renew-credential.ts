/**
 * Renews a credential shortly before it expires, so that no step meets an expired one; also while its connection is
 * paused. Started by a worker that sees that it is due. If it cannot be renewed, the first refused step handles that. D4.
 */
import { refuseForeign } from './received';
import { attempt, type FailureCode, renewalSteps } from './steps';

export interface Renewable {
  readonly connection: string;
  /** The credential that is about to expire. */
  readonly failedVersion: number;
}

const GIVE_UP_AFTER_MS = 3_600_000;

/** @throws {ApplicationFailure} `invalid-input`: no worker of this service started it */
export async function renewCredential(
  input: Renewable & { readonly workflowId: string },
): Promise<'renewed' | FailureCode> {
  refuseForeign(input);
  const { workflowId: _, ...due } = input;
  const steps = renewalSteps(due.connection, Date.now() + GIVE_UP_AFTER_MS);
  const renewal = await attempt(() => steps.refreshToken(due));
  return renewal.ok ? 'renewed' : renewal.code;
}

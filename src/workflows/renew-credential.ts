/**
 * Renews a credential shortly before it expires, so that no step meets an expired one; also while its connection is
 * paused. Started by a worker that sees that it is due. If it cannot be renewed, the first refused step handles that. D4.
 */
import { attempt, type FailureCode, renewalSteps } from './steps';

export interface Renewable {
  readonly connection: string;
  /** The credential that is about to expire. */
  readonly failedVersion: number;
}

const GIVE_UP_AFTER_MS = 3_600_000;

export async function renewCredential(due: Renewable): Promise<'renewed' | FailureCode> {
  const steps = renewalSteps(due.connection, Date.now() + GIVE_UP_AFTER_MS);
  const renewal = await attempt(() => steps.refreshToken(due));
  return renewal.ok ? 'renewed' : renewal.code;
}

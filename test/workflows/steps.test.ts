/** What is known of a step that was cancelled, whatever ended its last attempt. */
import { ActivityFailure, ApplicationFailure, CancelledFailure, TimeoutFailure } from '@temporalio/common';
import { cancelledAfter } from '../../src/workflows/steps';

const NOTHING = { sent: 0, uncertain: false };
const ended = (cause: Error) => new ActivityFailure('ended', 'deleteContact', '1', 'CANCEL_REQUESTED', 'worker', cause);

test('a deletion whose worker died in the middle of it may have happened: its heartbeat says so', () => {
  const timedOut = new TimeoutFailure('late', { sent: 2, uncertain: true }, 'START_TO_CLOSE');
  expect(cancelledAfter(ended(timedOut), NOTHING)).toMatchObject({ apiRequests: 2, uncertain: true });
});

test('without a heartbeat the vault, or the failure of the last attempt, counts its API requests', () => {
  const failed = ApplicationFailure.retryable('503', 'unavailable', { apiRequests: 3, credentialVersion: 1 });
  expect(cancelledAfter(ended(failed), NOTHING)).toMatchObject({ apiRequests: 3, uncertain: false });
  const noted = { sent: 4, uncertain: true };
  expect(cancelledAfter(ended(new CancelledFailure('cancelled')), noted)).toMatchObject({
    apiRequests: 4,
    uncertain: true,
  });
});

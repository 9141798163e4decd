/** A request that waits for credentials for days of the server's time: its history does not grow, and it resumes by itself. */
import { until } from './patience';
import type { SkippingService } from './skipping';

/** @param connection its sandbox company has not been called yet */
export async function expectWaitWithoutEvents(
  service: SkippingService,
  connection: string,
  days: number,
): Promise<void> {
  service.sandbox.company(connection).revokeCredentials();
  const subject = { email: service.sandbox.company(connection).truth.subjectEmail };
  const input = { requestId: 'waits', connection, subject, deadlineDays: 365 };
  const { workflowId } = await service.client.start('access', input);
  const waits = async () => (await service.client.status(workflowId)).waitingFor?.cause === 'credentials';
  await until('it waits', waits);
  const lengthOf = async () =>
    (await service.temporal.workflow.getHandle(workflowId).fetchHistory()).events?.length ?? 0;
  // What led to the wait may still be written down; the wait itself adds nothing.
  await service.pass(0.02);
  const before = await lengthOf();
  expect(before).toBeLessThan(60);
  await service.pass(days);
  await until('it is seen that it still waits', waits);
  expect(await lengthOf()).toBe(before);
  await service.connect(connection);
  await service.pass(0.1); // it looks by itself within an hour and a half
  expect((await service.client.result(workflowId)).status).toBe('completed');
}

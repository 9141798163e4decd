/** A sweep that has very much to do: its history stays short. */
import { returned } from '../../src/request/addressed';
import { NOTHING_SWEPT } from '../../src/request/swept';
import { startTestService, type TestService } from '../support/service';

const NEVER = { requestMs: 1e12, packageMs: 1e12 };

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ worker: false });
});
afterAll(async () => service.stop());

test('a sweep that takes very many pages continues in new runs before 5,000 events, and goes on where it was', async () => {
  const { temporal, taskQueue } = service;
  const pages = 1_000;
  const seen: string[] = [];
  const workflowId = `${taskQueue}/sweep`;
  // The steps say at once that there is another page.
  const interceptor = () => ({
    inbound: {
      async execute({ args: [message] }: { readonly args: readonly unknown[] }) {
        const [{ way, after }] = Object(message).input;
        if (way !== 'ended') return returned('sweepPage', NOTHING_SWEPT);
        seen.push(after);
        const page = Number(after) + 1;
        return returned('sweepPage', { ...NOTHING_SWEPT, destroyed: 1, ...(page < pages && { next: String(page) }) });
      },
    },
  });
  const first = await service.withAnotherWorker(
    async () => {
      const handle = await temporal.workflow.start('retentionSweep', { workflowId, taskQueue });
      expect(await handle.result()).toEqual({ ...NOTHING_SWEPT, destroyed: pages });
      return temporal.workflow.getHandle(workflowId, handle.firstExecutionRunId).describe();
    },
    NEVER,
    interceptor,
  );
  expect(seen).toEqual(Array.from({ length: pages }, (_, page) => (page === 0 ? '' : String(page))));
  expect(first.status.name).toBe('CONTINUED_AS_NEW');
  expect(first.historyLength).toBeLessThan(5_000);
  expect((await temporal.workflow.getHandle(workflowId).describe()).historyLength).toBeLessThan(5_000);
});

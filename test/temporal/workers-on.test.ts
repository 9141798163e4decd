/** How many workers there are, as the server knows it: each once, however many polls it has and partitions there are. */
import type { ConnectionLike } from '@temporalio/client';
import { workersOn } from '../../src/temporal/queue-rate';

const serverThatLists = (...pollers: readonly (readonly [identity: string, seconds: number])[]): ConnectionLike => {
  const listed = pollers.map(([identity, seconds]) => ({ identity, lastAccessTime: { seconds } }));
  return { workflowService: { describeTaskQueue: async () => ({ pollers: listed }) } } as never;
};
const countOf = (connection: ConnectionLike) => workersOn({ connection, namespace: 'default', taskQueue: 'main' });

test('each worker counts once; one that has not polled for two minutes, by the server, does not; there is always one', async () => {
  expect(await countOf(serverThatLists(['one', 1_000], ['one', 1_010], ['other', 950]))).toBe(2);
  expect(await countOf(serverThatLists(['one', 1_000], ['ended', 879]))).toBe(1);
  expect(await countOf(serverThatLists())).toBe(1);
});

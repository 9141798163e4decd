/** What a long command repeats while the server or the vault does not answer, and how it ends if that lasts. */
import timers from 'node:timers/promises';
import { createPatience, forAWhile } from '../../src/commands/patience';
import { VaultError } from '../../src/vault/errors';

const AWAY = {
  server: () => Object.assign(new Error('14 UNAVAILABLE: away'), { code: 14, details: 'away', metadata: {} }),
  vault: () => new VaultError('vault-unreachable', 'The bucket could not be used (TimeoutError).'),
  'a vault that refuses': () => new VaultError('vault-denied', 'The bucket could not be used (AccessDenied).'),
};
const GOES_ON = /Started requests continue\. Run the same command again for the rest and for the result\.$/;

/** All waiting takes no time. */
beforeEach(() => void jest.spyOn(timers, 'setTimeout').mockResolvedValue(undefined));
afterEach(() => jest.restoreAllMocks());

/** Calls something that is away `times` times. */
async function callOf(away: () => Error, times: number) {
  let [calls, repeated] = [0, 0];
  const patiently = createPatience(() => {
    repeated += 1;
  });
  const [{ status, ...how }] = await Promise.allSettled([
    patiently(new AbortController().signal, async () => {
      calls += 1;
      if (calls <= times) throw away();
      return 'done';
    }),
  ]);
  return { calls, repeated, ...how };
}

test.each(['server', 'vault'] as const)('a call is repeated while the %s does not answer', async what => {
  expect(await callOf(AWAY[what], 3)).toEqual({ value: 'done', calls: 4, repeated: 3 });
});

test.each([
  ['server', 'server-busy', 1, /^The Temporal server refused a call 10 times \(UNAVAILABLE\)\./],
  ['vault', 'vault-unreachable', 2, /^The bucket could not be used \(TimeoutError\)\. Check network/],
] as const)('it names the %s if that lasts', async (what, code, exit, message) => {
  const reason = { code, exit, message: expect.stringMatching(message) };
  expect(await callOf(AWAY[what], 10)).toMatchObject({ calls: 10, repeated: 9, reason });
  expect(await callOf(AWAY[what], 10)).toMatchObject({ reason: { message: expect.stringMatching(GOES_ON) } });
});

test('what does not pass is not repeated', async () => {
  const reason = { name: 'VaultError', code: 'vault-denied' };
  expect(await callOf(AWAY['a vault that refuses'], 1)).toMatchObject({ calls: 1, repeated: 0, reason });
});

test('a wait ends when it is stopped, also if the call that it is in cannot be stopped', async () => {
  const stopped = new AbortController();
  const deaf = { withAbortSignal: <T>(_signal: AbortSignal, call: () => Promise<T>) => call() };
  const waiting = forAWhile(deaf, stopped.signal, () => new Promise<string>(() => {}));
  stopped.abort();
  expect(await waiting).toBeUndefined();
  expect(await forAWhile(deaf, stopped.signal, () => new Promise<string>(() => {}))).toBeUndefined();
});

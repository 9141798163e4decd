/** How often a token is refreshed before a person must act. */
import { limitRefreshes } from '../../src/workflows/credentials';

const MINUTE_MS = 60_000;

test('tokens that are refused in turn are refreshed three times; after more than a minute they count anew', () => {
  const mayRefresh = limitRefreshes();
  const startMs = Date.UTC(2026, 0, 31);
  const turns = [0, 1, 2].map(minutes => startMs + minutes * MINUTE_MS);
  expect(turns.map(mayRefresh)).toEqual([true, true, true]);
  const lastMs = startMs + 2 * MINUTE_MS;
  expect([lastMs, lastMs + MINUTE_MS].map(mayRefresh)).toEqual([false, false]);
  expect(mayRefresh(lastMs + MINUTE_MS + 1)).toBe(true);
});

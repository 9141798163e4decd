/** The three readings of the rate limit, on a clock that only the test moves. */
import { at, closeAfterEach, request, setUp } from './ask';

closeAfterEach();

/** The clock starts 30 s into a calendar minute. */
const NEXT_MINUTE = Date.UTC(2026, 8, 28, 12, 1);

async function statuses(ask: (path: string) => Promise<{ status: number }>, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let n = 0; n < count; n += 1) found.push((await ask('/ping')).status);
  return found;
}

describe('the rate limit', () => {
  test('is off unless switched on', async () => {
    const { ask } = await setUp();
    expect(await statuses(ask, 130)).not.toContain(429);
  });

  test('of a calendar minute ends with that minute', async () => {
    const { ask, acme, pass } = await setUp();
    acme.behave({ rateLimit: { mode: 'fixed', perMinute: 2 } });
    expect(await statuses(ask, 3)).toEqual([200, 200, 429]);
    pass(29_999);
    expect(await statuses(ask, 1)).toEqual([429]);
    pass(1);
    expect(await statuses(ask, 3)).toEqual([200, 200, 429]);
  });

  test('of a leaky bucket lets one request through as soon as one has drained', async () => {
    const { ask, acme, pass } = await setUp();
    acme.behave({ rateLimit: { mode: 'leaky', perMinute: 4 } });
    expect(await statuses(ask, 5)).toEqual([200, 200, 200, 200, 429]);
    pass(15_000);
    expect(await statuses(ask, 2)).toEqual([200, 429]);
  });

  test('that blocks refuses everything for 60 s after the first excess', async () => {
    const { ask, acme, pass } = await setUp();
    acme.behave({ rateLimit: { mode: 'block', perMinute: 1 } });
    expect(await statuses(ask, 2)).toEqual([200, 429]);
    pass(59_999);
    expect(await statuses(ask, 1)).toEqual([429]);
    pass(1);
    expect(await statuses(ask, 2)).toEqual([200, 429]);
  });

  test("is each company's own", async () => {
    const { ask, acme, sandbox } = await setUp();
    acme.behave({ rateLimit: { mode: 'fixed', perMinute: 1 } });
    expect(await statuses(ask, 2)).toEqual([200, 429]);
    const { accessToken } = sandbox.company('globex');
    const answer = await request(`${sandbox.baseUrl}/ping`, { headers: { Authorization: `Bearer ${accessToken}` } });
    expect(answer.status).toBe(200);
  });

  test('names limit and reset on the 429, in the unit and form that is switched on', async () => {
    const { ask, acme } = await setUp();
    acme.behave({ rateLimit: { mode: 'fixed', perMinute: 1 } });
    await ask('/ping');
    const headers = async () => {
      const answer = await ask('/ping');
      expect(answer.status).toBe(429);
      return ['x-aircallapi-limit', 'x-aircallapi-remaining', 'x-aircallapi-reset', 'retry-after'].map(name =>
        answer.headers.get(name),
      );
    };
    expect(await headers()).toEqual(['1', '0', String(NEXT_MINUTE / 1_000), null]);
    acme.behave({ limitedHeaders: 'milliseconds' });
    expect(await headers()).toEqual(['1', '0', String(NEXT_MINUTE), null]);
    acme.behave({ limitedHeaders: 'retry-after' });
    expect(await headers()).toEqual([null, null, null, '30']);
    acme.behave({ limitedHeaders: 'none' });
    expect(await headers()).toEqual([null, null, null, null]);
  });

  test('has a body in JSON, none, or HTML', async () => {
    const { ask, acme } = await setUp();
    acme.behave({ rateLimit: { mode: 'fixed', perMinute: 1 } });
    await ask('/ping');
    expect(at((await ask('/ping')).json, 'troubleshoot')).toBe('TOO_MANY_REQUESTS');
    acme.behave({ limitedBody: 'empty' });
    expect((await ask('/ping')).text).toBe('');
    acme.behave({ limitedBody: 'html' });
    expect((await ask('/ping')).text).toContain('<html>');
  });
});

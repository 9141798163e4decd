/** Every fault over a real connection, which requests a rule strikes, and what an unusable plan is told. */
import { get } from 'node:http';
import { type FaultRule, parseFaultPlan } from '../../sandbox/index';
import { until } from '../support/patience';
import { at, basic, closeAfterEach, ids, NOW, type Setup, setUp } from './ask';

closeAfterEach();

async function withFault(rule: FaultRule): Promise<Setup> {
  return setUp({ faults: { rules: [{ requests: 1, ...rule }] } });
}

const remove = { method: 'DELETE' };

describe('a fault', () => {
  test('answers a status with the body and headers of the rule, and without effect', async () => {
    const { ask, acme, sandbox } = await withFault({
      action: 'status',
      status: 503,
      body: 'html',
      headers: { 'Retry-After': '2' },
    });
    const path = `/contacts/${acme.truth.contactIds[0]}`;
    const struck = await ask(path, remove);
    expect([struck.status, struck.headers.get('retry-after')]).toEqual([503, '2']);
    expect(struck.text).toContain('<html>');
    expect((await ask(path, remove)).status).toBe(204);
    expect(sandbox.requests().map(({ number, status, fault }) => [number, status, fault])).toEqual([
      [1, 503, 'status'],
      [2, 204, null],
    ]);
  });

  test('drops the connection before the effect, or after it', async () => {
    for (const [action, left] of [
      ['drop', true],
      ['drop-after', false],
    ] as const) {
      const { ask, acme, sandbox } = await withFault({ action });
      const [first] = acme.truth.contactIds;
      await expect(ask(`/contacts/${first}`, remove)).rejects.toThrow('fetch failed');
      expect(acme.contacts().some(each => each.id === first)).toBe(left);
      expect(sandbox.requests()).toMatchObject([{ status: null, fault: action, at: NOW }]);
    }
  });

  test('breaks off in the middle of a body whose whole length was promised', async () => {
    const { ask, acme } = await withFault({ action: 'truncate' });
    await expect(ask('/contacts')).rejects.toThrow('terminated');
    acme.behave({ search: 'exact' });
    expect((await ask('/contacts')).status).toBe(200);
  });

  test('answers 200 with broken JSON, a page, another envelope, or one spoilt record', async () => {
    const malformed = await (await withFault({ action: 'malformed' })).ask('/calls');
    expect([malformed.status, malformed.json, malformed.headers.get('content-type')]).toEqual([
      200,
      undefined,
      'application/json',
    ]);
    const page = await (await withFault({ action: 'html' })).ask('/calls');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html']);
    const other = await (await withFault({ action: 'wrong-shape' })).ask('/contacts');
    expect(other.json).toEqual({ data: { items: [] }, success: true });
    const spoilt = (await (await withFault({ action: 'bad-record' })).ask('/contacts')).json;
    expect([at(spoilt, 'contacts', 0, 'emails'), Array.isArray(at(spoilt, 'contacts', 1, 'emails'))]).toEqual([
      'x',
      true,
    ]);
    const deep = (await (await withFault({ action: 'deep-record' })).ask('/calls')).json;
    expect([at(deep, 'calls', 0, 'deep', 0, 0, 0), at(deep, 'calls', 1, 'deep')]).toEqual([
      expect.any(Array),
      undefined,
    ]);
    const call = (await (await withFault({ action: 'bad-record' })).ask('/calls')).json;
    expect(at(call, 'calls', 0, 'raw_digits')).toBe(7);
  });

  test('answers a list with a total that is not true, or with empty rows, and leaves other replies alone', async () => {
    const boasting = (await (await withFault({ action: 'wrong-total', total: 20_000 })).ask('/calls')).json;
    expect([at(boasting, 'meta', 'total'), at(boasting, 'meta', 'current_page')]).toEqual([20_000, 1]);
    expect(at(boasting, 'calls', 0, 'id')).toEqual(expect.any(Number));
    const flooding = (await (await withFault({ action: 'many-rows', rows: 3 })).ask('/contacts')).json;
    expect(at(flooding, 'contacts')).toEqual([{}, {}, {}]);
    expect((await (await withFault({ action: 'many-rows', rows: 3 })).ask('/ping')).json).toEqual({ ping: 'pong' });
  });

  test('redirects elsewhere', async () => {
    const { ask } = await withFault({ action: 'redirect', location: 'https://elsewhere.invalid/' });
    const answer = await ask('/ping');
    expect([answer.status, answer.headers.get('location')]).toEqual([302, 'https://elsewhere.invalid/']);
  });

  test('delays a sound answer', async () => {
    const { ask, acme } = await withFault({ action: 'delay', delayMs: 20 });
    expect(ids(await ask(`/contacts/search?email=${acme.truth.subjectEmail}`))).toEqual(acme.truth.contactIds);
  });

  test('holds a sound answer until it is released, and the next one again', async () => {
    const { ask, sandbox, acme } = await withFault({ requests: [1, 2], action: 'hold' });
    for (const number of [1, 2]) {
      const held = ask(`/contacts/search?email=${acme.truth.subjectEmail}`);
      await until('it is held', () => sandbox.requests().length === number);
      expect(sandbox.requests().at(-1)).toMatchObject({ fault: 'hold', status: null });
      sandbox.release();
      expect(ids(await held)).toEqual(acme.truth.contactIds);
    }
  });

  test('pours an endless body', async () => {
    const { sandbox, acme } = await withFault({ action: 'oversize' });
    const size = await new Promise<number>((resolve, reject) => {
      let bytes = 0;
      const request = get(`${sandbox.baseUrl}/contacts`, { headers: { Authorization: basic(acme) } }, response => {
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > 20_000_000) {
            request.destroy();
            resolve(bytes);
          }
        });
        response.on('end', () => resolve(bytes));
      });
      request.on('error', reject);
    });
    expect(size).toBeGreaterThan(20_000_000);
  });

  test('never answers, and closing the sandbox ends that too', async () => {
    const { ask, sandbox } = await withFault({ action: 'hang' });
    const hanging = ask('/ping').then(
      () => 'answered',
      () => 'cut off',
    );
    while (sandbox.requests().length === 0) await new Promise(resolve => setImmediate(resolve));
    expect(sandbox.requests()).toMatchObject([{ status: null, fault: 'hang' }]);
    await sandbox.close();
    expect(await hanging).toBe('cut off');
  });
});

describe('a rule', () => {
  const failing = { action: 'status', status: 500 } as const;

  async function struck(rule: FaultRule, count = 9): Promise<number[]> {
    const { ask } = await setUp({ faults: { seed: 7, rules: [rule] } });
    const found: number[] = [];
    for (let n = 1; n <= count; n += 1) {
      if ((await ask(n % 2 === 0 ? '/calls?page=2' : '/contacts')).status === 500) found.push(n);
    }
    return found;
  }

  test('strikes by number, list, range, every n-th, and at most so many times', async () => {
    expect(await struck({ ...failing, requests: 4 })).toEqual([4]);
    expect(await struck({ ...failing, requests: [2, 7] })).toEqual([2, 7]);
    expect(await struck({ ...failing, requests: { from: 3, to: 5 } })).toEqual([3, 4, 5]);
    expect(await struck({ ...failing, requests: { from: 8 } })).toEqual([8, 9]);
    expect(await struck({ ...failing, every: 3 })).toEqual([3, 6, 9]);
    expect(await struck({ ...failing, every: 3, times: 2 })).toEqual([3, 6]);
  });

  test('strikes by path, query and method, and by number among those', async () => {
    expect(await struck({ ...failing, path: '^/v1/calls$' })).toEqual([2, 4, 6, 8]);
    expect(await struck({ ...failing, path: 'page=2' })).toEqual([2, 4, 6, 8]);
    expect(await struck({ ...failing, path: '^/v1/calls$', occurrences: 2 })).toEqual([4]);
    expect(await struck({ ...failing, method: 'DELETE' })).toEqual([]);
  });

  test('strikes by chance, the same way in every run', async () => {
    const first = await struck({ ...failing, probability: 0.4 }, 30);
    expect(first.length).toBeGreaterThan(3);
    expect(first.length).toBeLessThan(27);
    expect(await struck({ ...failing, probability: 0.4 }, 30)).toEqual(first);
  });

  test('counts the requests of its company only, anew with every plan', async () => {
    const { ask, sandbox } = await setUp();
    await ask('/ping');
    sandbox.setFaults({ rules: [{ ...failing, company: 'acme', requests: 2 }] });
    await fetch(`${sandbox.baseUrl}/ping`);
    expect((await ask('/ping')).status).toBe(200);
    expect((await ask('/ping')).status).toBe(500);
    sandbox.setFaults(undefined);
    expect((await ask('/ping')).status).toBe(200);
  });
});

describe('an unusable plan', () => {
  test.each([
    ['faults: expected an object', 'x'],
    ['faults: unknown key "rule" (known: seed, rules, media)', { rule: [] }],
    ['faults.rules: expected a list', {}],
    ['faults.rules[0].action: expected one of status, drop,', [{ action: 'explode' }]],
    ['faults.rules[0]: unknown key "evry"', [{ action: 'drop', evry: 3 }]],
    [
      'faults.rules[1].every: expected an integer of 1 to 1000000000',
      [{ action: 'drop' }, { action: 'drop', every: 0 }],
    ],
    ['faults.rules[0].status: expected an integer of 200 to 599', [{ action: 'status' }]],
    ['faults.rules[0].status: belongs to the action "status", not to "drop"', [{ action: 'drop', status: 500 }]],
    ['faults.rules[0].path: expected a regular expression', [{ action: 'drop', path: '(' }]],
    [
      'faults.rules[0].requests (a number, a list of numbers or { from, to }): expected an object',
      [{ action: 'drop', requests: 'all' }],
    ],
    ['faults.rules[0].probability: expected a number of 0 to 1', [{ action: 'drop', probability: 2 }]],
    ['faults.rules[0].delayMs: expected an integer of 0 to 600000', [{ action: 'delay' }]],
    ['faults.media[0].delayMs: expected an integer of 0 to 600000', { rules: [], media: [{ action: 'slow' }] }],
  ])('is told: %s', (message, plan) => {
    expect(() => parseFaultPlan(plan)).toThrow(message);
  });
});

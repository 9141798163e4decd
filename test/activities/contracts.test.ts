/** What a worker makes of a step whose arguments are not what the step takes, or are of another request. */
import { registered } from '../../src/activities';
import { taken } from '../../src/request/addressed';
import { SAMPLES } from '../support/contract-samples';
import { attempt, failureOf, infoOf, type Steps, startSteps } from './support/steps';

let steps: Steps;
beforeAll(async () => {
  steps = await startSteps();
});
afterAll(async () => steps.stop());

/** Everything that is asked of the vault from now on. */
function watchVault(): string[] {
  const asked: string[] = [];
  for (const [name, ask] of Object.entries(steps.driver)) {
    if (typeof ask !== 'function') continue;
    Reflect.set(steps.driver, name, (...args: unknown[]) => {
      asked.push(name);
      return Reflect.apply(ask, steps.driver, args);
    });
  }
  return asked;
}

test('it is refused before an API request, and before anything of the vault is read or written', async () => {
  const worker = registered({ ...steps.api, ...steps.local, ...steps.waking });
  const asked = watchVault();
  const names = Object.keys(worker);
  expect(names.length).toBeGreaterThan(15);
  for (const name of names) {
    const { takes } = Object.entries(SAMPLES).find(([step]) => step === name)?.[1] ?? { takes: [] };
    const [input = []] = takes;
    const others = [[], input.slice(0, -1), [...input, 1], [...input.slice(0, -1), []], [...input.slice(0, -1), null]];
    for (const other of others) {
      const failure = await failureOf(attempt(async () => worker[name]?.(taken(name, other))));
      expect(failure).toMatchObject({ code: 'payload-unusable', nonRetryable: true, detail: { apiRequests: 0 } });
    }
  }
  expect(steps.sandbox.requests()).toEqual([]);
  expect(asked).toEqual([]);

  // The watch sees what a step does with its own arguments.
  await failureOf(attempt(async () => worker.ping?.(taken('ping', [{ connection: 'nobody' }]))));
  expect(asked.length).toBeGreaterThan(0);
});

test('a step works for the request of its own run only', async () => {
  const worker = registered(steps.local);
  const subject = await steps.write('subject', { emails: ['zoe.nunez@example.com'], phoneNumbers: [] });
  const contacts = await steps.write('contacts', { ids: [], records: [], unreadable: [], unnamed: 0, readMs: 1 });
  const message = taken('identifyNumbers', [{ request: steps.request, subject, contacts }]);
  const identify = async () => worker.identifyNumbers?.(message);
  const others = [
    { ...steps.request, kind: 'deletion' as const },
    { ...steps.request, requestId: 'r-2' },
    { ...steps.request, connection: 'globex' },
  ];
  for (const other of others) {
    const failure = await failureOf(attempt(identify, infoOf(other, 'run-0')));
    expect(failure).toMatchObject({ code: 'payload-unusable', nonRetryable: true });
  }
  expect(await attempt(identify)).toMatchObject({ activity: 'identifyNumbers', result: { found: 0 } });
});

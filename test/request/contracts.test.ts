/** What a step takes and returns, on the way between workflow and worker: nothing else passes for it. */
import { type Returned, returned, type Taken, taken } from '../../src/request/addressed';
import { argumentsIn, resultIn } from '../../src/request/contracts';
import { SAMPLES } from '../support/contract-samples';

interface Case {
  readonly way: 'taken' | 'returned';
  readonly step: string;
  /** Its arguments, or its result. */
  readonly sample: unknown;
  /** With those members only that it must have. */
  readonly isBare: boolean;
}

const CASES = Object.entries(SAMPLES).flatMap(([step, { takes, returns }]): Case[] => [
  ...takes.map((sample, index) => ({ way: 'taken' as const, step, sample, isBare: index === 0 })),
  ...returns.map((sample, index) => ({ way: 'returned' as const, step, sample, isBare: index === 0 })),
]);

function messageOf(way: Case['way'], step: string, value: unknown): Taken | Returned {
  return way === 'returned' ? returned(step, value) : taken(step, Array.isArray(value) ? value : [value]);
}

/** As it arrives. */
function isAccepted({ way, step }: Case, message: unknown): boolean {
  const arrived: unknown = JSON.parse(JSON.stringify(message));
  return (way === 'taken' ? argumentsIn(step, arrived) : resultIn(step, arrived)) !== undefined;
}

/** Each place of a value, from the outside in. */
function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  const inner = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return [path, ...inner.flatMap(([name, member]) => placesIn(member, [...path, name]))];
}

/** The value with another one at a place; undefined leaves it out. */
function changedAt(value: unknown, [name, ...path]: readonly string[], change: (at: unknown) => unknown): unknown {
  if (name === undefined) return change(value);
  const copy = structuredClone(value);
  if (typeof copy !== 'object' || copy === null) throw new Error('there is no such place');
  Reflect.set(copy, name, changedAt(Reflect.get(copy, name), path, change));
  return copy;
}

/** The places of a case that its check has a say in: the step itself judges the input of a request. */
const places = ({ way, step, sample }: Case) =>
  placesIn(sample).filter(
    path => way === 'returned' || (path.length > 0 && !(step === 'openRequest' && path[1] === 'input')),
  );

test('each step takes its own arguments and returns its own results, and those of no other step pass for them', () => {
  expect(CASES.length).toBeGreaterThan(50);
  for (const each of CASES) {
    const { way, step, sample } = each;
    expect([way, step, isAccepted(each, messageOf(way, step, sample))]).toEqual([way, step, true]);
    expect(isAccepted(each, messageOf(way, 'another', sample))).toBe(false);
    expect(isAccepted(each, messageOf(way === 'taken' ? 'returned' : 'taken', step, sample))).toBe(false);
  }
});

test('a value of another shape is refused at each place of them', () => {
  const cases = CASES.flatMap(each => places(each).map(path => ({ each, path })));
  expect(cases.length).toBeGreaterThan(500);
  const accepted = cases.filter(({ each, path }) => {
    const changed = changedAt(each.sample, path, at => (Array.isArray(at) ? {} : []));
    return isAccepted(each, messageOf(each.way, each.step, changed));
  });
  expect(accepted).toEqual([]);
});

test('a member that they must have is missed', () => {
  const cases = CASES.filter(({ isBare }) => isBare).flatMap(each =>
    places(each).flatMap(path => (/^\D/.test(path.at(-1) ?? '') ? [{ each, path }] : [])),
  );
  expect(cases.length).toBeGreaterThan(150);
  const accepted = cases.filter(({ each, path }) =>
    isAccepted(
      each,
      messageOf(
        each.way,
        each.step,
        changedAt(each.sample, path, () => undefined),
      ),
    ),
  );
  expect(accepted).toEqual([]);
});

test('a step that does not exist takes and returns nothing', () => {
  for (const step of ['dropAll', 'constructor', '__proto__']) {
    expect(argumentsIn(step, taken(step, []))).toBeUndefined();
    expect(resultIn(step, returned(step, undefined))).toBeUndefined();
  }
});

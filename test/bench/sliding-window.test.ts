import fc from 'fast-check';
import { mostInAnyWindow } from '../../bench/sliding-window';

const SEED = { seed: 60_400, numRuns: 2000 };
const times = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 40 });
const windows = fc.integer({ min: 1, max: 120 });

describe('the most arrivals in any window', () => {
  test('is the fullest of the windows that begin at each moment', () => {
    fc.assert(
      fc.property(times, windows, (timesMs, windowMs) => {
        const moments = Array.from({ length: 301 }, (_, from) => from);
        const counts = moments.map(from => timesMs.filter(time => time >= from && time < from + windowMs).length);
        expect(mostInAnyWindow(timesMs, windowMs)).toBe(Math.max(...counts));
      }),
      SEED,
    );
  });

  test('is 0 without arrivals, and leaves out one that comes just as the window ends', () => {
    expect(mostInAnyWindow([], 60_000)).toBe(0);
    expect(mostInAnyWindow([0, 59_999], 60_000)).toBe(2);
    expect(mostInAnyWindow([0, 60_000], 60_000)).toBe(1);
  });
});

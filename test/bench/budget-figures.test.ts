import { figuresOf, isOver } from '../../bench/budget/figures';
import { drawBudget, fullestOverTime } from '../../bench/budget/picture';
import { mostInAnyWindow } from '../../bench/sliding-window';

const BUDGET = { limitPerMinute: 60, share: 0.75 };
const SECONDS = 100;

/** Served every 4/3 s, which is the budget's rate. */
const steady = (untilMs: number) =>
  Array.from({ length: Math.floor((untilMs * 3) / 4000) + 1 }, (_, n) => ({ at: (n * 4000) / 3, status: 200 }));

describe('the use of a budget', () => {
  test('is whole where requests are served at its rate, however many came before steps waited', () => {
    const figures = figuresOf(steady(150_000), BUDGET, { sinceMs: 20_000, seconds: SECONDS, endMs: 150_000 });
    expect(figures.ofRate).toBeCloseTo(1, 6);
    expect(figures.ofShare).toBeCloseTo(1, 6);
    expect(figures.longestPauseSeconds).toBeCloseTo(4 / 3, 6);
  });

  test('counts a pause at the end, also where nothing ever comes after it', () => {
    const paused = [...steady(90_000), { at: 120_000, status: 200 }];
    const standing = { sinceMs: 0, seconds: SECONDS, endMs: 180_000 };
    expect(figuresOf(paused, BUDGET, standing).ofRate).toBeCloseTo(68 / 90, 6);
    expect(figuresOf(steady(90_000), BUDGET, standing).ofRate).toBeCloseTo(68 / 135, 6);
    expect(figuresOf(steady(90_000), BUDGET, standing).longestPauseSeconds).toBeCloseTo(180 - (67 * 4) / 3, 6);
  });

  test('counts no refused request, and none at all where none came', () => {
    const refused = steady(150_000).map((arrival, n) => (n % 2 === 0 ? arrival : { ...arrival, status: 429 }));
    const standing = { sinceMs: 0, seconds: SECONDS, endMs: 150_000 };
    expect(figuresOf(refused, BUDGET, standing)).toMatchObject({ arrivals: 113, refused: 56 });
    expect(figuresOf(refused, BUDGET, standing).ofRate).toBeCloseTo(0.5, 6);
    expect(figuresOf([], BUDGET, standing)).toMatchObject({ arrivals: 0, ofRate: 0, longestPauseSeconds: 0 });
  });

  test('of a limit that the worst minute binds is told against the rate and against the share', () => {
    const budget = { limitPerMinute: 8, share: 0.75 };
    const arrivals = Array.from({ length: 60 }, (_, n) => ({ at: (n * 62_000) / 6, status: 200 }));
    const figures = figuresOf(arrivals, budget, { sinceMs: 0, seconds: 300, endMs: 400_000 });
    expect(figures.mostInAnyMinuteMax).toBe(6);
    expect(figures.ofRate).toBeCloseTo(1, 5);
    expect(figures.ofShare).toBeCloseTo(60 / 62, 5);
  });

  test('is known once a request was served after the time', () => {
    const standing = { sinceMs: 20_000, seconds: SECONDS };
    expect(isOver(steady(119_000), standing)).toBe(false);
    expect(isOver(steady(123_000), standing)).toBe(true);
    expect(isOver([...steady(90_000), { at: 130_000, status: 429 }], standing)).toBe(false);
  });
});

describe('the picture of budgets', () => {
  const burst = Array.from({ length: 30 }, (_, n) => 100_000 + n);

  test('shows the fullest minute, also one between two points', () => {
    const times = [0, ...burst, 400_000];
    const line = fullestOverTime(times, 0, 400_000);
    expect(Math.max(...line)).toBe(mostInAnyWindow(times, 60_000));
    expect(line.at(-1)).toBe(1);
    expect(line[180]).toBe(0);
  });

  test('is an SVG with a panel for each company', () => {
    const panel = (title: string) => ({
      title,
      limitPerMinute: 60,
      most: 48,
      series: [{ name: 'this <one>', timesMs: burst }],
    });
    const svg = drawBudget([panel('a'), panel('b'), panel('c')], 2);
    expect(svg.match(/<g /g)).toHaveLength(3);
    expect(svg).toContain('this &lt;one>');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
});

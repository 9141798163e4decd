import fc from 'fast-check';
import {
  type ConfiguredLimit,
  inForce,
  LIMIT_PER_MINUTE_DEFAULT,
  LIMIT_PER_MINUTE_MAX,
  limitInForce,
  mostPerMinute,
  mostSpacedPerMinute,
  type Pace,
  paceOf,
  ratePerSecond,
  SHARE_DEFAULT,
  SHARE_MAX,
} from '../src/budget';

const SEED = { seed: 60_75, numRuns: 1000 };
const limits = fc.oneof(fc.integer({ min: 1, max: LIMIT_PER_MINUTE_MAX }), fc.integer({ min: 1, max: 100 }));
const shares = fc.oneof(fc.constantFrom(0.75, 0.8, 0.5, 0.01), fc.double({ min: 1e-6, max: SHARE_MAX, noNaN: true }));
/** Below two requests a minute for each partition there are permits; above, the worst is 2p of 3p - 1. */
const COST_MAX = 2 / 3;
const paceOfPermits = (rate: number): Pace => ({
  ratePerSecond: rate,
  queueRate: 16 * rate,
  permitEverySeconds: 1 / rate,
});
const partitionCounts = fc.integer({ min: 1, max: 8 });

const budgets = fc.tuple(limits, shares, partitionCounts);

const worstMinuteMax = (limitPerMinute: number) => Math.max(1, Math.floor(0.8 * limitPerMinute));
/** The most that arrives in any 60 seconds, if the server keeps this rate of the queue. */
const worstMinuteOf = ({ permitEverySeconds }: Pace, queueRate: number, partitions: number) =>
  permitEverySeconds === undefined ? mostPerMinute(queueRate, partitions) : mostSpacedPerMinute(permitEverySeconds);

describe('the API budget of a company', () => {
  test('keeps the worst minute within 80 % of the limit and the mean within the share, for every limit, share and partition count', () => {
    fc.assert(
      fc.property(budgets, ([limitPerMinute, share, partitions]) => {
        const pace = paceOf({ limitPerMinute, share }, partitions);
        expect(pace.ratePerSecond).toBeGreaterThan(0);
        expect(worstMinuteOf(pace, pace.queueRate, partitions)).toBeLessThanOrEqual(worstMinuteMax(limitPerMinute));
        const mean = 1 / (pace.permitEverySeconds ?? 1 / pace.queueRate);
        expect(mean).toBeCloseTo(pace.ratePerSecond, 12);
        expect(mean).toBeLessThanOrEqual((share * limitPerMinute) / 60 + Number.EPSILON * pace.ratePerSecond);
      }),
      SEED,
    );
  });

  test('is not given away: a rate 0.01 % higher breaks one of the two bounds', () => {
    fc.assert(
      fc.property(budgets, ([limitPerMinute, share, partitions]) => {
        const { ratePerSecond: rate, permitEverySeconds } = paceOf({ limitPerMinute, share }, partitions);
        const higher = 1.0001 * rate;
        const breaksShare = higher > (share * limitPerMinute) / 60;
        // Permits are as fast as one partition.
        const breaksWorstMinute =
          mostPerMinute(higher, permitEverySeconds === undefined ? partitions : 1) > worstMinuteMax(limitPerMinute);
        expect(breaksShare || breaksWorstMinute).toBe(true);
      }),
      SEED,
    );
  });

  test('survives the float32 of the wire: the rounded rate still keeps the worst minute', () => {
    fc.assert(
      fc.property(budgets, ([limitPerMinute, share, partitions]) => {
        const pace = paceOf({ limitPerMinute, share }, partitions);
        const onTheWire = Math.fround(pace.queueRate);
        expect(worstMinuteOf(pace, onTheWire, partitions)).toBeLessThanOrEqual(worstMinuteMax(limitPerMinute));
      }),
      SEED,
    );
  });

  test('costs at most a third of what one partition gives, however many partitions there are', () => {
    fc.assert(
      fc.property(budgets, ([limitPerMinute, share, partitions]) => {
        const one = ratePerSecond({ limitPerMinute, share }, 1);
        expect(ratePerSecond({ limitPerMinute, share }, partitions)).toBeGreaterThanOrEqual(COST_MAX * one);
      }),
      SEED,
    );
  });

  test('of a queue is what it may dispatch, or, where permits are needed, what they allow', () => {
    expect(inForce(2, { ratePerSecond: 1, queueRate: 4, permitEverySeconds: 1 })).toBe(1);
    expect(inForce(0.5, { ratePerSecond: 1, queueRate: 4, permitEverySeconds: 1 })).toBe(0.5);
    expect(inForce(2, { ratePerSecond: 1, queueRate: 1 })).toBe(2);
  });

  test.each([
    [1, { ratePerSecond: 0.0125, queueRate: 0.2, permitEverySeconds: 80 }],
    [9, paceOfPermits(6.75 / 60)],
    [10, { ratePerSecond: 0.125, queueRate: 0.125 }],
    [60, { ratePerSecond: 0.75, queueRate: 0.75 }],
  ])('of %d a minute on 4 partitions is kept as %p', (limitPerMinute, pace) => {
    expect(paceOf({ limitPerMinute, share: 0.75 }, 4)).toEqual(pace);
  });

  test.each([
    [60, 0.75, 1, 0.75],
    [120, 0.5, 1, 1],
    [1, 0.75, 1, 0.0125],
    [8, 0.8, 1, (6 / 62) * (1 - 1e-6)],
    [10_000, 0.75, 1, 125],
  ])(
    'of %d a minute with share %d on %d partition is %d requests a second',
    (limitPerMinute, share, partitions, rate) => {
      expect(ratePerSecond({ limitPerMinute, share }, partitions)).toBe(rate);
    },
  );

  test('is 60 a minute, of which 75 %, where nothing is configured', () => {
    expect([LIMIT_PER_MINUTE_DEFAULT, SHARE_DEFAULT]).toEqual([60, 0.75]);
  });

  test('counts a minute, a second of burst, one of jitter, and a first request per partition', () => {
    expect(mostPerMinute(0.75, 1)).toBe(47);
    expect(mostPerMinute(0.75, 4)).toBe(48);
  });
});

describe('the limit that holds', () => {
  test.each<[ConfiguredLimit, number | undefined, number]>([
    [60, undefined, 60],
    [60, 120, 60],
    [120, 60, 60],
    [120, 0.5, 1],
    [120, 59.9, 59],
    ['auto', undefined, LIMIT_PER_MINUTE_DEFAULT],
    ['auto', 120, 120],
    ['auto', 30, 30],
    ['auto', 1e9, LIMIT_PER_MINUTE_MAX],
  ])('configured as %p, and named as %p by Aircall, is %p', (configured, named, inForce) => {
    expect(limitInForce(configured, named)).toBe(inForce);
  });
});

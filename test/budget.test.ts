import fc from 'fast-check';
import {
  type ConfiguredLimit,
  LIMIT_PER_MINUTE_DEFAULT,
  LIMIT_PER_MINUTE_MAX,
  limitInForce,
  mostPerMinute,
  ratePerSecond,
  SHARE_DEFAULT,
  SHARE_MAX,
} from '../src/budget';

const SEED = { seed: 60_75, numRuns: 1000 };
const limits = fc.oneof(fc.integer({ min: 1, max: LIMIT_PER_MINUTE_MAX }), fc.integer({ min: 1, max: 100 }));
const shares = fc.oneof(fc.constantFrom(0.75, 0.8, 0.5, 0.01), fc.double({ min: 1e-6, max: SHARE_MAX, noNaN: true }));
const partitionCounts = fc.integer({ min: 1, max: 8 });

const worstMinuteMax = (limitPerMinute: number) => Math.max(1, Math.floor(0.8 * limitPerMinute));

describe('the API budget of a company', () => {
  test('keeps the worst minute within 80 % of the limit and the mean within the share, for every limit, share and partition count', () => {
    fc.assert(
      fc.property(limits, shares, partitionCounts, (limitPerMinute, share, partitions) => {
        fc.pre(partitions <= worstMinuteMax(limitPerMinute));
        const rate = ratePerSecond({ limitPerMinute, share }, partitions);
        expect(rate).toBeGreaterThan(0);
        expect(mostPerMinute(rate, partitions)).toBeLessThanOrEqual(worstMinuteMax(limitPerMinute));
        expect(rate).toBeLessThanOrEqual((share * limitPerMinute) / 60 + Number.EPSILON * rate);
      }),
      SEED,
    );
  });

  test('is not given away: a rate 0.01 % higher breaks one of the two bounds', () => {
    fc.assert(
      fc.property(limits, shares, partitionCounts, (limitPerMinute, share, partitions) => {
        fc.pre(partitions <= worstMinuteMax(limitPerMinute));
        const higher = 1.0001 * ratePerSecond({ limitPerMinute, share }, partitions);
        const breaksShare = higher > (share * limitPerMinute) / 60;
        const breaksWorstMinute = mostPerMinute(higher, partitions) > worstMinuteMax(limitPerMinute);
        expect(breaksShare || breaksWorstMinute).toBe(true);
      }),
      SEED,
    );
  });

  test('survives the float32 of the wire: the rounded rate still keeps the worst minute', () => {
    fc.assert(
      fc.property(limits, shares, partitionCounts, (limitPerMinute, share, partitions) => {
        fc.pre(partitions <= worstMinuteMax(limitPerMinute));
        const onTheWire = Math.fround(ratePerSecond({ limitPerMinute, share }, partitions));
        expect(mostPerMinute(onTheWire, partitions)).toBeLessThanOrEqual(worstMinuteMax(limitPerMinute));
      }),
      SEED,
    );
  });

  test('is refused where there are more partitions than requests in the worst minute', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), shares, partitionCounts, (limitPerMinute, share, partitions) => {
        fc.pre(partitions > worstMinuteMax(limitPerMinute));
        expect(() => ratePerSecond({ limitPerMinute, share }, partitions)).toThrow(RangeError);
      }),
      SEED,
    );
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

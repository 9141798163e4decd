/** Machines whose clock is wrong: by name, how far it is ahead of the server's (ms). */
const HOUR_MS = 3_600_000;
export const WRONG_CLOCKS = { '-2 h': -2 * HOUR_MS, '+1 h': HOUR_MS, '+40 d': 40 * 24 * HOUR_MS } as const;

const RightDate = Date;

/** The right time, whatever the clock says. */
export const rightNowMs = () => RightDate.now();

/** Does some work on a machine with such a clock. */
export async function withClock<T>(aheadMs: number, work: () => Promise<T>): Promise<T> {
  globalThis.Date = new Proxy(RightDate, {
    construct: (target, args, type) =>
      Reflect.construct(target, args.length === 0 ? [RightDate.now() + aheadMs] : args, type),
    get: (target, name) => (name === 'now' ? () => RightDate.now() + aheadMs : Reflect.get(target, name)),
  });
  try {
    return await work();
  } finally {
    globalThis.Date = RightDate;
  }
}

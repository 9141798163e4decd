/**
 * From the log of one company's API requests to the figures of its budget. Pure; it must never know what the service says
 * of itself.
 */
import type { LoggedRequest } from '../../sandbox';
import { type Budget, ratePerSecond } from '../../src/budget';
import { mostInAnyWindow } from '../sliding-window';

export type Arrival = Pick<LoggedRequest, 'at' | 'status'>;

/** The time over which use is measured. */
export interface Standing {
  /** When steps were first seen to wait in the queue; ms epoch. */
  readonly sinceMs: number;
  readonly seconds: number;
  /** When the log was read. */
  readonly endMs: number;
}

export interface Figures {
  /** All API requests, refused and repeated ones included. */
  readonly arrivals: number;
  readonly mostInAnyMinute: number;
  /** What the bar allows in any minute. */
  readonly mostInAnyMinuteMax: number;
  readonly mostInAnySecond: number;
  /** Answered with 429. */
  readonly refused: number;
  /** From the first request that was served after steps began to wait, to the first that was served `seconds` later. */
  readonly servedPerSecond: number;
  /** What our formula gives. */
  readonly ratePerSecond: number;
  readonly ofRate: number;
  /** Of limit x share, which the formula's rate may lie below. */
  readonly ofShare: number;
  readonly longestPauseSeconds: number;
}

/** The bars. */
export const OF_RATE_MIN = 0.99;
export const mostInAnyMinuteMax = ({ limitPerMinute }: Budget) => Math.max(1, Math.floor(0.8 * limitPerMinute));

export function figuresOf(log: readonly Arrival[], budget: Budget, standing: Standing): Figures {
  const times = log.map(({ at }) => at);
  const { times: counted, perSecond } = useOf(log, standing);
  const rate = ratePerSecond(budget, 1);
  return {
    arrivals: log.length,
    mostInAnyMinute: mostInAnyWindow(times, 60_000),
    mostInAnyMinuteMax: mostInAnyMinuteMax(budget),
    mostInAnySecond: mostInAnyWindow(times, 1_000),
    refused: log.filter(({ status }) => status === 429).length,
    servedPerSecond: perSecond,
    ratePerSecond: rate,
    ofRate: perSecond / rate,
    ofShare: (perSecond * 60) / (budget.limitPerMinute * budget.share),
    longestPauseSeconds: Math.max(0, ...counted.slice(1).map((time, index) => time - (counted[index] ?? time))) / 1000,
  };
}

/** Whether a request was served after the time over which use is measured: then nothing is missing from it. */
export function isOver(log: readonly Arrival[], standing: Omit<Standing, 'endMs'>): boolean {
  return useOf(log, { ...standing, endMs: 0 }).closed;
}

/**
 * Requests served from the first one after `sinceMs` on, until `seconds` later, and the one that came next: a pause at the
 * end counts too. Where none came next, the pause lasts until the log was read.
 */
function useOf(log: readonly Arrival[], { sinceMs, seconds, endMs }: Standing) {
  const served = log
    .filter(({ at, status }) => status === 200 && at >= sinceMs)
    .map(({ at }) => at)
    .sort((a, b) => a - b);
  const firstMs = served[0] ?? sinceMs;
  const next = served.findIndex(at => at >= firstMs + seconds * 1000);
  const closed = next > 0;
  const times = closed ? served.slice(0, next + 1) : [...served, ...(served.length > 0 ? [endMs] : [])];
  const spanMs = (times.at(-1) ?? firstMs) - firstMs;
  const intervals = closed ? times.length - 1 : served.length;
  return { closed, times, perSecond: spanMs > 0 ? (intervals * 1000) / spanMs : 0 };
}

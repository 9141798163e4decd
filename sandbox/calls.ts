/**
 * The calls of one company, sorted by start and indexed by the digits of the other party, so that a search in 100,000 is fast.
 * A call is never deleted; its recording and voicemail can be, and may come later. Facts: docs/aircall.md 7 and 8.
 * Unverified: that history ends after exactly 182 days, and that a search by number is exact.
 */

import { digitsOf } from './phones';
import type { MediaKind } from './sound';
import type { CallRecord } from './wire';

const HISTORY_SECONDS = 182 * 86_400;

export interface CallFilter {
  /** UNIX seconds, excluded. */
  readonly from: number;
  /** UNIX seconds, included. */
  readonly to: number;
  readonly phoneNumber: string | null;
  readonly direction: string | null;
  readonly userId: number | null;
  /** All of them. */
  readonly tagIds: readonly number[];
}

export interface Calls {
  all(): readonly CallRecord[];
  /** Oldest first; without calls older than the history that Aircall serves. */
  search(filter: CallFilter): readonly CallRecord[];
  get(id: number): CallRecord | undefined;
  add(record: CallRecord): void;
  hasMedia(id: number, kind: MediaKind): boolean;
  setMedia(id: number, kind: MediaKind, isStored: boolean): void;
}

export function createCalls(seed: readonly CallRecord[], now: () => number): Calls {
  const sorted = [...seed].sort((a, b) => a.started_at - b.started_at || a.id - b.id);
  const byId = new Map(sorted.map(call => [call.id, call]));
  const byDigits = new Map<string, CallRecord[]>();
  /** What has changed since the records were made. */
  const stored: Record<MediaKind, Map<number, boolean>> = { recording: new Map(), voicemail: new Map() };
  for (const call of sorted) indexed(call).push(call);

  function indexed(call: CallRecord): CallRecord[] {
    const digits = digitsOf(call.raw_digits);
    const known = byDigits.get(digits) ?? [];
    byDigits.set(digits, known);
    return known;
  }

  return {
    all: () => sorted,
    get: id => byId.get(id),

    search({ from, to, phoneNumber, direction, userId, tagIds }) {
      const digits = phoneNumber === null ? null : digitsOf(phoneNumber);
      const candidates = digits === null ? sorted : digits === '' ? [] : (byDigits.get(digits) ?? []);
      const oldest = Math.floor(now() / 1_000) - HISTORY_SECONDS;
      const inWindow = candidates.slice(firstAfter(candidates, Math.max(from, oldest)), firstAfter(candidates, to));
      if (direction === null && userId === null && tagIds.length === 0) return inWindow;
      return inWindow.filter(
        call =>
          (direction === null || call.direction === direction) &&
          (userId === null || call.userId === userId) &&
          tagIds.every(id => call.tagIds.includes(id)),
      );
    },

    add(record) {
      byId.set(record.id, record);
      for (const list of [sorted, indexed(record)]) list.splice(firstAfter(list, record.started_at), 0, record);
    },

    hasMedia(id, kind) {
      return stored[kind].get(id) ?? byId.get(id)?.[kind] ?? false;
    },
    setMedia(id, kind, isStored) {
      stored[kind].set(id, isStored);
    },
  };
}

/** Index of the first call that started after a time; the list is sorted. */
function firstAfter(calls: readonly CallRecord[], seconds: number): number {
  let low = 0;
  let high = calls.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((calls[middle]?.started_at ?? Infinity) > seconds) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * What was replaced or left out of a record, what stands in its place, and how often each reason was given. Ids and marks only: a
 * redaction must never hold what it hides.
 */
import type { Reason } from '../request/redactions';
import type { InSlices } from '../slices';

export interface Redaction {
  /** JSON Pointer (RFC 6901) into the redacted records, as `/calls/3/user`. It names what was replaced, or what was left out. */
  readonly path: string;
  readonly reason: Reason;
}

/** What stands in a text in place of what was taken out. None of them holds an address, a number or a link. */
export const MASKS = {
  email: '[email removed]',
  phone: '[phone number removed]',
  iban: '[IBAN removed]',
  link: '[link removed]',
} as const satisfies Partial<Record<Reason, string>>;

/** In place of what somebody else said. */
export const WITHHELD = '[withheld]';

/** How often each reason was given: the most frequent first, equally frequent ones by name. A slice is a thousand redactions. */
export function* countReasons<R extends string>(
  redactions: Iterable<{ readonly reason: R }>,
): InSlices<{ readonly reason: R; readonly count: number }[]> {
  const counts = new Map<R, number>();
  let read = 0;
  for (const { reason } of redactions) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    read += 1;
    if (read % 1_000 === 0) yield;
  }
  return [...counts]
    .map(([reason, count]) => ({ reason, count }))
    .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
}

/**
 * How a request can end: one row for each. Results, receipts, exit codes, metrics and words for people are made from these
 * rows. Workflow-safe: plain data.
 */
import type { Kind } from './names';
import { keyOf, type Shape } from './shapes';

interface EndingRow {
  /** Whether a caller may continue without checking the result: the exit code of commands that wait. */
  readonly well: boolean;
  /** The meaning of the end, for a person. */
  readonly words: Readonly<Record<Kind, string>>;
  /** Whether the summary mentions the package, or its absence. */
  readonly handsOver: boolean;
  /** Whether the whole requested search was made, so that it has an end time. */
  readonly searched: boolean;
}

const forBoth = (words: string) => ({ access: words, deletion: words });

export const ENDINGS = {
  completed: {
    well: true,
    words: { access: 'All was searched, and all was found.', deletion: 'Everything was done.' },
    handsOver: true,
    searched: true,
  },
  partial: {
    well: false,
    words: forBoth('It ended, but not everything was done: see below.'),
    handsOver: true,
    searched: true,
  },
  'no-match': {
    well: true,
    words: forBoth('Everything was searched; nothing of the person was found.'),
    handsOver: false,
    searched: true,
  },
  planned: {
    well: true,
    words: forBoth('A dry run: it searched, and changed nothing. The plan says what it would do.'),
    handsOver: false,
    searched: true,
  },
  denied: {
    well: false,
    words: forBoth('An approver rejected the plan: nothing was done.'),
    handsOver: false,
    searched: true,
  },
  cancelled: {
    well: true,
    words: forBoth('Somebody cancelled the request. The work done before is below.'),
    handsOver: false,
    searched: false,
  },
  failed: { well: false, words: forBoth('The request failed: see below.'), handsOver: false, searched: false },
} as const satisfies Record<string, EndingRow>;

export type EndedStatus = keyof typeof ENDINGS;

export const isEndedStatus: Shape<EndedStatus> = keyOf(ENDINGS);

export const ENDED_STATUSES = Object.keys(ENDINGS).filter(isEndedStatus);

/** How a request ended, also if its data was purged since. */
export function endOf<S extends string>({
  status,
  purged,
}: {
  readonly status: S;
  readonly purged?: { readonly status: S };
}): S {
  return purged?.status ?? status;
}

/** Whether a caller may continue without checking the result. */
export function endedWell(status: string): boolean {
  return !isEndedStatus(status) || ENDINGS[status].well;
}

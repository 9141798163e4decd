/**
 * How a request can end: one row for each. Results, receipts, exit codes, metrics and words for people are made from these
 * rows. Workflow-safe: plain data.
 */
import type { Kind } from './names';

interface EndingRow {
  /** Whether a caller may go on without a look: the exit code of commands that wait. */
  readonly well: boolean;
  /** What the end means, for a person. */
  readonly words: Readonly<Record<Kind, string>>;
  /** Whether a package, or that there is none, is part of the story. */
  readonly handsOver: boolean;
  /** Whether all that was asked for was searched, so that the search has a time at which it ended. */
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
    words: forBoth('All was searched, and nothing of the person was there.'),
    handsOver: false,
    searched: true,
  },
  cancelled: {
    well: true,
    words: forBoth('Somebody cancelled it. What was done until then is below.'),
    handsOver: false,
    searched: false,
  },
  failed: { well: false, words: forBoth('It ended with failures: see below.'), handsOver: false, searched: false },
} as const satisfies Record<string, EndingRow>;

export type EndedStatus = keyof typeof ENDINGS;

export function isEndedStatus(status: string): status is EndedStatus {
  return Object.hasOwn(ENDINGS, status);
}

export const ENDED_STATUSES = Object.keys(ENDINGS).filter(isEndedStatus);

/** Whether a caller may go on without a look. */
export function endedWell(status: string): boolean {
  return !isEndedStatus(status) || ENDINGS[status].well;
}

/**
 * How a request can end: one row for each. Results, receipts, exit codes, metrics and words for people are made from these
 * rows. Workflow-safe: plain data.
 */
import type { Kind } from './names';
import { keyOf, type Shape } from './shapes';

interface EndingRow {
  /** Whether a caller may continue without checking the result: the exit code of commands that wait. */
  readonly well: boolean;
  /** The meaning of the end, for a person: true of every request that ends so. src/request/sentences.ts adds what is true of some. */
  readonly words: Readonly<Record<Kind, string>>;
  /** Instead, if records were found that may be somebody else's. */
  readonly besides?: Readonly<Record<Kind, string>>;
  /** Instead, if people have approved the plan: they may have kept what is certain. */
  readonly approved?: Readonly<Record<Kind, string>>;
  /** Whether the summary mentions the package, or its absence. */
  readonly handsOver: boolean;
  /** Whether the whole requested search was made, so that it has an end time. */
  readonly searched: boolean;
}

const forBoth = (words: string) => ({ access: words, deletion: words });

export const ENDINGS = {
  completed: {
    well: true,
    words: {
      access: 'What was found of the person was delivered.',
      deletion: 'The contacts of the person that were found are deleted.',
    },
    approved: {
      access: 'What the approved plan takes was delivered.',
      deletion: 'The contacts that the approved plan takes are deleted.',
    },
    handsOver: true,
    searched: true,
  },
  partial: {
    well: false,
    words: forBoth('It ended without all that was asked for: see below.'),
    handsOver: true,
    searched: true,
  },
  'no-match': {
    well: true,
    words: {
      access: 'The searches found nothing of the person.',
      deletion: 'The searches found no contact of the person.',
    },
    besides: forBoth("The searches found nothing that is certainly the person's."),
    handsOver: false,
    searched: true,
  },
  planned: {
    well: true,
    words: {
      access: 'A dry run: it searched contacts, and handed over nothing.',
      deletion: 'A dry run: it only searched contacts, and changed nothing.',
    },
    handsOver: false,
    searched: true,
  },
  denied: {
    well: false,
    words: {
      access: 'The plan was rejected: nothing was handed over.',
      deletion: 'The plan was rejected: nothing was deleted.',
    },
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

/**
 * What a request has fetched so far, and how many API requests it still sends as far as that is known. For people who watch it only:
 * its result is made from its findings. Pure; Workflow-safe.
 */
import { hoursOf } from '../request/cost';
import type { RequestStatus } from '../request/model';
import { object, type Shaped, whole } from '../request/shapes';
import { PART_NAMES } from '../request/sources';
import type { Findings } from './findings';

const FETCHED_SOURCES = ['calls', ...PART_NAMES] as const;
const MEMBERS = [...FETCHED_SOURCES, 'sizeBytes'] as const;

export const fetchedShape = object({
  calls: whole,
  recordings: whole,
  voicemails: whole,
  transcripts: whole,
  insights: whole,
  /** Of recordings and voicemails. */
  sizeBytes: whole,
});
/** Records as often as Aircall gave them, also those that may be somebody else's. */
export type Fetched = Shaped<typeof fetchedShape>;

/** Work that counts what it fetches. */
interface Fetches {
  readonly fetched: Fetched;
}

export interface Workload {
  /** Work that has ended, and work that is under way. */
  readonly fetched: Fetched;
  /** Undefined while nobody knows. */
  readonly apiRequestsLeft: number | undefined;
  /** Counts what a report says, from now on and when its work has ended. */
  following<T>(report: Fetches, work: () => Promise<T>): Promise<T>;
  add(fetched: Partial<Fetched>): void;
  /** For one part of the work: says, whenever it knows better, how many API requests it still sends; 0 at its end. */
  expect(): (apiRequests: number) => void;
}

/** What the status of a request that fetches says more. */
export type SoFar = Pick<RequestStatus, 'counts'> & Required<Pick<RequestStatus, 'progress'>>;

/** The counts of the findings, or of a source that they do not count yet, what was fetched of it. @param requestsPerHour if it is known */
export function soFarOf(
  { fetched, apiRequestsLeft }: Pick<Workload, 'fetched' | 'apiRequestsLeft'>,
  { counts, isCounted }: Pick<Findings, 'counts' | 'isCounted'>,
  requestsPerHour: number | undefined,
): SoFar {
  const { recordings, voicemails, sizeBytes } = fetched;
  const more = FETCHED_SOURCES.filter(source => !isCounted(source)).map(source => [source, fetched[source]]);
  const hoursLeft =
    apiRequestsLeft === undefined || requestsPerHour === undefined
      ? undefined
      : hoursOf(apiRequestsLeft, requestsPerHour);
  return {
    counts: { ...counts, ...Object.fromEntries(more) },
    progress: {
      files: recordings + voicemails,
      sizeBytes,
      ...(apiRequestsLeft !== undefined && { apiRequestsLeft }),
      ...(hoursLeft !== undefined && { hoursLeft }),
    },
  };
}

export function fetchedNothing(): Fetched {
  return { calls: 0, recordings: 0, voicemails: 0, transcripts: 0, insights: 0, sizeBytes: 0 };
}

export function plus(one: Fetched, other: Partial<Fetched>): Fetched {
  const sum: { -readonly [Name in keyof Fetched]: number } = { ...one };
  for (const name of MEMBERS) sum[name] += other[name] ?? 0;
  return sum;
}

/** @param changed is called after each change but those of a report that is followed */
export function countWorkload(changed: () => void): Workload {
  const underWay = new Set<Fetches>();
  const expected = new Map<object, number>();
  let ended = fetchedNothing();
  return {
    get fetched() {
      return [...underWay].reduce((sum, { fetched }) => plus(sum, fetched), ended);
    },
    get apiRequestsLeft() {
      return expected.size === 0 ? undefined : [...expected.values()].reduce((sum, left) => sum + left, 0);
    },
    async following(report, work) {
      underWay.add(report);
      try {
        return await work();
      } finally {
        underWay.delete(report);
        ended = plus(ended, report.fetched);
        changed();
      }
    },
    add(fetched) {
      ended = plus(ended, fetched);
      changed();
    },
    expect() {
      const part = {};
      return apiRequests => {
        if (apiRequests === 0) expected.delete(part);
        else expected.set(part, apiRequests);
        changed();
      };
    },
  };
}

/** Words for people, on a terminal and in the Web UI alike: counts, and the phases of a request. Pure; Workflow-safe. */

/** `1 contact`, `2 contacts`. Sentences avoid verbs that depend on the number. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** `32 MB`, `1.4 GB`; rounded up, so that something is never nothing. */
export function sizeWords(sizeBytes: number): string {
  if (sizeBytes >= 1e9) return inUnit(sizeBytes / 1e9, 'gigabyte', 1);
  return sizeBytes >= 1e6 ? inUnit(sizeBytes / 1e6, 'megabyte', 0) : inUnit(sizeBytes / 1e3, 'kilobyte', 0);
}

/** `6 min`, `2.5 hr`, `3.2 days`; rounded up likewise. */
export function durationWords(hours: number): string {
  if (hours >= 48) return inUnit(hours / 24, 'day', 1);
  return hours >= 1 ? inUnit(hours, 'hour', 1) : inUnit(hours * 60, 'minute', 0);
}

/** @param digits behind the point, at most */
function inUnit(value: number, unit: string, digits: number): string {
  const format = { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits } as const;
  return new Intl.NumberFormat('en', format).format(Math.ceil(value * 10 ** digits) / 10 ** digits);
}

export const PHASE_WORDS = {
  opening: 'opening the request',
  searching: 'searching contacts',
  'fetching-calls': 'fetching calls',
  approving: 'waiting for the approval of its plan',
  'fetching-audio': 'fetching recordings and voicemails',
  'fetching-transcripts': 'fetching transcripts',
  'fetching-insights': 'fetching insights',
  packaging: 'building the package',
  deleting: 'deleting contacts',
  verifying: 'verifying that they are deleted',
  closing: 'closing the request',
  ended: undefined,
} as const satisfies Record<string, string | undefined>;

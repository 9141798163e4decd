/** Words for people, on a terminal and in the Web UI alike: counts, and the phases of a request. Pure; Workflow-safe. */

/** `1 contact`, `2 contacts`. Sentences avoid verbs that depend on the number. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
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

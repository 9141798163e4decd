/** The phases of a request, in words for people: on a terminal and in the Web UI alike. Workflow-safe: plain data. */

export const PHASE_WORDS = {
  opening: 'opening the request',
  searching: 'searching contacts',
  'fetching-calls': 'fetching calls',
  approving: 'waiting for the approval of its plan',
  packaging: 'building the package',
  deleting: 'deleting contacts',
  verifying: 'verifying that they are deleted',
  closing: 'closing the request',
  ended: undefined,
} as const satisfies Record<string, string | undefined>;

/**
 * The causes of waiting: one row for each. The status, the Web UI and the terminal show the words of these rows. And how often
 * whoever waits looks whether the cause has ended.
 * Workflow-safe: plain data.
 */

interface WaitRow {
  /** On a terminal. */
  readonly short: string;
  /** In the Web UI; follows "It waits". */
  readonly words: (connection: string) => string;
  /** The command that ends the wait, or prints how to end it. */
  readonly command?: (request: WaitingRequest) => string;
}

export interface WaitingRequest {
  readonly connection: string;
  readonly requestId: string;
}

/** From one look to the next: `firstMs` after the first, then `WAIT_GROWTH` times as long each time, up to `mostMs`; jitter adds up to a half. */
export interface WaitDelays {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** The longest is what a hundred thousand requests can afford that wait on one server: some twenty looks a second. */
export const WAIT_DELAYS: WaitDelays = { firstMs: 8_000, mostMs: 3_600_000 };
export const WAIT_GROWTH = 4;

const RESUMES = 'It then resumes by itself, at the same step.';

export const WAITS = {
  credentials: {
    short: 'waiting for the connection to be connected again',
    words: connection => `for credentials: Aircall refuses those of ${connection}.`,
    command: ({ connection }) => `connect ${connection}`,
  },
  paused: {
    short: 'the connection is paused',
    words: connection => `because an operator paused ${connection}.`,
    command: ({ connection }) => `connections resume ${connection}`,
  },
  settle: {
    short: 'waiting for Aircall to settle before the next search',
    words: () => 'for Aircall to settle before the next search.',
  },
  'access-request': {
    short: 'waiting for an access request of the same person',
    words: () => 'for an access request of the same person to end.',
  },
  approval: {
    short: 'waiting for a person to approve the plan: run aircall-dsr plan',
    words: () => 'for a person to approve the plan.',
    command: ({ requestId }) => `plan ${requestId}`,
  },
  'daily-brake': {
    short: 'the connection allows no more deletions for now',
    words: connection => `because ${connection} allows so many deletions within 24 hours and no more.`,
  },
  'late-media': {
    short: 'waiting for recordings that Aircall may still store',
    words: () => 'for recordings that Aircall may still store.',
  },
  'rate-limit': { short: 'Aircall requires a pause', words: () => 'because Aircall required a pause.' },
  worker: { short: 'no worker answers: start `aircall-dsr worker`', words: () => 'for a worker.' },
} as const satisfies Record<string, WaitRow>;

export type WaitCause = keyof typeof WAITS;

const rowOf = (cause: WaitCause): WaitRow => WAITS[cause];

/** The cause of the wait, the remedy, and until when; follows "It waits". */
export function waitWords({ cause, until }: { cause: WaitCause; until?: string }, request: WaitingRequest): string {
  const { words, command } = rowOf(cause);
  const toDo = command === undefined ? '' : ` Run \`aircall-dsr ${command(request)}\`. ${RESUMES}`;
  return `${words(request.connection)}${toDo}${until === undefined ? '' : ` Until ${until}.`}`;
}

/** The summary of a step that waits until somebody runs a command. */
export function waitSummary(cause: WaitCause, request: WaitingRequest): string {
  const { short, command } = rowOf(cause);
  return command === undefined ? short : `Waits until somebody runs: aircall-dsr ${command(request)}`;
}

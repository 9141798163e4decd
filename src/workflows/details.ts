/**
 * What the Temporal Web UI shows of a request while it runs: how it stands, what it waits for and what to do about it.
 * Markdown; counts and names only. Workflow-safe.
 */
import type { RequestStatus, WaitingFor } from '../request/model';

const COUNTED = {
  contacts: 'contacts found',
  calls: 'calls found',
  deleted: 'deleted',
  alreadyAbsent: 'already absent',
  refused: 'refused by Aircall',
  failed: 'failed',
} as const;

export function detailsOf(status: RequestStatus, connection: string): string {
  const { waitingFor, phase, counts, apiRequests } = status;
  const counted = Object.entries(COUNTED).flatMap(([name, words]) => {
    const count = Object.entries(counts).find(([key]) => key === name)?.[1];
    return count === undefined ? [] : [`- ${words}: ${count}`];
  });
  return [
    `**${status.status}**, ${phase}`,
    ...(waitingFor === undefined ? [] : ['', `Waits ${waitWords(waitingFor, connection)}`]),
    '',
    ...counted,
    `- API requests sent: ${apiRequests}`,
  ].join('\n');
}

function waitWords({ cause, until }: WaitingFor, connection: string): string {
  const words: Readonly<Record<WaitingFor['cause'], string>> = {
    credentials: `for credentials: Aircall refuses those of ${connection}. Run \`aircall-dsr connect ${connection}\`.`,
    paused: `because ${connection} is paused. Run \`aircall-dsr connections resume ${connection}\`.`,
    settle: 'for Aircall to settle before it searches again.',
    'access-request': 'for an access request of the same person to end.',
    'rate-limit': 'because Aircall asked for a pause.',
    worker: 'for a worker.',
  };
  return `${words[cause]}${until === undefined ? '' : ` Until ${until}.`}`;
}

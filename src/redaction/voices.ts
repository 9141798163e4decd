/**
 * Whether the audio of a call may hold the voice of another person: nobody can take a voice out, so such audio is doubtful. The words of a
 * transcript are redacted one by one instead. Facts: docs/aircall.md 7.
 */

const OF_TRANSFERS = ['transferred_by', 'transferred_to', 'external_transferred_to'] as const;
const OF_CONFERENCES = ['conference_participants', 'participants'] as const;

/** True of conferences and of calls that were transferred. @param call as Aircall returns it, or redacted */
export function mayHoldOtherVoices(call: object): boolean {
  const fields = new Map<string, unknown>(Object.entries(call));
  const isTransferred = OF_TRANSFERS.some(name => (fields.get(name) ?? null) !== null);
  const isConference = OF_CONFERENCES.some(name => {
    const participants = fields.get(name);
    return Array.isArray(participants) && participants.length > 0;
  });
  return isTransferred || isConference;
}

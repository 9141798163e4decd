/** Who may be heard in the audio of a call. Pure. */
import type { CallRecord } from './judgement';

/**
 * Whether others than one agent and the other party may be heard: the call was transferred, or is a conference. What they said is not
 * the subject's, and nothing can take it out of the audio.
 */
export function hasOtherVoices(call: CallRecord): boolean {
  const { transferred_by, transferred_to, external_transferred_to, conference_participants } = call;
  const others = [transferred_by, transferred_to, external_transferred_to, conference_participants?.[0]];
  return others.some(other => other !== null && other !== undefined && other !== '');
}

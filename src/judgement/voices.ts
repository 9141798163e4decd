/** Who may be heard in the audio of a call, and who spoke in what was made of it. Pure. Facts: docs/aircall.md 7. */
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

/** Of the other party of a call, of the company, or a voice of Aircall's. */
export type Speaker = 'external' | 'internal' | 'ai_voice_agent';

const SPEAKERS: ReadonlyMap<unknown, Speaker> = new Map([
  ['external', 'external'],
  ['contact', 'external'],
  ['internal', 'internal'],
  ['user', 'internal'],
  ['agent', 'internal'],
  ['ai_voice_agent', 'ai_voice_agent'],
]);

interface Said {
  readonly participant_type?: unknown;
  readonly type?: unknown;
}

/** The field of an utterance or a mood that says whose it is: Aircall has two names for it. */
export function speakerField({ participant_type: role }: Said): 'participant_type' | 'type' {
  return role === undefined || role === null ? 'type' : 'participant_type';
}

/** Who spoke or felt; undefined if it says nothing that we know. @param said an utterance, a mood, or anything else */
export function speakerOf(said: unknown): Speaker | undefined {
  if (typeof said !== 'object' || said === null) return undefined;
  const fields: Said = said;
  return SPEAKERS.get(fields[speakerField(fields)]);
}

/** In which calls others than one agent and the other party may be heard, and who spoke. */
import { hasOtherVoices, speakerField, speakerOf } from '../../src/judgement/voices';

const user = { id: 1, name: 'Agent 1' };

test.each([
  ['of one agent', {}, false],
  ['with empty fields', { transferred_by: null, transferred_to: null, conference_participants: [] }, false],
  ['that an agent transferred', { transferred_by: user }, true],
  ['that an agent received', { transferred_to: user }, true],
  ['that went to another number', { external_transferred_to: '+1 303-555-0101' }, true],
  ['of a conference', { conference_participants: [{ phone_number: null }] }, true],
])('a call %s', (_, fields, others) => {
  expect(hasOtherVoices({ id: 7, ...fields })).toBe(others);
});

test.each([
  [{ participant_type: 'external' }, 'external'],
  [{ participant_type: 'contact', type: 'internal' }, 'external'],
  [{ participant_type: null, type: 'external' }, 'external'],
  [{ type: 'internal' }, 'internal'],
  [{ type: 'user' }, 'internal'],
  [{ participant_type: 'agent' }, 'internal'],
  [{ participant_type: 'ai_voice_agent' }, 'ai_voice_agent'],
  [{ participant_type: 'robot', type: 'external' }, undefined],
  [{ type: 'call' }, undefined],
  [{ text: 'external' }, undefined],
  ['external', undefined],
  [null, undefined],
])('%j was said by %j', (said, speaker) => {
  expect(speakerOf(said)).toBe(speaker);
});

test('the field that says who spoke is the one that says something', () => {
  expect(speakerField({ participant_type: 'external', type: 'call' })).toBe('participant_type');
  expect([{}, { participant_type: null }, { type: 'external' }].map(speakerField)).toEqual(['type', 'type', 'type']);
});

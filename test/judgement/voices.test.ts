/** In which calls others than one agent and the other party may be heard. */
import { hasOtherVoices } from '../../src/judgement/voices';

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

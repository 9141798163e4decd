/** What of a judged request is handed over, and what counts as the subject's in it. */
import { judgeCards } from '../../src/judgement/cards';
import type { Card } from '../../src/judgement/judgement';
import type { Decision, PlanRow } from '../../src/judgement/plan';
import { type Found, handOver } from '../../src/redaction/hand-over';
import { atOnce } from '../../src/slices';
import { card } from '../judgement/support';

const HERS = 'anna@example.com';
const LINE = '+33 6 12 34 56 78';
const OTHER_LINE = '06 98 76 54 32';
const ANNA = card(1, { name: 'Anna Example', emails: [HERS], numbers: [LINE] });
const AS_TEXT = `ring ${OTHER_LINE}`;
const MASKED = 'ring [phone number removed]';

interface Case {
  readonly cards: readonly Card[];
  /** Contacts by place, from 1, that are taken. */
  readonly contacts: readonly number[];
  readonly call?: object;
  readonly because?: PlanRow['because'];
  /** That are not taken. */
  readonly calls?: Found<string>['calls'];
}

function handed({ cards, contacts, call = {}, because = [], calls = [{ id: 12 }] }: Case) {
  const identities = { emails: [HERS, 'info@example.com'], phoneNumbers: [] };
  const judged = judgeCards(identities, cards, 'FR');
  const row = (record: 'contact' | 'call', id: number, decision: Decision) =>
    ({ ref: `${record} ${id}`, record, id, verb: 'deliver', because, decision }) as const;
  const found: Found<string> = {
    identities,
    people: { ...judged, country: 'FR' },
    rows: [
      ...cards.map(({ id }) => row('contact', id, contacts.includes(id) ? 'take' : 'keep')),
      row('call', 11, 'take'),
    ],
    calls: [{ id: 11, raw_digits: LINE, ...{ comments: [{ content: AS_TEXT }] }, ...call }, ...calls],
    transcripts: [],
    insights: [],
  };
  return atOnce(handOver(found));
}
const textOf = (given: Case) => handed(given).calls[0]?.comments;

test('only rows that are taken are handed over', () => {
  const { contacts, calls } = handed({ cards: [ANNA, card(2, { emails: ['info@example.com'] })], contacts: [1] });
  expect([contacts, calls].map(records => records.map(({ id }) => id))).toEqual([[1], [11]]);
});

test('a number of somebody else who shares a number with the subject is masked in any spelling', () => {
  const bob = card(2, { name: 'Bob Other', emails: ['bob@example.com'], numbers: [LINE, '+33 6 98 76 54 32'] });
  expect(textOf({ cards: [ANNA, bob], contacts: [1] })).toEqual([{ content: MASKED }]);
  expect(textOf({ cards: [ANNA], contacts: [1] })).toEqual([{ content: AS_TEXT }]);
});

test('a number that only a withheld card has is masked, unless a record is handed over because of it', () => {
  const role = card(2, { name: 'Bob Other', emails: ['info@example.com'], numbers: ['+33 6 98 76 54 32'] });
  const cards = [ANNA, role];
  expect(textOf({ cards, contacts: [1] })).toEqual([{ content: MASKED }]);
  expect(textOf({ cards, contacts: [1, 2] })).toEqual([{ content: AS_TEXT }]);
  const because = [{ identity: 'number 2', field: 'raw_digits' }] as const;
  expect(textOf({ cards, contacts: [1], because })).toEqual([{ content: AS_TEXT }]);
});

test('whom a withheld card or call names is somebody else in a text, and the subject is not', () => {
  const role = card(2, { name: 'Bob Other', emails: ['info@example.com'] });
  const calls = [{ id: 12, contact: card(3, { name: 'Carol Third' }), ...{ user: { id: 5, name: 'Julie Martin' } } }];
  const comments = [{ content: 'Anna Example: ask Bob Other, Carol Third or Julie Martin' }];
  const given = { cards: [ANNA, role], contacts: [1], calls, call: { comments } };
  expect(textOf(given)).toEqual([{ content: 'Anna Example: ask Person 1, Person 2 or Agent 1' }]);
});

test('a card that Aircall attached to a call is somebody else’s unless it is handed over itself, whatever its address', () => {
  const withheld = card(2, { name: 'Bob Other', emails: [HERS] });
  const given = { cards: [ANNA, withheld], contacts: [1] };
  expect(handed({ ...given, call: { contact: withheld } }).calls[0]?.contact).toEqual({ name: 'Person 1' });
  expect(handed({ ...given, call: { contact: ANNA } }).calls[0]?.contact).toEqual(ANNA);
});

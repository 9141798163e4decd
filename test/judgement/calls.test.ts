import { createCallJudge } from '../../src/judgement/calls';
import { judgeCards } from '../../src/judgement/cards';
import { card, person } from './support';

const HERS = 'anna@example.com';
const LINE = '+33 6 12 34 56 78';
const SHARED = '+33 6 98 76 54 32';
const DOUBTFUL = '+33 6 55 55 55 55';

/** 1: certain; 2: under a role address; 3: without address; 4: somebody else's. Numbers: LINE certain, the others doubtful. */
const cards = [
  card(1, { name: 'Anna', emails: [HERS], numbers: [LINE, SHARED] }),
  card(2, { name: 'Anna', emails: ['info@example.com'], numbers: [DOUBTFUL] }),
  card(3, { name: 'Anna', numbers: [LINE] }),
  card(4, { name: 'Bob', emails: ['bob@example.com'], numbers: [SHARED] }),
];
const judged = judgeCards(person([HERS, 'info@example.com']), cards, undefined);
const judge = createCallJudge(judged, undefined);
/** In the order of digits. */
const [BY_DOUBTFUL, BY_LINE, BY_SHARED] = ['number 2', 'number 1', 'number 3'] as const;
const attached = (id: number, raw_digits: string | null = null) => judge({ id: 9, contact: { id }, raw_digits });
const on = (raw_digits: string | null | undefined, ...participants: (string | null)[]) =>
  judge({
    id: 9,
    contact: null,
    raw_digits,
    conference_participants: participants.map(phone_number => ({ phone_number })),
  });

test('the numbers of this story are as they are meant', () => {
  expect(judged.numbers.map(({ digits, doubt }) => [digits, doubt])).toEqual([
    ['33612345678', undefined],
    ['33655555555', 'shared-address'],
    ['33698765432', 'shared-number'],
  ]);
});

test('a call of a certain card is certain, whatever its number', () => {
  const certain = { because: [{ identity: 'contact 1', field: 'contact' }] };
  for (const digits of [null, 'anonymous', LINE, SHARED, '+44 20 7946 0958'])
    expect(attached(1, digits)).toEqual(certain);
});

test('a call of a doubtful card has its doubt, and its decision is one for the call', () => {
  expect(attached(2, LINE)).toEqual({
    because: [{ identity: 'contact 2', field: 'contact' }],
    doubt: 'shared-address',
    ofContact: 1,
  });
  expect(attached(3)).toEqual({
    because: [{ identity: 'contact 3', field: 'contact' }],
    doubt: 'number-only',
    ofContact: 2,
  });
});

test('a call on her number that is attached to somebody else is doubtful', () => {
  for (const [digits, identity] of [
    [LINE, BY_LINE],
    [SHARED, BY_SHARED],
    [DOUBTFUL, BY_DOUBTFUL],
  ] as const)
    for (const other of [4, 77])
      expect(attached(other, digits)).toEqual({
        because: [{ identity, field: 'raw_digits' }],
        doubt: 'other-contact',
      });
});

test('a call that is attached to nobody is as its number is', () => {
  expect(on('0033612345678')).toEqual({ because: [{ identity: BY_LINE, field: 'raw_digits' }] });
  expect(on(SHARED)).toMatchObject({ doubt: 'shared-number' });
  expect(on(DOUBTFUL)).toMatchObject({ doubt: 'shared-address' });
});

test.each([[undefined], [null], [''], ['anonymous'], ['+266696687'], ['33612345678'], ['+44 20 7946 0958']])(
  'a call on %j is nobody’s, attached or not',
  digits => {
    expect(on(digits)).toBeUndefined();
    expect(attached(77, digits ?? null)).toBeUndefined();
  },
);

test('a number of a call without country code is read with the country of the connection only', () => {
  expect(on('06 12 34 56 78')).toBeUndefined();
  const inFrance = createCallJudge(judged, 'FR');
  expect(inFrance({ id: 9, raw_digits: '06 12 34 56 78' })).toMatchObject({ because: [{ identity: BY_LINE }] });
});

test('a participant of a conference is judged as a number, and the least doubtful number counts', () => {
  const participant = (identity: string) => [{ identity, field: 'conference_participants' }];
  expect(on('anonymous', null, LINE)).toEqual({ because: participant(BY_LINE) });
  expect(on(SHARED, LINE)).toEqual({ because: participant(BY_LINE) });
  expect(on(DOUBTFUL, SHARED)).toEqual({ because: participant(BY_SHARED), doubt: 'shared-number' });
  expect(on(LINE, LINE)).toEqual({ because: [{ identity: BY_LINE, field: 'raw_digits' }] });
  expect(
    judge({ id: 9, contact: { id: 4 }, raw_digits: null, conference_participants: [{ phone_number: LINE }] }),
  ).toEqual({ because: participant(BY_LINE), doubt: 'other-contact' });
  expect(judge({ id: 9, conference_participants: null })).toBeUndefined();
});

test('nothing is anybody’s if nothing is known of the subject', () => {
  const nobody = createCallJudge(judgeCards(person([HERS]), [], undefined), undefined);
  for (const digits of [undefined, null, '', 'anonymous', LINE])
    expect(nobody({ id: 9, contact: { id: 1 }, raw_digits: digits })).toBeUndefined();
});

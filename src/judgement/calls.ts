/** Decides whose call it is. The rules are docs/judgement.md. It never depends on other calls. */
import type { Because, CallRecord, Country, Judged, JudgedCall, SubjectNumber } from './judgement';
import { callDigits } from './numbers';

/** From the least doubtful. */
const DOUBTS_OF_NUMBERS: readonly SubjectNumber['doubt'][] = [undefined, 'shared-number', 'shared-address'];

interface OnNumber {
  readonly because: Because;
  readonly doubt: SubjectNumber['doubt'];
}

/** Judges calls one by one; undefined: nobody's that the request is about. */
export function createCallJudge(
  { contacts, numbers }: Judged,
  country: Country | undefined,
): (call: CallRecord) => JudgedCall | undefined {
  const contactPlaces = new Map(contacts.map(({ card }, place) => [card.id, place]));
  const numberPlaces = new Map(numbers.map(({ digits }, place) => [digits, place]));

  function onNumber(value: string | null | undefined, field: Because['field']): OnNumber | undefined {
    const place = numberPlaces.get((value && callDigits(value, country)) || '');
    const number = place === undefined ? undefined : numbers[place];
    if (place === undefined || number === undefined) return undefined;
    return { because: { identity: `number ${place + 1}`, field }, doubt: number.doubt };
  }

  function leastDoubtful({ raw_digits, conference_participants }: CallRecord): OnNumber | undefined {
    const found = [
      onNumber(raw_digits, 'raw_digits'),
      ...(conference_participants ?? []).map(({ phone_number }) => onNumber(phone_number, 'conference_participants')),
    ];
    return DOUBTS_OF_NUMBERS.flatMap(
      doubt => found.find(match => match !== undefined && match.doubt === doubt) ?? [],
    )[0];
  }

  return call => {
    const place = call.contact ? contactPlaces.get(call.contact.id) : undefined;
    const contact = place === undefined ? undefined : contacts[place];
    if (place !== undefined && contact !== undefined) {
      const because: readonly Because[] = [{ identity: `contact ${place + 1}`, field: 'contact' }];
      return contact.doubt === undefined ? { because } : { because, doubt: contact.doubt, ofContact: place };
    }
    const match = leastDoubtful(call);
    if (match === undefined) return undefined;
    return { because: [match.because], doubt: call.contact ? 'other-contact' : match.doubt };
  };
}

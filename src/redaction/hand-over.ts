/**
 * What a request hands over of what it found: the rows that its plan takes, redacted. It must never take for the subject's what stands on
 * a withheld card only. Pure; the rules are docs/redaction.md.
 */
import { foldEmail } from '../judgement/addresses';
import { numbersOn } from '../judgement/cards';
import type { Card, Country, Identities, SubjectNumber } from '../judgement/judgement';
import { phoneDigits } from '../judgement/numbers';
import type { DecidedRow, PlanRow } from '../judgement/plan';
import type { InSlices } from '../slices';
import type { Findings, Redacted } from './findings';
import { redact } from './redact';

export interface Found<K extends string> extends Pick<Findings<K>, 'transcripts' | 'insights'> {
  /** Those of the request. */
  readonly identities: Identities;
  /** As they were judged. */
  readonly people: {
    readonly country?: Country | undefined;
    readonly contacts: readonly { readonly card: Card }[];
    readonly numbers: readonly SubjectNumber[];
    readonly otherNumbers: readonly string[];
  };
  readonly rows: readonly DecidedRow[];
  /** All that were found, in the order of the package. Transcripts and insights are of those that are taken. */
  readonly calls: Findings['calls'];
}

/** Contacts and calls in the order in which they were found. A slice is one record. */
export function* handOver<K extends string>(found: Found<K>): InSlices<Redacted<K>> {
  const { identities, people, transcripts, insights } = found;
  const { country } = people;
  const rows = found.rows.filter(({ decision }) => decision === 'take');
  const isTaken = (record: PlanRow['record']) => {
    const ids = new Set(rows.flatMap(row => (row.record === record ? [row.id] : [])));
    return ({ id }: { readonly id: number }) => ids.has(id);
  };
  const [isTakenCard, isTakenCall] = [isTaken('contact'), isTaken('call')];
  const cards = people.contacts.map(({ card }) => card);
  const withheld = {
    contacts: cards.filter(card => !isTakenCard(card)),
    calls: found.calls.filter(call => !isTakenCall(call)),
  };
  // A doubtful number is the subject's if a record is handed over because of it.
  const reasons = new Set(rows.flatMap(({ because }) => because.map(({ identity }) => identity)));
  const own = people.numbers.filter(({ doubt }, place) => doubt === undefined || reasons.has(`number ${place + 1}`));
  return yield* redact(
    { contacts: cards.filter(isTakenCard), calls: found.calls.filter(isTakenCall), transcripts, insights },
    {
      emails: identities.emails.map(foldEmail),
      numbers: [
        ...identities.phoneNumbers.flatMap(number => phoneDigits(number) ?? []),
        ...own.map(({ digits }) => digits),
      ],
      decidedRecordings: rows.flatMap(({ record, id }) => (record === 'recording' ? [id] : [])),
      otherNumbers: [...people.otherNumbers, ...withheld.contacts.flatMap(card => numbersOn(card, country))],
      withheld,
      country,
    },
  );
}

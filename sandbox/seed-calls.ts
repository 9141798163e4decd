/**
 * The calls of a seeded company: fillers, and groups around the subject of whom it is known whose they are.
 * Whose a call is must be said if it is made, never found out afterwards. Facts: docs/aircall.md 7.
 */
import { displayNumber, fictionalNumber, SUBJECT_NUMBERS } from './phones';
import type { Random } from './random';
import { TAGS } from './render';
import type { People } from './seed-contacts';
import type { CallRecord, LineRecord, Participant, UserRecord } from './wire';

const DAY_SECONDS = 86_400;

export interface CallsInput {
  readonly random: Random;
  readonly nowSeconds: number;
  readonly base: number;
  readonly total: number;
  readonly people: People;
  readonly users: readonly [UserRecord, ...UserRecord[]];
  readonly lines: readonly [LineRecord, ...LineRecord[]];
}

/** What a call is made from. */
export interface CallDraft {
  /** E.164, or a text as Aircall displays it. */
  readonly party: string;
  readonly contactId: number | null;
  readonly participants?: readonly Participant[] | undefined;
  /** Not ended yet. */
  readonly live?: boolean;
}

/** Some calls with the same party, made alike. */
interface Group extends CallDraft {
  readonly count: number;
  readonly whose: 'hers' | 'ambiguous' | 'other';
  /** Started beyond Aircall's history. */
  readonly hidden?: boolean;
}

/** 137 calls are hers: 110 + 12 + 8 on her own numbers, and those on the shared one that Aircall attached to her. */
function standardGroups({ first, second, sharer }: People): readonly Group[] {
  const { main, spaced, second: mobile, shared } = SUBJECT_NUMBERS;
  return [
    { count: 90, party: main, contactId: first.id, whose: 'hers' },
    { count: 20, party: main, contactId: null, whose: 'hers' },
    { count: 12, party: spaced, contactId: first.id, whose: 'hers' },
    { count: 8, party: mobile, contactId: second.id, whose: 'hers' },
    { count: 7, party: shared, contactId: second.id, whose: 'hers' },
    { count: 6, party: shared, contactId: sharer.id, whose: 'ambiguous' },
    { count: 5, party: main, contactId: first.id, whose: 'other', hidden: true },
    { count: 4, party: 'anonymous', contactId: null, whose: 'other' },
    { count: 1, party: '+13105550101', contactId: null, whose: 'other', live: true },
  ];
}

export function seedCalls(input: CallsInput): { all: CallRecord[]; hers: number[]; ambiguous: number[] } {
  const { random, nowSeconds, base, total, people } = input;
  const groups = standardGroups(people);
  const standard = groups.flatMap(group => Array.from({ length: group.count }, () => group));
  const fillers = Array.from({ length: Math.max(0, total - standard.length) }, (_, n): Group => fillerCall(people, n));
  const drafts = [...standard, ...fillers]
    .map(group => ({ group, startedAt: nowSeconds - ageSeconds(random, group) }))
    .sort((a, b) => a.startedAt - b.startedAt);
  const all = drafts.map(({ group, startedAt }, index) =>
    finishCall(input, group, base + 4_186_000_000 + index * 7, startedAt),
  );
  const idsOf = (whose: Group['whose']) =>
    all.filter((_, index) => drafts[index]?.group.whose === whose).map(call => call.id);
  return { all, hers: idsOf('hers'), ambiguous: idsOf('ambiguous') };
}

/** An hour to 150 days, or, hidden, 200 to 320 days: far from the edge of the history, whose exact place is not known. */
function ageSeconds(random: Random, { hidden, live }: Group): number {
  if (live === true) return 60;
  return hidden === true
    ? random.integer(200 * DAY_SECONDS, 320 * DAY_SECONDS)
    : random.integer(3_600, 150 * DAY_SECONDS);
}

function fillerCall({ fillers }: People, n: number): Group {
  const contact = n % 5 === 0 ? undefined : fillers[(n * 31) % Math.max(1, fillers.length)];
  const party = contact?.phone_numbers[0]?.value ?? fictionalNumber(20_000 + n);
  return { count: 1, party, contactId: contact?.id ?? null, whose: 'other' };
}

const MISSED = ['no_available_agent', 'agents_did_not_answer', 'short_abandoned', 'out_of_opening_hours'] as const;
const REMARKS = [
  'Wants an offer by Friday.',
  'Called back — très contente.',
  'Said "no"; ask again\nin spring.',
] as const;

/** Ids from `id` on, at most 2, belong to the call. */
export function finishCall(
  { random, users, lines }: Pick<CallsInput, 'random' | 'users' | 'lines'>,
  group: CallDraft,
  id: number,
  startedAt: number,
): CallRecord {
  const inbound = group.party === 'anonymous' || random.fraction() < 0.6;
  const answered = random.fraction() < 0.7;
  const user = random.fraction() < 0.1 || (inbound && !answered) ? null : random.pick(users);
  const ring = random.integer(3, 20);
  const answeredAt = answered ? startedAt + ring : null;
  const commented = random.fraction() < 0.15;
  return {
    id,
    direction: inbound ? 'inbound' : 'outbound',
    started_at: startedAt,
    answered_at: answeredAt,
    ended_at: group.live === true ? null : startedAt + ring + (answered ? random.integer(5, 900) : 0),
    missed_call_reason: inbound && !answered ? random.pick(MISSED) : null,
    raw_digits: displayNumber(group.party),
    archived: random.fraction() < 0.05,
    recording: answered && group.live !== true && random.fraction() < 0.8,
    voicemail: inbound && !answered && random.fraction() < 0.4,
    contactId: group.contactId,
    userId: user?.id ?? null,
    lineId: random.pick(lines).id,
    comments: commented
      ? [{ id: id + 1, content: random.pick(REMARKS), posted_at: startedAt + 1_000, userId: user?.id ?? null }]
      : [],
    tagIds: random.fraction() < 0.2 ? [TAGS[random.integer(0, TAGS.length - 1)]?.id ?? 0] : [],
    ...(group.participants === undefined ? {} : { participants: group.participants }),
  };
}

/**
 * Steps that decide whose the found records are, and what the request is about to do with them. They use only the vault, tell the
 * workflow counts and places, and never judge by themselves: src/judgement/ does. Decisions D5, D6, D7, D15, D16.
 */

import { hasAudio } from '../aircall/links';
import { createCallJudge } from '../judgement/calls';
import { judgeCards, knownNumbers } from '../judgement/cards';
import type { CallRecord, JudgedCall, SubjectNumber } from '../judgement/judgement';
import { type DecidedRow, type Decisions, decidedOf, decideRows, type PlanRow, type Verb } from '../judgement/plan';
import { hasOtherVoices } from '../judgement/voices';
import { approvalsNeeded } from '../request/approval';
import type { Decided, LocalActivities, MadePlan } from '../request/contracts';
import type { Kind, RequestRef } from '../request/names';
import { readRecordName, recordName, type SourceName } from '../request/sources';
import type { CaseRef } from '../vault/cases';
import { type ApprovedDependencies, approvedDecisions, planDigestOf, policyOf } from './approved';
import { type Read, readObject, writeObject } from './case-objects';

type People = Read['people'];

const VERBS = { access: 'deliver', deletion: 'delete' } as const satisfies Record<Kind, Verb>;
const SOURCE_OF = { contact: 'contacts', call: 'calls', recording: 'recordings' } as const satisfies Record<
  PlanRow['record'],
  SourceName
>;

/** Places of kept rows that a history holds, for each code; the others are counted. */
const PLACES_MAX = 5_000;

export function createJudgingActivities(
  dependencies: ApprovedDependencies,
): Pick<LocalActivities, 'identifyNumbers' | 'judgePeople' | 'makePlan' | 'decidePlan' | 'recogniseContacts'> {
  const { cases, connections, hash } = dependencies;
  /** Its rows in the vault, where people can open them from now on, and what a workflow may know of them. */
  async function store(request: RequestRef, rows: PlanRow[]): Promise<MadePlan> {
    const plan = await writeObject(cases, request, 'plan', { rows });
    const planDigest = planDigestOf(hash, rows);
    await cases.notePlan(request, { plan, planDigest });
    const { taken, exceptions } = decided(answered(rows, {}));
    const doubts = exceptions.flatMap(({ code, source, kept }) =>
      code === 'decided' ? [] : [{ code, source, records: kept }],
    );
    return { plan, planDigest, certain: taken, doubts };
  }

  /**
   * A plan takes contacts that were found after it if nobody has seen it, and as long as nobody has to. Its digest stays that of the
   * rows that it had.
   * @returns of each contact why the plan does not take it
   */
  async function grow(
    request: RequestRef,
    { plan, approval }: { readonly plan: CaseRef; readonly approval: CaseRef | undefined },
    found: readonly PlanRow[],
  ) {
    const { rows } = await readObject(cases, request, plan, 'plan');
    const policy = await policyOf(dependencies, request);
    const isSeen = approval !== undefined || policy.plan !== undefined;
    const named = { kind: request.kind, planDigest: planDigestOf(hash, rows) };
    let grown = rows;
    const kept = found.map(row => {
      if (row.doubt !== undefined) return row.doubt;
      const more = [...grown, row];
      if (isSeen || approvalsNeeded({ ...named, rows: more }, policy) > 0) return 'after-plan' as const;
      grown = more;
      return undefined;
    });
    return { kept, plan: grown === rows ? plan : await writeObject(cases, request, 'plan', { rows: grown }) };
  }

  return {
    /** The subject's numbers, and which of their spellings are not searched for yet. */
    async identifyNumbers({ request, subject, contacts, before }) {
      const identities = await readObject(cases, request, subject, 'subject');
      const { records } = await readObject(cases, request, contacts, 'contacts');
      const earlier = before && (await readObject(cases, request, before, 'numbers'));
      const country =
        earlier === undefined ? (await connections.get(request.connection))?.value.country : earlier.country;
      const known = knownNumbers(identities, records, country);
      const given = new Set(knownNumbers(identities, [], country).numbers.map(({ digits }) => digits));
      const spellings = spellingsOf(known.numbers);
      const searched = new Set(spellingsOf(earlier?.numbers ?? []));
      return {
        numbers: await writeObject(cases, request, 'numbers', { country, ...known }),
        found: known.numbers.filter(({ digits }) => !given.has(digits)).length,
        unsearched: spellings.flatMap((spelling, place) => (searched.has(spelling) ? [] : [place])),
        spellings: spellings.length,
      };
    },

    /** The contacts that are, or may be, the subject's, in a fixed order; later steps name them by their places in it. */
    async judgePeople({ request, subject, numbers, contacts, ...searched }) {
      const { country } = await readObject(cases, request, numbers, 'numbers');
      const { records, readMs } = await readObject(cases, request, contacts, 'contacts');
      const judged = judgeCards(await readObject(cases, request, subject, 'subject'), records, country, searched);
      const people = await writeObject(cases, request, 'people', {
        country,
        ...judged,
        contacts: judged.contacts.map(contact => ({ ...contact, readMs })),
      });
      return {
        people,
        contacts: judged.contacts.length,
        certain: judged.contacts.filter(({ doubt }) => doubt === undefined).length,
        numbers: judged.numbers.length,
        spellings: spellingsOf(judged.numbers).length,
        ignoredNumbers: judged.ignored,
        numbersWithoutCountry: judged.withoutCountry,
        numbersBeyond: judged.beyond,
      };
    },

    /** What the request is about to deliver or delete, row by row. Without calls it is about contacts only. */
    async makePlan({ request, people, calls, audio = [] }) {
      const judged = await readObject(cases, request, people, 'people');
      const verb = VERBS[request.kind];
      const found = calls === undefined ? [] : (await readObject(cases, request, calls, 'calls')).records;
      const byCall = callRows(judged, found, verb);
      const recordings = audio.includes('recording') ? recordingRows(byCall, found) : [];
      return store(request, [...contactRows(judged, verb), ...byCall, ...recordings]);
    },

    /** The rows of a plan, as they are decided. */
    async decidePlan({ request, plan, approval }) {
      return decided(await readDecided(dependencies, request, { plan, approval }, false));
    },

    /**
     * Compares two searches: contacts found now that were found before, by their places there, and new ones that are, or may be,
     * the subject's. These are added at the end of people; the places of the others stay, and so does what was judged of them: they
     * may be deleted meanwhile.
     */
    async recogniseContacts({ request, subject, people, plan, approval, found: listed }) {
      const before = await readObject(cases, request, people, 'people');
      const { records, readMs } = await readObject(cases, request, listed, 'contacts');
      const places = new Map(before.contacts.map(({ card }, place) => [card.id, place]));
      const known = records.flatMap(({ id }) => places.get(id) ?? []).sort((a, b) => a - b);
      const later = records.filter(({ id }) => !places.has(id));
      const identities = await readObject(cases, request, subject, 'subject');
      const { contacts } = judgeCards(
        identities,
        [...before.contacts.map(({ card }) => card), ...later],
        before.country,
      );
      const added = contacts.filter(({ card }) => !places.has(card.id));
      if (added.length === 0) return { people, plan, known, fresh: [] };
      const all = {
        ...before,
        contacts: [...before.contacts, ...added.map(each => ({ ...each, readMs }))],
      };
      const found = contactRows(all, VERBS[request.kind]).slice(before.contacts.length);
      const grown = await grow(request, { plan, approval }, found);
      const placed = (kept: (typeof grown.kept)[number], index: number) => ({
        contact: before.contacts.length + index,
        ...(kept !== undefined && { kept }),
      });
      return {
        people: await writeObject(cases, request, 'people', all),
        plan: grown.plan,
        known,
        fresh: grown.kept.map(placed),
      };
    },
  };
}

/** What Aircall is searched for, each once; lists name them by their places. */
export function spellingsOf(numbers: readonly SubjectNumber[]): string[] {
  return [...new Set(numbers.flatMap(({ spellings }) => spellings))];
}

export function callJudgeOf(people: People): (call: CallRecord) => JudgedCall | undefined {
  return createCallJudge(people, people.country);
}

/** In the order of the case file: newest first. */
export function newestFirst<C extends { readonly id: number; readonly started_at?: number | null | undefined }>(
  calls: readonly C[],
): C[] {
  return [...calls].sort((a, b) => (b.started_at ?? 0) - (a.started_at ?? 0) || b.id - a.id);
}

/** With whether somebody decided. */
type AnsweredRow = DecidedRow & { readonly isDecided: boolean };

/**
 * @param acts whether the step delivers or deletes what is taken
 * @throws {CaseFileBroken} @throws {NotApproved}
 */
export async function readDecided(
  dependencies: ApprovedDependencies,
  request: RequestRef,
  { plan, approval }: { readonly plan: CaseRef; readonly approval?: CaseRef | undefined },
  acts: boolean,
): Promise<AnsweredRow[]> {
  const { rows } = await readObject(dependencies.cases, request, plan, 'plan');
  const decisions = await approvedDecisions(dependencies, request, { rows, approval }, acts);
  return answered(rows, decisions);
}

function answered(rows: readonly PlanRow[], decisions: Decisions): AnsweredRow[] {
  return decideRows(rows, decisions).map(row => ({ ...row, isDecided: decidedOf(row, decisions) !== undefined }));
}

function contactRows({ contacts }: People, verb: Verb): PlanRow[] {
  return contacts.map(({ card, because, doubt }, place) => ({
    ref: recordName('contacts', place),
    record: 'contact',
    id: card.id,
    verb,
    because,
    ...(doubt !== undefined && { doubt }),
  }));
}

function callRows(people: People, calls: Read['calls']['records'], verb: Verb): PlanRow[] {
  const judge = callJudgeOf(people);
  const judged = newestFirst(calls).flatMap(call => {
    const verdict = judge(call);
    return verdict === undefined ? [] : [{ id: call.id, ...verdict }];
  });
  return judged.map(({ id, because, doubt, ofContact }, place) => ({
    ref: recordName('calls', place),
    record: 'call',
    id,
    verb,
    because,
    ...(doubt !== undefined && { doubt }),
    ...(ofContact !== undefined && { of: recordName('contacts', ofContact) }),
  }));
}

/** Recordings in which others may be heard: what they said cannot be taken out, so people decide. The others go with their calls. */
function recordingRows(rows: readonly PlanRow[], calls: Read['calls']['records']): PlanRow[] {
  const shared = new Set(calls.filter(call => hasAudio(call, 'recording') && hasOtherVoices(call)).map(({ id }) => id));
  return rows.flatMap(({ id, ref, verb, because }) =>
    shared.has(id)
      ? [
          {
            ref: recordName('recordings', readRecordName(ref).number - 1),
            record: 'recording',
            id,
            verb,
            because,
            doubt: 'other-voices',
          },
        ]
      : [],
  );
}

type Exception = Decided['exceptions'][number];
/** While the rows are counted. */
type Tally = { -readonly [K in keyof Exception]: K extends 'places' ? number[] : Exception[K] };

function decided(rows: readonly AnsweredRow[]): Decided {
  const exceptions = countExceptions();
  const taken = { contacts: 0, calls: 0 };
  const take: number[] = [];
  for (const row of rows) {
    const source = SOURCE_OF[row.record];
    if (row.decision === 'take' && source !== 'recordings') taken[source] += 1;
    if (row.decision === 'take' && source === 'contacts') take.push(placeOf(row));
    exceptions.add(source, row);
  }
  return { take, taken, exceptions: exceptions.all() };
}

/** Counts records whose row is doubtful, or that somebody decided to keep, by source and code. */
export function countExceptions() {
  const tallies = new Map<string, Tally>();
  return {
    all: (): Exception[] => [...tallies.values()],
    /** @param source of the record, which may be a file of the call that the row is of */
    add(source: SourceName, row: AnsweredRow): void {
      const { doubt, decision, isDecided } = row;
      if (decision === 'take' && doubt === undefined) return;
      const tally = tallyOf(tallies, source, doubt ?? 'decided');
      if (decision === 'take') tally.taken += 1;
      else {
        tally.kept += 1;
        if (!isDecided) tally.undecided += 1;
        if (tally.places.length < PLACES_MAX) tally.places.push(placeOf(row));
      }
    },
  };
}

function placeOf({ ref }: AnsweredRow): number {
  return readRecordName(ref).number - 1;
}

function tallyOf(tallies: Map<string, Tally>, source: SourceName, code: Exception['code']): Tally {
  const key = `${source} ${code}`;
  const tally = tallies.get(key) ?? { code, source, taken: 0, kept: 0, undecided: 0, places: [] };
  tallies.set(key, tally);
  return tally;
}

/**
 * The fewest API requests that a request can do with, and those of a client that lists everything, counted from the data
 * that the sandbox was given. Pure; it must never ask the service's own matching.
 */
import type { CompanySeed } from '../../sandbox';
import { PER_PAGE } from '../../src/request/paging';

/** Older calls are not served. */
const HISTORY_SECONDS = 182 * 86_400;

export interface Bounds {
  readonly byNumber: number;
  readonly company: number;
  readonly deletion: number;
  /** The same if people approve it later than two minutes after the search: a reading is good for no longer. */
  readonly deletionLater: number;
  /** All contacts and all calls. */
  readonly listEverything: number;
}

/** Whom a request is about: the address as it gives it, and the contacts that bear it. */
export interface Wanted {
  readonly email: string;
  readonly contactIds: readonly number[];
}

/** @param nowMs when the calls are fetched */
export function boundsOf(seed: CompanySeed, { email, contactIds }: Wanted, nowMs: number): Bounds {
  const contacts = seed.contacts.filter(({ id }) => contactIds.includes(id));
  const numbers = numberSpellings(contacts.flatMap(({ phone_numbers }) => phone_numbers.map(({ value }) => value)));
  const served = seed.calls.filter(({ started_at }) => started_at > nowMs / 1000 - HISTORY_SECONDS);
  const pages = numbers.map(number =>
    pagesOf(served.filter(({ raw_digits }) => digitsOf(raw_digits) === digitsOf(number)).length),
  );
  const searches = emailSpellings(email) + numbers.length;
  // Searched once before and once after.
  const deletion = searches + contacts.length + searches;
  return {
    byNumber: searches + pages.reduce((sum, each) => sum + each, 0),
    company: searches + pagesOf(served.length),
    deletion,
    deletionLater: deletion + contacts.length,
    listEverything: pagesOf(seed.contacts.filter(({ is_shared }) => is_shared).length) + pagesOf(served.length),
  };
}

/** Insights that are asked for of a call with a transcript. */
const INSIGHTS_A_CALL = 6;

/** What belongs to the subject's calls, and the fewest API requests for it besides those for the calls. */
export interface SpokenBounds {
  /** Recordings and voicemails. */
  readonly files: number;
  /** None as long as links live; one for each that has died. */
  readonly audio: (deadLinks: number) => number;
  /** One for each call with a recording or voicemail. */
  readonly transcripts: number;
  readonly insights: number;
}

export function spokenBoundsOf({ calls, truth }: Pick<CompanySeed, 'calls' | 'truth'>): SpokenBounds {
  const hers = new Set(truth.callIds);
  const spoken = calls.filter(({ id, recording, voicemail }) => hers.has(id) && (recording || voicemail));
  return {
    files: spoken.reduce((sum, { recording, voicemail }) => sum + Number(recording) + Number(voicemail), 0),
    audio: deadLinks => deadLinks,
    transcripts: spoken.length,
    insights: spoken.length * INSIGHTS_A_CALL,
  };
}

/** Aircall's search may heed letter case: an address with capitals is searched for in lower case too. */
function emailSpellings(email: string): number {
  return email === email.toLowerCase() ? 1 : 2;
}

/** Argentina and Mexico write a mobile number with this digit or without it. */
const TWO_FORMS = /^(?:(54)9?|(52)1?)(\d{10})$/;

/**
 * What the numbers of the subject, all with country code, are searched by, each once: with a plus, in both forms where the plan has two,
 * and without a plus if a card stores it so.
 */
function numberSpellings(values: readonly string[]): string[] {
  return [
    ...new Set(
      values.flatMap(value => {
        const digits = digitsOf(value);
        const [, argentina, mexico, rest] = TWO_FORMS.exec(digits) ?? [];
        const forms =
          argentina !== undefined
            ? [`54${rest}`, `549${rest}`]
            : mexico !== undefined
              ? [`52${rest}`, `521${rest}`]
              : [digits];
        return [...forms.map(form => `+${form}`), ...(value.startsWith('+') ? [] : [digits])];
      }),
    ),
  ];
}

/** That a list is empty is known from its first page. */
function pagesOf(rows: number): number {
  return Math.max(1, Math.ceil(rows / PER_PAGE));
}

/** The subject has called more: calls with nobody known become hers, on her first number, until it has `calls`. @throws where there are too few */
export function withCallsOfSubject(seed: CompanySeed, calls: number): CompanySeed {
  const own = seed.contacts.find(({ id }) => id === seed.truth.contactIds[0])?.phone_numbers[0]?.value ?? '';
  const known = seed.calls.filter(
    ({ id, raw_digits }) => digitsOf(raw_digits) === digitsOf(own) && seed.truth.callIds.includes(id),
  ).length;
  const hers = new Set(seed.truth.callIds);
  const more = new Set(
    seed.calls
      .filter(({ id, contactId, ended_at, raw_digits }) => {
        return contactId === null && ended_at !== null && digitsOf(raw_digits) !== '' && !hers.has(id);
      })
      .map(({ id }) => id)
      .slice(0, Math.max(0, calls - known)),
  );
  if (known + more.size < calls) throw new RangeError('the company has too few calls with nobody known');
  return {
    ...seed,
    calls: seed.calls.map(call => (more.has(call.id) ? { ...call, raw_digits: own } : call)),
    truth: { ...seed.truth, callIds: [...seed.truth.callIds, ...more] },
  };
}

function digitsOf(value: string): string {
  return value.replace(/\D/g, '');
}

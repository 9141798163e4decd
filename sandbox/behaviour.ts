/**
 * How one company's API behaves if Aircall's behaviour is unknown, varies or can be provoked: every switch and its default.
 * It must never change by itself: tests set it. Facts: docs/aircall.md 8.
 */
import { type Check, flag, integer, listOf, oneOf, onlyKeys, record } from './check';

export interface RateLimit {
  /** `leaky`: drains evenly; `fixed`: per calendar minute; `block`: as fixed, but exceeding it refuses for 60 s. */
  readonly mode: 'off' | 'leaky' | 'fixed' | 'block';
  readonly perMinute: number;
}

/** What is made of a call: the last parts of the paths. */
export const INTELLIGENCE = [
  'transcription',
  'sentiments',
  'topics',
  'summary',
  'action_items',
  'custom_summary_result',
  'playbook_result',
  'evaluations',
  'predicted_csat',
] as const;
export type Intelligence = (typeof INTELLIGENCE)[number];

export interface Behaviour {
  /** E-mail search. Exact means whole value, any letter case; `ignores-filter` makes every search a list. */
  readonly search: 'exact' | 'case-sensitive' | 'substring' | 'ignores-filter';
  /** How long contact search lags behind a creation or deletion; list and `GET /contacts/:id` never lag. */
  readonly searchLagMs: number;
  /** Contacts that contact search does not find; list and `GET /contacts/:id` show them. */
  readonly hideFromSearch: readonly number[];
  /** Page links lose `email`, `phone_number` and the other filters. */
  readonly linksDropFilters: boolean;
  /** Answer to a deletion of a deleted contact. */
  readonly deleteTwice: 404 | 204;
  readonly mediaDeleteStatus: 204 | 200;
  /** Life of a signed media URL. */
  readonly mediaSeconds: number;
  /** Size of each recording and voicemail, filled up with whole frames (36 ms of sound each); 0: 2 to 6 kB, by the call. */
  readonly mediaBytes: number;
  /** Length of each transcript as JSON, at least: more words of the same speakers; 0: a sentence of each. */
  readonly transcriptBytes: number;
  /** Whether the company pays for transcriptions, summaries and the like; 403 otherwise. */
  readonly intelligence: boolean;
  /** Last parts of the paths of what a company with intelligence does not pay for all the same: 403. */
  readonly intelligenceLacks: readonly Intelligence[];
  /** Where the made record is in a reply: as documented, or in an envelope that nobody knows. */
  readonly envelopes: 'documented' | 'unknown';
  /** Answer to a credential that was revoked, or has expired. */
  readonly deadToken: 401 | 403;
  /** Token replies carry `refresh_token` and `expires_in`; refresh tokens rotate. */
  readonly refreshGrant: boolean;
  /** Life of an access token if `refreshGrant` is on. */
  readonly tokenSeconds: number;
  readonly rateLimit: RateLimit;
  readonly limitedBody: 'json' | 'empty' | 'html';
  /** `retry-after` sends that header only, `none` sends none. */
  readonly limitedHeaders: 'seconds' | 'milliseconds' | 'none' | 'retry-after';
  /** Contacts whose GET, POST and DELETE by id answer 403 although the credential is valid. */
  readonly refuseContacts: readonly number[];
}

export const DEFAULT_BEHAVIOUR: Behaviour = {
  search: 'exact',
  searchLagMs: 0,
  hideFromSearch: [],
  linksDropFilters: false,
  deleteTwice: 404,
  mediaDeleteStatus: 204,
  mediaSeconds: 3_600,
  mediaBytes: 0,
  transcriptBytes: 0,
  intelligence: false,
  intelligenceLacks: [],
  envelopes: 'documented',
  deadToken: 403,
  refreshGrant: false,
  tokenSeconds: 7_200,
  rateLimit: { mode: 'off', perMinute: 120 },
  limitedBody: 'json',
  limitedHeaders: 'seconds',
  refuseContacts: [],
};

const aDayMs = integer(0, 86_400_000);
const seconds = integer(1, 86_400);
const listOfIds = listOf(integer(1, Number.MAX_SAFE_INTEGER));

/** The behaviour after some switches. @throws {SandboxInputError} on an unknown switch or value. */
export function changeBehaviour(before: Behaviour, switches: unknown): Behaviour {
  const given = record(switches, 'switches');
  onlyKeys(given, 'switches', Object.keys(DEFAULT_BEHAVIOUR));
  const take = <T>(key: keyof Behaviour, check: Check<T>, kept: T): T =>
    key in given ? check(given[key], `switches.${key}`) : kept;
  return {
    search: take('search', oneOf('exact', 'case-sensitive', 'substring', 'ignores-filter'), before.search),
    searchLagMs: take('searchLagMs', aDayMs, before.searchLagMs),
    hideFromSearch: take('hideFromSearch', listOfIds, before.hideFromSearch),
    linksDropFilters: take('linksDropFilters', flag, before.linksDropFilters),
    deleteTwice: take('deleteTwice', oneOf(404, 204), before.deleteTwice),
    mediaDeleteStatus: take('mediaDeleteStatus', oneOf(204, 200), before.mediaDeleteStatus),
    mediaSeconds: take('mediaSeconds', seconds, before.mediaSeconds),
    mediaBytes: take('mediaBytes', integer(0, 1024 ** 3), before.mediaBytes),
    transcriptBytes: take('transcriptBytes', integer(0, 1024 ** 3), before.transcriptBytes),
    intelligence: take('intelligence', flag, before.intelligence),
    intelligenceLacks: take('intelligenceLacks', listOf(oneOf(...INTELLIGENCE)), before.intelligenceLacks),
    envelopes: take('envelopes', oneOf('documented', 'unknown'), before.envelopes),
    deadToken: take('deadToken', oneOf(401, 403), before.deadToken),
    refreshGrant: take('refreshGrant', flag, before.refreshGrant),
    tokenSeconds: take('tokenSeconds', seconds, before.tokenSeconds),
    rateLimit: take('rateLimit', rateLimit, before.rateLimit),
    limitedBody: take('limitedBody', oneOf('json', 'empty', 'html'), before.limitedBody),
    limitedHeaders: take(
      'limitedHeaders',
      oneOf('seconds', 'milliseconds', 'none', 'retry-after'),
      before.limitedHeaders,
    ),
    refuseContacts: take('refuseContacts', listOfIds, before.refuseContacts),
  };
}

const rateLimit: Check<RateLimit> = (value, at) => {
  const given = record(value, at);
  onlyKeys(given, at, ['mode', 'perMinute']);
  return {
    mode: oneOf('off', 'leaky', 'fixed', 'block')(given.mode, `${at}.mode`),
    perMinute: integer(1, 1_000_000)(given.perMinute ?? DEFAULT_BEHAVIOUR.rateLimit.perMinute, `${at}.perMinute`),
  };
};

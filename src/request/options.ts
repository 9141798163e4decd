/**
 * The options of a request: one row for each. Input types, command-line options and their help are made from these rows;
 * src/request/input.ts has the schema of each, and src/activities/opening.ts applies them. Workflow-safe: plain data.
 */
import { REGIMES } from './clock';
import type { Kind } from './names';
import { PART_NAMES } from './sources';

/** What an option takes. The rules of `instant`, `digest` and `timezone` are in src/request/input.ts. */
export type Takes =
  | 'instant'
  | 'switch'
  | 'digest'
  | 'timezone'
  | { readonly oneOf: readonly string[] }
  | { readonly someOf: readonly string[] }
  | { readonly min: number; readonly max: number; readonly words: string; readonly unit?: Unit };
/** Of a duration, which the command line also takes as `20s`, `5m`, `12h` or `7d`. */
export type Unit = 'seconds' | 'days';

interface OptionRow {
  readonly kinds: readonly Kind[];
  readonly takes: Takes;
  /** On the command line; none: a starter can give it only in the input. */
  readonly flag?: string;
  readonly help?: string;
}

const BOTH = ['access', 'deletion'] as const;

/** In which packages are written: ISO 639-1. */
export const LANGUAGES = ['en', 'fr', 'de', 'es', 'it', 'nl', 'pt'] as const;
export type Language = (typeof LANGUAGES)[number];
export const LANGUAGE_DEFAULT: Language = 'en';
export const TIMEZONE_DEFAULT = 'UTC';

export const DEADLINE_DAYS_DEFAULT = 30;
export const SETTLE_SECONDS_DEFAULT = 5;
export const MATCHES_MAX_DEFAULT = 5;

export const OPTIONS = {
  /** How contacts are found: by a search for addresses and numbers (default), or by listing all contacts of the company. */
  contacts: {
    kinds: BOTH,
    takes: { oneOf: ['search', 'company'] },
    flag: '--contacts <way>',
    help: 'search, or company: list all contacts of the company (default: search)',
  },
  /** How calls are found: by the person's numbers (default), or by listing all calls of the company. */
  calls: {
    kinds: ['access'],
    takes: { oneOf: ['by-number', 'company'] },
    flag: '--calls <way>',
    help: 'by-number, or company: list all calls of the company (default: by-number)',
  },
  /** ISO 8601; only calls started at or after it. Default: all that Aircall serves. */
  from: {
    kinds: ['access'],
    takes: 'instant',
    flag: '--from <time>',
    help: 'only calls from this time on, ISO 8601',
  },
  /** ISO 8601; only calls started at or before it. Default: the start of the request. */
  to: {
    kinds: ['access'],
    takes: 'instant',
    flag: '--to <time>',
    help: 'only calls up to this time, ISO 8601',
  },
  /** Besides contacts and calls, what the package holds. Default: all of it. */
  include: {
    kinds: ['access'],
    takes: { someOf: PART_NAMES },
    flag: '--include <list>',
    help: `all, none, or some of ${PART_NAMES.join(',')}: what is handed over besides contacts and calls (default: all)`,
  },
  /** Wait for recordings that Aircall may still store: until 24 hours after the last call, if deadline and due date permit. */
  lateMedia: {
    kinds: ['access'],
    takes: 'switch',
    flag: '--late-media',
    help: 'wait for recordings of the last 24 hours that Aircall may still store (default: they are named as missing)',
  },
  /** In which the package is written. Default: that of the connection, else English. */
  language: {
    kinds: ['access'],
    takes: { oneOf: LANGUAGES },
    flag: '--language <code>',
    help: `language of the package: ${LANGUAGES.join(', ')} (default: that of the connection, else en)`,
  },
  /** IANA name of the time zone in which the pages of the package show times. Default: UTC. */
  timezone: {
    kinds: ['access'],
    takes: 'timezone',
    flag: '--timezone <name>',
    help: 'time zone of the times on the pages of the package, for instance Europe/Paris (default: UTC)',
  },
  /** Search contacts, hand over and delete nothing, return the plan and its digest; access: count calls, and return the cost. */
  dryRun: {
    kinds: BOTH,
    takes: 'switch',
    flag: '--dry-run',
    help: 'search contacts, change nothing, and print what would be done and, of an access request, what it would cost',
  },
  /** The digest of a plan that a dry run showed: the deletion executes that plan, or nothing. */
  plan: {
    kinds: ['deletion'],
    takes: 'digest',
    flag: '--plan <digest>',
    help: 'delete only if the plan is still the one with this digest, which a dry run printed',
  },
  /** Whether a person must approve the plan before it is executed. */
  requireApproval: {
    kinds: BOTH,
    takes: 'switch',
    flag: '--require-approval',
    help: 'wait after searching until a person has approved the plan: see aircall-dsr plan',
  },
  /** Contacts that are deleted without a person; 1 to 10,000, default 5. More wait for an approval. */
  matchesMax: {
    kinds: ['deletion'],
    takes: { min: 1, max: 1e4, words: '1 to 10000 contacts' },
    flag: '--matches-max <number>',
    help: `more contacts than these are deleted only if a person approves the plan (default: ${MATCHES_MAX_DEFAULT})`,
  },
  /** Seconds between the last deletion and the first verifying search; 0 to 3600, default 5. */
  settleSeconds: {
    kinds: ['deletion'],
    takes: { min: 0, max: 3_600, words: '0 to 3600 seconds', unit: 'seconds' },
    flag: '--settle <duration>',
    help: `pause before the verifying search, in seconds, or for instance 20s, 5m (default: ${SETTLE_SECONDS_DEFAULT})`,
  },
  /** Days until open records become `failed`; 0.04 to 365, default 30. */
  deadlineDays: {
    kinds: BOTH,
    takes: { min: 0.04, max: 365, words: '0.04 (an hour) to 365 days', unit: 'days' },
    flag: '--deadline <duration>',
    help: `time until open records count as failed, in days, or for instance 12h, 7d (default: ${DEADLINE_DAYS_DEFAULT})`,
  },
  /** The law that the request is made under, which sets its due date. Default: none. */
  regime: {
    kinds: BOTH,
    takes: { oneOf: REGIMES },
    flag: '--regime <law>',
    help: 'gdpr, ccpa or none: the law that sets its due date (default: none)',
  },
  /** ISO 8601: when the person made the request; the due date is counted from it. Default: when the request is received. */
  submittedAt: {
    kinds: BOTH,
    takes: 'instant',
    flag: '--submitted-at <time>',
    help: 'when the person made the request, ISO 8601; the due date is counted from it (default: now)',
  },
  /** `batch`: its API requests run after those of all requests of the company that are not `batch`. */
  priority: { kinds: BOTH, takes: { oneOf: ['batch'] } },
} as const satisfies Record<string, OptionRow>;

type Rows = typeof OPTIONS;
export type OptionName = keyof Rows;

type Value<T> = T extends { readonly oneOf: readonly (infer Choice)[] }
  ? Choice
  : T extends { readonly someOf: readonly (infer Choice)[] }
    ? readonly Choice[]
    : T extends 'switch'
      ? boolean
      : T extends string
        ? string
        : number;

/** The options of a kind of request, each of which may be left out. */
export type OptionsOf<K extends Kind> = {
  readonly [N in OptionName as K extends Rows[N]['kinds'][number] ? N : never]?: Value<Rows[N]['takes']> | undefined;
};

/** An option of the command line: the flag, its help, and where its value goes. */
export interface CommandLineOption {
  readonly flag: string;
  readonly help: string;
  /** As commander names it. */
  readonly attribute: string;
  readonly field: string;
  readonly takes: Takes;
}

export function commandLineOptions(kind: Kind): CommandLineOption[] {
  const rows: readonly (readonly [string, OptionRow])[] = Object.entries(OPTIONS);
  return rows.flatMap(([field, { kinds, takes, flag, help = '' }]) =>
    flag === undefined || !kinds.includes(kind) ? [] : { flag, help, attribute: attributeOf(flag), field, takes },
  );
}

/** `--submitted-at <time>` is `submittedAt`. */
function attributeOf(flag: string): string {
  const [, name = ''] = /^--([a-z-]+)/.exec(flag) ?? [];
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

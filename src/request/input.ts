/**
 * The edge: turns a starter's input into a request, or refuses it and names the remedy. The only place that decides which
 * input is valid. Clients call it before they start a request; the first step of a request calls it again.
 * Its messages name fields, never values: they are printed and logged.
 */
import { z } from 'zod';
import { phoneDigits } from '../judgement/numbers';
import type { Decisions } from '../judgement/plan';
import { type ApprovalInput, decisionsShape, type RejectionInput } from './approval';
import { type ExtensionInput, REASON_PATTERN, REASON_RULE } from './clock';
import { distinct } from './identities';
import { mailboxFault } from './mailbox';
import type { AccessInput, DeletionInput, GivenSubject, Subject } from './model';
import { type Kind, NAME_PATTERN, NAME_RULE } from './names';
import { OPTIONS } from './options';

export class InvalidInput extends Error {
  readonly code = 'invalid-input' as const;
  override readonly name = 'InvalidInput';
}

const name = z.string(NAME_RULE).regex(NAME_PATTERN, NAME_RULE);

/** Of an address with the blanks around it; a longer text is not read. */
const EMAIL_LENGTH_MAX = 1_024;
const emailRule = 'takes one e-mail address, for instance person@example.com';
const email = z
  .string(emailRule)
  .max(EMAIL_LENGTH_MAX, emailRule)
  // Invisible characters around it come with texts that are copied.
  .transform(text => text.replace(/^[\s\p{Cf}]+|[\s\p{Cf}]+$/gu, ''))
  .superRefine((address, context) => {
    const fault = mailboxFault(address);
    if (fault !== undefined) context.addIssue(`${emailRule}: ${fault}`);
  });

const E164_DIGITS_MAX = 15;
const phoneRule =
  'takes telephone numbers with country code, for instance +33123456789, and no sign of a hidden caller';
const phone = z
  .string(phoneRule)
  .max(40, phoneRule)
  .refine(value => value.trim().startsWith('+') && isOneNumber(phoneDigits(value)), phoneRule);

/** Two numbers in one text would be searched as one number that nobody has. */
function isOneNumber(digits: string | undefined): boolean {
  return digits !== undefined && digits.length <= E164_DIGITS_MAX;
}

const instantRule =
  'takes a date or time in ISO 8601, for instance 2026-01-31 or 2026-01-31T12:00:00Z; without an offset it is UTC';
const instant = z.union([z.iso.date(), z.iso.datetime({ offset: true, local: true })], instantRule);

export const IDENTITY_RULE = 'takes at least one identity: email, emails or phoneNumbers';
/** Different ones, of each kind. */
const IDENTITIES_MAX = 20;
/** With spellings of the same one. */
const GIVEN_MAX = 100;
const emailsRule = `takes at most ${IDENTITIES_MAX} e-mail addresses`;
const phonesRule = `takes at most ${IDENTITIES_MAX} telephone numbers`;

const subject: z.ZodType<Subject> = z
  .strictObject({
    email: email.optional(),
    emails: z.array(email, 'takes a list of e-mail addresses').max(GIVEN_MAX, emailsRule).optional(),
    phoneNumbers: z.array(phone, 'takes a list of telephone numbers').max(GIVEN_MAX, phonesRule).optional(),
  })
  .transform(({ email: one, emails = [], phoneNumbers = [] }) =>
    distinct({ emails: [...(one === undefined ? [] : [one]), ...emails], phoneNumbers }),
  )
  .refine(({ emails }) => emails.length <= IDENTITIES_MAX, { path: ['emails'], message: emailsRule })
  .refine(({ phoneNumbers }) => phoneNumbers.length <= IDENTITIES_MAX, { path: ['phoneNumbers'], message: phonesRule })
  .refine(({ emails, phoneNumbers }) => emails.length + phoneNumbers.length > 0, IDENTITY_RULE);

const digestRule = 'takes the digest of a plan, 32 hexadecimal digits, as a dry run prints it';
const digest = z.string(digestRule).regex(/^[0-9a-f]{32}$/, digestRule);
const timezoneRule = 'takes the IANA name of a time zone, for instance Europe/Paris';
const timezone = z.string(timezoneRule).max(64, timezoneRule).refine(isTimezone, timezoneRule);
const dryRun = z.boolean('takes true or false').optional();

const request = { requestId: name, connection: name, subject };

const common = {
  ...request,
  contacts: oneOf(OPTIONS.contacts.takes.oneOf, 'takes search or company'),
  deadlineDays: numberIn(OPTIONS.deadlineDays.takes),
  priority: oneOf(OPTIONS.priority.takes.oneOf, 'takes batch, or is left out'),
  regime: oneOf(OPTIONS.regime.takes.oneOf, 'takes gdpr, ccpa or none'),
  submittedAt: instant.optional(),
  requireApproval: z.boolean('takes true or false').optional(),
};

const kindRule = 'takes access or deletion, as the type of the workflow';

const access: z.ZodType<AccessInput> = z
  .strictObject({
    kind: z.literal('access', kindRule),
    ...common,
    dryRun,
    calls: oneOf(OPTIONS.calls.takes.oneOf, 'takes by-number or company'),
    from: instant.optional(),
    to: instant.optional(),
    include: someOf(OPTIONS.include.takes.someOf),
    lateMedia: z.boolean('takes true or false').optional(),
    language: oneOf(OPTIONS.language.takes.oneOf, `takes one of ${OPTIONS.language.takes.oneOf.join(', ')}`),
    timezone: timezone.optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || instantMs(from) <= endOf(to), {
    path: ['from'],
    message: 'must not be later than `to`',
  });

const deletion: z.ZodType<DeletionInput> = z
  .strictObject({
    kind: z.literal('deletion', kindRule),
    ...common,
    dryRun,
    plan: digest.optional(),
    settleSeconds: numberIn(OPTIONS.settleSeconds.takes),
    matchesMax: wholeIn(OPTIONS.matchesMax.takes),
  })
  .refine(({ dryRun: isDryRun, plan }) => isDryRun !== true || plan === undefined, {
    path: ['plan'],
    message: 'belongs to a deletion that is no dry run: a dry run makes a plan of its own',
  });

function numberIn({ min, max, words }: { readonly min: number; readonly max: number; readonly words: string }) {
  const rule = `takes ${words}`;
  return z.number(rule).min(min, rule).max(max, rule).optional();
}

function wholeIn(takes: { readonly min: number; readonly max: number; readonly words: string }) {
  const rule = `takes ${takes.words}, a whole number`;
  return z.number(rule).int(rule).min(takes.min, rule).max(takes.max, rule).optional();
}

function oneOf<const C extends readonly string[]>(choices: C, rule: string) {
  return z.enum(choices, rule).optional();
}

/** Each once, in the order of the choices: equal lists are equal options. */
function someOf<const C extends readonly string[]>(choices: C) {
  const rule = `takes some of ${choices.join(', ')}`;
  return z
    .array(z.enum(choices, rule), rule)
    .max(GIVEN_MAX, rule)
    .transform(given => choices.filter((choice): choice is C[number] => given.some(one => one === choice)))
    .optional();
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

const schemas = { access, deletion };

export interface Inputs {
  access: AccessInput;
  deletion: DeletionInput;
}

/** Milliseconds. A time without an offset is UTC, in any time zone of the service. */
export function instantMs(instantText: string): number {
  const isLocal = /T.*\d$/.test(instantText) && !/[+-]\d\d:?\d\d$/.test(instantText);
  return Date.parse(isLocal ? `${instantText}Z` : instantText);
}

/** The end of an ISO 8601 date or time, in milliseconds: a bare date includes its whole day. */
export function endOf(instantText: string): number {
  const dayMs = 86_400_000;
  return instantMs(instantText) + (instantText.length === 10 ? dayMs - 1 : 0);
}

/** What a caller gives who names the kind apart from it. */
export type Given<K extends Kind> = K extends Kind
  ? Omit<Inputs[K], 'kind' | 'subject'> & { readonly subject: GivenSubject }
  : never;

/** @throws {InvalidInput} naming each wrong field and the values that it takes. */
export function parseInput<K extends Kind>(kind: K, input: unknown): Inputs[K];
export function parseInput(kind: Kind, input: unknown): AccessInput | DeletionInput {
  const parsed = schemas[kind].safeParse(input);
  if (parsed.success) return parsed.data;
  throw new InvalidInput([...new Set(parsed.error.issues.map(explain))].join('; '));
}

/** Allowed difference between the clocks of two machines. */
const CLOCK_SKEW_MS = 5 * 60_000;
const SUBMITTED_AGE_MS_MAX = 3_650 * 86_400_000;

/** @throws {InvalidInput} if the calls requested lie in the future, or the submission lies in the future or over 10 years ago */
export function refuseImpossibleTimes(input: AccessInput | DeletionInput, nowMs: number): void {
  if ('from' in input && input.from !== undefined && instantMs(input.from) > nowMs)
    throw new InvalidInput('from takes a time that has passed');
  const submittedMs = input.submittedAt === undefined ? nowMs : instantMs(input.submittedAt);
  if (submittedMs > nowMs + CLOCK_SKEW_MS) throw new InvalidInput('submittedAt takes a time that has passed');
  if (submittedMs < nowMs - SUBMITTED_AGE_MS_MAX)
    throw new InvalidInput('submittedAt takes a time of the last 10 years');
}

const extension = z.strictObject({
  reason: z.string(REASON_RULE).regex(REASON_PATTERN, REASON_RULE),
  until: instant.transform(text => new Date(instantMs(text)).toISOString()).optional(),
});

/** With `until` as an instant; a bare date is its first. @throws {InvalidInput} */
export function parseExtension(input: unknown): ExtensionInput {
  const parsed = extension.safeParse(input);
  if (!parsed.success) throw new InvalidInput([...new Set(parsed.error.issues.map(explain))].join('; '));
  const { reason, until } = parsed.data;
  return { reason, ...(until !== undefined && { until }) };
}

const REFS_RULE = 'takes refs as `aircall-dsr plan` prints them, each with take or keep';
const approver = {
  planDigest: z.string().regex(/^[0-9a-f]{32}$/, 'takes the digest that `aircall-dsr plan` prints'),
  by: name.optional(),
  at: z.iso.datetime('takes a time').optional(),
  signature: z.base64('takes an Ed25519 signature').length(88, 'takes an Ed25519 signature').optional(),
};
const approvalSchema = z.strictObject({
  ...approver,
  decisions: z.custom<Decisions>(decisionsShape, REFS_RULE).optional(),
});
const rejectionSchema = z.strictObject({
  ...approver,
  reason: z.string(REASON_RULE).regex(REASON_PATTERN, REASON_RULE),
});

/** As a caller gives it: dated now and without decisions, if it says no other. */
export type ApprovalGiven = z.infer<typeof approvalSchema>;
export type RejectionGiven = z.infer<typeof rejectionSchema>;

/** @throws {InvalidInput} */
export function parseApproval(input: unknown, nowMs: number): ApprovalInput {
  const { decisions = {}, ...given } = parsedWith(approvalSchema, input);
  return { decisions, ...signedPart(given, nowMs) };
}

/** @throws {InvalidInput} */
export function parseRejection(input: unknown, nowMs: number): RejectionInput {
  const { reason, ...given } = parsedWith(rejectionSchema, input);
  return { reason, ...signedPart(given, nowMs) };
}

function signedPart({ planDigest, by, at, signature }: Omit<ApprovalGiven, 'decisions'>, nowMs: number) {
  return {
    planDigest,
    at: at ?? new Date(nowMs).toISOString(),
    ...(by !== undefined && { by }),
    ...(signature !== undefined && { signature }),
  };
}

function parsedWith<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new InvalidInput([...new Set(parsed.error.issues.map(explain))].join('; '));
}

function explain(issue: z.core.$ZodIssue): string {
  // An unrecognised key can itself be personal data (a misplaced value): its name is not repeated.
  if (issue.code === 'unrecognized_keys') return `${issue.path.join('.') || 'the input'} has an unknown field`;
  if (issue.path.length === 0) return 'the input must be one JSON object; see README.md';
  return `${issue.path.join('.')} ${issue.message}`;
}

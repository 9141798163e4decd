/**
 * Why something of a record is replaced or left out of a package, one row for each reason: docs/redaction.md says what gets one. Results,
 * receipts, packages and words for people are made from these rows. Workflow-safe: plain data.
 */
import { keyOf, listOf, object, type Shaped, whole } from './shapes';

/** In words for an operator: the sentences for the person are in the catalogs of the package. */
export const REASON_WORDS = {
  agent: 'names and data of agents', // somebody who works for the company, or a field that names one
  team: 'data of teams', // what a team holds besides its name
  'other-person': 'names, data and words of other people', // another participant, their card, their number, or what they said
  assessment: 'assessments of agents', // how the work of an agent was judged
  email: 'e-mail addresses in texts', // one that is not the subject's
  phone: 'telephone numbers', // one that is not the subject's
  iban: 'bank accounts in texts',
  link: 'links that open files', // for anybody who has it
  'too-deep': 'data nested too deep', // deeper than is read
} as const satisfies Record<string, string>;

export type Reason = keyof typeof REASON_WORDS;

/** Whether a code is a reason. */
export const isReason = keyOf(REASON_WORDS);

/** The closed list of reasons. */
export const REASONS = Object.keys(REASON_WORDS).filter(isReason);

export const redactionCountsShape = listOf(object({ reason: isReason, count: whole }));
/** How often each reason was given, the most frequent first; reasons that were not are absent. */
export type RedactionCounts = Shaped<typeof redactionCountsShape>;

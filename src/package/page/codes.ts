/**
 * The codes that each catalog has a sentence for. A person reads no code: one that is not here gets a general sentence that
 * names it. Kept complete by the type of a catalog, and by test/package/page.
 */
import type { DoubtCode } from '../../judgement/doubts';
import type { MediaErrorCode } from '../../media/errors';

/** Why a source is not complete. Every other code is a fault of technology. */
export type GapCode =
  | 'no-number-known'
  | 'number-without-country'
  | 'too-many-numbers'
  | 'too-many-at-once'
  | 'list-kept-changing'
  | 'unexpected-record'
  | 'cancelled'
  | 'deadline'
  | 'not-entitled'
  | 'not-fetched'
  | 'file-missing'
  | 'forbidden'
  | 'not-found'
  | 'recording-may-follow'
  | 'notice-missing';

/** Why a record is not in the package: it may be somebody else's, or whoever approved the package decided so. */
export type WithheldCode = DoubtCode | 'decided';

/** Why an audio file is missing. */
export type AudioCode = MediaErrorCode | 'not-downloaded' | 'recording-may-follow' | 'other-voices';

/** What Aircall's API cannot list, as coverage names it. */
export const OUT_OF_REACH = {
  messages: 'messages',
  'private contacts': 'privateContacts',
  'contacts of connected applications': 'connectedContacts',
  'calls older than about six months': 'oldCalls',
  'calls that were transferred to another number': 'transferred',
  'calls that the person joined as a conference participant': 'conferences',
  'calls with a hidden number': 'hidden',
  'calls with a hidden number and without a contact': 'hiddenWithoutContact',
} as const satisfies Readonly<Record<string, string>>;
export type OutOfReach = (typeof OUT_OF_REACH)[keyof typeof OUT_OF_REACH];

/** The words of a code; undefined for a code that the table does not have. */
export function wordsOf<W>(table: Readonly<Record<string, W>>, code: string): W | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined;
}

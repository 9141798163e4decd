/** What codes of coverage, media and redaction mean to the person. */
import { OUT_OF_REACH, wordsOf } from './codes';
import type { Words } from './words';

/** Why something is missing; a fault of technology for any code that has no sentence of its own. */
export function gapSentence(code: string, { catalog }: Pick<Words, 'catalog'>): string {
  return wordsOf(catalog.gaps, code) ?? wordsOf(catalog.media, code) ?? catalog.coverage.fault(code);
}

/** Why one file is missing: as `gapSentence`, beside the call. */
export function fileSentence(code: string, words: Words): string {
  return wordsOf(words.catalog.media, code) ?? gapSentence(code, words);
}

/** Why a place was left out or replaced. */
export function reasonSentence(reason: string, { catalog }: Words): string {
  return wordsOf(catalog.reasons, reason) ?? catalog.withheld.other(reason);
}

/** Why a record is not in the package. */
export function doubtSentence(code: string, { catalog }: Words): string {
  return wordsOf(catalog.doubts, code) ?? catalog.withheld.other(code);
}

/** @returns undefined for words of coverage that no catalog has: they are English */
export function outOfReachSentence(what: string, { catalog }: Words): string | undefined {
  const known = wordsOf(OUT_OF_REACH, what);
  return known === undefined ? undefined : catalog.outOfReach[known];
}

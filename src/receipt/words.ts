/** What a receipt states, in words for a person: each statement with the name of what it is about. Pure. */
import { decidedWords, doubtWords, gapWords, isSearched, searchWords, verificationWords } from '../request/sentences';
import { count } from '../request/words';
import type { Receipt } from './model';

/** What the verifying search found; undefined if there was none. */
export function verifiedWords({ verification, sources, doubts }: Receipt): string | undefined {
  const retained = sources.reduce((sum, source) => sum + source.retained, 0);
  return verificationWords({ state: verification ?? 'skipped', retained, doubts });
}

export function statementsOf(receipt: Receipt): (readonly [string, string])[] {
  const { request, times, sources, doubts, approvals, rejection, verification, planDigest, outOfReach } = receipt;
  const kept = `${request.dryRun ? 'would be ' : ''}${request.kind === 'access' ? 'withheld' : 'left'}`;
  const verified = verifiedWords(receipt);
  return [
    ['ended', times.ended ?? 'not known'],
    ...(request.dryRun ? [['dry run', 'it was to search only: nothing was handed over or deleted'] as const] : []),
    ...sources.map(source => [source.source, countsOf(source)] as const),
    ...sources.flatMap(({ source, gaps }) =>
      gaps.map(
        ({ code, count }) => ['missing', `${source}: ${gapWords({ code, count: count ?? undefined }, code)}`] as const,
      ),
    ),
    ...doubts.map(
      ({ code, records, taken, kept: left }) =>
        [
          'doubtful',
          `${count(records, 'record')} because ${doubtWords(code)} (${code}): ${taken} decided to be the person's, ${left} ${kept}`,
        ] as const,
    ),
    ...(planDigest === null ? [] : [['plan', planDigest] as const]),
    ...approvals.map(decided => ['approved', decidedWords(decided)] as const),
    ...(rejection === null ? [] : [['rejected', `${decidedWords(rejection)}: ${rejection.reason}`] as const]),
    ...(verified === undefined
      ? []
      : [['verified', `${verification === 'verified' ? '' : 'not verified: '}${verified}`] as const]),
    ...(outOfReach.length === 0 ? [] : [['no reach', outOfReach.join(', ')] as const]),
  ];
}

function countsOf(source: Receipt['sources'][number]): string {
  const { state, by, found, kept, deleted, absent, retained, refused, failed, withheld } = source;
  const searched = searchWords({ state, by: by ?? undefined });
  if (!isSearched(source) && found === 0) return searched;
  const counts = [
    `${kept} kept`,
    `${deleted} deleted`,
    `${absent} already deleted`,
    `${retained} left`,
    `${refused + failed} not done`,
    ...(withheld > 0 ? [`${withheld} withheld`] : []),
  ];
  return `${found} found, ${searched}: ${counts.join(', ')}`;
}

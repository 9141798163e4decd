/** What a receipt states, in words for a person: each statement with the name of what it is about. Pure. */
import {
  decidedWords,
  doubtWords,
  gapWords,
  isSearched,
  keptAs,
  planWords,
  redactedWords,
  searchWords,
  verificationWords,
} from '../request/sentences';
import { count } from '../request/words';
import type { Receipt } from './model';

/** What the verifying search found; undefined if there was none. */
export function verifiedWords({ verification, sources, doubts }: Receipt): string | undefined {
  const retained = sources.reduce((sum, source) => sum + source.retained, 0);
  return verificationWords({ state: verification ?? 'skipped', retained, doubts });
}

/** What a dry run would do; undefined if it is none, or came to no plan. */
export function plannedWords({ request: { kind }, plan, planDigest, sources }: Receipt): string | undefined {
  if (plan === null) return undefined;
  const { contacts, numbers, calls } = plan;
  const searched = (name: string) => {
    const found = sources.find(({ source }) => source === name);
    return found && { state: found.state, by: found.by ?? undefined };
  };
  return planWords({
    kind,
    plan: { counts: { contacts, numbers: numbers ?? undefined, calls: calls ?? undefined } },
    planDigest: planDigest ?? undefined,
    coverage: { contacts: searched('contacts'), calls: searched('calls') },
  });
}

export function statementsOf(receipt: Receipt): (readonly [string, string])[] {
  const { request, times, sources, doubts, approvals, rejection, verification, planDigest, outOfReach } = receipt;
  const planned = plannedWords(receipt) ?? planDigest;
  const redacted = redactedWords(receipt);
  const verified = verifiedWords(receipt);
  return [
    ['ended', times.ended ?? 'not known'],
    ...(request.dryRun ? [['dry run', 'it was to search only: nothing was handed over or deleted'] as const] : []),
    ...sources.map(source => [source.source, countsOf(source, request)] as const),
    ...sources.flatMap(({ source, gaps }) =>
      gaps.map(
        ({ code, count }) => ['missing', `${source}: ${gapWords({ code, count: count ?? undefined }, code)}`] as const,
      ),
    ),
    ...doubts.map(
      ({ code, records, taken, kept: left }) =>
        [
          'doubtful',
          `${count(records, 'record')} because ${doubtWords(code)} (${code}): ${taken} decided to be the person's, ${left} ${keptAs(request)}`,
        ] as const,
    ),
    ...(planned === null ? [] : [['plan', planned] as const]),
    ...(redacted === undefined ? [] : [['redacted', redacted] as const]),
    ...approvals.map(decided => ['approved', decidedWords(decided)] as const),
    ...(rejection === null ? [] : [['rejected', `${decidedWords(rejection)}: ${rejection.reason}`] as const]),
    ...(verified === undefined
      ? []
      : [['verified', `${verification === 'verified' ? '' : 'not verified: '}${verified}`] as const]),
    ...(outOfReach.length === 0 ? [] : [['no reach', outOfReach.join(', ')] as const]),
  ];
}

/** Of a dry run only what it found: its plan says what it would do. */
function countsOf(source: Receipt['sources'][number], { dryRun }: Receipt['request']): string {
  const { state, by, found, unchanged, deleted, absent, retained, refused, failed, withheld } = source;
  const searched = searchWords({ state, by: by ?? undefined });
  if (!isSearched(source) && found === 0) return searched;
  if (dryRun) return `${found} found, ${searched}`;
  const counts = [
    `${unchanged} unchanged`,
    `${deleted} deleted`,
    `${absent} already deleted`,
    `${retained} left`,
    `${refused + failed} not done`,
    ...(withheld > 0 ? [`${withheld} withheld`] : []),
  ];
  return `${found} found, ${searched}: ${counts.join(', ')}`;
}

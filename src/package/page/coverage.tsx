/** What was withheld and why, and how far each source was searched. Never a record: counts and sentences only. */
import type { SourceName } from '../../request/sources';
import { type MediaShown, PAGE_SOURCES, type PageContent, type SourceSearched } from './content';
import { doubtSentence, gapSentence, outOfReachSentence, reasonSentence } from './sentences';
import type { Words } from './words';

interface Props {
  readonly content: PageContent;
  readonly words: Words;
}

/** How often each reason was given. */
type Reasons = readonly { readonly reason: string; readonly count: number }[];

export function Withheld({ content, reasons, words }: Props & { readonly reasons: Reasons }) {
  const { withheld } = words.catalog;
  const doubtful = content.withheld.filter(({ count }) => count > 0);
  if (reasons.length === 0 && doubtful.length === 0) return <p>{withheld.nothing}</p>;
  return (
    <>
      {reasons.length > 0 && (
        <>
          <p>{withheld.lead}</p>
          <table class="small">
            <caption class="hidden">{withheld.captionPlaces}</caption>
            <Head names={[withheld.reason, withheld.count]} />
            <tbody>
              {reasons.map(({ reason, count }) => (
                <tr>
                  <th scope="row">{reasonSentence(reason, words)}</th>
                  <td class="count">{words.number(count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
      {doubtful.length > 0 && (
        <>
          <p>
            {withheld.doubtsLead} {withheld.doubtsDecide}
          </p>
          <table class="small">
            <caption class="hidden">{withheld.captionRecords}</caption>
            <Head names={[words.catalog.coverage.source, withheld.reason, withheld.count]} />
            <tbody>
              {doubtful.map(({ source, code, count }) => (
                <tr>
                  <th scope="row">{words.catalog.sources[source]}</th>
                  <td>{doubtSentence(code, words)}</td>
                  <td class="count">{words.number(count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}

export function Coverage({ content, words }: Props) {
  const { coverage, states, sources } = words.catalog;
  const { calls, notice, outOfReach } = content.coverage;
  return (
    <>
      <p>{coverage.lead}</p>
      <table class="small">
        <caption class="hidden">{coverage.caption}</caption>
        <Head names={[coverage.source, coverage.found, coverage.result]} />
        <tbody>
          {PAGE_SOURCES.map(source => (
            <tr>
              <th scope="row">{sources[source]}</th>
              <td class="count">{words.number(countOf(content, source))}</td>
              <td>
                {states[content.coverage[source].state]}
                <Gaps gaps={gapsOf(content, source)} words={words} />
                {source === 'insights' && isOnlyOfTranscripts(content) && (
                  <p class="note">{coverage.onlyOfTranscripts}</p>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {calls.state !== 'skipped' && calls.state !== 'not-asked' && (
        <p>
          {calls.by !== undefined && `${calls.by === 'number' ? coverage.byNumber : coverage.byCompany} `}
          {windowSentence(calls.window, words)}
          {calls.ignoredNumbers > 0 && ` ${coverage.ignoredNumbers(words.number(calls.ignoredNumbers))}`}
        </p>
      )}
      <Gaps gaps={notice.gaps} words={words} />
      {outOfReach.length > 0 && (
        <>
          <p>{coverage.outOfReach}</p>
          <ul>
            {outOfReach.map(what => {
              const sentence = outOfReachSentence(what, words);
              return sentence === undefined ? <li lang="en">{what}</li> : <li>{sentence}</li>;
            })}
          </ul>
        </>
      )}
    </>
  );
}

/** Whether a call without a transcript cost no API request for insights: if both were asked for. */
function isOnlyOfTranscripts({ coverage: { insights, transcripts } }: PageContent): boolean {
  return (insights.state === 'complete' || insights.state === 'partial') && transcripts.state !== 'not-asked';
}

function windowSentence({ from, to }: { readonly from: string | null; readonly to: string }, words: Words): string {
  const { coverage } = words.catalog;
  const until = words.time(Date.parse(to));
  return from === null ? coverage.windowFromStart(until) : coverage.window(words.time(Date.parse(from)), until);
}

function Gaps({ gaps, words }: { readonly gaps: SourceSearched['gaps']; readonly words: Words }) {
  if (gaps.length === 0) return null;
  return (
    <ul class="plain note">
      {gaps.map(({ code, count }) => (
        <li>
          {count === undefined ? gapSentence(code, words) : `${gapSentence(code, words)}: ${words.number(count)}`}
        </li>
      ))}
    </ul>
  );
}

/** Files that are missing by their reasons, each of them once: as missing are counted only those that have none. */
function gapsOf(content: PageContent, source: SourceName): SourceSearched['gaps'] {
  const { gaps } = content.coverage[source];
  if (source !== 'recordings' && source !== 'voicemails') return gaps;
  const missing = countBy(content[source].flatMap(media => ('code' in media ? [media.code] : [])));
  const named = new Set(gaps.map(({ code }) => code));
  const reasons = [...missing].flatMap(([code, count]) => (named.has(code) ? [] : [{ code, count }]));
  const explained = reasons.reduce((sum, { count }) => sum + count, 0);
  const others = gaps.flatMap(gap => {
    if (gap.code !== 'file-missing' || explained === 0) return [gap];
    const count = (gap.count ?? 0) - explained;
    return count > 0 ? [{ ...gap, count }] : [];
  });
  return [...others, ...reasons];
}

/** How many records of a source, or files, are in the package. */
export function countOf(content: PageContent, source: SourceName): number {
  if (source === 'recordings' || source === 'voicemails') return content[source].filter(isFile).length;
  return content[source].length;
}

function isFile(media: MediaShown): boolean {
  return 'file' in media;
}

function Head({ names }: { readonly names: readonly string[] }) {
  return (
    <thead>
      <tr>
        {names.map(name => (
          <th scope="col">{name}</th>
        ))}
      </tr>
    </thead>
  );
}

/** The most frequent first; equally frequent ones by name. */
function countBy(values: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return new Map([...counts].sort(([a, many], [b, others]) => others - many || (a < b ? -1 : 1)));
}

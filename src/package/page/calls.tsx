/** The table of calls: a row of facts for each, and below it what was written, recorded and derived. */
import type { Packed } from '../../packed';
import type { InSlices } from '../../slices';
import type { MediaShown, PageContent } from './content';
import { Slot } from './frame';
import { type CallShown, type CommentShown, readCall } from './records';
import { fileSentence } from './sentences';
import { type Insight, Insights, Transcript } from './spoken';
import { Inline, Items, Prose, shownText } from './text';
import type { Words } from './words';

/** A call with all that belongs to it. */
export interface WholeCall extends CallShown {
  /** In `calls` of the document; the first is 1. Its files are named by it. */
  readonly place: number;
  readonly recordings: readonly MediaShown[];
  readonly voicemails: readonly MediaShown[];
  readonly transcripts: readonly Packed<unknown>[];
  readonly insights: readonly Insight[];
}

/** A slice is one call. */
export function* wholeCalls(content: PageContent): InSlices<WholeCall[]> {
  const recordings = byCall(content.recordings);
  const voicemails = byCall(content.voicemails);
  const transcripts = byCall(content.transcripts);
  const insights = byCall(content.insights);
  const calls: WholeCall[] = [];
  for (const [index, record] of content.calls.entries()) {
    const call = readCall(record);
    calls.push({
      ...call,
      place: index + 1,
      recordings: recordings.get(call.id) ?? [],
      voicemails: voicemails.get(call.id) ?? [],
      transcripts: (transcripts.get(call.id) ?? []).map(transcript => transcript.content),
      insights: (insights.get(call.id) ?? []).map(({ kind, content: found }) => ({ kind, content: found })),
    });
    yield;
  }
  return calls;
}

function byCall<T extends { readonly call: number }>(rows: readonly T[]): ReadonlyMap<number | undefined, T[]> {
  const found = new Map<number | undefined, T[]>();
  for (const row of rows) {
    const others = found.get(row.call);
    if (others === undefined) found.set(row.call, [row]);
    else others.push(row);
  }
  return found;
}

/** The table without its rows. */
export function CallsTable({ words }: { readonly words: Words }) {
  const { catalog } = words;
  return (
    <div class="wide" role="group" aria-label={catalog.calls.caption} tabIndex={0}>
      <table class="calls">
        <caption>{catalog.calls.caption}</caption>
        <thead>
          <tr>
            <th scope="col">{catalog.calls.when}</th>
            <th scope="col">{catalog.calls.direction}</th>
            <th scope="col">{catalog.calls.number}</th>
            <th scope="col">{catalog.calls.line}</th>
            <th scope="col">{catalog.calls.agent}</th>
            <th scope="col">{catalog.calls.duration}</th>
          </tr>
        </thead>
        <Slot />
      </table>
    </div>
  );
}

/** What the table has of one call. */
export function CallRows({ call, words }: { readonly call: WholeCall; readonly words: Words }) {
  const { calls } = words.catalog;
  const { at, direction, isAnswered, number, country, line, agent, durationSeconds } = call;
  return (
    <tbody class="call" id={`call-${call.place}`}>
      <tr>
        <th scope="row">
          {at === undefined ? calls.unknown : <time dateTime={new Date(at).toISOString()}>{words.time(at)}</time>}
        </th>
        <td>
          {direction !== undefined && `${calls[direction]}, `}
          {isAnswered ? calls.answered : calls.missed}
        </td>
        <td>
          {number === undefined ? calls.unknown : <Inline text={number} words={words} />}
          {country !== undefined && (
            <span class="note">
              {' '}
              <Inline text={words.country(country)} words={words} />
            </span>
          )}
        </td>
        <td>{line !== undefined && <Inline text={line} words={words} />}</td>
        <td>{agent !== undefined && <Inline text={agent} words={words} />}</td>
        <td>{durationSeconds !== undefined && words.duration(durationSeconds)}</td>
      </tr>
      {hasDetails(call) && (
        <tr class="details">
          <td colSpan={6}>
            <Details call={call} words={words} />
          </td>
        </tr>
      )}
    </tbody>
  );
}

function hasDetails({ comments, tags, teams, participants, choices, ...call }: WholeCall): boolean {
  const { recordings, voicemails, transcripts, insights } = call;
  const all = [comments, tags, teams, participants, choices, recordings, voicemails, transcripts, insights];
  return all.some(list => list.length > 0);
}

function Details({ call, words }: { readonly call: WholeCall; readonly words: Words }) {
  const { calls } = words.catalog;
  const { place, at, comments, recordings, voicemails, transcripts, insights } = call;
  const label = `${calls.transcript} ${words.number(place)}${at === undefined ? '' : `, ${words.time(at)}`}`;
  return (
    <div class="both">
      <div>
        {recordings.map(media => (
          <Audio media={media} name={calls.recording} words={words} />
        ))}
        {voicemails.map(media => (
          <Audio media={media} name={calls.voicemail} words={words} />
        ))}
        {comments.length > 0 && (
          <div>
            <h3>{calls.comments}</h3>
            <Items items={comments} show={comment => <Comment comment={comment} words={words} />} words={words} />
          </div>
        )}
        <Labels name={calls.tags} labels={call.tags} words={words} />
        <Labels name={calls.teams} labels={call.teams} words={words} />
        <Labels name={calls.participants} labels={call.participants} words={words} />
        <Labels name={calls.choices} labels={call.choices} words={words} />
      </div>
      <div>
        {transcripts.map(packed => (
          <div>
            <h3>{calls.transcript}</h3>
            <Transcript packed={packed} label={label} words={words} />
          </div>
        ))}
        {insights.length > 0 && <Insights insights={insights} words={words} />}
      </div>
    </div>
  );
}

function Comment({ comment, words }: { readonly comment: CommentShown; readonly words: Words }) {
  const { text, by, at } = comment;
  return (
    <div class="comment">
      <Prose text={text} words={words} />
      <p class="note">
        {by !== undefined && <Inline text={by} words={words} />}
        {by !== undefined && at !== undefined && ', '}
        {at !== undefined && words.time(at)}
      </p>
    </div>
  );
}

function Labels(props: { readonly name: string; readonly labels: readonly string[]; readonly words: Words }) {
  const { name, labels, words } = props;
  if (labels.length === 0) return null;
  return (
    <div>
      <h3>{name}</h3>
      <Items class="tags" items={labels} show={label => <Inline text={label} words={words} />} words={words} />
    </div>
  );
}

/** What a path of an audio file may be: relative, below the page, without a meaning to a browser. */
const MEDIA_PATH = /^media\/[a-z0-9][a-z0-9-]{0,60}\.[a-z0-9]{2,4}$/;

function Audio({ media, name, words }: { readonly media: MediaShown; readonly name: string; readonly words: Words }) {
  if ('code' in media)
    return (
      <div>
        <h3>{name}</h3>
        <p>{fileSentence(media.code, words)}</p>
      </div>
    );
  if (!MEDIA_PATH.test(media.file)) throw new RangeError('a file of the package has a path that is not below media/');
  return (
    <div>
      <h3>{name}</h3>
      <audio controls preload="none" src={media.file} aria-label={`${name}: ${shownText(media.file)}`} />
      <p class="note">
        <a href={media.file}>{words.catalog.calls.openFile}</a> ({media.file}, {words.size(media.sizeBytes)})
      </p>
    </div>
  );
}

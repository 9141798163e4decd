/** What was said in a call, and what Aircall derived from it. What is of an unknown form is shown as it is. */
import { speakerOf } from '../../judgement/voices';
import type { Packed } from '../../packed';
import type { Insight as InsightKind } from '../../request/insights';
import { unwrapped, utterancesOf } from './envelopes';
import { textOf } from './records';
import { Fields, Inline, Items, Prose, Shortened, shownText, Value } from './text';
import { memberOf } from './values';
import type { Words } from './words';

export interface Insight {
  readonly kind: InsightKind;
  readonly content: Packed<unknown>;
}

/** @param label names the transcript for people who hear the page */
export function Transcript({ packed, label, words }: { packed: Packed<unknown>; label: string; words: Words }) {
  const content = packed.open();
  const utterances = utterancesOf(content);
  return (
    <div class="transcript" role="group" aria-label={label} tabIndex={0}>
      {utterances === undefined ? (
        <Value value={content} words={words} />
      ) : (
        <Items items={utterances} show={utterance => <Utterance utterance={utterance} words={words} />} words={words} />
      )}
    </div>
  );
}

function Utterance({ utterance, words }: { utterance: unknown; words: Words }) {
  const start = memberOf(utterance, 'start_time');
  const text = memberOf(utterance, 'text');
  return (
    <>
      <span class="speaker">
        {speakerWords(utterance, words) ?? (
          <Inline text={textOf(memberOf(utterance, 'participant_type')) ?? '–'} words={words} />
        )}
        {typeof start === 'number' && start >= 0 && <span class="note"> {clockOf(start)}</span>}
      </span>
      {typeof text === 'string' ? (
        <>
          <span dir="auto">{shownText(text)}</span>
          <Shortened text={text} words={words} />
        </>
      ) : (
        <Value value={utterance} words={words} />
      )}
    </>
  );
}

/** What stands in place of the number of somebody who is not the person: see docs/redaction.md. */
const OTHER_PERSON = /^Person [1-9]\d*$/;

function speakerWords(said: unknown, { catalog: { speakers } }: Words): string | undefined {
  const number = textOf(memberOf(said, 'phone_number')) ?? '';
  if (OTHER_PERSON.test(number)) return number;
  const speaker = speakerOf(said);
  return speaker && speakers[speaker];
}

/** As `1:05`; since the beginning of the call. */
function clockOf(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export function Insights({ insights, words }: { readonly insights: readonly Insight[]; readonly words: Words }) {
  return (
    <dl class="insights">
      {insights.map(({ kind, content }) => (
        <div>
          <dt>{words.catalog.insights[kind]}</dt>
          <dd>
            <InsightValue kind={kind} content={content} words={words} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function InsightValue({ kind, content, words }: Insight & { readonly words: Words }) {
  const inner = unwrapped(content.open(), kind);
  if (typeof inner === 'string') return <Prose text={inner} words={words} />;
  if (Array.isArray(inner)) {
    const show = (item: unknown) =>
      kind === 'sentiments' ? (
        <Mood mood={item} words={words} />
      ) : (
        <Value value={unwrapped(item, kind)} words={words} />
      );
    return <Items items={inner} show={show} words={words} />;
  }
  if (typeof inner === 'object' && inner !== null) return <Fields fields={Object.entries(inner)} words={words} />;
  return <Value value={inner} words={words} />;
}

function Mood({ mood, words }: { readonly mood: unknown; readonly words: Words }) {
  const { moods } = words.catalog;
  const value = memberOf(mood, 'value');
  if (value !== 'POSITIVE' && value !== 'NEUTRAL' && value !== 'NEGATIVE') return <Value value={mood} words={words} />;
  const speaker = speakerWords(mood, words);
  return <>{speaker === undefined ? moods[value] : `${speaker}: ${moods[value]}`}</>;
}

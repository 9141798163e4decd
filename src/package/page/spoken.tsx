/** What was said in a call, and what Aircall derived from it. Envelopes of both are not all documented: what is unknown is shown as it is. */
import type { Insight as InsightKind } from '../../request/insights';
import { textOf } from './records';
import { Fields, Inline, Items, Prose, shownText, Value } from './text';
import { listOf, memberOf } from './values';
import type { Words } from './words';

export interface Insight {
  readonly kind: InsightKind;
  readonly content: unknown;
}

/** @param label names the transcript for people who hear the page */
export function Transcript({ content, label, words }: { content: unknown; label: string; words: Words }) {
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
  const type = memberOf(utterance, 'participant_type');
  const start = memberOf(utterance, 'start_time');
  const text = memberOf(utterance, 'text');
  return (
    <>
      <span class="speaker">
        {speakerOf(type, words) ?? <Inline text={textOf(type) ?? '–'} />}
        {typeof start === 'number' && start >= 0 && <span class="note"> {clockOf(start)}</span>}
      </span>
      {typeof text === 'string' ? <span dir="auto">{shownText(text)}</span> : <Value value={utterance} words={words} />}
    </>
  );
}

function speakerOf(type: unknown, { catalog: { speakers } }: Words): string | undefined {
  return type === 'external' || type === 'internal' || type === 'ai_voice_agent' ? speakers[type] : undefined;
}

/** As `1:05`; since the beginning of the call. */
function clockOf(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** Undefined if the envelope is another one. */
function utterancesOf(content: unknown): readonly unknown[] | undefined {
  const inner = memberOf(content, 'transcription') ?? content;
  const utterances = memberOf(memberOf(inner, 'content') ?? inner, 'utterances');
  return Array.isArray(utterances) ? utterances : undefined;
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

/** Names of an envelope that say nothing to a person. */
const ENVELOPE: readonly string[] = ['id', 'call_id', 'call_created_at', 'ai_generated', 'direct_link'];

function InsightValue({ kind, content, words }: Insight & { readonly words: Words }) {
  const inner = unwrapped(content, kind);
  if (typeof inner === 'string') return <Prose text={inner} words={words} />;
  if (kind === 'sentiments') {
    const moods = listOf(memberOf(inner, 'participants') ?? inner);
    if (moods.length > 0)
      return <Items items={moods} show={mood => <Mood mood={mood} words={words} />} words={words} />;
  }
  if (Array.isArray(inner))
    return <Items items={inner} show={item => <Value value={unwrapped(item, kind)} words={words} />} words={words} />;
  if (typeof inner === 'object' && inner !== null) return <Fields fields={Object.entries(inner)} words={words} />;
  return <Value value={inner} words={words} />;
}

function Mood({ mood, words }: { readonly mood: unknown; readonly words: Words }) {
  const { moods } = words.catalog;
  const value = memberOf(mood, 'value');
  const type = memberOf(mood, 'participant_type');
  if (value !== 'POSITIVE' && value !== 'NEUTRAL' && value !== 'NEGATIVE') return <Value value={mood} words={words} />;
  const speaker = speakerOf(type, words);
  return <>{speaker === undefined ? moods[value] : `${speaker}: ${moods[value]}`}</>;
}

/** What is inside of envelopes with one meaningful member. */
function unwrapped(content: unknown, kind: InsightKind): unknown {
  let inner = content;
  for (const name of [kind, ENVELOPE_OF[kind], 'content']) inner = memberOf(inner, name) ?? inner;
  if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
  return Object.fromEntries(Object.entries(inner).filter(([name]) => !ENVELOPE.includes(name)));
}

/** The outermost member, where it is not named as the kind. */
const ENVELOPE_OF = {
  summary: 'summary',
  topics: 'topic',
  sentiments: 'sentiment',
  action_items: 'action_item',
  custom_summary_result: 'custom_summary',
  predicted_csat: 'csat',
} as const satisfies Record<InsightKind, string>;

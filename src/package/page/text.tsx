/**
 * How texts and values of Aircall's records are shown. Whoever wrote them, they stay inside their element: characters that would turn
 * the direction of what follows or that no page may hold are not shown, and everything has a limit. The whole is in the JSON file.
 */
import type { ComponentChildren } from 'preact';
import type { Words } from './words';

/** A longer text is shown to here, in UTF-16 units. */
export const TEXT_LENGTH_MAX = 20_000;
/** A longer list is shown to here. */
export const ITEMS_MAX = 1_000;
const DEPTH_MAX = 6;

/** Embeddings, overrides and isolates of direction: an element isolates its own text. */
const TURNS_DIRECTION = /[\u202a-\u202e\u2066-\u2069]/g;
/** No page may hold them: C0 and C1 without tab and line ends. */
const CONTROLS = /(?![\t\n])\p{Cc}/gu;

export function shownText(text: string): string {
  return text
    .slice(0, TEXT_LENGTH_MAX)
    .replace(/\r\n?/g, '\n')
    .replace(TURNS_DIRECTION, '')
    .replace(CONTROLS, '\ufffd');
}

interface TextProps {
  readonly text: string;
  readonly words: Words;
}

/** A short text within a line. */
export function Inline({ text, words }: TextProps) {
  return (
    <>
      <bdi>{shownText(text)}</bdi>
      <Shortened text={text} words={words} />
    </>
  );
}

/** Within the line of a text of which only the beginning is shown; nothing of another one. */
export function Shortened({ text, words }: TextProps) {
  return text.length > TEXT_LENGTH_MAX ? <span class="note"> {words.catalog.shortened}</span> : null;
}

/** A text of several lines. */
export function Prose({ text, words }: TextProps) {
  return (
    <>
      <p class="prose" dir="auto">
        {shownText(text)}
      </p>
      {text.length > TEXT_LENGTH_MAX && <p class="note">{words.catalog.shortened}</p>}
    </>
  );
}

/** The beginning of a list, and how much of it is not shown. */
export function Items<T>(props: {
  readonly items: readonly T[];
  readonly show: (item: T, place: number) => ComponentChildren;
  readonly words: Words;
  readonly class?: string;
}) {
  const { items, show, words } = props;
  const beyond = items.length - ITEMS_MAX;
  return (
    <>
      <ul class={props.class}>
        {items.slice(0, ITEMS_MAX).map((item, place) => (
          <li>{show(item, place)}</li>
        ))}
      </ul>
      {beyond > 0 && <p class="note">{words.catalog.more(words.number(beyond))}</p>}
    </>
  );
}

/** Any JSON value, for fields whose meaning we do not know. */
export function Value(props: { readonly value: unknown; readonly words: Words; readonly depth?: number }) {
  const { value, words, depth = 0 } = props;
  if (typeof value === 'string') return <Prose text={value} words={words} />;
  if (typeof value === 'number') return <p>{String(value)}</p>;
  if (typeof value === 'boolean') return <p>{words.catalog.yesOrNo[value ? 'yes' : 'no']}</p>;
  if (typeof value !== 'object' || value === null) return <p>–</p>;
  if (depth >= DEPTH_MAX) return <p class="note">{words.catalog.shortened}</p>;
  const inner = (item: unknown) => <Value value={item} words={words} depth={depth + 1} />;
  if (Array.isArray(value)) return <Items items={value} show={inner} words={words} />;
  return <Fields fields={Object.entries(value)} words={words} depth={depth} />;
}

/** Fields under Aircall's own names. */
export function Fields(props: {
  readonly fields: readonly (readonly [name: string, value: unknown])[];
  readonly words: Words;
  readonly depth?: number;
}) {
  const { fields, words, depth = 0 } = props;
  const beyond = fields.length - ITEMS_MAX;
  if (fields.length === 0) return <p>–</p>;
  return (
    <>
      <dl class="fields">
        {fields.slice(0, ITEMS_MAX).map(([name, value]) => (
          <div>
            <dt>
              <Inline text={name} words={words} />
            </dt>
            <dd>
              <Value value={value} words={words} depth={depth + 1} />
            </dd>
          </div>
        ))}
      </dl>
      {beyond > 0 && <p class="note">{words.catalog.more(words.number(beyond))}</p>}
    </>
  );
}

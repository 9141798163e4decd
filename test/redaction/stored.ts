/** What was found and what comes out of it, as tests write and read it: nothing of it is packed. */
import { stripLinks, stripMade } from '../../src/aircall/links';
import { type Packed, pack } from '../../src/packed';
import type { CallContent, Findings, Redacted, Whose } from '../../src/redaction/findings';
import type { Redaction } from '../../src/redaction/reasons';
import { redact } from '../../src/redaction/redact';
import { atOnce } from '../../src/slices';

type Opened<T extends CallContent> = Omit<T, 'content'> & { readonly content: unknown };

/** Findings, or what comes out of them. */
export type Plain<F extends Pick<Findings, 'transcripts' | 'insights'> = Findings> = Omit<
  F,
  'transcripts' | 'insights' | 'redactions'
> & {
  readonly transcripts: readonly Opened<Findings['transcripts'][number]>[];
  readonly insights: readonly Opened<Findings['insights'][number]>[];
};

/** As it lies in the vault before it is redacted: without links that are keys. */
export function asStored({ contacts, calls, transcripts, insights }: Plain): Plain {
  return read({
    contacts: contacts.map(card => stripLinks('contacts', { ...card })),
    calls: calls.map(call => stripLinks('calls', { ...call })),
    transcripts: transcripts.map(each => ({ ...each, content: stripMade(each.content) })),
    insights: insights.map(each => ({ ...each, content: stripMade(each.content) })),
  });
}

function read(stored: unknown): Plain {
  return JSON.parse(JSON.stringify(stored));
}

export function redactPlain(
  given: Plain,
  whose: Whose,
): Plain<Redacted> & { readonly redactions: readonly Redaction[] } {
  const { transcripts, insights, redactions, ...records } = atOnce(redact(packed(given), whose));
  return {
    ...records,
    transcripts: transcripts.map(opened),
    insights: insights.map(opened),
    redactions: [...redactions],
  };
}

function packed({ transcripts, insights, ...records }: Plain): Findings {
  const packedOf = <T extends { readonly content: unknown }>(each: T) => ({ ...each, content: pack(each.content) });
  return { ...records, transcripts: transcripts.map(packedOf), insights: insights.map(packedOf) };
}

function opened<T extends { readonly content: Packed<unknown> }>(each: T) {
  return { ...each, content: each.content.open() };
}

/**
 * What is inside Aircall's replies about what was said. Not all of their envelopes are documented (docs/aircall.md 7), so each is opened
 * only if nothing stands beside what it holds: nothing of a reply may be lost.
 */
import type { Insight } from '../../request/insights';
import { memberOf } from './values';

/** What was said, in its order. Undefined if the envelope is another one. */
export function utterancesOf(content: unknown): readonly unknown[] | undefined {
  const inner = memberOf(content, 'transcription') ?? content;
  const utterances = memberOf(memberOf(inner, 'content') ?? inner, 'utterances');
  return Array.isArray(utterances) ? utterances : undefined;
}

/** From the outermost inwards. */
const ENVELOPES = {
  summary: ['summary', 'content'],
  topics: ['topics', 'topic', 'content'],
  sentiments: ['sentiments', 'sentiment', 'content', 'participants'],
  action_items: ['action_items', 'action_item', 'content'],
  custom_summary_result: ['custom_summary_result', 'content'],
  predicted_csat: ['predicted_csat', 'csat', 'content'],
} as const satisfies Record<Insight, readonly string[]>;

/** Members of an envelope that say nothing to a person. */
const MARGINAL: readonly string[] = ['id', 'call_id', 'call_created_at', 'created_at', 'ai_generated', 'direct_link'];

/** An insight without its envelopes, or one item of a list of them. */
export function unwrapped(content: unknown, kind: Insight): unknown {
  let inner = content;
  for (const name of ENVELOPES[kind]) {
    const [only, ...others] = membersOf(inner);
    if (only?.[0] === name && others.length === 0) inner = only[1];
  }
  return isObject(inner) ? Object.fromEntries(membersOf(inner)) : inner;
}

function membersOf(value: unknown): [name: string, value: unknown][] {
  return isObject(value) ? Object.entries(value).filter(([name]) => !MARGINAL.includes(name)) : [];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

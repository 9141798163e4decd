/**
 * What Aircall made of a call: transcript, summary, topics and the like. An envelope that is not known is kept as it is, as `raw`: it
 * belongs to the subject whatever its shape. Facts: docs/aircall.md 7.
 * Unverified: the envelopes of action items, custom summaries and the predicted satisfaction.
 */
import { z } from 'zod';
import type { Intelligence } from '../request/insights';
import { ENDPOINTS } from './endpoints';
import { AircallError } from './errors';
import { stripMade } from './links';
import { member } from './replies';

interface Envelope {
  /** The member that holds the record; without one the body is the record. */
  readonly key?: string;
  readonly record: z.ZodType;
}

const texts = z.array(z.string());
const listOf = (fields: z.ZodRawShape) => z.array(z.looseObject(fields));

const ENVELOPES = {
  transcription: {
    key: 'transcription',
    record: z.looseObject({ content: z.looseObject({ utterances: listOf({ text: z.string() }) }) }),
  },
  summary: { key: 'summary', record: z.looseObject({ content: z.string() }) },
  topics: { key: 'topic', record: z.looseObject({ content: texts }) },
  sentiments: { key: 'sentiment', record: z.looseObject({ participants: listOf({ value: z.string() }) }) },
  action_items: { key: 'action_items', record: listOf({ content: z.string() }) },
  custom_summary_result: { record: z.looseObject({ custom_summary: z.looseObject({}) }) },
  predicted_csat: { key: 'csat', record: z.looseObject({ score: z.number() }) },
} as const satisfies Record<Intelligence, Envelope>;

/** The record in a known envelope, or the whole body of an unknown one; without links that are keys. */
export type Made = { readonly content: unknown } | { readonly raw: unknown };

/** @throws {AircallError} `unexpected-reply` if it names another call */
export function readIntelligence(what: Intelligence, call: number, body: unknown): Made {
  const { key, record }: Envelope = ENVELOPES[what];
  const inside = key === undefined ? body : member(body, key);
  const named = [body, inside].map(part => member(part, 'call_id')).filter(id => id !== undefined && id !== null);
  if (named.some(id => String(id) !== String(call)))
    throw new AircallError('unexpected-reply', `${ENDPOINTS[what].name}: the reply is about another call`);
  return record.safeParse(inside).success ? { content: stripMade(inside) } : { raw: stripMade(body) };
}

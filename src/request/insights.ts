/**
 * What Aircall's conversation intelligence makes of a call and a request may ask for; what it makes about agents (their evaluations and
 * playbooks) is not among it. Named as the last part of their paths. Workflow-safe: plain data.
 */

import { oneOf, type Shape } from './shapes';

/** In the order in which they are worth their requests. */
export const INSIGHTS = [
  'summary',
  'topics',
  'sentiments',
  'action_items',
  'custom_summary_result',
  'predicted_csat',
] as const;
export type Insight = (typeof INSIGHTS)[number];

export const INTELLIGENCE = ['transcription', ...INSIGHTS] as const;
export type Intelligence = (typeof INTELLIGENCE)[number];
export const isIntelligence: Shape<Intelligence> = oneOf(...INTELLIGENCE);

/**
 * What a worker reads instead of a payload that it must not, or cannot, use: a value of its own, which nothing else looks
 * like. An error while decoding would be retried for ever, beyond any deadline. Workflow-safe.
 */

/**
 * `not-encrypted`; `broken`: it was changed, encrypted with another key of the same id, or holds no JSON; `misplaced`: it was
 * encrypted for another place than the one where it was found.
 */
export type WhyUnusable = 'not-encrypted' | 'broken' | 'misplaced';

const NAME = 'aircall-dsr: unusable payload';

export function unusable(why: WhyUnusable): Readonly<Record<string, WhyUnusable>> {
  return { [NAME]: why };
}

/** Undefined if it is any other value. */
export function whyUnusable(value: unknown): WhyUnusable | undefined {
  if (typeof value !== 'object' || value === null || !(NAME in value)) return undefined;
  return value[NAME] === 'not-encrypted' || value[NAME] === 'misplaced' ? value[NAME] : 'broken';
}

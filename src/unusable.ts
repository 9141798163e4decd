/**
 * What a worker reads instead of a payload that it must not, or cannot, use: a value of its own, which nothing else looks
 * like. An error while decoding would be retried for ever, beyond any deadline. Workflow-safe.
 */

/**
 * `not-encrypted`; `broken`: it was changed, encrypted with another key of the same id, or holds no JSON; `misplaced`: it was
 * encrypted for another place than the one where it was found; `unknown-key`: this worker does not have its key.
 */
export type WhyUnusable = 'not-encrypted' | 'broken' | 'misplaced' | 'unknown-key';

/** A key that a payload names and that this worker does not have. */
export interface MissingKey {
  readonly keyId: string;
  /** Whether an open request needs the payload: then it waits for the key. */
  readonly isAwaited: boolean;
}

const NAME = 'aircall-dsr: unusable payload';

export function unusable(why: Exclude<WhyUnusable, 'unknown-key'>): Readonly<Record<string, unknown>> {
  return { [NAME]: why };
}

export function locked(key: MissingKey): Readonly<Record<string, unknown>> {
  return { [NAME]: 'unknown-key', ...key };
}

/** Undefined if it is any other value. */
export function whyUnusable(value: unknown): WhyUnusable | undefined {
  if (typeof value !== 'object' || value === null || !(NAME in value)) return undefined;
  const why = value[NAME];
  return why === 'not-encrypted' || why === 'misplaced' || why === 'unknown-key' ? why : 'broken';
}

/** The key that is missing, if that is why the value cannot be used. */
export function missingKeyOf(value: unknown): MissingKey | undefined {
  if (whyUnusable(value) !== 'unknown-key' || typeof value !== 'object' || value === null) return undefined;
  return {
    keyId: 'keyId' in value && typeof value.keyId === 'string' ? value.keyId : '',
    isAwaited: 'isAwaited' in value && value.isAwaited === true,
  };
}

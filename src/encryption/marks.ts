/**
 * Texts that replace a payload that a worker must not, or cannot, read. No input has such a value, so a run with such
 * an input ends as `invalid-input`. An error while decoding would be retried for ever, beyond any deadline.
 */

/** It was not encrypted. */
export const PLAINTEXT_MARK = 'aircall-dsr: a payload was not encrypted and was not read';
/** It was changed, encrypted with another key of the same id, or holds no JSON. */
export const BROKEN_MARK = 'aircall-dsr: a payload could not be decrypted or is no JSON';

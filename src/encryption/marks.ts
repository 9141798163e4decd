/**
 * What a worker reads in place of a payload that it must not, or cannot, read: a text that no input fits. So a run with such
 * an input ends as `invalid-input`; an error while decoding would be retried for ever, out of reach of any deadline.
 */

/** It was not encrypted. */
export const PLAINTEXT_MARK = 'aircall-dsr: a payload was not encrypted and was not read';
/** It was changed, encrypted with another key of the same id, or holds no JSON. */
export const BROKEN_MARK = 'aircall-dsr: a payload could not be decrypted or is no JSON';

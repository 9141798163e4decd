/** Records of requests that a test makes by itself. */
import type { Asked } from '../../src/request/asked';

/** What a request asks for that names one identity and has no options. */
export function askedFor(subjectHash: string): Asked {
  return { subjectHash, identityHashes: [subjectHash], optionDigests: {} };
}

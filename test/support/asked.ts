/** Records of requests that a test makes by itself. */
import type { Need } from '../../src/request/approval';
import type { Asked } from '../../src/request/asked';

/** What a request asks for that names one identity and has no options but these. */
export function askedFor(subjectHash: string, need: Partial<Need> = {}): Asked {
  const asked = { requireApproval: false, matchesMax: 5, ...need };
  return { subjectHash, identityHashes: [subjectHash], optionDigests: {}, need: asked };
}

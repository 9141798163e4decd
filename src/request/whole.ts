/** Whether a source was searched as far as the request asked for. The status of a request and the words of its package follow from it. Workflow-safe. */
import type { SourceCoverage } from './model';

type Searched = Pick<SourceCoverage, 'state'> & { readonly gaps: readonly { readonly code: string }[] };

/** Also where there was nothing to search for, or nothing that the company may read: it is told, and no repetition changes it. */
export function isWhole({ state, gaps }: Searched): boolean {
  const nothingToSearchFor = gaps.length > 0 && gaps.every(({ code }) => code === 'no-number-known');
  return WHOLE.includes(state) || (state === 'skipped' && nothingToSearchFor);
}

const WHOLE: readonly SourceCoverage['state'][] = ['complete', 'not-asked', 'not-entitled'];

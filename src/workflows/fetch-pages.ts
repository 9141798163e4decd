/**
 * The child workflow that reads a long window of a list, so that the request's own history stays short. Cancelled, it
 * still reports what it had done.
 */
import { isCancellation } from '@temporalio/workflow';
import { emptyReport, fetchInto, type PagesInput, type PagesReport, pagesInputShape } from './pages';
import { refuseOrphan } from './received';

interface ForRun {
  readonly workflowId: string;
}

/** @throws {ApplicationFailure} `invalid-input`: no request started it */
export async function fetchPages(input: PagesInput & ForRun): Promise<PagesReport & ForRun> {
  refuseOrphan(input, pagesInputShape);
  const report = emptyReport();
  try {
    await fetchInto(report, input);
  } catch (error) {
    if (!isCancellation(error)) throw error;
  }
  return { workflowId: input.workflowId, ...report };
}

/**
 * The child workflow that reads a long window of a list, so that the request's own history stays short. However it
 * ends, it reports what it had done.
 */
import { emptyReport, fetchInto, type PagesInput, type PagesReport, pagesInputShape } from './pages';
import { refuseOrphan } from './received';
import { reported } from './steps';

interface ForRun {
  readonly workflowId: string;
}

/** @throws {ApplicationFailure} `invalid-input`: no request started it */
export async function fetchPages(input: PagesInput & ForRun): Promise<PagesReport & ForRun> {
  refuseOrphan(input, pagesInputShape);
  const report = emptyReport();
  await reported(report, () => fetchInto(report, input));
  return { workflowId: input.workflowId, ...report };
}

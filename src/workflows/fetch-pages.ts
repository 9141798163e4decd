/**
 * The child workflow that reads a long window of a list, so that the request's own history stays short. Cancelled, it
 * still reports what it had done.
 */
import { isCancellation } from '@temporalio/workflow';
import { emptyReport, fetchInto, type PagesInput, type PagesReport } from './pages';

export async function fetchPages(input: PagesInput): Promise<PagesReport> {
  const report = emptyReport();
  try {
    await fetchInto(report, input);
  } catch (error) {
    if (!isCancellation(error)) throw error;
  }
  return report;
}

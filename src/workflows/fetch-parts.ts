/** The child workflow that fetches transcripts, insights or audio of many calls. Cancelled, it still reports what it had done. */
import { isCancellation } from '@temporalio/workflow';
import {
  emptyPartsReport,
  fetchPartsInto,
  gatherInto,
  type PartsInput,
  type PartsReport,
  partsInputShape,
} from './parts';
import { refuseOrphan } from './received';

interface ForRun {
  readonly workflowId: string;
}

/** @throws {ApplicationFailure} `invalid-input`: no request started it */
export async function fetchParts(input: PartsInput & ForRun): Promise<PartsReport & ForRun> {
  refuseOrphan(input, partsInputShape);
  const report = emptyPartsReport();
  try {
    await fetchPartsInto(report, input);
    await gatherInto(report, input);
  } catch (error) {
    if (!isCancellation(error)) throw error;
  }
  return { workflowId: input.workflowId, ...report };
}

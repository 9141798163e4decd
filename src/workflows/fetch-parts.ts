/** The child workflow that fetches transcripts, insights or audio of many calls. However it ends, it reports what it had done. */
import {
  emptyPartsReport,
  fetchPartsInto,
  gatherInto,
  type PartsInput,
  type PartsReport,
  partsInputShape,
} from './parts';
import { refuseOrphan } from './received';
import { reported } from './steps';

interface ForRun {
  readonly workflowId: string;
}

/** @throws {ApplicationFailure} `invalid-input`: no request started it */
export async function fetchParts(input: PartsInput & ForRun): Promise<PartsReport & ForRun> {
  refuseOrphan(input, partsInputShape);
  const report = emptyPartsReport();
  await reported(report, async () => {
    await fetchPartsInto(report, input);
    await gatherInto(report, input);
  });
  return { workflowId: input.workflowId, ...report };
}

/** How far a request is: what is fetched counts at once, is counted once, and yields to what its findings count. */
import { noCounts } from '../../src/request/model';
import { createFindings } from '../../src/workflows/findings';
import { countWorkload, type Fetched, fetchedNothing, plus, soFarOf } from '../../src/workflows/workload';

test('work under way counts as far as it is, and once when it has ended, also if it broke off', async () => {
  let changes = 0;
  const workload = countWorkload(() => {
    changes += 1;
  });
  const report: { fetched: Fetched } = { fetched: fetchedNothing() };
  const broken = workload.following(report, async () => {
    report.fetched = plus(report.fetched, { calls: 3, recordings: 2, sizeBytes: 70 });
    expect(workload.fetched).toMatchObject({ calls: 3, recordings: 2, sizeBytes: 70 });
    report.fetched = plus(report.fetched, { calls: 1 });
    throw new Error('it broke off');
  });
  await expect(broken).rejects.toThrow('it broke off');
  expect(workload.fetched).toEqual({ ...fetchedNothing(), calls: 4, recordings: 2, sizeBytes: 70 });
  workload.add({ voicemails: 1, sizeBytes: 30 });
  expect(workload.fetched).toMatchObject({ recordings: 2, voicemails: 1, sizeBytes: 100 });
  expect(changes).toBe(2);
  expect(fetchedNothing().calls).toBe(0);
});

test('what is left is the sum of what each part says, and nobody knows it while none says anything', () => {
  const workload = countWorkload(() => {});
  const [pages, parts] = [workload.expect(), workload.expect()];
  expect(workload.apiRequestsLeft).toBeUndefined();
  pages(7);
  parts(30);
  pages(5);
  expect(workload.apiRequestsLeft).toBe(35);
  pages(0);
  expect(workload.apiRequestsLeft).toBe(30);
  parts(0);
  expect(workload.apiRequestsLeft).toBeUndefined();
});

test('the status shows what was fetched of a source until the findings count it, also if they count none', () => {
  const findings = createFindings('access');
  findings.found('contacts', 2);
  const workload = { fetched: { ...fetchedNothing(), calls: 5, recordings: 3, sizeBytes: 9 }, apiRequestsLeft: 90 };
  expect(soFarOf(workload, findings, 2_700)).toEqual({
    counts: { ...noCounts('access'), contacts: 2, calls: 5, recordings: 3 },
    progress: { files: 3, sizeBytes: 9, apiRequestsLeft: 90, hoursLeft: 0.04 },
  });
  findings.found('calls', 0);
  findings.found('recordings', 4);
  const { apiRequestsLeft: _, ...unknown } = workload;
  expect(soFarOf({ ...unknown, apiRequestsLeft: undefined }, findings, 2_700)).toEqual({
    counts: { ...noCounts('access'), contacts: 2, calls: 0, recordings: 4 },
    progress: { files: 3, sizeBytes: 9 },
  });
  expect(soFarOf(workload, findings, undefined).progress).toEqual({ files: 3, sizeBytes: 9, apiRequestsLeft: 90 });
});

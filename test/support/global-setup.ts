/**
 * One Temporal dev server and one workflow bundle for all test files of a run. Where no server can be had, the run fails
 * here and says what was tried; no test is skipped.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DevServer, startDevServer } from '../../dev-server';
import { SEARCH_ATTRIBUTES } from '../../src/request/names';
import { bundleWorkflows } from '../../src/worker';

declare global {
  var devServer: DevServer | undefined;
}

export default async function setup(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'aircall-dsr-test-'));
  const dbFilename = join(folder, 'temporal.db');
  const server = await startDevServer({
    dbFilename,
    searchAttributes: SEARCH_ATTRIBUTES,
    onProgress: message => process.stderr.write(`${message}\n`),
  });
  globalThis.devServer = server;
  process.env.TEST_TEMPORAL_ADDRESS = server.address;
  process.env.TEST_TEMPORAL_DATABASE = dbFilename;
  const codePath = join(folder, 'workflows.js');
  writeFileSync(codePath, (await bundleWorkflows()).code);
  process.env.TEST_WORKFLOW_BUNDLE = codePath;
}

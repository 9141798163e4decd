/** The bundle of the workflow that takes one step. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { bundleWorkflowCode } from '@temporalio/worker';
import { failureConverterPath } from '../../../src/encryption/data-converter';
import { cachedPath } from '../../support/folders';
import { environment } from '../../support/service';

/** Made anew only if something changed that it is made from. */
export async function bundleOfOneStep(): Promise<string> {
  const workflowsPath = require.resolve('./one-step');
  const hash = createHash('sha256');
  for (const path of [workflowsPath, environment('TEST_WORKFLOW_BUNDLE')]) hash.update(readFileSync(path));
  const cached = cachedPath(`one-step-${hash.digest('hex')}`);
  if (!existsSync(cached)) {
    const logger = { log() {}, trace() {}, debug() {}, info() {}, warn: console.error, error: console.error };
    const { code } = await bundleWorkflowCode({ workflowsPath, failureConverterPath, logger });
    writeFileSync(cached, code);
  }
  return cached;
}

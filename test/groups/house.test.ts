/** The house: structure, documents, servers, benchmarks; and the command line itself. */
import { runTogether } from '../support/group';

runTogether(
  'architecture/audit',
  'architecture/decisions',
  'architecture/deploy',
  'architecture/documents',
  'architecture/docs',
  'architecture/imports',
  'architecture/monitoring',
  'bench/budget-figures',
  'bench/request-bounds',
  'bench/sliding-window',
  'dev-server/chain',
  'dev-server/make-once',
  'dev-server/servers',
  'cli/terminal',
  'cli/notice-folder',
  'cli/out-file',
  'cli/usage',
  'cli/help',
  'cli/keys',
  'cli/demo',
  'cli/s3-vault',
);

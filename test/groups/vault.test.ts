/** The vault, in a bucket and in a folder. */
import { runTogether } from '../support/group';

runTogether(
  'vault/s3',
  'vault/receipts',
  'vault/receipt-repair',
  'vault/folder',
  'vault/connections',
  'vault/approvers',
  'vault/brake',
  'vault/notices',
  'vault/cases',
  'vault/chunks',
  'vault/generations',
  'vault/poison',
  'vault/ended',
);

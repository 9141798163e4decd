/** The vault, in a bucket and in a folder. */
import { runTogether } from '../support/group';

runTogether('vault/s3', 'vault/receipts', 'vault/folder', 'vault/connections', 'vault/cases');

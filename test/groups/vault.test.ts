/** The vault in a folder. */
import { runTogether } from '../support/group';

runTogether('vault/receipts', 'vault/folder', 'vault/connections', 'vault/cases');

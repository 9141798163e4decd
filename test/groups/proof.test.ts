/** What an auditor has. */
import { runTogether } from '../support/group';

runTogether('replay/recorded', 'receipt/receipt', 'receipt/canonical', 'audit/bundle');

/** Batches, and what no command may print. */
import { runTogether } from '../support/group';

runTogether('cli/batch', 'cli/leaks', 'cli/patience');

/** The command line itself. */
import { runTogether } from '../support/group';

runTogether('cli/usage', 'cli/help', 'cli/keys', 'cli/demo', 'cli/s3-vault');

/** Commands about connections. */
import { runTogether } from '../support/group';

runTogether('cli/connections', 'cli/held-connection', 'cli/notices', 'cli/oauth', 'cli/clocks');

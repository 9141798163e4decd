/** What operators watch. */
import { runTogether } from '../support/group';

runTogether('cli/metrics', 'cli/health', 'cli/tracing', 'cli/codec-server', 'cli/managed');

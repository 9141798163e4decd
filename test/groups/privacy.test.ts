/** What must be nowhere; alone, because it listens to all that the SDK logs. */
import { runTogether } from '../support/group';

runTogether('service/privacy');

/** Plans that people approve. */
import { runTogether } from '../support/group';

runTogether('service/approval');

/** Whose run a run is, also after a reset. */
import { runTogether } from '../support/group';

runTogether('service/squatted', 'service/reset');

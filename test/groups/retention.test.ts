/** What is kept, and for how long. */
import { runTogether } from '../support/group';

runTogether('service/retention', 'service/retention-by-date', 'service/isolation');

/** The budget of a company. */
import { runTogether } from '../support/group';

runTogether('service/budget');

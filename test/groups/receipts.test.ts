/** What is said of requests that met faults. */
import { runTogether } from '../support/group';

runTogether('service/faults', 'service/receipts');

/** How requests end, and what starts them twice. */
import { runTogether } from '../support/group';

runTogether('service/cancel', 'service/idempotency', 'service/credentials');

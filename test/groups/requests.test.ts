/** Requests that go well. */
import { runTogether } from '../support/group';

runTogether('service/access', 'service/deletion', 'service/queries', 'service/workers');

/** What takes weeks, on a server that skips time. */
import { runTogether } from '../support/group';

runTogether('service/time', 'service/clock');

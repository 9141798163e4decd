/** Long lists, and keys that change meanwhile. */
import { runTogether } from '../support/group';

runTogether('service/long-lists', 'service/rotation');

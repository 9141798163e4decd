/** Connections that are held or whose credentials die. */
import { runTogether } from '../support/group';

runTogether('service/held-connections', 'service/revoked-anywhere', 'service/waits');

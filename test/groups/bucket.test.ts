/** The vault in a bucket. */
import { runTogether } from '../support/group';

runTogether('vault/s3');

/**
 * The heap of a worker, which serves for months: garbage is collected early, in every thread. Otherwise a busy process keeps
 * hundreds of megabytes of it, for any company. It must be the first import of the executable: set after the rest is loaded, the
 * flags leave a peak that is 10 % higher (`npm run bench -- size`).
 */
import { setFlagsFromString } from 'node:v8';

const HEAP_FLAGS = ['--heap-growing-percent=10', '--max-semi-space-size=4'];

if (process.argv.includes('worker')) for (const flag of HEAP_FLAGS) setFlagsFromString(flag);

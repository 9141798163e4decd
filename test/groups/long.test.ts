/** Long lists, keys that change meanwhile, and what takes weeks, on a server that skips time. */
import { runTogether } from '../support/group';

runTogether(
  'service/hostile',
  'service/long-lists',
  'service/rotation',
  'service/missing-keys',
  'service/late-media',
  'service/time',
  'service/clock',
);

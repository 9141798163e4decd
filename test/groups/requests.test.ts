/** Requests: those that go well, how they end, and what starts them twice. */
import { runTogether } from '../support/group';

runTogether(
  'service/access',
  'service/cost',
  'service/package',
  'service/store-faults',
  'service/deletion',
  'service/planned',
  'service/judgement',
  'service/workers',
  'service/cancel',
  'service/idempotency',
  'service/answers',
  'service/forged',
  'service/credentials',
  'service/queries',
  'service/poison',
  'service/silent-server',
);

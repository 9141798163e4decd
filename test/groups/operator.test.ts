/** Commands about requests. */
import { runTogether } from '../support/group';

runTogether(
  'cli/requests',
  'cli/confirm',
  'cli/strangers',
  'cli/receipts',
  'cli/receipt-chain',
  'cli/audit',
  'cli/clock',
  'cli/approval',
  'cli/retention',
);
